import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  InvalidRequestError,
  type ProviderView,
  type RegistryEvent,
  ServiceRegistry,
  SwitchgearError,
} from '../../src/index.js'
import type { Capability } from '../../src/model/capability.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'

type Anything = Record<string, object>
type Registry = ServiceRegistry<Anything>

// --- what may happen ---------------------------------------------------------------------------

const names = ['a', 'b', 'c', 'constructor', '__proto__', 'A']
const name = fc.constantFrom(...names)
const ability = fc.constantFrom('chat', 'image', 'constructor', '__proto__')
const version = fc.constantFrom(undefined, '1', '1.2', '1.9', '1.10', '2.0.1', 'beta')
const capability = fc.record({ name: ability, version })
const fields = fc.record({
  service: fc.constantFrom('s', 't'),
  handler: fc.constantFrom(['*'], ['A'], ['B'], ['A', 'B'], ['constructor']),
  priority: fc.constantFrom(0, 2, 9),
  capabilities: fc.uniqueArray(capability, {
    maxLength: 4,
    selector: (one) => `${one.name}@${one.version}`,
  }),
})
const does = <T extends string>(what: T) => ({ do: fc.constant(what) })
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ ...does('register'), name, fields }) },
  { weight: 4, arbitrary: fc.record({ ...does('replace'), name, fields }) },
  { weight: 3, arbitrary: fc.record({ ...does('unregister'), name }) },
  { weight: 1, arbitrary: fc.record({ ...does('priority'), name, to: fc.constantFrom(0, 2, 9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      ...does('health'),
      name,
      status: fc.constantFrom('ok', 'down', 'degraded', 'loading'),
      features: fc.oneof(
        fc.subarray(['chat', 'image_generation', 'txt2img']),
        fc.record({ chat: fc.boolean(), vision: fc.boolean() }),
        fc.constant(undefined),
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ ...does('import'), name, fields }) },
  { weight: 1, arbitrary: fc.record(does('clear')) },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function run(registry: Registry, step: Step): void {
  try {
    switch (step.do) {
      case 'register':
      case 'replace':
        registry.register({
          ...step.fields,
          name: step.name,
          provider: {},
          priority: step.fields.priority as 0,
          replace: step.do === 'replace',
        })
        break
      case 'unregister':
        registry.unregister(step.name)
        break
      case 'priority':
        registry.setPriority(step.name, step.to as 0)
        break
      case 'health':
        registry.updateFromHealth(step.name, { status: step.status, features: step.features })
        break
      case 'import': {
        const { handler, ...rest } = step.fields
        const provider = { ...rest, handlers: handler, name: step.name, origin: 'manual' }
        registry.import({ schemaVersion: '2.0', savedAt: '', providers: [provider] })
        break
      }
      case 'clear':
        registry.clear()
        break
    }
  } catch (error) {
    if (!(error instanceof SwitchgearError)) throw error
  }
}

// --- the scan ----------------------------------------------------------------------------------

/** Versions as three numbers; `undefined` when it is no version. */
function numbers(version: string | undefined): readonly number[] | undefined {
  if (version === undefined || !/^\d+(\.\d+){0,2}$/.test(version)) return undefined
  const parts = version.split('.').map(Number)
  return [parts[0] ?? 0, parts[1] ?? 0, parts[2] ?? 0]
}

function isAtLeast(version: string | undefined, least: string): boolean {
  const [a, b] = [numbers(version), numbers(least)]
  if (a === undefined || b === undefined) return false
  const at = a.findIndex((one, index) => one !== b[index])
  return at < 0 || (a[at] ?? 0) > (b[at] ?? 0)
}

interface Filter {
  readonly capability?: string
  readonly minVersion?: string
  readonly service?: string
  readonly handler?: string
  readonly status?: ProviderView['health']
}

const fits = (view: ProviderView, { capability, minVersion, service, handler, status }: Filter) =>
  (capability === undefined ||
    view.capabilities.some(
      (one) =>
        one.name === capability && (minVersion === undefined || isAtLeast(one.version, minVersion)),
    )) &&
  (service === undefined || view.service === service) &&
  (status === undefined || view.health === status) &&
  (handler === undefined || view.handlers.includes(handler) || view.handlers.includes('*'))

const filters: readonly Filter[] = ['chat', 'image', 'constructor', '__proto__', 'nothing'].flatMap(
  (capability): Filter[] => [
    { capability },
    { capability, service: 's' },
    { capability, minVersion: '1.9' },
    { capability, minVersion: '2', handler: 'A' },
    { capability, handler: 'constructor', status: 'healthy' },
    { service: 't', status: 'unhealthy' },
    { handler: '*' },
    {},
  ],
)

function checkIndex(registry: Registry): void {
  const all = names.flatMap((one) => registry.get(one) ?? [])
  for (const filter of filters) {
    const listed = registry.list(filter)
    const found = listed.map((one) => one.name).sort()
    const scanned = all.filter((view) => fits(view, filter)).map((one) => one.name)
    expect(found, JSON.stringify(filter)).toEqual(scanned.sort())
    expect(listed.map(({ service }) => service)).toEqual(
      listed.map(({ service }) => service).sort(),
    )
  }
}

// --- the replay --------------------------------------------------------------------------------

const key = ({ name, version }: Capability): string => `${name}@${version ?? ''}`
const keysOf = ({ capabilities }: ProviderView): ReadonlySet<string> =>
  new Set(capabilities.map(key))

/** What somebody knows who heard every event and saw nothing else. */
class Replay {
  readonly views = new Map<string, Pick<ProviderView, 'service' | 'priority' | 'handlers'>>()
  readonly capabilities = new Map<string, Set<string>>()
  readonly health = new Map<string, string>()
  readonly problems: string[] = []

  hear(event: RegistryEvent): void {
    const { type } = event
    const wrong = (what: string): void => void this.problems.push(`${type}: ${what}`)
    if (type === 'provider.added') {
      if (this.views.has(event.provider)) wrong('is there')
      this.views.set(event.provider, event.view)
      this.capabilities.set(event.provider, new Set())
      this.health.set(event.provider, event.view.health)
    } else if (type === 'provider.removed') {
      if (!this.views.delete(event.provider)) wrong('is not there')
    } else if (type === 'provider.changed') {
      if (!this.views.has(event.provider)) wrong('is not there')
      this.views.set(event.provider, event.view)
    } else if (type === 'provider.health-changed') {
      const before = this.health.get(event.provider)
      if (before !== event.previous) wrong(`was ${before}, not ${event.previous}`)
      if (event.health === event.previous) wrong('no change')
      this.health.set(event.provider, event.health)
    } else if (type === 'capability.added') {
      const own = this.capabilities.get(event.provider)
      if (own === undefined || own.has(key(event.capability))) wrong(key(event.capability))
      own?.add(key(event.capability))
    } else if (type === 'capability.removed') {
      if (!this.capabilities.get(event.provider)?.delete(key(event.capability)))
        wrong(key(event.capability))
    }
  }

  check(registry: Registry): void {
    expect(this.problems).toEqual([])
    const all = registry.list()
    expect([...this.views.keys()].sort()).toEqual(all.map(({ name }) => name).sort())
    for (const view of all) {
      expect(this.views.get(view.name)).toMatchObject({
        service: view.service,
        priority: view.priority,
        handlers: view.handlers,
      })
      expect(this.capabilities.get(view.name), view.name).toEqual(keysOf(view))
      expect(this.health.get(view.name), view.name).toBe(view.health)
    }
    for (const [name, own] of this.capabilities)
      if (!this.views.has(name)) expect([...own], `of ${name}, who is gone`).toEqual([])
  }
}

const heard = [
  'provider.added',
  'provider.changed',
  'provider.removed',
  'provider.health-changed',
  'capability.added',
  'capability.removed',
] as const

function made(): { registry: Registry; replay: Replay } {
  const registry = new ServiceRegistry<Anything>({
    clock: new FakeClock(),
    random: seededRandom(1),
  })
  const replay = new Replay()
  for (const type of heard) registry.on(type, (event) => replay.hear(event))
  return { registry, replay }
}

const runs = { seed: 93_261, numRuns: Number(process.env.SWITCHGEAR_RUNS ?? 100) }

describe('the index of capabilities', () => {
  it('finds what a scan finds, and events tell the difference, no more and no less (B-S1, B-S2)', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
        const { registry, replay } = made()
        for (const one of steps) {
          run(registry, one)
          replay.check(registry)
          checkIndex(registry)
        }
      }),
      runs,
    )
  })

  it('and so it is while listeners change things themselves (B-S5)', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 20, size: 'max' }),
        fc.array(step, { maxLength: 20, size: 'max' }),
        (steps, more) => {
          const { registry, replay } = made()
          const rest = [...more]
          let count = 0
          for (const type of heard)
            registry.on(type, () => {
              count += 1
              const next = count % 2 === 0 ? rest.shift() : undefined
              if (next !== undefined) run(registry, next)
              if (count % 8 === 0) checkIndex(registry)
            })
          for (const one of steps) run(registry, one)
          replay.check(registry)
          checkIndex(registry)
        },
      ),
      runs,
    )
  })

  it('knows nobody when all have left, and refuses a version that is none', () => {
    const { registry } = made()
    for (const one of names)
      registry.register({ service: 's', provider: {}, name: one, capabilities: ['chat'] })
    registry.clear()
    expect(registry.list({ capability: 'chat' })).toEqual([])
    expect(() => registry.list({ capability: 'chat', minVersion: 'new' })).toThrow(
      InvalidRequestError,
    )
  })
})

describe('events about models', () => {
  it('tell what there is, also while a listener changes models', () => {
    const ids = ['m1', 'm2', 'm3']
    const change = fc.oneof(
      fc.record({ ...does('update'), ids: fc.subarray(ids), length: fc.constantFrom(1, 2, 3) }),
      fc.record({ ...does('remove'), id: fc.constantFrom(...ids) }),
      fc.record(does('clear')),
    )
    type Change = typeof change extends fc.Arbitrary<infer T> ? T : never
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 15, size: 'max' }),
        fc.array(change, { maxLength: 10, size: 'max' }),
        (changes, more) => {
          const { registry } = made()
          const known = new Map<string, number>()
          const rest = [...more]
          const act = (one: Change): void => {
            if (one.do === 'update')
              registry.models.update(
                one.ids.map((id) => ({ id, provider: 'p', contextLength: one.length })),
                { kind: 'probed', source: 'test' },
              )
            else if (one.do === 'remove') registry.models.remove(one.id)
            else registry.models.clear()
          }
          for (const type of ['model.added', 'model.changed'] as const)
            registry.on(type, ({ model }) => void known.set(model.id, model.contextLength))
          registry.on('model.removed', ({ model }) => void known.delete(model.id))
          for (const type of ['model.added', 'model.changed', 'model.removed'] as const)
            registry.on(type, () => {
              const next = rest.shift()
              if (next !== undefined) act(next)
            })
          for (const one of changes) act(one)
          const now = new Map(registry.models.list().map((one) => [one.id, one.contextLength]))
          expect(new Map([...known].sort())).toEqual(new Map([...now].sort()))
        },
      ),
      runs,
    )
  })
})
