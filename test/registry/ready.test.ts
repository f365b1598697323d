import { describe, expect, it } from 'vitest'
import { FakeProvider } from '../../src/testing/index.js'
import { outcome, scene } from './scene.js'

const never = new Promise<never>(() => {})

describe('waitReady', () => {
  const waiting = (promise: Promise<boolean>) => {
    const state: { now: boolean | 'waiting' } = { now: 'waiting' }
    void promise.then((ready) => {
      state.now = ready
    })
    return state
  }
  /** How often anybody waited on the clock: polling shows here. */
  const counted = (made: ReturnType<typeof scene>) => {
    const { clock } = made
    const sleep = clock.sleep.bind(clock)
    const count = { sleeps: 0 }
    clock.sleep = (ms, signal) => {
      count.sleeps += 1
      return sleep(ms, signal)
    }
    return count
  }

  it('B-C11: is true at once with nothing required, and with an empty list', async () => {
    const made = scene()
    const count = counted(made)
    expect(await made.registry.waitReady()).toBe(true)
    expect(await made.registry.waitReady({ services: [], timeoutMs: 0 })).toBe(true)
    expect(await scene({ requiredServices: ['llm'] }).registry.waitReady({ services: [] })).toBe(
      true,
    )
    expect(count.sleeps).toBe(0)
  })

  it('B-C11: waits for a provider that appears later, without polling', async () => {
    const made = scene({ requiredServices: ['llm', 'memory'] })
    const count = counted(made)
    const state = waiting(made.registry.waitReady())
    made.registry.register({ service: 'llm', provider: {} })
    await made.clock.advance(20_000)
    expect([state.now, count.sleeps <= 3]).toEqual(['waiting', true])
    made.registry.register({ service: 'memory', handler: 'A', provider: {} })
    await made.clock.advance(0)
    expect(state.now).toBe(true)
  })

  it('is false after its time, at once with none, and missing() says which', async () => {
    const { registry, clock } = scene({ requiredServices: ['llm', 'memory'] })
    registry.register({ service: 'llm', provider: {} })
    expect(await registry.waitReady({ timeoutMs: 0 })).toBe(false)
    const state = waiting(registry.waitReady())
    await clock.advance(29_999)
    expect(state.now).toBe('waiting')
    await clock.advance(1)
    expect(state.now).toBe(false)
    expect(registry.missing()).toEqual(['memory'])
  })

  it('B-C11: goes by health: it asks first, and repeats what failed every intervalMs', async () => {
    const made = scene({ circuit: { failureThreshold: 100 }, health: { intervalMs: 4_000 } })
    const { registry, clock } = made
    const provider = new FakeProvider({ name: 'a' })
    provider.healthy = false
    let asked = 0
    registry.register({
      service: 'llm',
      provider,
      health: {
        check: () => {
          asked += 1
          return provider.healthy
        },
      },
    })
    const count = counted(made)
    const state = waiting(registry.waitReady({ services: ['llm'] }))
    await clock.advance(11_000)
    expect([state.now, asked]).toEqual(['waiting', 3])
    provider.healthy = true
    await clock.advance(999)
    expect(state.now).toBe('waiting')
    await clock.advance(1)
    expect([state.now, asked]).toEqual([true, 4])
    expect(count.sleeps).toBeLessThan(20)
  })

  it('wakes when the rest of a circuit ends, and does not poll until then', async () => {
    const made = scene({
      circuit: { failureThreshold: 1, recoveryTimeoutMs: 15_000 },
      health: { intervalMs: 1_000 },
    })
    const { registry, clock } = made
    const provider = new FakeProvider({ name: 'a' })
    provider.healthy = false
    registry.register({ service: 'llm', name: 'a', provider })
    registry.register({ service: 'memory', name: 'm', provider: {} })
    registry.circuit('m').trip(9_000)
    const count = counted(made)
    const [state, other] = [
      waiting(registry.waitReady({ services: ['llm'] })),
      waiting(registry.waitReady({ services: ['memory'] })),
    ]
    await clock.advance(8_999)
    provider.healthy = true
    expect([state.now, other.now]).toEqual(['waiting', 'waiting'])
    await clock.advance(1)
    expect(other.now).toBe(true)
    await clock.advance(5_999)
    expect(state.now).toBe('waiting')
    await clock.advance(1)
    expect(state.now).toBe(true)
    expect(count.sleeps).toBeLessThan(15)
  })

  it('is not held up by a check that hangs beside one that is well', async () => {
    const { registry, clock } = scene()
    registry.register({ service: 'llm', provider: { isHealthy: () => never } })
    const state = waiting(registry.waitReady({ services: ['llm'], timeoutMs: 10_000 }))
    await clock.advance(100)
    expect(state.now).toBe('waiting')
    registry.register({ service: 'llm', provider: { isHealthy: () => true } })
    await clock.advance(0)
    expect(state.now).toBe(true)
  })

  it('with all checks hanging is false in time', async () => {
    const { registry, clock } = scene({
      circuit: { failureThreshold: 100 },
      health: { timeoutMs: 1_000, intervalMs: 500, maxAgeMs: 0 },
    })
    registry.register({ service: 'llm', provider: { isHealthy: () => never } })
    const state = waiting(registry.waitReady({ services: ['llm'], timeoutMs: 3_200 }))
    await clock.advance(3_199)
    expect(state.now).toBe('waiting')
    await clock.advance(1)
    expect(state.now).toBe(false)
  })

  it('asks one that is well only once, however long another is missing', async () => {
    const { registry, clock } = scene({ health: { maxAgeMs: 0, intervalMs: 1_000 } })
    let asked = 0
    registry.register({ service: 'llm', provider: { isHealthy: () => ++asked > 0 } })
    const state = waiting(registry.waitReady({ services: ['llm', 'memory'] }))
    await clock.advance(10_000)
    registry.register({ service: 'memory', provider: {} })
    await clock.advance(0)
    expect([state.now, asked]).toEqual([true, 1])
  })

  it('does not count stand-ins, draining or isolated providers', async () => {
    const { registry } = scene({ services: { llm: { standIn: {} } }, allowStandIns: true })
    expect(await registry.waitReady({ services: ['llm'], timeoutMs: 0 })).toBe(false)
    registry.register({ service: 'llm', name: 'a', provider: {} })
    registry.circuit('a').isolate()
    expect(await registry.waitReady({ services: ['llm'], timeoutMs: 0 })).toBe(false)
    registry.circuit('a').reset()
    expect(await registry.waitReady({ services: ['llm'], timeoutMs: 0 })).toBe(true)
  })

  it('tells the logger, whose own mistakes are nobody else’s', async () => {
    const lines: unknown[] = []
    const info = (message: string, fields?: object) => void lines.push([message, fields])
    const { registry } = scene({ logger: { debug() {}, info, warn() {}, error() {} } })
    await registry.waitReady({ services: ['llm'], timeoutMs: 0 })
    registry.register({ service: 'llm', provider: {} })
    await registry.waitReady({ services: ['llm'] })
    expect(lines).toMatchObject([
      ['not ready', { services: ['llm'] }],
      ['provider registered', {}],
      ['ready', {}],
    ])
    const broken = () => {
      throw new Error('disk full')
    }
    const other = scene({
      logger: { debug: broken, info: broken, warn: broken, error: broken },
    }).registry
    other.register({ service: 'llm', name: 'a', provider: {} })
    other.circuit('a').isolate()
    expect(await other.waitReady({ services: ['llm'], timeoutMs: 0 })).toBe(false)
    expect(await outcome(() => other.unregister('a'))).toBe(true)
  })
})
