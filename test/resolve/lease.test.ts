import { describe, expect, it } from 'vitest'
import { FakeProvider } from '../../src/testing/index.js'
import { heardScene, outcome, scene } from '../registry/scene.js'

const open = (more: object = {}) => {
  const made = heardScene({
    circuit: { failureThreshold: 2, successThreshold: 1, recoveryTimeoutMs: 100, timeoutMs: 50 },
  })
  const provider = new FakeProvider({ name: 'a' })
  made.registry.register({ service: 'llm', name: 'a', provider, ...more })
  const lease = () => {
    const found = made.registry.resolve('llm')
    if (found === undefined) throw new Error('expected a lease')
    return found
  }
  return { ...made, provider, lease, stats: () => made.registry.circuit('a').stats }
}

describe('a lease', () => {
  it('has the name and the raw instance, and counts for nothing until it is used', () => {
    const { provider, lease, stats, registry } = open()
    expect(lease().provider).toBe('a')
    expect(lease().instance).toBe(provider)
    expect(stats()).toMatchObject({ calls: 0, successes: 0 })
    expect(registry.get('a')?.inFlight).toBe(0)
  })

  it('run guards one call: promises and plain values, failures as they are', async () => {
    const { provider, lease, stats } = open()
    expect(await lease().run((one) => (one as FakeProvider).call(1))).toBe('a')
    expect(lease().run(() => 5)).toBe(5)
    expect(lease().run(() => undefined)).toBeUndefined()
    const error = new Error('no')
    provider.fail(error)
    expect(await outcome(() => lease().run((one) => (one as FakeProvider).call()))).toBe(error)
    expect(() =>
      lease().run(() => {
        throw error
      }),
    ).toThrow(error)
    expect(stats()).toMatchObject({ calls: 5, successes: 3, failures: 2, state: 'open' })
  })

  it('run times out, and its signal says so', async () => {
    const { clock, lease, stats } = open()
    let signal: AbortSignal | undefined
    const call = lease().run((_, context) => {
      signal = context.signal
      return new Promise<never>(() => {})
    })
    const ended = outcome(() => call)
    await clock.advance(50)
    expect(await ended).toMatchObject({ name: 'CallTimeoutError' })
    expect(signal?.aborted).toBe(true)
    expect(stats()).toMatchObject({ timeouts: 1, failures: 1 })
  })

  it('succeed and fail say what became of work done elsewhere, once', () => {
    const { lease, stats, events } = open()
    const good = lease()
    good.succeed()
    good.succeed()
    good.fail(new Error('too late'))
    good.release()
    const bad = lease()
    bad.fail(new Error('no'))
    bad.succeed()
    bad[Symbol.dispose]()
    expect(stats()).toMatchObject({ calls: 2, successes: 1, failures: 1, consecutiveFailures: 1 })
    expect(events.filter(({ type }) => type.startsWith('call.')).map(({ type }) => type)).toEqual([
      'call.succeeded',
      'call.failed',
    ])
  })

  it('release and using leave no trace', () => {
    const { lease, stats } = open()
    const one = lease()
    one.release()
    one.release()
    one.succeed()
    lease()[Symbol.dispose]()
    expect(stats()).toMatchObject({ calls: 0, successes: 0 })
  })

  it('run again needs admission anew', () => {
    const { registry, lease, stats } = open()
    const one = lease()
    one.run(() => 1)
    one.run(() => 2)
    registry.circuit('a').isolate()
    expect(() => one.run(() => 3)).toThrow(/is open/)
    expect(stats()).toMatchObject({ calls: 2, refusals: 1 })
  })

  it('of a circuit that opened meanwhile is refused; its outcome only counts', () => {
    const { registry, lease, stats } = open()
    const [unused, done, failed] = [lease(), lease(), lease()]
    registry.circuit('a').trip(1_000)
    expect(() => unused.run(() => 1)).toThrow(/is open/)
    done.succeed()
    failed.fail(new Error('late'))
    expect(stats()).toMatchObject({ state: 'open', successes: 1, failures: 1, retryAfterMs: 1_000 })
  })

  it('B-C3: of a half-open circuit is a probe: one at a time, for a second, or until released', async () => {
    const { registry, clock, lease } = open()
    const none = () => registry.resolve('llm')
    registry.circuit('a').trip(100)
    await clock.advance(100)
    const first = lease()
    for (let at = 0; at < 20; at++) expect(none()).toBeUndefined()
    first.release()
    const second = lease()
    expect(none()).toBeUndefined()
    await clock.advance(999)
    expect(none()).toBeUndefined()
    await clock.advance(1)
    const third = lease()
    expect(() => second.run(() => 1), 'it ran out').toThrow(/is half-open/)
    expect(third.run(() => 1)).toBe(1)
    expect(registry.circuit('a').state).toBe('closed')
  })

  it('of a half-open circuit that fails opens it again', async () => {
    const { registry, clock, lease } = open()
    registry.circuit('a').trip(100)
    await clock.advance(100)
    lease().fail(new Error('still down'))
    expect(registry.circuit('a').stats).toMatchObject({ state: 'open', retryAfterMs: 100 })
    await clock.advance(100)
    const probe = lease()
    probe.fail(Object.assign(new Error('your mistake'), { status: 400 }))
    expect(registry.circuit('a').state, 'a neutral outcome gives the probe back').toBe('half-open')
    lease().succeed()
    expect(registry.circuit('a').state).toBe('closed')
  })

  it('of one that left says so', () => {
    const { registry, lease } = open()
    const one = lease()
    registry.unregister('a')
    expect(() => one.run(() => 1)).toThrow(/unregistered or is draining/)
    expect(one.instance).toBeUndefined()
    expect(one.provider).toBe('a')
  })

  it('is given for providers that are connected, and begins to connect the others', async () => {
    const { registry } = scene()
    let connects = 0
    registry.register({ service: 'llm', name: 'later', connect: async () => ({ at: ++connects }) })
    registry.register({ service: 'llm', name: 'ready', provider: {}, group: 1 })
    expect(registry.resolve('llm')?.provider).toBe('ready')
    expect(registry.resolve('llm')?.provider).toBe('ready')
    await new Promise(setImmediate)
    expect(registry.resolve('llm')?.provider).toBe('later')
    expect(connects).toBe(1)
  })
})
