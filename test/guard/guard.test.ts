import { describe, expect, it } from 'vitest'
import {
  CircuitOpenError,
  isSwitchgearError,
  SaturatedError,
  UnavailableError,
} from '../../src/core/errors.js'
import type { Permit } from '../../src/guard/circuit.js'
import { circuitSettings } from '../../src/model/parse/circuit.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { deferred, facts, rig, watch } from './rig.js'

describe('admission', () => {
  it('says why it refuses, in order: draining, circuit, pause, slots', async () => {
    const { guard, fail, clock } = rig({ concurrency: 1, circuit: { recoveryTimeoutMs: 100 } })
    expect(guard.refusal(0)).toBeUndefined()
    expect(guard.calm).toBe(true)
    guard.begin(facts, [], 0)
    expect(guard.refusal(0)).toEqual({ reason: 'saturated' })
    expect(guard.calm).toBe(false)
    guard.release(guard.usage)
    fail(1, Object.assign(new Error(), { status: 429, headers: { 'retry-after': '60' } }))
    guard.begin(facts, [], 60_000)
    expect(guard.refusal(0)).toEqual({ reason: 'cooling', retryAfterMs: 60_000 })
    guard.trip(100, 'test')
    expect(guard.refusal(30)).toEqual({ reason: 'circuit-open', retryAfterMs: 70 })
    guard.draining = true
    expect(guard.refusal(0)).toEqual({ reason: 'draining' })
    expect(guard.calm).toBe(false)
    expect(guard.admitsAt(clock.now())).toBe(Number.POSITIVE_INFINITY)
  })

  it('refuses with an error that says by whom, why and when to come again', async () => {
    const { guard, call, clock, told } = rig({
      concurrency: 1,
      circuit: { recoveryTimeoutMs: 100, probeLeaseMs: 700 },
    })
    const refused = (): unknown => {
      try {
        return call(() => 'admitted')
      } catch (error) {
        return error
      }
    }
    guard.trip(100, 'test')
    await clock.advance(40)
    expect(refused()).toBeInstanceOf(CircuitOpenError)
    expect(refused()).toMatchObject({
      provider: 'alpha',
      state: 'open',
      retryAfterMs: 60,
      retryable: true,
      message: "Circuit breaker 'alpha' is open, service unavailable",
    })
    await clock.advance(60)
    const probe = guard.admit(clock.now()) as Permit
    expect(refused()).toMatchObject({
      state: 'half-open',
      retryAfterMs: 1_000,
      message: "Circuit breaker 'alpha' is half-open, service unavailable",
    })
    guard.giveBack(probe)
    guard.isolate('test')
    expect(refused()).toMatchObject({ retryAfterMs: Number.POSITIVE_INFINITY })
    guard.reset()
    guard.begin(facts, [], clock.now())
    expect(refused()).toBeInstanceOf(SaturatedError)
    expect(refused()).toMatchObject({ provider: 'alpha', concurrency: 1 })
    guard.draining = true
    expect(refused()).toBeInstanceOf(UnavailableError)
    expect(refused()).toMatchObject({ reason: 'draining', retryable: false })
    expect(isSwitchgearError(refused())).toBe(true)
    expect(told.flatMap((one) => (one.what === 'refused' ? [one.refusal] : []))).toEqual([
      { reason: 'circuit-open', retryAfterMs: 60 },
      { reason: 'circuit-open', retryAfterMs: 60 },
      { reason: 'circuit-open', retryAfterMs: 1_000 },
      { reason: 'circuit-open', retryAfterMs: Number.POSITIVE_INFINITY },
      { reason: 'saturated' },
      { reason: 'saturated' },
      { reason: 'draining' },
      { reason: 'draining' },
      { reason: 'draining' },
    ])
    expect(guard.stats().refusals).toBe(9)
  })

  it('looking changes nothing', async () => {
    const { guard, clock, told, moves } = rig({ circuit: { recoveryTimeoutMs: 100 } })
    guard.trip(100, 'test')
    await clock.advance(100)
    const before = { told: told.length, moves: moves() }
    for (let turn = 0; turn < 50; turn++) {
      guard.refusal(clock.now())
      guard.admitsAt(clock.now())
      guard.state()
      guard.stats()
      guard.save()
      guard.openedAt()
      expect(guard.calm).toBe(false)
    }
    expect({ told: told.length, moves: moves() }).toEqual(before)
    expect(guard.admit(clock.now())).toBeDefined()
  })

  it('a reserved probe is used by the call that brings it', async () => {
    const { guard, clock } = rig({ circuit: { recoveryTimeoutMs: 100, successThreshold: 1 } })
    guard.trip(100, 'test')
    await clock.advance(100)
    const reserved = guard.admit(clock.now()) as Permit
    expect(() => guard.begin(facts, [], clock.now())).toThrow('is half-open')
    const attempt = guard.begin(facts, [], clock.now(), reserved)
    expect(attempt.permit).toBe(reserved)
    attempt.succeed('fine')
    expect(guard.state()).toBe('closed')
  })

  it('a reserved probe that ran out asks for admission anew', async () => {
    const { guard, clock } = rig({ circuit: { recoveryTimeoutMs: 100 } })
    guard.trip(100, 'test')
    await clock.advance(100)
    const reserved = guard.admit(clock.now()) as Permit
    await clock.advance(1_000)
    const attempt = guard.begin(facts, [], clock.now(), reserved)
    expect(attempt.permit).not.toBe(reserved)
    expect(() => guard.begin(facts, [], clock.now(), reserved)).toThrow('is half-open')
  })

  it('a permit of a closed circuit that closed again since is as good as a new one', async () => {
    const { guard } = rig()
    const reserved = guard.admit(0) as Permit
    guard.reset()
    const attempt = guard.begin(facts, [], 0, reserved)
    expect(attempt.permit).toBe(guard.circuit.permit)
  })

  it('a reserved probe does not outrank draining or full slots, and is given back', async () => {
    for (const block of ['draining', 'slots'] as const) {
      const { guard, clock } = rig({ circuit: { recoveryTimeoutMs: 100 }, concurrency: 1 })
      guard.trip(100, 'test')
      await clock.advance(100)
      const reserved = guard.admit(clock.now()) as Permit
      if (block === 'draining') guard.draining = true
      else guard.slots = 1
      expect(() => guard.begin(facts, [], clock.now(), reserved)).toThrow(
        block === 'draining' ? 'draining' : 'calls in flight',
      )
      expect(guard.circuit.admits(clock.now())).toBe(true)
    }
  })

  it('giving a permit of a closed circuit back is nothing', () => {
    const { guard, moves } = rig()
    guard.giveBack(guard.admit(0) as Permit)
    expect(moves()).toBe(0)
  })

  it('says that admission moved when the last probe is reserved and when it is given back', async () => {
    const { guard, clock, moves } = rig({ circuit: { recoveryTimeoutMs: 100 } })
    guard.trip(100, 'test')
    await clock.advance(100)
    const before = moves()
    const reserved = guard.admit(clock.now()) as Permit
    const reservedMoves = moves()
    expect(reservedMoves).toBeGreaterThan(before)
    guard.giveBack(reserved)
    expect(moves()).toBeGreaterThan(reservedMoves)
  })
})

describe('outcomes', () => {
  it('each call is told once, with its method, its number and how long it took', async () => {
    const { guard, clock, told } = rig()
    const named = { method: 'chat.create', number: 2 }
    const attempt = guard.begin(named, [], clock.now())
    await clock.advance(25)
    attempt.succeed('fine')
    expect(told).toEqual([{ what: 'succeeded', facts: named, durationMs: 25 }])
  })

  it('an end that nobody hears of is timed one time in eight after the first 128', () => {
    class ReadClock extends FakeClock {
      reads = 0
      override now(): number {
        this.reads += 1
        return super.now()
      }
    }
    const readsFor = (heard: boolean, attended = false): number => {
      const clock = new ReadClock()
      const { succeed, guard } = rig({ clock, heard })
      succeed(128)
      if (attended) guard.breaker.on('success', () => {})
      clock.reads = 0
      succeed(800)
      return clock.reads - 800 // each call reads it once to begin
    }
    expect([readsFor(false), readsFor(true), readsFor(false, true)]).toEqual([100, 800, 800])
  })

  it('the end of a call that was waited for need not be timed, that of one without a limit must', async () => {
    for (const [timeoutMs, known] of [
      [1_000, true],
      [Number.POSITIVE_INFINITY, false],
    ] as const) {
      const { call, succeed, clock, guard } = rig({ heard: false, circuit: { timeoutMs } })
      succeed(128)
      const work = deferred()
      const answer = watch(call(() => work.promise))
      await clock.advance(500)
      work.resolve('fine')
      await clock.advance(0)
      expect(answer.state).toBe('fulfilled')
      expect(guard.stats().latency.count).toBe(known ? 128 : 129)
    }
  })

  it('a pause until a date counts from our own clock where the answer has none', () => {
    const { fail, guard, clock } = rig()
    clock.setWall(Date.UTC(2030, 0, 1))
    const headers = { 'retry-after': 'Tue, 01 Jan 2030 00:00:45 GMT' }
    fail(1, Object.assign(new Error('slow down'), { status: 429, headers }))
    expect(guard.refusal(0)).toEqual({ reason: 'cooling', retryAfterMs: 45_000 })
  })

  it('only time-outs count as such', async () => {
    const { fail, call, clock, guard } = rig({ circuit: { timeoutMs: 10 } })
    fail(2)
    watch(call(() => new Promise(() => {})))
    await clock.advance(10)
    expect(guard.stats()).toMatchObject({ failures: 3, timeouts: 1 })
  })

  it('calls through the breaker have no method', async () => {
    const { guard, told } = rig()
    await guard.breaker.fire(() => 'fine')
    expect(told[0]).toMatchObject({ facts: { method: undefined, number: 1 } })
  })

  it('successes are told only where somebody listens', () => {
    const { succeed, told } = rig({ heard: false })
    succeed(300)
    expect(told).toEqual([])
  })

  it('counting is the same whether somebody listens or not', () => {
    for (const heard of [true, false]) {
      const { succeed, fail, guard } = rig({ heard })
      succeed(300)
      fail(3)
      succeed(297)
      expect(guard.stats()).toMatchObject({
        calls: 600,
        successes: 597,
        failures: 3,
        successRate: 0.995,
        consecutiveFailures: 0,
      })
      expect(guard.inFlight).toBe(0)
      expect(guard.breaker.stats).toMatchObject({ fires: 600, successes: 597, failures: 3 })
    }
  })

  it('credentials that were refused trip it for long, keep the reason, and say so once', () => {
    for (const failureThreshold of [1, 5]) {
      const { guard, fail, told } = rig({ circuit: { failureThreshold } })
      fail(1, Object.assign(new Error('who are you'), { status: 401 }))
      expect(guard.stats()).toMatchObject({
        state: 'open',
        retryAfterMs: 600_000,
        reason: 'its credentials were refused',
      })
      expect(told.filter(({ what }) => what === 'transition')).toMatchObject([
        {
          transition: { to: 'open', reason: 'its credentials were refused' },
          retryAfterMs: 600_000,
        },
      ])
    }
  })

  it('a refused credential of before the trip is late news', () => {
    const { guard, clock } = rig()
    const early = guard.begin(facts, [], clock.now())
    guard.reset()
    early.fail(Object.assign(new Error('who are you'), { status: 403 }))
    expect(guard.state()).toBe('closed')
  })

  it.each([
    ['timeout', 'failure'],
    ['transient', 'failure'],
    ['health-check', 'failure'],
    ['rate-limit', 'neutral'],
    ['bad-request', 'neutral'],
    ['aborted', 'neutral'],
    ['refused', 'neutral'],
    ['cancelled', 'neutral'],
  ] as const)('%s is %s to the circuit', (cause, weight) => {
    const { guard, fail } = rig({ circuit: { failureThreshold: 1 }, classify: () => cause })
    fail()
    expect(guard.circuit.stateAt(0)).toBe(weight === 'failure' ? 'open' : 'closed')
    expect(guard.stats()).toMatchObject(
      weight === 'failure' ? { failures: 1, neutral: 0 } : { failures: 0, neutral: 1 },
    )
  })

  it('a transition in the past says what is left of the rest now', async () => {
    const { guard, call, clock, told } = rig({
      circuit: { recoveryTimeoutMs: 1_000, probeLeaseMs: 100, timeoutMs: 1e6 },
    })
    guard.trip(0, 'test')
    watch(call(() => new Promise(() => {})))
    await clock.advance(400)
    guard.recordOutcome('success')
    expect(told.at(-1)).toMatchObject({
      transition: { to: 'open', at: 100 },
      retryAfterMs: 700,
    })
  })

  it('recorded outcomes count as calls and move the circuit', async () => {
    const { guard, clock } = rig({ circuit: { failureThreshold: 2, successThreshold: 1 } })
    guard.recordOutcome('failure', new Error('seen elsewhere'))
    guard.recordOutcome('success')
    expect(guard.stats()).toMatchObject({ calls: 2, failures: 1, successes: 1, state: 'closed' })
    guard.recordOutcome('failure')
    guard.recordOutcome('failure')
    expect(guard.state()).toBe('open')
    await clock.advance(60_000)
    guard.recordOutcome('success')
    expect(guard.state()).toBe('closed')
    expect(guard.inFlight).toBe(0)
  })
})

describe('control', () => {
  it('trip, isolate and reset move admission, and openedAt is wall time', async () => {
    const { guard, clock, moves, told } = rig()
    clock.setWall(1_000_000)
    expect(guard.openedAt()).toBeUndefined()
    guard.trip(500, 'test')
    expect(moves()).toBeGreaterThan(0)
    await clock.advance(100)
    expect(guard.openedAt()).toBe(1_000_000)
    expect(guard.stats()).toMatchObject({ retryAfterMs: 400, reason: 'test' })
    guard.isolate('by hand')
    expect(guard.stats().retryAfterMs).toBe(Number.POSITIVE_INFINITY)
    const before = moves()
    guard.reset()
    expect(moves()).toBeGreaterThan(before)
    expect(told.at(-1)).toMatchObject({ transition: { to: 'closed', reason: 'reset by hand' } })
    expect(guard.openedAt()).toBeUndefined()
    expect(guard.stats()).toMatchObject({ reason: undefined, retryAfterMs: undefined })
  })

  it('a trip of what is open already moves admission too', () => {
    const { guard, moves } = rig()
    guard.trip(500, 'test')
    const before = moves()
    guard.trip(900, 'longer')
    expect(moves()).toBeGreaterThan(before)
    expect(guard.stats().retryAfterMs).toBe(900)
  })

  it('saves and restores with the clocks it has', async () => {
    const { guard, clock } = rig()
    clock.setWall(1_000_000)
    guard.trip(500, 'test')
    const saved = guard.save()
    const other = rig()
    other.clock.setWall(1_000_200)
    const before = other.moves()
    other.guard.restore(saved)
    expect(other.moves()).toBeGreaterThan(before)
    expect(other.guard.stats()).toMatchObject({ state: 'open', retryAfterMs: 300, reason: 'test' })
  })

  it('takes new settings in place: the state stays', async () => {
    const { guard, clock, fail, moves, call } = rig({ circuit: { failureThreshold: 3 } })
    fail(2)
    const before = moves()
    guard.configure(circuitSettings(undefined, { failureThreshold: 3, timeoutMs: 5 }), 1)
    expect(moves()).toBe(before + 1)
    expect(guard.stats().consecutiveFailures).toBe(2)
    const answer = watch(call(() => new Promise(() => {})))
    expect(() => call(() => 1)).toThrow('calls in flight')
    await clock.advance(5)
    expect(answer.state).toBe('rejected')
    expect(guard.state()).toBe('open')
    guard.configure(guard.settings, undefined)
    expect(guard.concurrency).toBe(Number.POSITIVE_INFINITY)
  })

  it('retired it admits nothing, and calls in flight still settle', async () => {
    const { guard, call, clock } = rig()
    const work = deferred()
    const answer = watch(call(() => work.promise))
    guard.retire()
    expect(() => call(() => 1)).toThrow('draining')
    work.resolve('fine')
    await clock.advance(0)
    expect(answer.state).toBe('fulfilled')
    expect(guard.slots).toBe(0)
  })

  it('a guard nobody called can be retired', () => {
    const { guard } = rig()
    guard.retire()
    expect(guard.draining).toBe(true)
  })
})

describe('3.10 statistics', () => {
  it('hold what a fresh one holds', () => {
    const { guard } = rig()
    expect(guard.stats()).toEqual({
      state: 'closed',
      calls: 0,
      successes: 0,
      failures: 0,
      neutral: 0,
      refusals: 0,
      timeouts: 0,
      successRate: 1,
      consecutiveFailures: 0,
      halfOpenSuccesses: 0,
      transitions: 0,
      trips: 0,
      timeOpenMs: 0,
      lastFailureAgeMs: undefined,
      reason: undefined,
      retryAfterMs: undefined,
      latency: { count: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0 },
    })
    expect(Object.isFrozen(guard.stats())).toBe(true)
    expect(Object.isFrozen(guard.stats().latency)).toBe(true)
  })

  it('success rate, last failure and calls in flight', async () => {
    const { guard, call, fail, succeed, clock } = rig({ clock: new FakeClock(7_000) })
    watch(call(() => new Promise(() => {})))
    fail()
    await clock.advance(30)
    succeed(3)
    expect(guard.stats()).toMatchObject({
      calls: 5,
      successes: 3,
      failures: 1,
      successRate: 0.75,
      lastFailureAgeMs: 30,
    })
    expect(guard.inFlight).toBe(1)
  })

  it('transitions, trips and time open, until it is closed again', async () => {
    const { guard, clock, succeed, fail } = rig({
      circuit: { recoveryTimeoutMs: 100, successThreshold: 1 },
    })
    guard.trip(100, 'test')
    await clock.advance(60)
    expect(guard.stats().timeOpenMs).toBe(60)
    await clock.advance(40)
    fail()
    await clock.advance(100)
    succeed()
    expect(guard.stats()).toMatchObject({ transitions: 5, trips: 2, timeOpenMs: 200 })
    await clock.advance(1_000)
    expect(guard.stats().timeOpenMs).toBe(200)
    guard.trip(100, 'again')
    await clock.advance(50)
    expect(guard.stats().timeOpenMs).toBe(250)
    guard.reset()
    expect(guard.stats()).toMatchObject({ transitions: 7, trips: 3, timeOpenMs: 250 })
  })

  it('reason and remaining time only while it is open', async () => {
    const { guard, clock } = rig()
    guard.trip(100, 'test')
    await clock.advance(100)
    expect(guard.stats()).toMatchObject({
      state: 'half-open',
      reason: undefined,
      retryAfterMs: undefined,
    })
  })

  it('successes of the half-open circuit', async () => {
    const { guard, clock, succeed } = rig({ circuit: { recoveryTimeoutMs: 100 } })
    guard.trip(100, 'test')
    await clock.advance(100)
    succeed(2)
    expect(guard.stats()).toMatchObject({ state: 'half-open', halfOpenSuccesses: 2 })
  })

  it('latency percentiles of what succeeded and what failed', async () => {
    const { guard, clock } = rig({ circuit: { failureThreshold: 1_000 } })
    for (let ms = 1; ms <= 100; ms++) {
      const attempt = guard.begin(facts, [], clock.now())
      await clock.advance(ms)
      if (ms % 2 === 0) attempt.succeed(1)
      else attempt.fail(new Error('down'))
    }
    const { latency } = guard.stats()
    expect(latency.count).toBe(100)
    for (const [seen, exact] of [
      [latency.p50Ms, 50],
      [latency.p90Ms, 90],
      [latency.p99Ms, 99],
    ] as const)
      expect(Math.abs(seen - exact) / exact).toBeLessThan(0.1)
  })
})
