import CircuitBreaker from 'opossum'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type CircuitOptions, ServiceRegistry } from '../../src/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { deferred, watch } from '../guard/rig.js'

/*
 * Traps of opossum, by their number in the list of pitfalls. Each is shown on opossum where that is
 * cheap, and must not exist here.
 */

type Work = (...args: unknown[]) => unknown

function make(work: Work, circuit: CircuitOptions = {}, concurrency?: number) {
  const clock = new FakeClock()
  const registry = new ServiceRegistry<{ llm: { ask: Work } }>({ clock, circuit })
  registry.register({
    service: 'llm',
    name: 'alpha',
    provider: { ask: work },
    ...(concurrency && { concurrency }),
  })
  const handle = registry.circuit('alpha')
  const events: string[] = []
  for (const event of ['fire', 'success', 'failure', 'timeout', 'reject', 'open', 'close'] as const)
    handle.opossum.on(event as 'open', () => events.push(event))
  const ask = async (...args: unknown[]): Promise<unknown> =>
    (await registry.requireService('llm')).ask(...args)
  return { clock, registry, handle, events, ask, opossum: handle.opossum }
}

const down = () => Promise.reject(new Error('down'))

afterEach(() => {
  vi.restoreAllMocks()
})

describe('opossum pitfalls', () => {
  it('1: a sync action that returns undefined or null is a success', async () => {
    for (const value of [undefined, null]) {
      await expect(new CircuitBreaker((() => value) as never).fire()).rejects.toThrow()
      const { ask, handle, events, opossum } = make(() => value)
      expect(await ask()).toBe(value)
      expect(await opossum.fire(() => value)).toBe(value)
      expect(handle.stats).toMatchObject({ successes: 2, failures: 0 })
      expect(events).toEqual(['fire', 'success', 'fire', 'success'])
    }
  })

  it('2: the exported state knows when it opened, not when it was made', async () => {
    const { clock, handle, opossum } = make(down)
    clock.setWall(1_000_000)
    await clock.advance(500_000)
    handle.trip(60_000, 'test')
    await clock.advance(10_000)
    expect((opossum.toJSON().state as unknown as { lastTimerAt: number }).lastTimerAt).toBe(
      1_500_000,
    )
    const saved = handle.export()
    expect(saved).toMatchObject({ openedAt: 1_500_000, retryAt: 1_560_000 })
    const next = make(down)
    next.clock.setWall(1_510_000)
    next.handle.restore(saved)
    expect(next.handle.state).toBe('open')
    expect(next.handle.stats.retryAfterMs).toBe(50_000)
  })

  it('3: one call that timed out aborts neither a concurrent one nor a later one', async () => {
    const clock = new FakeClock()
    const registry = new ServiceRegistry({ clock, circuit: { timeoutMs: 100 } })
    registry.register({ service: 'work', name: 'alpha', provider: {} })
    const signals: AbortSignal[] = []
    const call = () =>
      watch(
        registry.call('work', {}, (_, { signal }) => {
          signals.push(signal)
          return new Promise(() => {})
        }),
      )
    const first = call()
    await clock.advance(60)
    call()
    await clock.advance(40)
    call()
    expect(first.state).toBe('rejected')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, false])
    expect(
      (registry.circuit('alpha').opossum as unknown as { getSignal(): unknown }).getSignal(),
    ).toBeUndefined()
  })

  it("4: a caller's abort or mistake is no success: it does not close a half-open circuit", async () => {
    for (const error of [
      new DOMException('stop', 'AbortError'),
      Object.assign(new Error('bad'), { status: 400 }),
    ]) {
      const { clock, ask, handle, events } = make(() => Promise.reject(error), {
        successThreshold: 1,
      })
      handle.trip(100, 'test')
      await clock.advance(100)
      await expect(ask()).rejects.toBe(error)
      expect(handle.state).toBe('half-open')
      expect(handle.stats).toMatchObject({ successes: 0, failures: 0, neutral: 1 })
      expect(events).toEqual(['open', 'fire'])
    }
  })

  it('5: a call from before the opening that succeeds later does not close it', async () => {
    const slow = deferred()
    const { clock, ask, handle, events } = make(() => slow.promise, { successThreshold: 1 })
    const answer = watch(ask())
    await clock.advance(0)
    handle.trip(100, 'test')
    await clock.advance(100)
    slow.resolve('late')
    await clock.advance(0)
    expect(answer).toEqual({ state: 'fulfilled', value: 'late' })
    expect(handle.state).toBe('half-open')
    expect(events).toEqual(['fire', 'open', 'success'])
  })

  it('6 and 13 and 14: no timers, no latencies and no percentiles of its own', async () => {
    const interval = vi.spyOn(globalThis, 'setInterval')
    const timeout = vi.spyOn(globalThis, 'setTimeout')
    const { ask, handle, opossum } = make(async () => 'fine')
    for (let turn = 0; turn < 300; turn++) await ask()
    handle.trip(100, 'test')
    handle.reset()
    expect(interval).not.toHaveBeenCalled()
    expect(timeout).not.toHaveBeenCalled()
    const { latencyTimes, latencyMean, percentiles } = opossum.stats
    expect({ latencyTimes, latencyMean }).toEqual({ latencyTimes: [], latencyMean: -1 })
    expect(Object.values(percentiles).every((value) => value === -1)).toBe(true)
    expect(opossum.status.window.every((bucket) => bucket.latencyTimes?.length === 0)).toBe(true)
    expect(handle.stats.latency.count).toBeGreaterThan(100)
  })

  it('7: options that were passed are neither changed nor needed later; frozen ones work', async () => {
    const circuit = { failureThreshold: 2, backoff: { factor: 3 } }
    const frozen = Object.freeze({ ...circuit, backoff: Object.freeze({ ...circuit.backoff }) })
    const { handle, opossum } = make(down, frozen)
    expect(opossum).toBeInstanceOf(CircuitBreaker)
    expect(frozen).toEqual(circuit)
    const shared = { ...circuit }
    const other = make(down, shared)
    shared.failureThreshold = 100
    for (const { recordFailure } of [handle, other.handle].map((one) => ({
      recordFailure: () => one.recordFailure(),
    }))) {
      recordFailure()
      recordFailure()
    }
    expect([handle.state, other.handle.state]).toEqual(['open', 'open'])
  })

  it('8: a success listener that throws changes neither the result nor the count', async () => {
    const { ask, handle, opossum, registry } = make(async () => 'fine', { failureThreshold: 1 })
    const reported: unknown[] = []
    registry.on('listener.failed', ({ event, error }) => reported.push([event, error]))
    const boom = new Error('boom')
    opossum.on('success', () => {
      throw boom
    })
    expect(await ask()).toBe('fine')
    expect(handle.stats).toMatchObject({ state: 'closed', successes: 1, failures: 0 })
    expect(reported).toEqual([['success', boom]])
  })

  it('9: a slow failing call whose fire has left the window does not open it', async () => {
    const slow = deferred()
    const { clock, ask, handle, opossum } = make(() => slow.promise, {
      errorRatio: 1,
      minimumCalls: 2,
      timeoutMs: 60_000,
    })
    const answer = watch(ask())
    await clock.advance(15_000)
    slow.reject(new Error('down'))
    await clock.advance(0)
    expect(answer.state).toBe('rejected')
    expect(opossum.stats).toMatchObject({ fires: 0, failures: 1 })
    expect(handle.state).toBe('closed')
  })

  it('10: a slot is held until the work settles, and shed load is no failure', async () => {
    let running = 0
    let most = 0
    const ends: (() => void)[] = []
    const work = async (): Promise<void> => {
      running += 1
      most = Math.max(most, running)
      await new Promise<void>((resolve) => ends.push(resolve))
      running -= 1
    }
    const { clock, registry, handle } = make(work, { timeoutMs: 100, failureThreshold: 2 }, 1)
    const llm = registry.client('llm', {}, { attempts: 1 })
    const calls = [watch(llm.ask())]
    await clock.advance(100)
    for (let turn = 0; turn < 3; turn++) {
      calls.push(watch(llm.ask()))
      await clock.advance(100)
    }
    expect(calls.map(({ state }) => state)).toEqual(Array(4).fill('rejected'))
    expect(most).toBe(1)
    expect(handle.stats).toMatchObject({ state: 'closed', failures: 1, calls: 1 })
    ends[0]?.()
    await clock.advance(0)
    const last = watch(llm.ask())
    await clock.advance(0)
    ends[1]?.()
    await clock.advance(0)
    expect(last.state).toBe('fulfilled')
    expect(handle.stats).toMatchObject({ failures: 1, successes: 1 })
  })

  it('11: a hung probe does not keep it half-open for ever', async () => {
    const { clock, ask, handle } = make(() => new Promise(() => {}), {
      timeoutMs: Number.POSITIVE_INFINITY,
      probeLeaseMs: 5_000,
      recoveryTimeoutMs: 1_000,
    })
    handle.trip(100, 'test')
    await clock.advance(100)
    watch(ask())
    await clock.advance(4_999)
    expect(handle.state).toBe('half-open')
    expect(() => handle.check()).toThrow('is half-open')
    await clock.advance(1)
    expect(handle.state).toBe('open')
    await clock.advance(1_000)
    expect(handle.state).toBe('half-open')
    expect(() => handle.check()).not.toThrow()
  })

  it('11: nor where calls have no time-out and nothing is said about the lease', async () => {
    const { clock, ask, handle } = make(() => new Promise(() => {}), {
      timeoutMs: Number.POSITIVE_INFINITY,
    })
    handle.trip(100, 'test')
    await clock.advance(100)
    watch(ask())
    await clock.advance(86_400_000)
    expect(() => handle.check()).not.toThrow()
  })

  it('12: a health check ends with the provider, and what it opened can close again', async () => {
    const { clock, handle, opossum, registry } = make(async () => 'fine', { failureThreshold: 1 })
    let asked = 0
    opossum.healthCheck(async () => {
      asked += 1
      throw new Error('unwell')
    }, 100)
    await clock.advance(100)
    expect(handle.state).toBe('open')
    expect(handle.stats.retryAfterMs).toBeLessThan(Number.POSITIVE_INFINITY)
    const before = asked
    registry.unregister('alpha')
    await clock.advance(10_000)
    expect(asked).toBe(before)
  })

  it('12: a check that is under way when the provider leaves is not counted', async () => {
    const { clock, opossum, registry } = make(async () => 'fine', { failureThreshold: 1 })
    const opened: unknown[] = []
    registry.on('circuit.opened', (event) => opened.push(event))
    const check = deferred<void>()
    opossum.healthCheck(() => check.promise, 100)
    registry.unregister('alpha')
    check.reject(new Error('unwell'))
    await clock.advance(0)
    expect(opened).toEqual([])
  })
})
