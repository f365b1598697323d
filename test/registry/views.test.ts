import { describe, expect, it } from 'vitest'
import { FakeProvider } from '../../src/testing/index.js'
import { outcome, scene } from './scene.js'

/** Every object and list within, however deep. */
function* within(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return
  yield value
  for (const one of Object.values(value)) yield* within(one)
}

const open = () => {
  const made = scene({ requiredServices: ['llm', 'memory'] })
  const { registry } = made
  const secrets = {
    apiKey: 'sk-1',
    'x-api-key': 'sk-2',
    token: 'sk-3',
    Authorization: 'Bearer sk-4',
    password: 'sk-5',
    clientSecret: 'sk-6',
    refresh_token: 'sk-7',
    nested: { list: [{ api_key: 'sk-8' }], url: 'https://user:sk-9@host/path?x=1' },
    region: 'eu',
    tokens: 7,
    none: { token: null },
  }
  registry.register({
    service: 'llm',
    name: 'own',
    handler: ['A', 'B'],
    provider: {},
    priority: 'low',
    capabilities: ['chat@1.2', { name: 'image', parameters: { w: { max: 5 } } }],
    metadata: secrets,
    address: 'http://me:sk-0@127.0.0.1:11434/v1',
  })
  registry.register({
    service: 'llm',
    name: 'first',
    handler: 'A',
    provider: {},
    priority: 'high',
    version: '2.1',
    models: ['m'],
    weight: 3,
  })
  registry.register({ service: 'llm', name: 'late', handler: 'A', provider: {}, group: -1 })
  registry.register({ service: 'llm', name: 'all', provider: {}, capabilities: ['chat@1.10'] })
  registry.register({ service: 'memory', name: 'mem', provider: {}, strategy: 'sticky' })
  return made
}

describe('describe', () => {
  it('shows handlers, globals and circuits, each list in the order of selection', () => {
    const { handlers, globals, circuits } = open().registry.describe()
    const names = (by: typeof globals | undefined) =>
      Object.fromEntries(
        Object.entries(by ?? {}).map(([service, views]) => [
          service,
          views.map(({ name }) => name),
        ]),
      )
    expect(Object.keys(handlers)).toEqual(['A', 'B'])
    expect(names(handlers.A)).toEqual({ llm: ['late', 'first', 'own'] })
    expect(names(handlers.B)).toEqual({ llm: ['own'] })
    expect(names(globals)).toEqual({ llm: ['all'], memory: ['mem'] })
    expect(Object.keys(circuits).sort()).toEqual(['all', 'first', 'late', 'mem', 'own'])
    expect(circuits.own).toMatchObject({ state: 'closed', calls: 0, successRate: 1 })
  })

  it('B-C13: filters by handler and service, the circuits included', () => {
    const { registry } = open()
    const shape = (filter: object) => {
      const { handlers, globals, circuits } = registry.describe(filter)
      return [Object.keys(handlers), Object.keys(globals), Object.keys(circuits).sort()]
    }
    expect(shape({ handler: 'B' })).toEqual([['B'], ['llm', 'memory'], ['all', 'mem', 'own']])
    expect(shape({ service: 'memory' })).toEqual([[], ['memory'], ['mem']])
    expect(shape({ handler: 'B', service: 'llm' })).toEqual([['B'], ['llm'], ['all', 'own']])
    expect(shape({ handler: 'Nobody', service: 'nothing' })).toEqual([[], [], []])
    expect(shape({ handler: undefined })).toEqual(shape({}))
  })

  it('B-C13: gives plain frozen data that has nothing to do with the registry', () => {
    const { registry } = open()
    const described = registry.describe()
    const everything = [
      described,
      registry.get('own'),
      registry.list(),
      registry.explain('llm', { handler: 'A', requires: ['chat'] }),
      registry.metrics(),
      registry.missing(),
      registry.circuit('own').stats,
    ]
    for (const one of within(everything)) {
      if (one === everything) continue
      expect(Object.isFrozen(one), JSON.stringify(one)).toBe(true)
      expect([Object.prototype, Array.prototype, null]).toContain(Object.getPrototypeOf(one))
    }
    expect(JSON.parse(JSON.stringify(described))).toBeDefined()
    expect(() => (described.globals.llm as unknown[]).pop()).toThrow(TypeError)
    expect(registry.describe()).toEqual(described)
  })

  it('hides secrets, by key and in addresses, and nothing else', () => {
    const { registry } = open()
    const view = registry.get('own')
    expect(view?.metadata).toEqual({
      apiKey: '***',
      'x-api-key': '***',
      token: '***',
      Authorization: '***',
      password: '***',
      clientSecret: '***',
      refresh_token: '***',
      nested: { list: [{ api_key: '***' }], url: 'https://***@host/path?x=1' },
      region: 'eu',
      tokens: 7,
      none: { token: null },
    })
    expect(view?.address).toBe('http://***@127.0.0.1:11434/v1')
    expect(
      JSON.stringify([registry.describe(), registry.list(), registry.explain('llm')]),
    ).not.toContain('sk-')
  })

  it('keeps the real values for those who need them', async () => {
    const { registry } = open()
    expect(registry.resolve('llm', { handler: 'A', where: { apiKey: 'sk-1' } })?.provider).toBe(
      'own',
    )
    expect(
      registry.resolve('llm', { handler: 'A', where: { apiKey: '***' }, fallbackToGlobal: false }),
    ).toBeUndefined()
    const seen = await registry.call('llm', { handler: 'B' }, (_, { metadata }) => metadata.token)
    expect(seen).toBe('sk-3')
  })

  it('B-C12: reading changes nothing, though a rest is over or a probe is out', async () => {
    const { registry, clock } = scene({ circuit: { failureThreshold: 1, recoveryTimeoutMs: 100 } })
    registry.register({ service: 'llm', name: 'a', provider: {} })
    const heard: string[] = []
    for (const type of ['circuit.half-opened', 'circuit.closed', 'provider.changed'] as const)
      registry.on(type, () => heard.push(type))
    const look = () => {
      for (let at = 0; at < 5; at++) {
        registry.describe()
        registry.list()
        registry.get('a')
        registry.metrics()
        registry.explain('llm')
        registry.missing()
        registry.circuit('a').stats
        outcome(() => registry.circuit('a').check())
      }
      return registry.explain('llm').chosen
    }
    registry.circuit('a').recordFailure()
    expect(look()).toBeUndefined()
    await clock.advance(100)
    expect(look()).toBe('a')
    expect(registry.circuit('a').state).toBe('half-open')
    expect(heard).toEqual([])
    expect(registry.resolve('llm')?.provider).toBe('a')
    expect(look()).toBeUndefined()
    expect(registry.metrics().lookups).toBe(1)
    await clock.advance(999)
    expect(look()).toBeUndefined()
    await clock.advance(1)
    expect(look()).toBe('a')
    expect(heard).toEqual(['circuit.half-opened'])
  })
})

describe('list and get', () => {
  it('list gives each provider once, by service and in the order of selection', () => {
    expect(
      open()
        .registry.list()
        .map(({ name }) => name),
    ).toEqual(['late', 'first', 'all', 'own', 'mem'])
  })

  it.each([
    [{ service: 'memory' }, ['mem']],
    [{ handler: 'B' }, ['all', 'own', 'mem']],
    [{ handler: 'A', service: 'llm' }, ['late', 'first', 'all', 'own']],
    [{ handler: '*' }, ['all', 'mem']],
    [{ capability: 'chat' }, ['all', 'own']],
    [{ capability: 'chat', minVersion: '1.3' }, ['all']],
    [{ capability: 'chat@1.2' }, ['own']],
    [{ capability: 'image' }, ['own']],
    [{ capability: 'image', minVersion: '0.1' }, []],
    [{ status: 'unknown', service: 'memory' }, ['mem']],
    [{ status: 'healthy' }, []],
    [{ service: 'nothing' }, []],
  ] as const)('list(%o) is %o', (filter, names) => {
    expect(
      open()
        .registry.list(filter)
        .map(({ name }) => name),
    ).toEqual(names)
  })

  it('list by status follows the health', async () => {
    const { registry } = scene()
    const provider = new FakeProvider({ name: 'a' })
    registry.register({ service: 'llm', name: 'a', provider })
    await registry.healthCheckAll()
    expect(registry.list({ status: 'healthy' })).toHaveLength(1)
    provider.healthy = false
    await registry.healthCheckAll()
    expect(registry.list({ status: 'unhealthy' })).toMatchObject([
      { name: 'a', health: 'unhealthy' },
    ])
  })

  it('get shows one provider as it is now', async () => {
    const { registry, clock } = open()
    expect(registry.get('first')).toMatchObject({
      name: 'first',
      service: 'llm',
      handlers: ['A'],
      priority: 'high',
      version: '2.1',
      models: ['m'],
      weight: 3,
      inFlight: 0,
      circuit: { state: 'closed' },
    })
    const call = registry.call('llm', { handler: 'A' }, () => clock.sleep(10))
    await clock.advance(0)
    expect(registry.get('late')?.inFlight).toBe(1)
    await clock.advance(10)
    await call
    expect(registry.get('late')).toMatchObject({ inFlight: 0, circuit: { calls: 1, successes: 1 } })
  })
})

describe('metrics', () => {
  it('count look-ups of all kinds, hits and misses', async () => {
    const { registry } = scene()
    expect(registry.metrics()).toMatchObject({
      lookups: 0,
      hits: 0,
      misses: 0,
      hitRate: 0,
      registrations: 0,
      providers: 0,
    })
    registry.register({ service: 'llm', name: 'a', provider: { one: async () => 1 } })
    await registry.getService('llm')
    registry.resolve('llm')
    await registry.call('llm', {}, () => 1)
    await (registry.client('llm') as { one(): Promise<number> }).one()
    await registry.getService('nothing')
    await outcome(() => registry.requireService('nothing'))
    await outcome(() => registry.call('nothing', {}, () => 1))
    expect(registry.metrics()).toMatchObject({ lookups: 7, hits: 4, misses: 3, hitRate: 4 / 7 })
  })

  it('count registrations, providers, circuits, health and failed checks', async () => {
    const { registry, clock } = scene({ circuit: { recoveryTimeoutMs: 100 } })
    for (const name of ['a', 'b', 'c', 'd'])
      registry.register({
        service: 'llm',
        name,
        provider: name === 'd' ? { isHealthy: () => false } : {},
      })
    registry.register({
      service: 'llm',
      name: 'c',
      provider: { isHealthy: () => true },
      replace: true,
    })
    registry.circuit('a').trip()
    await clock.advance(100)
    registry.circuit('b').isolate()
    await registry.healthCheckAll()
    expect(registry.metrics()).toMatchObject({
      registrations: 4,
      providers: 4,
      openCircuits: 1,
      halfOpenCircuits: 1,
      closedCircuits: 2,
      healthCheckFailures: 1,
      health: { healthy: 1, degraded: 0, unhealthy: 1, loading: 0, unknown: 2 },
    })
    registry.unregister('a')
    expect(registry.metrics()).toMatchObject({
      registrations: 4,
      providers: 3,
      halfOpenCircuits: 0,
    })
  })

  it('give percentiles of the time a look-up took, from some of them', async () => {
    const { registry, clock } = scene({ health: { maxAgeMs: 0 } })
    registry.register({
      service: 'llm',
      provider: {},
      health: { check: () => clock.sleep(8).then(() => true) },
    })
    for (let at = 0; at < 3; at++) {
      const found = registry.getService('llm')
      await clock.advance(10)
      await found
    }
    const { resolution } = registry.metrics()
    expect(resolution.count).toBeGreaterThanOrEqual(1)
    expect(resolution.p50Ms).toBeGreaterThan(7)
    expect(resolution.p99Ms).toBeLessThan(9)
  })
})

describe('missing', () => {
  it('names the required services without an admissible provider', async () => {
    const { registry } = open()
    expect(registry.missing()).toEqual([])
    registry.circuit('mem').isolate()
    expect(registry.missing()).toEqual(['memory'])
    registry.clear()
    expect(registry.missing()).toEqual(['llm', 'memory'])
    expect(scene().registry.missing()).toEqual([])
  })
})
