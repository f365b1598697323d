import { Readable } from 'node:stream'
import CircuitBreaker from 'opossum'
import { describe, expect, it, vi } from 'vitest'
import type { FedBreaker } from '../../src/guard/opossum.js'
import { ServiceRegistry } from '../../src/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { seededRandom } from '../../src/testing/seeded-random.js'
import { deferred, type RigOptions, rig, watch } from './rig.js'

const events = [
  'fire',
  'success',
  'failure',
  'timeout',
  'reject',
  'open',
  'halfOpen',
  'close',
  'fallback',
  'semaphoreLocked',
  'healthCheckFailed',
  'shutdown',
]

/** A guard whose breaker is listened to. */
function attended(options: RigOptions = {}) {
  const own = rig(options)
  const breaker = own.guard.breaker as unknown as CircuitBreaker & FedBreaker
  const heard: string[] = []
  const payloads: unknown[][] = []
  for (const event of events)
    breaker.on(event as 'fire', (...args: unknown[]) => {
      heard.push(event)
      payloads.push([event, ...args])
    })
  const counts = () => {
    const { fires, successes, failures, timeouts, rejects, semaphoreRejections, fallbacks } =
      breaker.stats
    return { fires, successes, failures, timeouts, rejects, semaphoreRejections, fallbacks }
  }
  const take = (): string[] => heard.splice(0)
  return { ...own, breaker, heard, payloads, counts, take }
}

const none = {
  fires: 0,
  successes: 0,
  failures: 0,
  timeouts: 0,
  rejects: 0,
  semaphoreRejections: 0,
  fallbacks: 0,
}

describe('what is published, as rule 3.8 lists it', () => {
  it('success = fire, success', async () => {
    const { call, take, counts, payloads, clock } = attended()
    const work = deferred()
    const answer = watch(call(() => work.promise))
    await clock.advance(7)
    work.resolve('fine')
    await clock.advance(0)
    expect(answer).toEqual({ state: 'fulfilled', value: 'fine' })
    expect(take()).toEqual(['fire', 'success'])
    expect(payloads[1]).toEqual(['success', 'fine', 7])
    expect(counts()).toEqual({ ...none, fires: 1, successes: 1 })
  })

  it('failure = fire, failure; and opens after the failure was told and counted', () => {
    const { fail, take, counts, payloads, breaker } = attended({ circuit: { failureThreshold: 2 } })
    const error = new Error('down')
    let failuresAtOpen = -1
    let stateAtFailure = ''
    breaker.on('open', () => {
      failuresAtOpen = breaker.stats.failures
    })
    breaker.on('failure', () => {
      stateAtFailure = breaker.opened ? 'open' : 'closed'
    })
    fail(1, error)
    expect(take()).toEqual(['fire', 'failure'])
    expect(payloads[1]).toEqual(['failure', error, 0, []])
    fail(1, error)
    expect(take()).toEqual(['fire', 'failure', 'open'])
    expect(counts()).toEqual({ ...none, fires: 2, failures: 2 })
    expect({ failuresAtOpen, stateAtFailure }).toEqual({
      failuresAtOpen: 2,
      stateAtFailure: 'closed',
    })
  })

  it('time-out = fire, timeout, failure', async () => {
    const { call, clock, take, counts, payloads } = attended({ circuit: { timeoutMs: 50 } })
    const answer = watch(call(() => new Promise(() => {})))
    await clock.advance(50)
    expect(answer.state).toBe('rejected')
    expect(take()).toEqual(['fire', 'timeout', 'failure'])
    expect(payloads[1]).toEqual(['timeout', answer.value, 50, []])
    expect(counts()).toEqual({ ...none, fires: 1, failures: 1, timeouts: 1 })
  })

  it('refused = fire, reject', () => {
    const { call, take, counts, guard, payloads } = attended()
    guard.trip(100, 'test')
    take()
    expect(() => call(() => 'never')).toThrow(
      "Circuit breaker 'alpha' is open, service unavailable",
    )
    expect(take()).toEqual(['fire', 'reject'])
    expect(payloads.at(-1)?.[1]).toMatchObject({ name: 'CircuitOpenError' })
    expect(counts()).toEqual({ ...none, fires: 1, rejects: 1 })
  })

  it('saturated = semaphoreLocked, and no failure', () => {
    const { call, take, counts } = attended({ concurrency: 1, circuit: { failureThreshold: 1 } })
    call(() => new Promise(() => {}))
    for (let turn = 0; turn < 5; turn++) expect(() => call(() => 1)).toThrow('1 calls in flight')
    expect(take()).toEqual(['fire', ...Array(5).fill('semaphoreLocked')])
    expect(counts()).toEqual({ ...none, fires: 1, semaphoreRejections: 5 })
  })

  it('neutral = fire', () => {
    const { fail, take, counts } = attended({ circuit: { failureThreshold: 1 } })
    fail(3, Object.assign(new Error('bad'), { status: 400 }))
    expect(take()).toEqual(['fire', 'fire', 'fire'])
    expect(counts()).toEqual({ ...none, fires: 3 })
  })

  it('cooling and draining are refusals too', () => {
    const { fail, call, take, counts, guard } = attended()
    fail(1, Object.assign(new Error('slow down'), { status: 429 }))
    expect(() => call(() => 1)).toThrow('asked for a pause')
    guard.draining = true
    expect(() => call(() => 1)).toThrow('draining')
    expect(take()).toEqual(['fire', 'fire', 'reject', 'fire', 'reject'])
    expect(counts()).toEqual({ ...none, fires: 3, rejects: 2 })
  })

  it('late = as its outcome, without a transition', async () => {
    const { call, guard, take, clock, counts, breaker } = attended({
      circuit: { failureThreshold: 1, recoveryTimeoutMs: 100, successThreshold: 1 },
    })
    const [good, bad] = [deferred(), deferred()]
    call(() => good.promise)
    watch(call(() => bad.promise))
    guard.trip(100, 'test')
    await clock.advance(100)
    take()
    good.resolve('late')
    bad.reject(new Error('late'))
    await clock.advance(0)
    expect(take()).toEqual(['success', 'failure'])
    expect(breaker.halfOpen).toBe(true)
    expect(counts()).toEqual({ ...none, fires: 2, successes: 1, failures: 1 })
  })

  it('a failed health check = healthCheckFailed, no call; it counts for the circuit', () => {
    const { guard, take, counts, payloads } = attended({ circuit: { failureThreshold: 2 } })
    const error = new Error('unwell')
    guard.recordFailedCheck(error)
    expect(payloads).toEqual([['healthCheckFailed', error]])
    guard.recordFailedCheck(error)
    expect(take()).toEqual(['healthCheckFailed', 'healthCheckFailed', 'open'])
    expect(counts()).toEqual(none)
    expect(guard.stats()).toMatchObject({ calls: 0, failures: 0, state: 'open' })
  })

  it('outcomes recorded by hand are calls', () => {
    const { guard, take, counts, payloads } = attended({ circuit: { failureThreshold: 2 } })
    guard.recordOutcome('success')
    guard.recordOutcome('failure', 'why')
    guard.recordOutcome('failure')
    expect(take()).toEqual(['fire', 'success', 'fire', 'failure', 'fire', 'failure', 'open'])
    expect(payloads[0]).toEqual(['fire', []])
    expect(payloads[3]).toEqual(['failure', 'why', 0, []])
    expect(payloads[5]).toEqual(['failure', new Error('a failure was recorded'), 0, []])
    expect(counts()).toEqual({ ...none, fires: 3, successes: 1, failures: 2 })
  })

  it('half-opening is told once, immediately before the first admission, and closing after the last probe', async () => {
    const { guard, succeed, take, clock, breaker, payloads } = attended({
      circuit: { recoveryTimeoutMs: 100, successThreshold: 2 },
    })
    guard.trip(100, 'test')
    await clock.advance(100)
    expect(take()).toEqual(['open'])
    expect(breaker.halfOpen).toBe(true)
    succeed()
    expect(take()).toEqual(['halfOpen', 'fire', 'success'])
    expect(payloads[1]).toEqual(['halfOpen', 100])
    succeed()
    expect(take()).toEqual(['fire', 'close', 'success'])
  })

  it('a hung probe that expired is told as an opening before the next admission', async () => {
    const { guard, call, succeed, take, clock, told } = attended({
      circuit: { recoveryTimeoutMs: 100, timeoutMs: 10_000, probeLeaseMs: 500 },
    })
    guard.trip(100, 'test')
    await clock.advance(100)
    call(() => new Promise(() => {}))
    take()
    await clock.advance(550)
    expect(() => call(() => 1)).toThrow('is open')
    expect(take()).toEqual(['fire', 'reject']) // a refusal reads, and reading changes nothing
    await clock.advance(50)
    succeed()
    expect(take()).toEqual(['open', 'halfOpen', 'fire', 'success'])
    const reopened = told.filter(({ what }) => what === 'transition')[2]
    expect(reopened).toMatchObject({
      transition: { to: 'open', at: 600 },
      retryAfterMs: 0, // of its rest nothing is left by now
    })
  })
})

describe('getters and toJSON', () => {
  it('is a real opossum breaker, named and grouped', () => {
    const { breaker } = attended()
    expect(breaker).toBeInstanceOf(CircuitBreaker)
    expect(breaker.name).toBe('alpha')
    expect(breaker.group).toBe('llm')
    expect(breaker.volumeThreshold).toBe(0)
    expect(breaker.warmUp).toBe(false)
    expect(breaker.status).toBeInstanceOf(
      CircuitBreaker.newStatus({ rotateBucketController: breaker } as never).constructor,
    )
  })

  it('shows its settings in opossum words', () => {
    const { breaker } = attended({
      circuit: { timeoutMs: 7, recoveryTimeoutMs: 9, errorRatio: 0.25, minimumCalls: 3 },
    })
    expect((breaker as unknown as { options: object }).options).toMatchObject({
      timeout: 7,
      resetTimeout: 9,
      errorThresholdPercentage: 25,
      volumeThreshold: 3,
      rollingCountTimeout: 10_000,
      rollingCountBuckets: 10,
    })
    const endless = attended({ circuit: { timeoutMs: Number.POSITIVE_INFINITY } })
    expect((endless.breaker as unknown as { options: object }).options).toMatchObject({
      timeout: false,
    })
  })

  it('state getters are read from the clock', async () => {
    const { guard, breaker, clock } = attended()
    const states = () => [breaker.closed, breaker.opened, breaker.halfOpen, breaker.pendingClose]
    expect(states()).toEqual([true, false, false, false])
    guard.trip(100, 'test')
    expect(states()).toEqual([false, true, false, false])
    await clock.advance(100)
    expect(states()).toEqual([false, false, true, true])
    guard.reset()
    expect(states()).toEqual([true, false, false, false])
  })

  it('toJSON says when it opened, in wall time', async () => {
    const { guard, breaker, clock, succeed } = attended({ clock: new FakeClock(1_000) })
    clock.setWall(5_000_000)
    succeed()
    expect(breaker.toJSON()).toMatchObject({
      state: {
        name: 'alpha',
        enabled: true,
        closed: true,
        open: false,
        halfOpen: false,
        warmUp: false,
        shutdown: false,
        lastTimerAt: undefined,
      },
      status: { fires: 1, successes: 1 },
    })
    await clock.advance(250)
    guard.trip(100, 'test')
    await clock.advance(50)
    expect(breaker.toJSON().state).toMatchObject({ open: true, lastTimerAt: 5_000_250 })
  })

  it('marks the bucket in which it opened, as opossum does', async () => {
    const { guard, breaker, clock } = attended()
    guard.trip(100, 'test')
    expect(breaker.status.window[0]).toMatchObject({ isCircuitBreakerOpen: true })
    await clock.advance(1_000)
    expect(breaker.status.window[1]).toMatchObject({ isCircuitBreakerOpen: true })
    guard.recordOutcome('success')
    expect(breaker.halfOpen).toBe(true)
    expect(breaker.status.window[0]).not.toHaveProperty('isCircuitBreakerOpen')
    guard.reset()
    expect(breaker.status.window[0]).toMatchObject({ isCircuitBreakerOpen: false })
  })
})

describe('control by hand', () => {
  it("a user's open() isolates, close() resets", async () => {
    const { guard, breaker, clock, take } = attended()
    breaker.open()
    breaker.open()
    await clock.advance(1e9)
    expect(guard.state()).toBe('open')
    expect(guard.stats().reason).toBe('opened by hand')
    breaker.close()
    breaker.close()
    expect(guard.state()).toBe('closed')
    expect(take()).toEqual(['open', 'close'])
  })

  it('fire(fn, ...args) is one guarded call', async () => {
    const { guard, breaker, take, payloads } = attended({ circuit: { failureThreshold: 2 } })
    expect(await breaker.fire((a: number, b: number) => a + b, 1, 2)).toBe(3)
    expect(take()).toEqual(['fire', 'success'])
    expect(payloads[0]).toEqual(['fire', [1, 2]])
    const down = () => Promise.reject(new Error('down'))
    await expect(breaker.fire(down)).rejects.toThrow('down')
    await expect(breaker.fire(down)).rejects.toThrow('down')
    await expect(breaker.fire(down)).rejects.toThrow('is open')
    expect(guard.stats()).toMatchObject({ calls: 3, failures: 2, refusals: 1, state: 'open' })
  })

  it('call(context, fn, ...args) runs fn on the context', async () => {
    const { breaker } = attended()
    const context = { word: 'hello' }
    const said = await breaker.call(
      context,
      function (this: typeof context, end: string) {
        return this.word + end
      },
      '!',
    )
    expect(said).toBe('hello!')
    await expect(breaker.fire('no function')).rejects.toThrow(
      "fire expects a function to run through 'alpha'",
    )
  })

  it('fallback answers instead of a failure or a refusal, and is counted', async () => {
    const { breaker, guard, take, counts, payloads } = attended()
    const error = new Error('down')
    breaker.fallback((a: unknown, why: unknown) => `${a} because ${(why as Error).message}`)
    expect(await breaker.fire(() => Promise.reject(error), 'x')).toBe('x because down')
    expect(take()).toEqual(['fire', 'failure', 'fallback'])
    expect(payloads[2]).toEqual(['fallback', 'x because down', error])
    guard.trip(100, 'test')
    expect(await breaker.fire(() => 1, 'y')).toContain('y because Circuit breaker')
    expect(counts()).toEqual({ ...none, fires: 2, failures: 1, rejects: 1, fallbacks: 2 })
  })

  it('fallback takes another breaker, as opossum does', async () => {
    const first = attended()
    const second = attended()
    first.breaker.fallback(second.breaker)
    second.breaker.fallback(() => 'second')
    const down = () => Promise.reject(new Error('down'))
    // The other one is fired with the arguments and the error; here the first of them is the work.
    expect(await first.breaker.fire(down, () => 'from the second')).toBe('from the second')
    expect(second.take()).toEqual(['fire', 'success'])
  })

  it('a fallback that fails is what the caller gets', async () => {
    const { breaker, counts } = attended()
    breaker.fallback(() => {
      throw new Error('worse')
    })
    await expect(breaker.fire(() => Promise.reject(new Error('down')))).rejects.toThrow('worse')
    expect(counts()).toMatchObject({ failures: 1, fallbacks: 0 })
  })

  it('disabled, fire runs unguarded until enabled', async () => {
    const { breaker, guard, take } = attended({ circuit: { failureThreshold: 1 } })
    breaker.disable()
    expect(breaker.enabled).toBe(false)
    await expect(breaker.fire(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(guard.state()).toBe('closed')
    breaker.enable()
    expect(breaker.enabled).toBe(true)
    await expect(breaker.fire(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(guard.state()).toBe('open')
    expect(take()).toEqual(['fire', 'failure', 'open'])
  })

  it('shut down, it admits nothing, tells only that, and drops its listeners', async () => {
    const { breaker, guard, take, call } = attended()
    let ran = false
    breaker.shutdown()
    expect(take()).toEqual(['shutdown'])
    const states = [breaker.isShutdown, breaker.closed, breaker.opened, breaker.halfOpen]
    expect(states).toEqual([true, false, false, false])
    const work = () => {
      ran = true
    }
    await expect(breaker.fire(work)).rejects.toThrow('is open, service unavailable')
    expect(() => call(work)).toThrow('is open')
    expect(ran).toBe(false)
    expect(guard.stats().reason).toBe('shut down')
    expect(breaker.listenerCount('fire')).toBe(0)
    breaker.enable()
    breaker.close()
    expect(breaker.closed).toBe(true)
    expect(await breaker.fire(() => 'back')).toBe('back')
  })

  it('healthCheck asks at once and every interval, and each failure counts as one', async () => {
    const { breaker, guard, take, clock } = attended({
      circuit: { failureThreshold: 3, recoveryTimeoutMs: 1e6 },
    })
    let asked = 0
    let well = false
    breaker.healthCheck(async () => {
      asked += 1
      if (!well) throw new Error('unwell')
    }, 100)
    await clock.advance(0)
    expect({ asked, state: guard.state() }).toEqual({ asked: 1, state: 'closed' })
    await clock.advance(100)
    well = true
    await clock.advance(100)
    well = false
    await clock.advance(100)
    expect(asked).toBe(4)
    expect(guard.state()).toBe('open')
    expect(take()).toEqual([...Array(3).fill('healthCheckFailed'), 'open'])
    breaker.shutdown()
    await clock.advance(1_000)
    expect(asked).toBe(4)
    expect(() => breaker.healthCheck('no' as never)).toThrow('must be a function')
    for (const wrong of [Number.NaN, 0, -1])
      expect(() => breaker.healthCheck(async () => {}, wrong)).toThrow('must be a number above 0')
  })

  it('one health check replaces the other', async () => {
    const { breaker, clock } = attended()
    const asked: string[] = []
    breaker.healthCheck(async () => void asked.push('a'), 100)
    breaker.healthCheck(async () => void asked.push('b'), 100)
    await clock.advance(200)
    expect(asked).toEqual(['a', 'b', 'b', 'b'])
  })
})

describe('the rolling window', () => {
  type Bucket = { readonly successes: number }

  /** Latencies are the one thing left out on purpose: opossum hoards them although nobody asks. */
  const buckets = (window: object[]): Bucket[] =>
    window.map((one) => ({ ...(one as Bucket), latencyTimes: [] }))
  const withoutSuccesses = (bucket: Bucket) => ({ ...bucket, successes: 0 })
  const successes = (window: Bucket[], newest: number): number =>
    window.slice(0, newest).reduce((sum, bucket) => sum + bucket.successes, 0)

  /** opossum's own, fed at each call and rotated on the second. */
  function fedAtEachCall() {
    const status = CircuitBreaker.newStatus({
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: { listenerCount: () => 1, removeListener() {}, on() {} } as never,
    }) as unknown as {
      increment(counter: string): void
      rotateBucket(): void
      readonly stats: CircuitBreaker.Stats
      readonly window: object[]
    }
    return status
  }

  it.each([
    ['listened to', true],
    ['unheard', false],
  ])(
    'shows what feeding it at each call would show over hours, %s',
    async (_, heard) => {
      const chance = seededRandom(42)
      const pick = (count: number): number => Math.floor(chance() * count)
      const { clock, call, fail, guard } = rig({
        heard,
        circuit: { failureThreshold: 1_000_000, timeoutMs: 2_500 },
        concurrency: 40,
      })
      const truth = fedAtEachCall()
      const { breaker } = guard
      const pending: { work: ReturnType<typeof deferred>; due: number }[] = []
      const counted: string[] = []
      const count = (...counters: string[]): void => {
        counted.push(...counters)
      }
      const flush = (): void => {
        for (const counter of counted.splice(0)) truth.increment(counter)
      }
      for (let turn = 0; turn < 3_000; turn++) {
        const kind = pick(7)
        if (kind === 0) {
          fail()
          count('fires', 'failures')
        } else if (kind === 1) {
          call(() => 'sync')
          count('fires', 'successes')
        } else if (kind === 2) {
          fail(1, Object.assign(new Error('bad'), { status: 422 }))
          count('fires')
        } else if (kind === 3 && guard.slots < 40) {
          const work = deferred()
          watch(call(() => work.promise))
          count('fires')
          pending.push({ work, due: clock.now() + 2_500 })
        } else if (pending.length > 0) {
          const [{ work }] = pending.splice(pick(pending.length), 1) as [(typeof pending)[0]]
          work.resolve('done')
          await clock.advance(0)
          count('successes')
        }
        flush()
        // Time passes in steps that end on seconds, so that both windows turn at the same moments.
        let left = [0, 3, 40, 170, 999, 1_000, 4_000][pick(7)] as number
        while (left > 0) {
          const step = Math.min(left, 1_000 - (clock.now() % 1_000))
          const until = clock.now() + step
          for (const one of pending.filter(({ due }) => due < until)) {
            pending.splice(pending.indexOf(one), 1)
            count('timeouts', 'failures')
          }
          flush()
          if (until % 1_000 === 0) truth.rotateBucket()
          await clock.advance(step)
          for (const one of pending.filter(({ due }) => due <= until)) {
            pending.splice(pending.indexOf(one), 1)
            count('timeouts', 'failures')
          }
          flush()
          left -= step
        }
        if (pick(4) === 0) {
          const [own, real] = [buckets(breaker.status.window), buckets(truth.window)]
          if (heard) {
            expect(own).toEqual(real)
            expect(breaker.stats).toEqual(truth.stats)
          } else {
            // The end of a call that nobody hears of may be told up to 100 ms early.
            expect(own.map(withoutSuccesses)).toEqual(real.map(withoutSuccesses))
            for (let newest = 1; newest <= 10; newest++) {
              expect(successes(own, newest)).toBeLessThanOrEqual(successes(real, newest))
              expect(successes(own, newest)).toBeGreaterThanOrEqual(successes(real, newest - 1))
            }
          }
        }
      }
    },
    60_000,
  )

  it('has the end of a call in the bucket in which it ended, also without a time-out', async () => {
    const { clock, call, guard, succeed } = rig({
      heard: false,
      circuit: { timeoutMs: Number.POSITIVE_INFINITY },
    })
    succeed(129) // from here most ends of calls are not timed
    for (let turn = 0; turn < 9; turn++) {
      const work = deferred()
      call(() => work.promise)
      await clock.advance(12_000)
      work.resolve('late')
      await clock.advance(0)
      expect(guard.breaker.stats).toMatchObject({ fires: 0, successes: 1 })
    }
  })

  it('has the end of a platform stream in the bucket in which it ended', async () => {
    const { clock, call, guard, succeed } = rig({ heard: false, circuit: { timeoutMs: 1_000 } })
    succeed(128) // and the next one is not timed
    const source = new Readable({ read() {} })
    call(() => source)
    source.resume()
    await clock.advance(60_000)
    source.push(null)
    await clock.advance(0)
    expect(guard.breaker.stats).toMatchObject({ fires: 0, successes: 1 })
  })

  it('status and stats that were held are the live ones', async () => {
    const { clock, succeed, guard } = rig()
    const { status } = guard.breaker
    const held = status.stats
    succeed(3)
    expect(held.successes).toBe(0) // a copy, as opossum gives
    expect(status.stats.successes).toBe(3)
    expect(status.window[0]).toMatchObject({ fires: 3, successes: 3 })
    await clock.advance(1_000)
    expect(status.window[0]).toMatchObject({ fires: 0 })
    expect(status.window[1]).toMatchObject({ fires: 3 })
    await clock.advance(9_000)
    expect(status.stats.fires).toBe(0)
    expect(status.window).toHaveLength(10)
  })

  it('forgets everything after a long silence', async () => {
    const { clock, succeed, guard } = rig()
    succeed(3)
    await clock.advance(86_400_000)
    succeed(1)
    expect(guard.breaker.stats).toMatchObject({ fires: 1, successes: 1 })
  })

  it('keeps no latencies and no percentiles', () => {
    const { succeed, guard } = rig()
    succeed(1_000)
    expect(guard.breaker.stats).toMatchObject({ latencyTimes: [], latencyMean: -1 })
  })
})

describe('snapshots', () => {
  it('come from one shared rotation, only while somebody listens', async () => {
    const clock = new CountingClock()
    const registry = new ServiceRegistry<Record<string, { ask(): string }>>({ clock })
    const names = ['a', 'b', 'c']
    for (const name of names)
      registry.register({ service: 'llm', name, provider: { ask: () => name } })
    const breakers = names.map((name) => registry.circuit(name).opossum)
    await clock.advance(10_000)
    expect(clock.intervals).toBe(0)
    const seen: [string, number][] = []
    const listeners = breakers.map((breaker) => {
      const listener = (stats: CircuitBreaker.Stats): void =>
        void seen.push([breaker.name, stats.fires])
      breaker.status.on('snapshot', listener)
      return listener
    })
    expect(clock.intervals).toBe(1)
    registry.circuit('b').recordSuccess()
    await clock.advance(1_000)
    expect(seen).toEqual([
      ['a', 0],
      ['b', 1],
      ['c', 0],
    ])
    breakers[0]?.status.off('snapshot', listeners[0] as never)
    await clock.advance(1_000)
    expect(clock.intervals).toBe(1)
    expect(seen.slice(3)).toEqual([
      ['b', 1],
      ['c', 0],
    ])
    seen.length = 3
    for (const [at, breaker] of breakers.entries())
      breaker.status.off('snapshot', listeners[at] as never)
    await clock.advance(1_000)
    expect(clock.intervals).toBe(0)
    expect(seen).toHaveLength(3)
  })

  it.each(['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'] as const)(
    'begin with %s',
    async (method) => {
      const { clock, guard } = rig()
      let heard = 0
      guard.breaker.status[method]('snapshot', () => {
        heard += 1
      })
      await clock.advance(3_000)
      expect(heard).toBe(method.toLowerCase().includes('once') ? 1 : 3)
    },
  )

  it('a throwing or rejecting listener is reported and does not keep the others from hearing', async () => {
    const { clock, guard, told } = rig()
    let heard = 0
    guard.breaker.status.on('snapshot', () => {
      throw new Error('thrown')
    })
    guard.breaker.status.on('snapshot', () => Promise.reject(new Error('rejected')))
    guard.breaker.status.on('snapshot', () => {
      heard += 1
    })
    await clock.advance(1_000)
    expect(heard).toBe(1)
    expect(told).toEqual([
      { what: 'listener', event: 'snapshot', error: new Error('thrown') },
      { what: 'listener', event: 'snapshot', error: new Error('rejected') },
    ])
  })

  it('other listeners of the status arm nothing', async () => {
    const clock = new CountingClock()
    const { guard } = rig({ clock })
    guard.breaker.status.on('something', () => {})
    guard.breaker.status.prependListener('something', () => {})
    expect(clock.intervals).toBe(0)
  })

  it('end with the provider', async () => {
    const clock = new CountingClock()
    const registry = new ServiceRegistry({ clock })
    const handle = registry.register({ service: 'llm', name: 'a', provider: {} })
    registry.circuit('a').opossum.status.on('snapshot', () => {})
    expect(clock.intervals).toBe(1)
    handle.unregister()
    expect(clock.intervals).toBe(0)
  })
})

class CountingClock extends FakeClock {
  intervals = 0

  override every(ms: number, fn: () => void): () => void {
    this.intervals += 1
    const stop = super.every(ms, fn)
    let stopped = false
    return () => {
      if (!stopped) this.intervals -= 1
      stopped = true
      stop()
    }
  }
}

describe('listeners', () => {
  it('that throw or reject change no outcome, no state and no other listener', async () => {
    const { guard, call, told, clock } = rig({ circuit: { failureThreshold: 2 } })
    const { breaker } = guard
    const heard: string[] = []
    for (const event of ['fire', 'success', 'failure', 'open']) {
      breaker.on(event, () => {
        throw new Error(`thrown at ${event}`)
      })
      breaker.on(event, () => Promise.reject(new Error(`rejected at ${event}`)))
      breaker.on(event, () => void heard.push(event))
    }
    expect(await call(async () => 'fine')).toBe('fine')
    for (let turn = 0; turn < 2; turn++)
      await expect(call(() => Promise.reject(new Error('down')))).rejects.toThrow('down')
    await clock.advance(0)
    expect(heard).toEqual(['fire', 'success', 'fire', 'failure', 'fire', 'failure', 'open'])
    expect(guard.stats()).toMatchObject({ successes: 1, failures: 2, state: 'open' })
    expect(told.filter(({ what }) => what === 'listener')).toHaveLength(14)
    expect(told).toContainEqual({
      what: 'listener',
      event: 'open',
      error: new Error('rejected at open'),
    })
  })

  it('are heard whichever way they were attached, and once means once', () => {
    const { guard, succeed } = rig()
    const heard: string[] = []
    const { breaker } = guard
    breaker.addListener('success', () => void heard.push('addListener'))
    breaker.prependListener('success', () => void heard.push('prepend'))
    breaker.once('success', () => void heard.push('once'))
    breaker.prependOnceListener('success', () => void heard.push('prependOnce'))
    succeed(2)
    expect(heard).toEqual([
      'prependOnce',
      'prepend',
      'addListener',
      'once',
      'prepend',
      'addListener',
    ])
  })

  it.each(['addListener', 'prependListener', 'once', 'prependOnceListener'] as const)(
    'attached with %s alone are heard',
    (method) => {
      const { guard, succeed } = rig()
      let heard = 0
      guard.breaker[method]('success', () => {
        heard += 1
      })
      succeed()
      expect(heard).toBe(1)
    },
  )

  it('may change things at once, and the call goes on as it was admitted', () => {
    const { guard, call } = rig()
    guard.breaker.on('fire', () => guard.isolate('from a listener'))
    expect(call(() => 'fine')).toBe('fine')
    expect(guard.state()).toBe('open')
  })

  it('attached to a circuit of the registry hear the calls of its guarded instance', async () => {
    const clock = new FakeClock()
    const registry = new ServiceRegistry<{ llm: { ask(word: string): Promise<string> } }>({ clock })
    registry.register({
      service: 'llm',
      name: 'echo',
      provider: { ask: async (word) => word },
    })
    const { opossum } = registry.circuit('echo')
    const heard: unknown[] = []
    opossum.on('fire', (args) => heard.push(['fire', args]))
    opossum.on('success', (result) => heard.push(['success', result]))
    const llm = await registry.requireService('llm')
    expect(await llm.ask('hello')).toBe('hello')
    expect(heard).toEqual([
      ['fire', ['hello']],
      ['success', 'hello'],
    ])
    expect(registry.circuit('echo').opossum).toBe(opossum)
  })

  it('that nobody attached cost nothing: no event is even made', async () => {
    const { guard, succeed, fail, clock, call } = rig({ concurrency: 1 })
    const emit = vi.spyOn(guard.breaker, 'emit')
    succeed()
    fail(5)
    expect(() => call(() => 1)).toThrow('is open')
    guard.recordFailedCheck(new Error('unwell'))
    guard.reset()
    watch(call(() => new Promise(() => {})))
    expect(() => call(() => 1)).toThrow('calls in flight')
    await clock.advance(30_000)
    expect(emit).not.toHaveBeenCalled()
  })

  it('emit says whether anybody heard', () => {
    const { guard } = rig()
    const { breaker } = guard
    expect(breaker.emit('success')).toBe(false)
    breaker.on('success', () => {})
    expect(breaker.emit('success')).toBe(true)
  })

  it('of the original are gone: no timer is armed at an opening', () => {
    const { guard } = rig()
    expect(guard.breaker.eventNames()).toEqual([])
  })

  it('hear nothing more once the provider has left', async () => {
    const { guard, call, clock } = attended()
    const work = deferred()
    const answer = watch(call(() => work.promise))
    const heard: string[] = []
    guard.breaker.on('success', () => void heard.push('success'))
    guard.retire()
    work.resolve('fine')
    await clock.advance(0)
    expect(answer.state).toBe('fulfilled')
    expect(heard).toEqual([])
  })
})
