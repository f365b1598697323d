import { describe, expect, it } from 'vitest'
import { FakeProvider } from '../../src/testing/index.js'
import { outcome, picks, scene } from '../registry/scene.js'

const who = (found: unknown): string | undefined => (found as { name: string } | undefined)?.name

describe('getService', () => {
  it('gives the same guarded object at each look-up while the circuit is closed', async () => {
    const { registry } = scene()
    const provider = { name: 'a', own: { deep: () => 1 } }
    registry.register({ service: 'llm', name: 'a', handler: ['A', 'B'], provider })
    const found = await Promise.all([
      registry.getService('llm', { handler: 'A' }),
      registry.getService('llm', { handler: 'B' }),
      registry.requireService('llm', { handler: 'A', requires: [] }),
    ])
    expect(new Set(found).size).toBe(1)
    expect(found[0]).not.toBe(provider)
    registry.circuit('a').recordFailure()
    expect(await registry.getService('llm', { handler: 'A' })).toBe(found[0])
    registry.circuit('a').trip()
    registry.circuit('a').reset()
    expect(await registry.getService('llm', { handler: 'A' })).toBe(found[0])
  })

  it('B-C3: hands out a fresh view with the one probe of a half-open circuit', async () => {
    const { registry, clock } = scene({ circuit: { successThreshold: 2 } })
    registry.register({ service: 'llm', name: 'a', provider: new FakeProvider({ name: 'a' }) })
    registry.register({
      service: 'llm',
      name: 'b',
      provider: new FakeProvider({ name: 'b' }),
      group: 1,
    })
    const usual = await registry.getService('llm')
    registry.circuit('a').trip(100)
    await clock.advance(100)
    const found = await Promise.all(Array.from({ length: 50 }, () => registry.getService('llm')))
    expect(found.filter((one) => who(one) === 'a')).toHaveLength(1)
    const probe = found.find((one) => who(one) === 'a') as FakeProvider
    expect(probe).not.toBe(usual)
    expect(await probe.call()).toBe('a')
    expect(registry.circuit('a').state).toBe('half-open')
    expect(await ((await registry.getService('llm')) as FakeProvider).call()).toBe('a')
    expect(registry.circuit('a').state).toBe('closed')
    expect(await registry.getService('llm')).toBe(usual)
  })

  it('B-C3: a probe that nobody uses is free again after a second, without a verdict', async () => {
    const { registry, clock } = scene()
    registry.register({ service: 'llm', name: 'a', provider: new FakeProvider({ name: 'a' }) })
    registry.circuit('a').trip(100)
    await clock.advance(100)
    const unused = (await registry.getService('llm')) as FakeProvider
    expect(await registry.getService('llm')).toBeUndefined()
    await clock.advance(1_000)
    const next = (await registry.getService('llm')) as FakeProvider
    expect(next).toBeDefined()
    expect(await outcome(() => unused.call())).toMatchObject({
      code: 'SWITCHGEAR_CIRCUIT_OPEN',
      state: 'half-open',
    })
    expect(await next.call()).toBe('a')
    expect(registry.circuit('a').stats).toMatchObject({ state: 'half-open', halfOpenSuccesses: 1 })
  })

  it('goes on to the next when one cannot be connected, and counts that', async () => {
    const { registry } = scene()
    let tries = 0
    registry.register({
      service: 'llm',
      name: 'down',
      connect: () => {
        tries += 1
        throw new Error('refused')
      },
    })
    registry.register({ service: 'llm', name: 'odd', connect: async () => 5 as never })
    registry.register({ service: 'llm', name: 'well', provider: { name: 'well' } })
    expect(who(await registry.getService('llm'))).toBe('well')
    expect(who(await registry.getService('llm'))).toBe('well')
    expect(tries).toBe(2)
    for (const name of ['down', 'odd'])
      expect(registry.circuit(name).stats.consecutiveFailures).toBe(2)
  })

  it('CIRIS-38: connects once, on first use, with its record, for all who wait', async () => {
    const { registry, clock } = scene()
    const records: unknown[] = []
    registry.register({
      service: 'llm',
      name: 'a',
      metadata: { region: 'eu' },
      async connect(record, signal) {
        records.push([record.name, record.metadata, signal.aborted])
        await clock.sleep(10)
        return { name: 'made' }
      },
    })
    registry.explain('llm')
    registry.describe()
    expect(records).toEqual([])
    const found = Promise.all([
      registry.getService('llm'),
      registry.getService('llm'),
      registry.call('llm', {}, who),
    ])
    await clock.advance(10)
    expect((await found).map((one) => (typeof one === 'string' ? one : who(one)))).toEqual([
      'made',
      'made',
      'made',
    ])
    expect(records).toEqual([['a', { region: 'eu' }, false]])
  })

  it('gives up connecting after timeoutMs, and takes no harm from one that comes late', async () => {
    const { registry, clock } = scene({ circuit: { timeoutMs: 50 } })
    let signal: AbortSignal | undefined
    let end: (instance: object) => void = () => {}
    registry.register({
      service: 'llm',
      name: 'a',
      connect: (_, given) => {
        signal = given
        return new Promise<object>((resolve) => {
          end = resolve
        })
      },
    })
    const found = registry.getService('llm')
    await clock.advance(50)
    expect(await found).toBeUndefined()
    expect(signal?.aborted).toBe(true)
    end({ name: 'late' })
    await clock.advance(0)
    expect(registry.resolve('llm')).toBeUndefined()
    expect(registry.circuit('a').stats.consecutiveFailures).toBe(1)
  })
})

describe('admission', () => {
  it('follows circuits, pauses and slots at the moment they change', async () => {
    const { registry, clock } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {}, concurrency: 2 })
    registry.register({ service: 'llm', name: 'b', provider: {}, group: 1 })
    const next = () => registry.resolve('llm')?.provider
    const ends: (() => void)[] = []
    const busy = () =>
      registry.call('llm', {}, () => new Promise<void>((resolve) => ends.push(resolve)))
    const calls = [busy(), busy()]
    expect(next()).toBe('b')
    ends[0]?.()
    await calls[0]
    expect(next()).toBe('a')
    registry.circuit('a').trip(100)
    expect(next()).toBe('b')
    await clock.advance(99)
    expect(next()).toBe('b')
    await clock.advance(1)
    expect(next()).toBe('a')
    registry.circuit('a').reset()
    registry
      .resolve('llm')
      ?.fail(Object.assign(new Error('429'), { status: 429, headers: { 'retry-after': '2' } }))
    expect(next()).toBe('b')
    await clock.advance(1_999)
    expect(next()).toBe('b')
    await clock.advance(1)
    expect(next()).toBe('a')
    ends[1]?.()
    await calls[1]
  })

  it('of many whose rest ends at different times is in their order', async () => {
    const { registry, clock } = scene()
    for (let at = 0; at < 40; at++) {
      registry.register({ service: 'llm', name: `p${at}`, provider: {} })
      registry.circuit(`p${at}`).trip(((at * 7) % 41) + 1)
    }
    for (let ms = 1; ms <= 41; ms++) {
      await clock.advance(1)
      const admitted = Array.from({ length: 40 }, (_, at) => at).filter(
        (at) => ((at * 7) % 41) + 1 <= ms,
      )
      const { candidates } = registry.explain('llm')
      expect(
        candidates.flatMap(({ provider, verdict }) =>
          typeof verdict === 'string' ? [provider] : [],
        ),
      ).toEqual(admitted.map((at) => `p${at}`))
    }
  })

  it('B-C14: works from time 0 on, and by monotonic time alone', async () => {
    const { registry, clock } = scene(
      { circuit: { failureThreshold: 1, recoveryTimeoutMs: 1_000 } },
      0,
    )
    registry.register({ service: 'llm', name: 'a', provider: {} })
    registry.circuit('a').recordFailure()
    clock.setWall(-5_000_000)
    await clock.advance(999)
    expect(registry.resolve('llm')).toBeUndefined()
    clock.setWall(9_000_000_000)
    expect(registry.resolve('llm')).toBeUndefined()
    await clock.advance(1)
    expect(registry.resolve('llm')?.provider).toBe('a')
  })

  it('is the same for providers registered while a pause of their credential runs', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {}, credential: 'team' })
    registry
      .resolve('llm')
      ?.fail(Object.assign(new Error('429'), { status: 429, headers: { 'retry-after': '2' } }))
    registry.register({ service: 'llm', name: 'b', provider: {}, credential: 'team' })
    registry.register({ service: 'llm', name: 'c', provider: {}, credential: 'other' })
    expect(picks({ registry }, 2)).toEqual(['c', 'c'])
    registry.unregister('a')
    registry.unregister('b')
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      credential: 'team',
      priority: 'high',
    })
    expect(registry.resolve('llm')?.provider, 'forgotten with its last provider').toBe('a')
  })
})

describe('an event while a look-up runs', () => {
  it('B-C6: providers that leave between and during look-ups never break one', async () => {
    const { registry } = scene()
    for (const name of ['a', 'b', 'c'])
      registry.register({
        service: 'llm',
        name,
        provider: { name, isHealthy: async () => true },
        strategy: 'round-robin',
      })
    expect(who(await registry.getService('llm'))).toBe('a')
    expect(who(await registry.getService('llm'))).toBe('b')
    registry.unregister('c')
    expect(who(await registry.getService('llm'))).toBe('a')
    const looking = Array.from({ length: 10 }, () => registry.getService('llm'))
    registry.unregister('a')
    for (const found of await Promise.all(looking)) expect(['a', 'b']).toContain(who(found))
    expect(who(await registry.getService('llm'))).toBe('b')
    registry.unregister('b')
    expect(await registry.getService('llm')).toBeUndefined()
  })

  it('a provider that leaves while its check runs is not handed out', async () => {
    const { registry } = scene()
    let end: (well: boolean) => void = () => {}
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {
        name: 'a',
        isHealthy: () =>
          new Promise<boolean>((resolve) => {
            end = resolve
          }),
      },
    })
    registry.register({ service: 'llm', name: 'b', provider: { name: 'b' } })
    const looking = registry.getService('llm')
    registry.unregister('a')
    end(true)
    expect(who(await looking)).toBe('b')
  })

  it('a call whose provider left while its check ran, or while it connected, goes elsewhere', async () => {
    const { registry } = scene()
    let end: (value: never) => void = () => {}
    const wait = () =>
      new Promise<never>((resolve) => {
        end = resolve
      })
    for (const more of [{ provider: {}, health: { check: wait } }, { connect: wait }]) {
      registry.register({ service: 'llm', name: 'a', ...more } as never)
      const alone = outcome(() => registry.call('llm', {}, who))
      registry.unregister('a')
      end(true as never)
      expect(await alone).toMatchObject({ code: 'SWITCHGEAR_NO_PROVIDER' })
      registry.register({ service: 'llm', name: 'a', ...more } as never)
      const call = registry.call('llm', {}, (_, { provider, attempt }) => `${provider} ${attempt}`)
      registry.register({ service: 'llm', name: 'b', provider: {} })
      registry.unregister('a')
      end({} as never)
      expect(await call).toBe('b 1')
      registry.clear()
    }
  })

  it('one that leaves while it connects is not handed out', async () => {
    const { registry } = scene()
    let end: (made: object) => void = () => {}
    registry.register({
      service: 'llm',
      name: 'a',
      connect: () =>
        new Promise<object>((resolve) => {
          end = resolve
        }),
    })
    registry.register({ service: 'llm', name: 'b', provider: { name: 'b' } })
    const looking = registry.getService('llm')
    registry.unregister('a')
    end({ name: 'a' })
    expect(who(await looking)).toBe('b')
  })
})
