/*
 * Bugs of CIRIS, the in-process registry this one replaces: each must not exist here. Some are shown
 * in more depth where they belong (`properties/`, `resolve/`, `registry/`); here is one of each.
 */
import { describe, expect, it } from 'vitest'
import { NoProviderError, ServiceRegistry } from '../../src/index.js'
import { FakeClock, FakeProvider } from '../../src/testing/index.js'
import { outcome, picks, scene, tally } from '../registry/scene.js'

const who = (found: unknown): string | undefined => (found as { name: string } | undefined)?.name

it('B-C1: failures recorded while open do not put off the recovery', async () => {
  const { registry, clock } = scene({ circuit: { failureThreshold: 1, recoveryTimeoutMs: 1_000 } })
  registry.register({ service: 'llm', name: 'a', provider: {} })
  const circuit = registry.circuit('a')
  circuit.recordFailure()
  for (let tenth = 0; tenth < 10; tenth++) {
    expect(circuit.state).toBe('open')
    circuit.recordFailure()
    circuit.recordSuccess()
    await clock.advance(100)
  }
  expect(circuit.state).toBe('half-open')
  expect(registry.resolve('llm')?.provider).toBe('a')
})

describe('B-C2: a look-up is no success', () => {
  it('while closed: it does not forgive failures', async () => {
    const { registry } = scene({ circuit: { failureThreshold: 5 } })
    registry.register({ service: 'llm', name: 'a', provider: new FakeProvider({ name: 'a' }) })
    const circuit = registry.circuit('a')
    for (let at = 0; at < 4; at++) circuit.recordFailure()
    await registry.getService('llm')
    await registry.healthCheckAll()
    registry.resolve('llm')?.release()
    registry.explain('llm')
    expect(circuit.stats.consecutiveFailures).toBe(4)
    circuit.recordFailure()
    expect(circuit.state).toBe('open')
  })

  it('while half-open: any number of them does not close it', async () => {
    const { registry, clock } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {} })
    registry.circuit('a').trip(1)
    for (let at = 0; at < 10; at++) {
      await clock.advance(1_000)
      expect(await registry.getService('llm')).toBeDefined()
    }
    expect(registry.circuit('a').state).toBe('half-open')
  })
})

it('B-C3: a half-open circuit admits as many as it has permits, at once', async () => {
  for (const halfOpenPermits of [1, 3]) {
    const { registry, clock } = scene({ circuit: { halfOpenPermits } })
    registry.register({
      service: 'llm',
      name: 'a',
      provider: new FakeProvider({ name: 'a' }).stall(),
    })
    registry.circuit('a').trip(1)
    await clock.advance(1)
    const looked = await Promise.all(Array.from({ length: 100 }, () => registry.getService('llm')))
    expect(looked.filter((one) => one !== undefined)).toHaveLength(halfOpenPermits)
    const calls = Array.from({ length: 100 }, () =>
      outcome(() => registry.call('llm', {}, (one) => (one as FakeProvider).call())),
    )
    expect((await Promise.all(calls)).every((error) => error instanceof NoProviderError)).toBe(true)
  }
})

it('B-C4: a health check that never settles does not hold a look-up for ever', async () => {
  const { registry, clock } = scene({ health: { timeoutMs: 2_000 } })
  registry.register({ service: 'llm', provider: { isHealthy: () => new Promise(() => {}) } })
  registry.register({ service: 'llm', provider: { name: 'next' } })
  const looking = registry.getService('llm')
  await clock.advance(2_000)
  expect(who(await looking)).toBe('next')
})

it('B-C5: pools of the same class do not share a rotation', async () => {
  class Client {
    name: string
    constructor(name: string) {
      this.name = name
    }
  }
  const { registry } = scene()
  for (const handler of ['A', 'B'])
    for (const at of [1, 2])
      registry.register({
        service: 'llm',
        handler,
        provider: new Client(`${handler}${at}`),
        strategy: 'round-robin',
      })
  const seen: (string | undefined)[] = []
  for (const handler of ['A', 'B', 'A', 'B', 'A', 'B'])
    seen.push(who(await registry.getService('llm', { handler })))
  expect(seen).toEqual(['A1', 'B1', 'A2', 'B2', 'A1', 'B1'])
})

it('B-C6: no place in the rotation is out of range after one left', () => {
  const { registry } = scene()
  for (const name of ['a', 'b', 'c'])
    registry.register({ service: 'llm', name, provider: {}, strategy: 'round-robin' })
  expect(picks({ registry }, 2)).toEqual(['a', 'b'])
  registry.unregister('c')
  expect(picks({ registry }, 3)).toEqual(['a', 'b', 'a'])
  registry.unregister('b')
  expect(picks({ registry }, 2)).toEqual(['a', 'a'])
  registry.unregister('a')
  expect(picks({ registry }, 1)).toEqual([undefined])
})

it('B-C7: parallel look-ups do not read the same turn across an await', async () => {
  const { registry, clock } = scene()
  for (const name of ['a', 'b'])
    registry.register({
      service: 'llm',
      name,
      provider: { name, isHealthy: () => clock.sleep(5).then(() => true) },
      strategy: 'round-robin',
    })
  const warm = Promise.all([registry.healthCheckAll()])
  await clock.advance(5)
  await warm
  const found = await Promise.all(Array.from({ length: 100 }, () => registry.getService('llm')))
  expect(tally(found.map(who))).toEqual(
    new Map([
      ['a', 50],
      ['b', 50],
    ]),
  )
})

it('B-C8: the handler "*" is everybody, no literal', () => {
  const { registry } = scene()
  registry.register({ service: 'llm', name: 'a', handler: '*', provider: {} })
  expect(registry.resolve('llm', { handler: 'SpeakHandler' })?.provider).toBe('a')
  expect(registry.resolve('llm', { handler: '*' })?.provider).toBe('a')
})

it('B-C9: one object registered twice is two providers, each with its own name and circuit', async () => {
  const { registry } = scene()
  const shared = new FakeProvider({ name: 'shared' })
  const first = registry.register({ service: 'llm', handler: 'A', provider: shared })
  const second = registry.register({ service: 'llm', handler: 'B', provider: shared })
  expect(first.name).not.toBe(second.name)
  registry.circuit(first.name).isolate()
  expect(registry.circuit(second.name).state).toBe('closed')
  registry.circuit(second.name).isolate()
  registry.resetCircuits()
  expect(Object.values(registry.describe().circuits).map(({ state }) => state)).toEqual([
    'closed',
    'closed',
  ])
  expect(await registry.healthCheckAll()).toEqual({
    [`A.llm.${first.name}`]: true,
    [`B.llm.${second.name}`]: true,
  })
  first.unregister()
  expect(registry.resolve('llm', { handler: 'A' })).toBeUndefined()
  expect(registry.resolve('llm', { handler: 'B' })?.provider).toBe(second.name)
})

it('B-C10: generated names are unique over the life of a registry, and say nothing of memory', () => {
  const { registry } = scene()
  class Client {}
  const names = Array.from({ length: 200 }, () => {
    const { name } = registry.register({ service: 'llm', provider: new Client() })
    registry.unregister(name)
    return name
  })
  expect(new Set(names).size).toBe(200)
  expect(names[0]).toBe('Client-1')
})

it('B-C11: readiness of nothing is given at once, and readiness of something goes by health', async () => {
  const { registry, clock } = scene({ requiredServices: [] })
  expect(await registry.waitReady()).toBe(true)
  registry.register({ service: 'llm', provider: { isHealthy: () => false } })
  const ready = registry.waitReady({ services: ['llm'], timeoutMs: 1_000 })
  await clock.advance(1_000)
  expect(await ready).toBe(false)
})

it('B-C12: listing and reading never move a circuit', async () => {
  const { registry, clock } = scene()
  registry.register({ service: 'llm', name: 'a', provider: {} })
  registry.circuit('a').trip(10)
  await clock.advance(10)
  const heard: string[] = []
  registry.on('circuit.half-opened', () => heard.push('half-opened'))
  for (let at = 0; at < 3; at++) {
    expect(registry.describe().circuits.a?.state).toBe('half-open')
    expect(registry.list()[0]?.circuit.state).toBe('half-open')
    expect(registry.metrics().halfOpenCircuits).toBe(1)
    registry.circuit('a').check()
  }
  expect([heard, registry.circuit('a').stats.transitions]).toEqual([[], 1])
})

it('B-C13: what is shown is filtered throughout, and nobody can change the registry through it', () => {
  const { registry } = scene()
  registry.register({ service: 'llm', name: 'a', provider: {}, metadata: { tags: ['x'] } })
  registry.register({ service: 'memory', name: 'm', provider: {} })
  const shown = registry.describe({ service: 'memory' })
  expect(Object.keys(shown.circuits)).toEqual(['m'])
  for (const { metadata, handlers } of registry.list({ service: 'llm' })) {
    expect(() => (metadata.tags as string[]).push('y')).toThrow(TypeError)
    expect(() => (handlers as string[]).push('A')).toThrow(TypeError)
  }
  expect(registry.get('a')?.metadata).toEqual({ tags: ['x'] })
})

it('B-C14: recovery is measured by a monotonic clock, from time 0 on', async () => {
  const clock = new FakeClock(0)
  const registry = new ServiceRegistry<Record<string, object>>({
    clock,
    circuit: { failureThreshold: 1, recoveryTimeoutMs: 100 },
  })
  registry.register({ service: 'llm', name: 'a', provider: {} })
  registry.circuit('a').recordFailure()
  for (const wall of [-1e12, 0, 1e15]) {
    clock.setWall(wall)
    expect(registry.circuit('a').state).toBe('open')
  }
  await clock.advance(100)
  clock.setWall(-1e12)
  expect(registry.circuit('a').state).toBe('half-open')
})

it('B-C15: clear leaves no rotation behind', () => {
  const { registry } = scene()
  const open = () => {
    for (const name of ['a', 'b', 'c'])
      registry.register({ service: 'llm', name, provider: {}, strategy: 'round-robin' })
  }
  open()
  picks({ registry }, 2)
  registry.clear()
  open()
  expect(picks({ registry }, 3)).toEqual(['a', 'b', 'c'])
})

it('B-C16: a health check may be a plain boolean function', async () => {
  const { registry } = scene()
  let well = true
  registry.register({ service: 'llm', name: 'a', provider: { isHealthy: () => well } })
  expect(await registry.healthCheckAll()).toEqual({ '*.llm.a': true })
  well = false
  expect(await registry.healthCheckAll()).toEqual({ '*.llm.a': false })
})

it('B-C17: what was promised is there: checks of all, stand-ins, latency of resolution', async () => {
  const standIn = { name: 'stand-in' }
  const { registry } = scene({ services: { llm: { standIn } }, allowStandIns: true })
  expect(await registry.healthCheckAll()).toEqual({})
  expect(await registry.getService('llm')).toBe(standIn)
  expect(registry.metrics().resolution).toEqual({
    count: expect.any(Number),
    p50Ms: expect.any(Number),
    p90Ms: expect.any(Number),
    p99Ms: expect.any(Number),
  })
})

it('B-C18: a look-up that finds nobody is undefined, and says why where that is asked for', async () => {
  const { registry } = scene()
  const nobody = registry.resolve('llm')
  expect(() => nobody?.succeed()).not.toThrow()
  expect(await registry.getService('llm')).toBeUndefined()
  expect(await outcome(() => registry.requireService('llm'))).toBeInstanceOf(NoProviderError)
  registry.register({ service: 'llm', name: 'own', handler: 'A', provider: {} })
  registry.register({ service: 'llm', name: 'all', provider: {} })
  registry.circuit('own').isolate()
  expect(
    registry.explain('llm', { handler: 'A' }).candidates.map(({ provider }) => provider),
    'each step once',
  ).toEqual(['own', 'all'])
  expect(registry.resolve('llm', { handler: 'A' })?.provider).toBe('all')
})
