import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { settled } from '../../src/core/clock.js'
import { type RegistryEvent, type RegistryOptions, ServiceRegistry } from '../../src/index.js'
import { Follow } from '../../src/registry/follow.js'
import type { Store, StoreChange } from '../../src/store/index.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'
import { type SharedMemory, sharedMemory } from '../store/shared-memory.js'

type Anything = Record<string, object>
type Registry = ServiceRegistry<Anything>

interface Node {
  readonly registry: Registry
  readonly clock: FakeClock
  readonly failures: Extract<RegistryEvent, { type: 'store.failed' }>[]
}

async function node(store: Store, options: RegistryOptions<Anything> = {}): Promise<Node> {
  const clock = new FakeClock(1_000_000)
  const registry = new ServiceRegistry<Anything>({
    clock,
    random: seededRandom(1),
    store,
    services: { llm: { connect: () => ({}) } },
    ...options,
  })
  const failures: Node['failures'] = []
  registry.on('store.failed', (event) => void failures.push(event))
  await registry.start()
  onTestFinished(() => registry.close().catch(() => {}))
  return { registry, clock, failures }
}

/** Until nobody has anything left to write or to read. */
async function quiet(place: SharedMemory): Promise<void> {
  for (let idle = 0, before = -1; idle < 30; idle++) {
    await settled()
    if (place.groups.length !== before) idle = 0
    before = place.groups.length
  }
}

const register = (registry: Registry, name: string, more: object = {}): void => {
  registry.register({
    service: 'llm',
    name,
    provider: {},
    address: `http://${name}`,
    replace: true,
    ...more,
  })
}

const names = (registry: Registry): readonly string[] => registry.list().map(({ name }) => name)

async function pair(): Promise<{ place: SharedMemory; a: Node; b: Node }> {
  const place = sharedMemory()
  return { place, a: await node(place.open()), b: await node(place.open()) }
}

describe('what others change in a store', () => {
  it('is taken over as it changes: added, changed, removed', async () => {
    const { place, a, b } = await pair()
    const heard: string[] = []
    for (const type of ['provider.added', 'provider.changed', 'provider.removed'] as const)
      b.registry.on(type, (event) => void heard.push(`${type} ${event.provider}`))
    register(a.registry, 'one')
    await quiet(place)
    expect(b.registry.get('one')).toMatchObject({ address: 'http://one', service: 'llm' })
    a.registry.setPriority('one', 'high')
    await quiet(place)
    expect(b.registry.get('one')?.priority).toBe(a.registry.get('one')?.priority)
    a.registry.unregister('one')
    await quiet(place)
    expect(names(b.registry)).toEqual([])
    expect(heard).toEqual(['provider.added one', 'provider.changed one', 'provider.removed one'])
  })

  it('is not written back', async () => {
    const { place, a } = await pair()
    register(a.registry, 'one')
    a.registry.models.register({ id: 'm', provider: 'one' })
    a.registry.capabilities.define({ name: 'fly', version: '1.0', parameters: {} })
    a.registry.renew('one', { forMs: 60_000, facts: { load: 1 } })
    await quiet(place)
    expect(new Set(place.groups.map((group) => group.node))).toEqual(new Set([1]))
  })

  it('may be models, capabilities, health and leases', async () => {
    const { place, a, b } = await pair()
    const renewed: number[] = []
    register(a.registry, 'one')
    await quiet(place)
    b.registry.on('lease.renewed', ({ expiresAt }) => void renewed.push(expiresAt))
    a.registry.models.register({ id: 'm', provider: 'one', contextLength: 5 })
    a.registry.capabilities.define({ name: 'fly', version: '1.0', parameters: {} })
    a.registry.renew('one', { forMs: 60_000, facts: { load: 1 }, status: 'degraded' })
    await quiet(place)
    expect(b.registry.models.get('m')?.contextLength).toBe(5)
    expect(b.registry.capabilities.has('fly')).toBe(true)
    expect(b.registry.get('one')).toMatchObject({
      health: 'degraded',
      lease: { renewedAt: 1_000_000, expiresAt: 1_060_000, facts: { load: 1 } },
    })
    expect(renewed).toEqual([1_060_000])
    a.registry.models.remove('m')
    await quiet(place)
    expect(b.registry.models.get('m')).toBeUndefined()
  })

  it('gives way to what code has registered here, which is written again', async () => {
    const { place, a, b } = await pair()
    register(a.registry, 'one')
    await quiet(place)
    b.registry.unregister('one')
    await quiet(place)
    expect(names(a.registry)).toEqual(['one'])
    expect(names(b.registry)).toEqual(['one'])
    b.registry.setPriority('one', 'critical')
    await quiet(place)
    expect(b.registry.get('one')?.priority).toBe(a.registry.get('one')?.priority)
  })

  it('counts where a provider lives by its lease, whoever registered it', async () => {
    const { place, a, b } = await pair()
    register(a.registry, 'agent')
    a.registry.renew('agent', { forMs: 60_000 })
    await quiet(place)
    b.registry.unregister('agent')
    await quiet(place)
    expect(names(a.registry)).toEqual([])
  })

  it('keeps the health that a check of this registry has found', async () => {
    const { place, a, b } = await pair()
    register(a.registry, 'one', { provider: { isHealthy: () => true } })
    await a.registry.healthCheckAll()
    await quiet(place)
    place.write([
      {
        section: 'health',
        key: 'one',
        value: { provider: 'one', status: 'unhealthy', checkedAt: 2e6 },
      },
    ])
    await quiet(place)
    expect(a.registry.get('one')?.health).toBe('healthy')
    expect(b.registry.get('one')?.health).toBe('unhealthy')
  })

  it.each([
    [false, 'closed'],
    [true, 'open'],
  ])('leaves circuits alone unless they are shared: %s', async (shareCircuits, state) => {
    const place = sharedMemory()
    const a = await node(place.open())
    const b = await node(place.open(), { shareCircuits })
    register(a.registry, 'one')
    register(b.registry, 'one')
    await quiet(place)
    a.registry.circuit('one').isolate()
    await quiet(place)
    expect(b.registry.circuit('one').state).toBe(state)
  })
})

describe('echoes', () => {
  it('end where two registries know one name differently', async () => {
    const { place, a, b } = await pair()
    register(a.registry, 'one', { address: 'http://a' })
    register(b.registry, 'one', { address: 'http://b' })
    await quiet(place)
    expect(place.groups.length).toBeLessThan(8)
    expect(a.registry.get('one')?.address).toBe('http://a')
    expect(b.registry.get('one')?.address).toBe('http://b')
  })

  it('end where their groups have different strategies', async () => {
    const { place, a, b } = await pair()
    register(a.registry, 'one', { strategy: 'random' })
    register(b.registry, 'two', { strategy: 'weighted' })
    await quiet(place)
    expect(place.groups.length).toBeLessThan(10)
    expect(names(a.registry).toSorted()).toEqual(['one', 'two'])
    expect(names(b.registry).toSorted()).toEqual(['one', 'two'])
  })

  it('end where each learns of one model something else', async () => {
    const { place, a, b } = await pair()
    a.registry.models.register({ id: 'm', provider: 'p', contextLength: 1 })
    b.registry.models.register({ id: 'm', provider: 'p', contextLength: 2 })
    await quiet(place)
    expect(place.groups.length).toBeLessThan(8)
    expect(a.registry.models.get('m')).toEqual(b.registry.models.get('m'))
  })

  it('end where a source sees what another registry sees no more', async () => {
    const place = sharedMemory()
    const source = (views: readonly (readonly object[])[]) => ({
      name: 'scan',
      async *watch(): AsyncGenerator<never[]> {
        for (const view of views) {
          yield view as never[]
          for (let turn = 0; turn < 50; turn++) await settled()
        }
      },
    })
    const seen = { service: 'llm', name: 'x', address: 'http://x', provider: {} }
    const a = await node(place.open(), {
      sources: [source([[seen], []])],
      discovery: { graceMs: 0 },
    })
    const b = await node(place.open(), { sources: [source([[seen]])] })
    for (let round = 0; round < 5; round++) {
      await a.clock.advance(1_000)
      await quiet(place)
    }
    expect(place.groups.length).toBeLessThan(8)
    expect(names(b.registry)).toEqual(['x'])
  })
})

describe('what code has unregistered', () => {
  const saved = (name: string, address: string): StoreChange => ({
    section: 'providers',
    key: name,
    value: {
      ...{ name, service: 'llm', handlers: ['*'], priority: 2, group: 0, weight: 1, address },
      ...{ capabilities: [], models: [], dependencies: [], metadata: {}, origin: 'manual' },
    },
  })

  it.each([
    ['removed', [{ section: 'providers', key: 'one' }] satisfies StoreChange[]],
    ['replaced', [saved('one', 'http://other')]],
  ])(
    'stays so, although it has just been said that it stays: others have %s it',
    async (_, said) => {
      for (const turns of [0, 1, 2, 3, 5, 8, 13]) {
        const { place, a, b } = await pair()
        place.lag = () => 3
        register(a.registry, 'one')
        await quiet(place)
        place.write(said) // answered by a
        for (let turn = 0; turn < turns; turn++) await settled()
        a.registry.unregister('one')
        await quiet(place)
        expect([names(a.registry), names(b.registry)]).toEqual([[], []])
        await Promise.all([a.registry.close(), b.registry.close()])
      }
    },
  )
})

describe('a store that others write to', () => {
  const bad: StoreChange[] = [
    { section: 'providers', key: 'bad', value: { name: 'bad', nonsense: true } as never },
    { section: 'providers', key: 'other', value: { name: 'not other' } as never },
    { section: 'health', key: 'text', value: 'healthy' as never },
  ]

  it('has bad entries refused alone, and told', async () => {
    const { place, a, b } = await pair()
    register(a.registry, 'good')
    await quiet(place)
    place.write([
      ...bad,
      {
        section: 'health',
        key: 'good',
        value: { provider: 'good', status: 'degraded', checkedAt: 1 },
      },
    ])
    await quiet(place)
    expect(b.registry.get('good')?.health).toBe('degraded')
    expect(names(b.registry)).toEqual(['good'])
    expect(b.failures.map(({ error }) => (error as Error).message)).toEqual([
      expect.stringContaining('providers "bad" of shared memory'),
      expect.stringContaining('providers "other" of shared memory is not what its key says'),
      expect.stringContaining('health "text" of shared memory'),
    ])
  })

  it('is asked again, later and later, when it fails; close() ends that', async () => {
    const place = sharedMemory()
    let asked = 0
    const store = place.open()
    const { registry, clock, failures } = await node({
      ...store,
      async *watch(signal) {
        asked += 1
        if (asked < 4) throw new Error('down')
        yield* store.watch?.(signal) ?? []
      },
    })
    const other = await node(place.open())
    register(other.registry, 'one')
    for (let round = 0; round < 10; round++) await clock.advance(100)
    await quiet(place)
    expect(asked).toBe(4)
    expect(failures.map(({ retryInMs }) => Number(retryInMs) > 0)).toEqual([true, true, true])
    expect(names(registry)).toEqual(['one'])
    await registry.close()
    register(other.registry, 'two')
    await quiet(place)
    expect(asked).toBe(4)
  })

  it('does not keep a registry from closing that it does not answer', async () => {
    const place = sharedMemory()
    const { registry } = await node({
      ...place.open(),
      watch: () => ({
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }),
      }),
    })
    await registry.close()
    expect(names(registry)).toEqual([])
  })

  it('is let go of when the registry closes, although it does not answer', async () => {
    let letGo = 0
    const { registry } = await node({
      ...sharedMemory().open(),
      watch: () => ({
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise<never>(() => {}),
          async return() {
            letGo += 1
            return { done: true, value: undefined }
          },
        }),
      }),
    })
    await registry.close()
    await settled()
    expect(letGo).toBe(1)
  })

  it('is not heard again by what an attempt says that is over', async () => {
    const clock = new FakeClock()
    const told: (() => void)[] = []
    let heard = 0
    const store: Store = {
      ...sharedMemory().open(),
      async *watch(_, caughtUp = () => {}) {
        told.push(caughtUp)
        caughtUp()
        yield []
        throw new Error('down')
      },
    }
    const follow = new Follow(store, {
      clock,
      random: seededRandom(1),
      take: () => {},
      heard() {
        heard += 1
      },
      failed: () => {},
    })
    follow.start()
    await settled()
    told[0]?.()
    expect([follow.heard, heard]).toEqual([false, 1])
    await clock.advance(1_000)
    expect(heard).toBe(told.length)
    expect(heard).toBeGreaterThan(1)
    follow.stop()
  })
})

describe('property: registries of one store', () => {
  const name = fc.constantFrom('a', 'b', 'c')
  const step = fc.oneof(
    fc.record({ does: fc.constant('register' as const), name, more: fc.nat(3) }),
    fc.record({ does: fc.constant('remove' as const), name }),
    fc.record({ does: fc.constant('import' as const), name, more: fc.nat(3) }),
    fc.record({ does: fc.constant('learn' as const), name, more: fc.nat(3) }),
    fc.record({ does: fc.constant('renew' as const), name }),
    fc.record({ does: fc.constant('wait' as const), more: fc.nat(3) }),
  )
  const history = fc.array(fc.record({ who: fc.nat(2), step }), { maxLength: 40 })

  /** Names of one owner each are not disputed: whoever registers by code keeps what it says. */
  const act = async (
    { registry }: Node,
    who: number,
    one: typeof step extends fc.Arbitrary<infer T> ? T : never,
  ) => {
    switch (one.does) {
      case 'register':
        register(registry, `${who}${one.name}`, { weight: 1 + one.more })
        break
      case 'remove':
        registry.unregister(one.name)
        break
      case 'import': {
        const { schemaVersion, savedAt } = registry.export()
        const provider = {
          ...{
            name: one.name,
            service: 'llm',
            handlers: ['*'],
            priority: 2,
            group: 0,
            weight: 1 + one.more,
          },
          ...{ capabilities: [], models: [], dependencies: [], metadata: {}, origin: 'manual' },
        }
        registry.import({ schemaVersion, savedAt, providers: [provider] })
        break
      }
      case 'learn':
        registry.models.register({ id: one.name, provider: 'p', contextLength: 1 + one.more })
        break
      case 'renew':
        registry.renew(one.name, { forMs: 1e9 })
        break
      case 'wait':
        for (let turn = 0; turn < one.more; turn++) await settled()
    }
  }

  const facts = ({ registry }: Node): unknown => ({
    providers: registry
      .list()
      .map(({ name: own, weight, address, lease }) => [own, weight, address, lease?.renewedAt])
      .toSorted(),
    models: registry.models
      .list()
      .map(({ id, contextLength }) => [id, contextLength])
      .toSorted(),
  })

  it('agree in the end, whatever each has done and however slow the store is', async () => {
    await fc.assert(
      fc.asyncProperty(history, fc.nat(1_000), async (steps, seed) => {
        const place = sharedMemory()
        const random = seededRandom(seed)
        const nodes = [await node(place.open()), await node(place.open()), await node(place.open())]
        place.lag = () => Math.floor(random() * 4)
        for (const { who, step: one } of steps) {
          const actor = nodes[who]
          if (actor !== undefined) await act(actor, who, one)
        }
        await quiet(place)
        const newcomer = await node(place.open())
        const all = [...nodes, newcomer]
        for (const one of all) expect(facts(one)).toEqual(facts(newcomer))
        await Promise.all(all.map(({ registry }) => registry.close()))
      }),
      { numRuns: 150 },
    )
  })
})
