import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  NoProviderError,
  type PriorityLevel,
  roundRobin,
  StrategyConflictError,
} from '../../src/index.js'
import { type Scene, scene, tally } from '../registry/scene.js'
import {
  type Fields,
  failureThreshold,
  type Health,
  type ModelProvider,
  Oracle,
  type Request,
  recoveryMs,
  type Strategy,
  successThreshold,
  type Verdict,
} from './oracle.js'

// --- what may happen ---------------------------------------------------------------------------

const handlers = fc.constantFrom<readonly string[]>(['*'], ['*'], ['A'], ['B'], ['A', 'B'])
const capability = fc.record(
  {
    name: fc.constantFrom('chat', 'image'),
    version: fc.constantFrom('1.0', '1.2.3', '1.10', '2', 'beta'),
  },
  { requiredKeys: ['name'] },
)
const fields: fc.Arbitrary<Fields> = fc.record({
  handlers,
  group: fc.constantFrom(0, 0, 0, 1, -1),
  priority: fc.constantFrom(0, 1, 2, 2, 3, 9),
  capabilities: fc.uniqueArray(capability, {
    maxLength: 3,
    selector: ({ name, version }) => `${name}@${version}`,
  }),
  metadata: fc.record({ region: fc.constantFrom('eu', 'us') }, { requiredKeys: [] }),
})
const strategy = fc.constantFrom<Strategy | undefined>(
  undefined,
  undefined,
  'fallback',
  'round-robin',
)
const requirement = fc.constantFrom(
  'chat',
  'image',
  'chat@^1.2',
  'chat@1.2',
  'image@>=1.2',
  { name: 'chat', minVersion: '1.2' },
  { name: 'chat', range: '^1.2' },
  { name: 'image' },
)
const request: fc.Arbitrary<Request> = fc.record(
  {
    handler: fc.constantFrom('A', 'B', '*', 'nobody'),
    requires: fc.array(requirement, { maxLength: 3 }),
    where: fc.record({ region: fc.constantFrom('eu', 'us') }),
    exclude: fc.array(fc.constantFrom('p1', 'p2', 'p3', 'p4'), { maxLength: 2 }),
    fallbackToGlobal: fc.boolean(),
  },
  { requiredKeys: [] },
)
/** Most look-ups ask for little, or nothing would ever be found. */
const usual = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Request>({}, { handler: 'A' }, { requires: ['chat'] }) },
  { weight: 2, arbitrary: request },
)
const which = fc.nat({ max: 1_000 })
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant('register' as const), fields, strategy }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('unregister' as const), which }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('replace' as const), which, fields, strategy }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('prioritise' as const),
      which,
      priority: fc.constantFrom<PriorityLevel>(0, 1, 2, 3, 9),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('control' as const),
      which,
      how: fc.constantFrom('trip', 'isolate', 'reset', 'failure'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('check' as const),
      health: fc.array(fc.constantFrom<Health>('healthy', 'degraded', 'unhealthy', 'loading'), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('advance' as const),
      ms: fc.constantFrom(1, 500, 1_000, 2_000, recoveryMs),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('look up' as const),
      request: usual,
      end: fc.constantFrom('keep', 'keep', 'release', 'succeed', 'fail', 'slow down'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear' as const) }) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

// --- the real one beside the oracle ------------------------------------------------------------

class Race {
  readonly #scene: Scene
  readonly #oracle = new Oracle()
  readonly #verdicts = new Map<string, Health>()
  #names = 0

  constructor() {
    this.#scene = scene({
      health: { maxAgeMs: 1e9 }, // checks are asked for by `check` alone
      circuit: {
        failureThreshold,
        successThreshold,
        recoveryTimeoutMs: recoveryMs,
        timeoutMs: Number.POSITIVE_INFINITY,
      },
    })
  }

  get #now(): number {
    return this.#scene.clock.nowMs
  }

  async run(one: Step): Promise<void> {
    switch (one.do) {
      case 'register':
        return this.#register(`p${++this.#names}`, one.fields, one.strategy)
      case 'unregister':
        return this.#with(one.which, (provider) => {
          this.#oracle.remove(provider)
          expect(this.#scene.registry.unregister(provider.name)).toBe(true)
        })
      case 'replace':
        return this.#with(one.which, (provider) =>
          this.#replace(provider, one.fields, one.strategy),
        )
      case 'prioritise':
        return this.#with(one.which, (provider) => {
          const { priority } = one
          this.#oracle.change(provider, { ...provider.fields, priority }, undefined, false)
          expect(this.#scene.registry.setPriority(provider.name, priority)).toBe(true)
        })
      case 'control':
        return this.#with(one.which, (provider) => this.#control(provider, one.how))
      case 'check':
        return this.#check(one.health)
      case 'advance':
        return this.#scene.clock.advance(one.ms)
      case 'clear':
        this.#oracle.clear()
        return this.#scene.registry.clear()
      case 'look up':
        return this.#lookUp(one.request, one.end)
    }
  }

  #with(at: number, fn: (provider: ModelProvider) => void): void {
    const providers = [...this.#oracle.providers.values()]
    const provider = providers[at % providers.length]
    if (provider !== undefined) fn(provider)
  }

  #registration(name: string, { handlers: handler, ...rest }: Fields, named: Strategy | undefined) {
    return {
      service: 'llm',
      name,
      handler,
      provider: {},
      strategy: named,
      health: { check: () => ({ status: this.#verdicts.get(name) ?? ('unknown' as const) }) },
      ...rest,
      priority: rest.priority as PriorityLevel,
    }
  }

  #register(name: string, given: Fields, named: Strategy | undefined): void {
    const register = (): unknown =>
      this.#scene.registry.register(this.#registration(name, given, named))
    if (this.#oracle.conflicts(given, named)) expect(register).toThrow(StrategyConflictError)
    else {
      register()
      this.#oracle.register(name, given, named)
    }
  }

  #replace(provider: ModelProvider, given: Fields, named: Strategy | undefined): void {
    const replace = (): unknown =>
      this.#scene.registry.register({
        ...this.#registration(provider.name, given, named),
        replace: true,
      })
    if (this.#oracle.conflicts(given, named, provider))
      expect(replace).toThrow(StrategyConflictError)
    else {
      this.#verdicts.delete(provider.name) // what a look-up finds out about the new one
      replace()
      this.#oracle.change(provider, given, named, true)
    }
  }

  #control(provider: ModelProvider, how: string): void {
    const circuit = this.#scene.registry.circuit(provider.name)
    if (how === 'trip') {
      circuit.trip(700)
      if (!provider.isIsolated) provider.circuit = { kind: 'open', retryAt: this.#now + 700 }
    } else if (how === 'isolate') {
      circuit.isolate()
      provider.circuit = { kind: 'open', retryAt: Number.POSITIVE_INFINITY }
    } else if (how === 'reset') {
      circuit.reset()
      provider.circuit = { kind: 'closed', failures: 0 }
      provider.coolUntil = Number.NEGATIVE_INFINITY
    } else {
      circuit.recordFailure()
      provider.failedCheck(this.#now)
    }
  }

  async #check(verdicts: readonly Health[]): Promise<void> {
    let turn = 0
    for (const provider of this.#oracle.providers.values()) {
      const verdict = verdicts[turn++ % verdicts.length] as Health
      if (provider.isOpen(this.#now)) continue
      this.#verdicts.set(provider.name, verdict)
      provider.health = verdict
      if (verdict === 'unhealthy') provider.failedCheck(this.#now)
    }
    await this.#scene.registry.healthCheckAll()
  }

  async #lookUp(asked: Request, end: string): Promise<void> {
    const { registry } = this.#scene
    await this.#explains(asked)
    const expected = this.#oracle.take(asked, this.#now)
    const lease = registry.resolve('llm', asked)
    expect(lease?.provider).toBe(expected?.name)
    if (lease === undefined || expected === undefined) return
    if (end === 'release') {
      lease.release()
      expected.settle('neutral', this.#now)
    } else if (end === 'succeed') {
      lease.succeed()
      expected.settle('success', this.#now)
    } else if (end === 'fail') {
      lease.fail(new Error('no'))
      expected.settle('failure', this.#now)
    } else if (end === 'slow down') {
      lease.fail(Object.assign(new Error('429'), { status: 429, headers: { 'retry-after': '2' } }))
      expected.settle('neutral', this.#now)
      expected.coolUntil = Math.max(expected.coolUntil, this.#now + 2_000)
    }
  }

  /** Looking changes nothing: it is done twice, and before the look-up it must agree with. */
  async #explains(asked: Request): Promise<void> {
    const { registry } = this.#scene
    const now = this.#now
    const chosen = this.#oracle.choose(asked, now)
    const expected = this.#oracle.candidates(asked, now).map(({ provider, scope, refusal }) => ({
      provider: provider.name,
      scope: scope === '*' ? 'global' : 'handler',
      group: provider.fields.group,
      priority: provider.fields.priority,
      verdict: refusal ?? (provider === chosen ? 'chosen' : 'eligible'),
    }))
    for (let look = 0; look < 2; look++) {
      const explained = registry.explain('llm', asked)
      expect({
        ...explained,
        candidates: explained.candidates.map((one) => ({ ...one, verdict: sorted(one.verdict) })),
      }).toEqual({ chosen: chosen?.name, candidates: expected })
      registry.describe()
      registry.metrics()
    }
    if (chosen !== undefined) return
    const error = await registry.call('llm', asked, () => 'never').catch((reason) => reason)
    expect(error).toBeInstanceOf(NoProviderError)
    expect(
      (error as NoProviderError).refusals.map(({ provider, ...verdict }) => [
        provider,
        sorted(verdict),
      ]),
    ).toEqual(expected.map(({ provider, verdict }) => [provider, verdict]))
  }
}

const sorted = (verdict: string | object): string | object => {
  const { missing } = verdict as { missing?: readonly string[] }
  return missing === undefined ? verdict : { ...(verdict as Verdict), missing: [...missing].sort() }
}

describe('resolution', () => {
  it('gives what a scan by the rules gives, whatever happened before', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60 }), async (steps) => {
        const race = new Race()
        for (const one of steps) await race.run(one)
      }),
      { numRuns: 250 },
    )
  })

  it('gives getService, client and call the provider that explain and resolve name', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fields, { minLength: 1, maxLength: 8 }),
        fc.array(request, { minLength: 1, maxLength: 10 }),
        async (registered, requests) => {
          const { registry } = scene()
          for (const [at, { handlers: handler, priority, ...rest }] of registered.entries())
            registry.register({
              service: 'llm',
              name: `p${at + 1}`,
              provider: { name: `p${at + 1}`, who: async () => `p${at + 1}` },
              handler,
              priority: priority as PriorityLevel,
              ...rest,
            })
          for (const asked of requests) {
            const { chosen } = registry.explain('llm', asked)
            expect(registry.resolve('llm', asked)?.provider).toBe(chosen)
            expect((await registry.getService<'llm'>('llm', asked)) ?? {}).toEqual(
              chosen === undefined ? {} : expect.objectContaining({ name: chosen }),
            )
            const client = registry.client('llm', asked) as { who(): Promise<string> }
            expect(await client.who().catch(() => undefined)).toBe(chosen)
          }
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('round robin', () => {
  const open = (count: number, more: object = {}): Scene => {
    const made = scene()
    for (let at = 0; at < count; at++)
      made.registry.register({
        service: 'llm',
        name: `p${at}`,
        provider: { name: `p${at}` },
        strategy: 'round-robin',
        ...more,
      })
    return made
  }
  const nameOf = (instance: object | undefined): unknown => (instance as { name: string }).name

  it('B-C7: 100 parallel look-ups over 2 providers go 50 / 50', async () => {
    const { registry } = open(2)
    const found = await Promise.all(Array.from({ length: 100 }, () => registry.getService('llm')))
    expect(tally(found.map(nameOf))).toEqual(
      new Map([
        ['p0', 50],
        ['p1', 50],
      ]),
    )
  })

  it('B-C7: the same when a health check is due, which all of them wait for', async () => {
    const { registry } = open(2, { health: { check: async () => true } })
    const found = await Promise.all(Array.from({ length: 100 }, () => registry.getService('llm')))
    const counts = tally(found.map(nameOf))
    expect(Math.abs((counts.get('p0') ?? 0) - (counts.get('p1') ?? 0))).toBeLessThanOrEqual(2)
  })

  it('never skips or doubles more than one turn while providers come and go', () => {
    const change = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ do: 'take' as const, at: 0 }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('add' as const), at: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), at: fc.nat(50) }) },
    )
    fc.assert(
      fc.property(fc.array(change, { minLength: 20, maxLength: 200 }), (changes) => {
        const { registry } = open(4)
        const present = new Map<string, number>([0, 1, 2, 3].map((at) => [`p${at}`, -1]))
        const history: string[] = []
        let names = 4
        let most = 4 // a turn that began among many is not over because most of them left
        for (const one of changes) {
          most = Math.max(most, present.size)
          if (one.do === 'add') {
            const name = `p${names++}`
            const priority = (['critical', 'high', 'normal', 'low', 'fallback'] as const)[one.at]
            registry.register({ service: 'llm', name, provider: {}, priority })
            present.set(name, history.length)
          } else if (one.do === 'remove' && present.size > 1) {
            const name = [...present.keys()][one.at % present.size] as string
            registry.unregister(name)
            present.delete(name)
          } else if (one.do === 'take') {
            const taken = registry.resolve('llm')?.provider as string
            const previous = history.lastIndexOf(taken)
            history.push(taken)
            if (previous < 0) continue
            const between = tally(history.slice(previous + 1, -1))
            for (const [name, since] of present)
              if (name !== taken && since <= previous)
                expect(between.get(name) ?? 0, `${name} in ${history}`).toBeLessThanOrEqual(2)
            for (const [name, since] of present) {
              const turns = 2 * (most + 2)
              const recent = history.slice(-turns)
              if (recent.length === turns && since < history.length - turns)
                expect(recent, `${name} starved`).toContain(name)
            }
          }
        }
      }),
      { numRuns: 150 },
    )
  })

  it('made by hand goes on where it was, as the built-in one does', () => {
    const { registry } = open(3, { strategy: roundRobin() })
    const next = (): string | undefined => registry.resolve('llm')?.provider
    expect([next(), next()]).toEqual(['p0', 'p1'])
    registry.unregister('p1')
    expect([next(), next()]).toEqual(['p2', 'p0'])
    registry.register({ service: 'llm', name: 'p3', provider: {}, strategy: 'round-robin' })
    expect([next(), next()]).toEqual(['p2', 'p3'])
  })

  it('keeps its place when one is away for a while', () => {
    const { registry } = open(3)
    const next = (): string | undefined => registry.resolve('llm')?.provider
    expect([next(), next()]).toEqual(['p0', 'p1'])
    registry.circuit('p2').isolate()
    expect([next(), next()]).toEqual(['p0', 'p1'])
    registry.circuit('p2').reset()
    expect([next(), next(), next()]).toEqual(['p2', 'p0', 'p1'])
  })

  it('B-C5: pools never disturb one another', () => {
    const { registry } = scene()
    class Same {}
    for (const handler of ['A', 'B'])
      for (const at of [1, 2])
        registry.register({
          service: 'llm',
          name: `${handler}${at}`,
          handler,
          provider: new Same(),
          strategy: 'round-robin',
          capabilities: ['chat', ...(at === 1 ? ['image'] : [])],
        })
    const seen: Record<string, (string | undefined)[]> = { A: [], B: [], chat: [], image: [] }
    for (let turn = 0; turn < 4; turn++) {
      seen.A?.push(registry.resolve('llm', { handler: 'A' })?.provider)
      seen.B?.push(registry.resolve('llm', { handler: 'B' })?.provider)
      seen.chat?.push(registry.resolve('llm', { handler: 'A', requires: ['chat'] })?.provider)
      seen.image?.push(registry.resolve('llm', { handler: 'A', requires: ['image'] })?.provider)
    }
    expect(seen).toEqual({
      A: ['A1', 'A2', 'A1', 'A2'],
      B: ['B1', 'B2', 'B1', 'B2'],
      chat: ['A1', 'A2', 'A1', 'A2'],
      image: ['A1', 'A1', 'A1', 'A1'],
    })
  })

  it('takes requirements in any order, and doubled, for the same pool', () => {
    const { registry } = open(3, { capabilities: ['a', 'b@1.2'] })
    const next = (requires: readonly string[]): string | undefined =>
      registry.resolve('llm', { requires })?.provider
    expect([
      next(['a', 'b']),
      next(['b', 'a']),
      next(['b', 'a', 'b', 'b']),
      next(['a', 'b']),
    ]).toEqual(['p0', 'p1', 'p2', 'p0'])
    expect([next(['b@^1']), next(['b@^1', 'a'])]).toEqual(['p0', 'p0'])
  })

  it('uses where, exclude and key as filters of one and the same rotation', () => {
    const { registry } = open(4, { metadata: { region: 'eu' } })
    const next = (asked?: Request): string | undefined => registry.resolve('llm', asked)?.provider
    expect(next()).toBe('p0')
    expect(next({ exclude: ['p1'] })).toBe('p2')
    expect(next({ where: { region: 'eu' } })).toBe('p3')
    registry.resolve('llm', { key: 'somebody' })
    expect(next()).toBe('p0')
  })

  it('B-C15: clear forgets whose turn it was', () => {
    const { registry } = open(2)
    registry.resolve('llm')
    registry.clear()
    for (const name of ['p0', 'p1'])
      registry.register({ service: 'llm', name, provider: {}, strategy: 'round-robin' })
    expect(registry.resolve('llm')?.provider).toBe('p0')
  })
})
