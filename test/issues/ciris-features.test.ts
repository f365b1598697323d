/*
 * Every feature of CIRIS that this registry owes (features.md), in one line of use each. Depth is
 * elsewhere; this table shows that none was forgotten.
 */
import { expect, it } from 'vitest'
import { CircuitOpenError, NoProviderError, Priority, ServiceRegistry } from '../../src/index.js'
import { FakeProvider } from '../../src/testing/index.js'
import { outcome, picks, scene, tally } from '../registry/scene.js'

const who = (found: unknown): string | undefined => (found as { name: string } | undefined)?.name

it('CIRIS-01: five priorities', () => {
  expect(Priority).toEqual({ Critical: 0, High: 1, Normal: 2, Low: 3, Fallback: 9 })
})

it('CIRIS-02: strategies fallback and round_robin', () => {
  const { registry } = scene()
  for (const name of ['a', 'b']) {
    registry.register({ service: 'f', name: `f${name}`, provider: {}, strategy: 'fallback' })
    registry.register({ service: 'r', name: `r${name}`, provider: {}, strategy: 'round_robin' })
  }
  expect(picks({ registry }, 3, {}, 'f')).toEqual(['fa', 'fa', 'fa'])
  expect(picks({ registry }, 3, {}, 'r')).toEqual(['ra', 'rb', 'ra'])
})

it('CIRIS-03: a record of each provider', () => {
  const { registry } = scene()
  registry.register({
    service: 'llm',
    name: 'a',
    provider: {},
    priority: 'high',
    group: 2,
    strategy: 'round-robin',
    capabilities: ['chat'],
    metadata: { region: 'eu' },
  })
  expect(registry.get('a')).toMatchObject({
    name: 'a',
    priority: 'high',
    group: 2,
    strategy: 'round-robin',
    capabilities: [{ name: 'chat' }],
    metadata: { region: 'eu' },
    circuit: { state: 'closed' },
  })
})

it('CIRIS-04 CIRIS-05 CIRIS-06: registration for a handler, for all, and for "*", with a name each', () => {
  const { registry } = scene()
  const names = [
    registry.register({ service: 'llm', handler: 'A', provider: {} }),
    registry.registerGlobal({ service: 'llm', provider: {} }),
    registry.register({ service: 'llm', handler: '*', provider: {} }),
  ].map(({ name }) => name)
  expect(new Set(names).size).toBe(3)
  expect(
    registry.explain('llm', { handler: 'A' }).candidates.map(({ provider }) => provider),
  ).toEqual(names)
  expect(
    registry.explain('llm', { handler: 'B' }).candidates.map(({ provider }) => provider),
  ).toEqual(names.slice(1))
})

it('CIRIS-07 CIRIS-08: groups ascending, priorities within', () => {
  const { registry } = scene()
  for (const [name, group, priority] of [
    ['d', 1, 'critical'],
    ['c', 0, 'low'],
    ['b', 0, 'high'],
    ['a', -1, 'fallback'],
  ] as const)
    registry.register({ service: 'llm', name, provider: {}, group, priority })
  expect(
    registry
      .explain('llm')
      .candidates.map(({ provider }) => provider)
      .join(''),
  ).toBe('abcd')
})

it('CIRIS-09: load is balanced within a group', () => {
  const { registry } = scene()
  for (const name of ['a', 'b', 'c'])
    registry.register({ service: 'llm', name, provider: {}, strategy: 'round-robin' })
  expect(tally(picks({ registry }, 300))).toEqual(
    new Map([
      ['a', 100],
      ['b', 100],
      ['c', 100],
    ]),
  )
})

it('CIRIS-10: every required capability must be there', () => {
  const { registry } = scene()
  registry.register({ service: 'llm', name: 'one', provider: {}, capabilities: ['chat'] })
  registry.register({ service: 'llm', name: 'two', provider: {}, capabilities: ['chat', 'vision'] })
  expect(picks({ registry }, 1, { requires: ['vision', 'chat'] })).toEqual(['two'])
  expect(picks({ registry }, 1, { requires: ['vision', 'chat', 'voice'] })).toEqual([undefined])
})

it('CIRIS-11 CIRIS-12: the handler, then everybody unless told otherwise, then nothing', () => {
  const { registry } = scene()
  registry.register({ service: 'llm', name: 'own', handler: 'A', provider: {} })
  registry.register({ service: 'llm', name: 'all', provider: {} })
  expect(picks({ registry }, 1, { handler: 'A' })).toEqual(['own'])
  registry.unregister('own')
  expect(picks({ registry }, 1, { handler: 'A' })).toEqual(['all'])
  expect(picks({ registry }, 1, { handler: 'A', fallbackToGlobal: false })).toEqual([undefined])
  registry.unregister('all')
  expect(picks({ registry }, 1, { handler: 'A' })).toEqual([undefined])
})

it('CIRIS-13 CIRIS-14 CIRIS-34: any service may be asked isHealthy, and a no or a throw is a failure', async () => {
  const { registry } = scene()
  registry.register({
    service: 'of my own',
    name: 'well',
    provider: { isHealthy: async () => true },
  })
  registry.register({ service: 'of my own', name: 'sick', provider: { isHealthy: () => false } })
  registry.register({
    service: 'of my own',
    name: 'broken',
    provider: {
      isHealthy: () => {
        throw new Error('x')
      },
    },
  })
  await registry.healthCheckAll()
  expect(
    registry.list().map(({ health, circuit }) => [health, circuit.consecutiveFailures]),
  ).toEqual([
    ['healthy', 0],
    ['unhealthy', 1],
    ['unhealthy', 1],
  ])
})

it('CIRIS-15 CIRIS-16 CIRIS-17 CIRIS-18 CIRIS-23: 5 failures open, 60 s later it is half-open, 3 successes close, one failure re-opens', async () => {
  const { registry, clock } = scene()
  const provider = new FakeProvider({ name: 'a' }).fail()
  registry.register({ service: 'llm', name: 'a', provider })
  const circuit = registry.circuit('a')
  const call = async () =>
    outcome(async () => ((await registry.getService('llm')) as FakeProvider).call())
  for (let at = 0; at < 4; at++) await call()
  expect(circuit.state).toBe('closed')
  await call()
  expect(circuit.state).toBe('open')
  await clock.advance(59_999)
  expect(circuit.state).toBe('open')
  await clock.advance(1)
  expect(circuit.state).toBe('half-open')
  await call()
  expect(circuit.state).toBe('open')
  await clock.advance(60_000)
  provider.succeed()
  for (const state of ['half-open', 'half-open', 'closed']) {
    await call()
    expect(circuit.state).toBe(state)
  }
})

it('CIRIS-19: a call is given up after 30 s', async () => {
  const { registry, clock } = scene()
  registry.register({
    service: 'llm',
    name: 'a',
    provider: new FakeProvider({ name: 'a' }).stall(),
  })
  const error = outcome(() => (registry.client('llm', {}, { attempts: 1 }) as FakeProvider).call())
  await clock.advance(29_999)
  expect(registry.circuit('a').stats.failures).toBe(0)
  await clock.advance(1)
  expect(await error).toMatchObject({ name: 'CallTimeoutError', timeoutMs: 30_000 })
  expect(registry.circuit('a').stats).toMatchObject({ failures: 1, timeouts: 1 })
})

it('CIRIS-20: each provider has its own settings', () => {
  const { registry } = scene({ circuit: { failureThreshold: 2 } })
  registry.register({ service: 'llm', name: 'a', provider: {}, circuit: { failureThreshold: 1 } })
  registry.register({ service: 'llm', name: 'b', provider: {} })
  for (const name of ['a', 'b']) registry.circuit(name).recordFailure()
  expect([registry.circuit('a').state, registry.circuit('b').state]).toEqual(['open', 'closed'])
})

it('CIRIS-21: an open circuit fails fast, and check() throws the words people know', async () => {
  const { registry } = scene()
  const provider = new FakeProvider({ name: 'a' })
  registry.register({ service: 'llm', name: 'a', provider })
  const view = (await registry.getService('llm')) as FakeProvider
  registry.circuit('a').check()
  registry.circuit('a').isolate()
  expect(() => registry.circuit('a').check()).toThrow(CircuitOpenError)
  expect(() => registry.circuit('a').check()).toThrow(
    "Circuit breaker 'a' is open, service unavailable",
  )
  expect(await outcome(() => view.call())).toBeInstanceOf(CircuitOpenError)
  expect(provider.calls).toEqual([])
})

it('CIRIS-22: a half-open circuit admits a limited number', async () => {
  const { registry, clock } = scene()
  registry.register({ service: 'llm', name: 'a', provider: {} })
  registry.circuit('a').trip(1)
  await clock.advance(1)
  expect(picks({ registry }, 10)).toEqual(['a', ...Array(9).fill(undefined)])
})

it('CIRIS-24: statistics of a circuit', async () => {
  const { registry } = scene()
  const provider = new FakeProvider({ name: 'a' })
  registry.register({ service: 'llm', name: 'a', provider })
  const view = (await registry.getService('llm')) as FakeProvider
  await view.call()
  await outcome(() => provider.fail() && view.call())
  expect(registry.circuit('a').stats).toMatchObject({
    state: 'closed',
    calls: 2,
    successes: 1,
    failures: 1,
    successRate: 0.5,
    consecutiveFailures: 1,
  })
})

it('CIRIS-25: handlers, globals and circuits, by handler and service', () => {
  const { registry } = scene()
  registry.register({ service: 'llm', name: 'own', handler: 'A', provider: {} })
  registry.register({ service: 'memory', name: 'all', provider: {} })
  expect(registry.describe()).toMatchObject({
    handlers: { A: { llm: [{ name: 'own' }] } },
    globals: { memory: [{ name: 'all' }] },
    circuits: { own: {}, all: {} },
  })
  expect(registry.describe({ handler: 'A', service: 'llm' })).toEqual({
    ...registry.describe(),
    globals: {},
    circuits: { own: expect.anything() },
  })
})

it('CIRIS-26 CIRIS-27: unregister by name, reset all circuits', () => {
  const { registry } = scene()
  for (const name of ['a', 'b', 'c']) registry.register({ service: 'llm', name, provider: {} })
  expect([registry.unregister('a'), registry.unregister('a')]).toEqual([true, false])
  for (const name of ['b', 'c']) registry.circuit(name).isolate()
  registry.resetCircuits()
  expect(registry.metrics()).toMatchObject({ providers: 2, openCircuits: 0 })
})

it('CIRIS-28: health of all, by handler, service and name', async () => {
  const { registry } = scene()
  registry.register({
    service: 'llm',
    name: 'openai',
    handler: 'SpeakHandler',
    provider: { isHealthy: () => true },
  })
  expect(await registry.healthCheckAll()).toEqual({ 'SpeakHandler.llm.openai': true })
})

it('CIRIS-29: stand-ins when nothing else is left, and only if allowed', async () => {
  const standIn = { name: 'mock' }
  for (const allowStandIns of [true, false]) {
    const { registry } = scene({ services: { llm: { standIn } }, allowStandIns })
    expect(who(await registry.getService('llm'))).toBe(allowStandIns ? 'mock' : undefined)
  }
})

it('CIRIS-30 CIRIS-31: wait until required services are there, none by default', async () => {
  expect(await scene().registry.waitReady()).toBe(true)
  const { registry } = scene({ requiredServices: ['llm'] })
  const ready = registry.waitReady({ timeoutMs: 1_000 })
  expect(registry.missing()).toEqual(['llm'])
  registry.register({ service: 'llm', provider: {} })
  expect(await ready).toBe(true)
  expect(await registry.waitReady({ services: ['llm'] })).toBe(true)
})

it('CIRIS-32: clear, and clean up at the end', async () => {
  const { registry } = scene()
  registry.register({ service: 'llm', provider: {} })
  registry.clear()
  expect(registry.list()).toEqual([])
  registry.register({ service: 'llm', provider: {} })
  await registry.close()
  expect(registry.list()).toEqual([])
})

it('CIRIS-33: metadata, shown and matched', () => {
  const { registry } = scene()
  registry.register({ service: 'llm', name: 'a', provider: {}, metadata: { region: 'us' } })
  registry.register({ service: 'llm', name: 'b', provider: {}, metadata: { region: 'eu' } })
  expect(registry.get('a')?.metadata).toEqual({ region: 'us' })
  expect(picks({ registry }, 1, { where: { region: 'eu' } })).toEqual(['b'])
})

it('CIRIS-35: no global state: two registries know nothing of each other', () => {
  const [one, other] = [scene().registry, scene().registry]
  expect(one.register({ service: 'llm', provider: {} }).name).toBe('llm-1')
  expect(other.register({ service: 'llm', provider: {} }).name).toBe('llm-1')
  one.circuit('llm-1').isolate()
  expect(other.circuit('llm-1').state).toBe('closed')
  expect(one.resolve('llm')).toBeUndefined()
})

it('CIRIS-36: a failed provider is not asked again at each look-up', async () => {
  const { registry } = scene({ circuit: { failureThreshold: 100 } })
  let asked = 0
  registry.register({ service: 'llm', provider: { isHealthy: () => ++asked < 0 } })
  registry.register({ service: 'llm', provider: { name: 'b' } })
  for (let at = 0; at < 50; at++) expect(who(await registry.getService('llm'))).toBe('b')
  expect(asked).toBe(1)
})

it('CIRIS-37: nothing is held of a provider that left (proved in registry/lifetime.test.ts)', () => {
  const { registry } = scene()
  const handle = registry.register({ service: 'llm', provider: { name: 'a' } })
  const lease = registry.resolve('llm')
  handle.unregister()
  expect(lease?.instance).toBeUndefined()
})

it('CIRIS-38: instances are made on first use', async () => {
  const { registry } = scene()
  let made = 0
  registry.register({ service: 'llm', connect: async () => ({ made: ++made }) })
  expect(made).toBe(0)
  await registry.getService('llm')
  await registry.getService('llm')
  expect(made).toBe(1)
})

it('CIRIS-39 CIRIS-40: metrics of providers, health, circuits and the time of resolution', async () => {
  const { registry } = scene()
  registry.register({ service: 'llm', provider: {} })
  await registry.getService('llm')
  expect(registry.metrics()).toMatchObject({
    providers: 1,
    closedCircuits: 1,
    health: { unknown: 1 },
    lookups: 1,
    hitRate: 1,
    resolution: { count: 1 },
  })
})

it('CIRIS-41: registration, selection and readiness are logged', async () => {
  const lines: string[] = []
  const note = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`)
  const { registry } = scene({
    logger: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') },
  })
  registry.register({ service: 'llm', name: 'a', handler: 'A', provider: {} })
  await registry.getService('llm', { handler: 'A' })
  await registry.waitReady({ services: ['llm'] })
  registry.circuit('a').isolate()
  registry.unregister('a')
  const text = lines.join('\n')
  expect(text).toMatch(/info provider registered .*"a".*"llm"/)
  expect(text).toMatch(/debug .*selected.*"a"/)
  expect(text).toMatch(/info ready .*"llm"/)
  expect(text).toMatch(/warn circuit is open .*"a"/)
  expect(text).toMatch(/info provider removed .*"a"/)
})

it('CIRIS-42: list by service names each provider once, whatever its handlers', () => {
  const { registry } = scene()
  registry.register({ service: 'llm', name: 'a', handler: ['A', 'B', 'C'], provider: {} })
  registry.register({ service: 'memory', name: 'm', provider: {} })
  expect(registry.list({ service: 'llm' }).map(({ name }) => name)).toEqual(['a'])
})

it('CIRIS-43: priorities change while it runs, circuits are opened by hand, an end refuses all, services are typed', async () => {
  const registry = new ServiceRegistry<{ llm: { name: string } }>()
  registry.register({ service: 'llm', name: 'a', provider: { name: 'a' } })
  registry.register({ service: 'llm', name: 'b', provider: { name: 'b' } })
  registry.setPriority('b', 'critical')
  expect((await registry.requireService('llm')).name).toBe('b')
  registry.circuit('b').isolate('maintenance')
  expect(registry.circuit('b').stats.reason).toBe('maintenance')
  expect((await registry.requireService('llm')).name).toBe('a')
  registry.circuit('a').trip(60_000)
  expect(await outcome(() => registry.requireService('llm'))).toBeInstanceOf(NoProviderError)
  await registry.close()
  expect(await outcome(() => registry.getService('llm'))).toMatchObject({
    code: 'SWITCHGEAR_REGISTRY_CLOSED',
  })
})
