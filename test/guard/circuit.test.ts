import { describe, expect, it } from 'vitest'
import { Circuit, type Permit, type Transition } from '../../src/guard/circuit.js'
import { circuitSettings } from '../../src/model/parse/circuit.js'
import type { CircuitOptions } from '../../src/model/provider.js'
import { seededRandom } from '../../src/testing/seeded-random.js'

function make(options: CircuitOptions = {}, random = seededRandom(1)) {
  const transitions: Transition[] = []
  const circuit = new Circuit(circuitSettings(undefined, options), random, (transition) =>
    transitions.push(transition),
  )
  const once = (verdict: 'success' | 'failure' | 'neutral', now: number): boolean => {
    const permit = circuit.enter(now)
    if (permit === undefined || !circuit.begin(permit, now)) return false
    circuit.settle(permit, verdict, now)
    return true
  }
  const fail = (times: number, now = 0): void => {
    for (let turn = 0; turn < times; turn++) once('failure', now)
  }
  const moves = (): string[] => transitions.map(({ from, to }) => `${from} > ${to}`)
  return { circuit, transitions, moves, once, fail }
}

function enter(circuit: Circuit, now: number): Permit {
  const permit = circuit.enter(now)
  if (permit === undefined) throw new Error('not admitted')
  circuit.begin(permit, now)
  return permit
}

describe('3.1 defaults', () => {
  it('five failures in a row open it for a minute, one probe at a time, three successes close it', () => {
    const { circuit, fail, once } = make()
    fail(4)
    expect(circuit.stateAt(0)).toBe('closed')
    fail(1)
    expect(circuit.stateAt(0)).toBe('open')
    expect(circuit.stateAt(59_999.9)).toBe('open')
    expect(circuit.stateAt(60_000)).toBe('half-open')
    enter(circuit, 60_000)
    expect(circuit.enter(60_000)).toBeUndefined()
    circuit.reset(60_000, 'test')
    fail(5, 60_000)
    for (const closed of [false, false, true]) {
      once('success', 120_000)
      expect(circuit.stateAt(120_000) === 'closed').toBe(closed)
    }
  })

  it('takes timeoutMs for the probe lease, whatever else is given', () => {
    expect(circuitSettings(undefined, { timeoutMs: 7 }).probeLeaseMs).toBe(7)
    expect(circuitSettings({ timeoutMs: 7 }, { probeLeaseMs: 9 }).probeLeaseMs).toBe(9)
    expect(circuitSettings(undefined, undefined)).toMatchObject({
      failureThreshold: 5,
      recoveryTimeoutMs: 60_000,
      successThreshold: 3,
      timeoutMs: 30_000,
      halfOpenPermits: 1,
      probeLeaseMs: 30_000,
      errorRatio: undefined,
      backoff: undefined,
    })
  })

  it('consecutive or ratio: the ratio opens it without a streak', () => {
    const { circuit, once, transitions } = make({
      failureThreshold: 100,
      errorRatio: 0.5,
      windowSize: 10,
      minimumCalls: 4,
    })
    once('failure', 1)
    once('success', 1)
    once('success', 1)
    expect(circuit.stateAt(1)).toBe('closed')
    once('failure', 1)
    expect(circuit.stateAt(1)).toBe('open')
    expect(transitions[0]?.reason).toBe('2 of 4 calls failed')
  })

  it('consecutive or ratio: the streak opens it below the ratio', () => {
    const { circuit, once, transitions, fail } = make({
      failureThreshold: 2,
      errorRatio: 1,
      minimumCalls: 4,
    })
    for (let turn = 0; turn < 50; turn++) once('success', 1)
    fail(2, 1)
    expect(circuit.stateAt(1)).toBe('open')
    expect(transitions[0]?.reason).toBe('2 failures in a row')
  })

  it('the ratio needs its minimum of calls, looks back on so many and no more, and ignores neutral ones', () => {
    const { circuit, once } = make({
      failureThreshold: 100,
      errorRatio: 0.6,
      windowSize: 5,
      minimumCalls: 5,
    })
    for (const verdict of ['failure', 'failure', 'failure', 'neutral', 'neutral'] as const)
      once(verdict, 0)
    expect(circuit.stateAt(0)).toBe('closed')
    for (let turn = 0; turn < 5; turn++) once('success', 0) // the failures leave the window
    once('failure', 0)
    once('failure', 0)
    expect(circuit.stateAt(0)).toBe('closed')
    once('failure', 0)
    expect(circuit.stateAt(0)).toBe('open')
  })

  it('a window smaller than the minimum still counts once it is full', () => {
    const { circuit, once } = make({ failureThreshold: 100, errorRatio: 0.5, windowSize: 4 })
    for (const verdict of ['success', 'failure', 'success'] as const) once(verdict, 0)
    expect(circuit.stateAt(0)).toBe('closed')
    once('failure', 0)
    expect(circuit.stateAt(0)).toBe('open')
  })

  it('the ratio is of what the window holds', () => {
    const { circuit, once } = make({
      failureThreshold: 100,
      errorRatio: 1,
      windowSize: 2,
      minimumCalls: 1,
    })
    once('success', 0)
    once('failure', 0)
    expect(circuit.stateAt(0)).toBe('closed')
    once('failure', 0)
    expect(circuit.stateAt(0)).toBe('open')
  })

  it('closing forgets the window', () => {
    const { circuit, once } = make({
      failureThreshold: 100,
      errorRatio: 0.5,
      windowSize: 4,
      minimumCalls: 2,
      successThreshold: 1,
      recoveryTimeoutMs: 10,
    })
    once('failure', 0)
    once('failure', 0)
    once('success', 10)
    expect(circuit.stateAt(10)).toBe('closed')
    once('failure', 10)
    expect(circuit.stateAt(10)).toBe('closed')
  })

  it('back-off lengthens the rest at each opening in a row, up to its longest, and closing resets it', () => {
    const { circuit, once, fail } = make({
      failureThreshold: 1,
      successThreshold: 1,
      recoveryTimeoutMs: 100,
      backoff: { factor: 3, maxMs: 500, jitter: 0 },
    })
    let now = 0
    for (const restMs of [100, 300, 500, 500]) {
      fail(1, now)
      expect(circuit.opening(now)).toMatchObject({ openedAt: now, retryAt: now + restMs })
      now += restMs
    }
    once('success', now)
    expect(circuit.stateAt(now)).toBe('closed')
    fail(1, now)
    expect(circuit.opening(now)?.retryAt).toBe(now + 100)
  })

  it('jitter spreads the rest around its length and never beyond the longest', () => {
    const rests = (maxMs: number): number[] =>
      Array.from({ length: 200 }, (_, seed) => {
        const { circuit, fail } = make(
          { failureThreshold: 1, recoveryTimeoutMs: 1_000, backoff: { maxMs, jitter: 0.4 } },
          seededRandom(seed),
        )
        fail(1)
        return circuit.opening(0)?.retryAt ?? Number.NaN
      })
    const free = rests(10_000)
    expect(Math.min(...free)).toBeGreaterThanOrEqual(800)
    expect(Math.max(...free)).toBeLessThanOrEqual(1_200)
    expect(Math.max(...free) - Math.min(...free)).toBeGreaterThan(300)
    const capped = Math.max(...rests(1_000))
    expect(capped).toBeLessThanOrEqual(1_000)
    expect(capped).toBeGreaterThan(980)
  })

  it('without a back-off every rest is as long, whatever chance says', () => {
    const { circuit, fail } = make({ failureThreshold: 1, recoveryTimeoutMs: 100 }, () => 0.99)
    fail(1, 0)
    fail(1, 100)
    expect(circuit.opening(100)?.retryAt).toBe(200)
  })
})

describe('failures in a row', () => {
  it('are still told while open, grow with a failed probe and end with a good one', () => {
    const { circuit, once, fail } = make({
      failureThreshold: 3,
      recoveryTimeoutMs: 100,
      successThreshold: 2,
    })
    fail(3)
    expect(circuit.consecutiveFailures).toBe(3)
    once('failure', 100)
    expect(circuit.consecutiveFailures).toBe(4)
    once('success', 200)
    expect(circuit.consecutiveFailures).toBe(0)
  })
})

describe('3.2 closed', () => {
  it('a success zeroes the streak', () => {
    const { circuit, once, fail } = make({ failureThreshold: 3 })
    fail(2)
    expect(circuit.consecutiveFailures).toBe(2)
    once('success', 0)
    expect(circuit.consecutiveFailures).toBe(0)
    fail(2)
    expect(circuit.stateAt(0)).toBe('closed')
    fail(1)
    expect(circuit.stateAt(0)).toBe('open')
    expect(circuit.consecutiveFailures).toBe(3)
  })

  it('hands the same permit to everybody, and is calm', () => {
    const { circuit, fail } = make({ failureThreshold: 1 })
    expect(circuit.enter(1)).toBe(circuit.enter(2))
    expect(circuit.enter(1)).toBe(circuit.permit)
    expect(circuit.calm).toBe(true)
    expect(circuit.admitsAt(5)).toBe(Number.NEGATIVE_INFINITY)
    fail(1)
    expect(circuit.calm).toBe(false)
  })
})

describe('3.2 open', () => {
  it('refuses until the recovery time has passed, inclusive', () => {
    const { circuit, fail } = make({ failureThreshold: 1, recoveryTimeoutMs: 100 })
    fail(1, 5)
    expect(circuit.admits(104.999)).toBe(false)
    expect(circuit.enter(104.999)).toBeUndefined()
    expect(circuit.admitsAt(50)).toBe(105)
    expect(circuit.admits(105)).toBe(true)
    expect(circuit.enter(105)).toBeDefined()
  })

  it('outcomes recorded while open change nothing, in particular not the recovery time', () => {
    const { circuit, fail, moves } = make({ failureThreshold: 1, recoveryTimeoutMs: 100 })
    const late = enter(circuit, 0)
    fail(1, 0)
    for (let now = 0; now < 100; now += 10) {
      circuit.record('failure', now)
      circuit.record('success', now)
      circuit.settle(late, 'failure', now)
    }
    expect(circuit.opening(99)).toMatchObject({ openedAt: 0, retryAt: 100 })
    expect(circuit.stateAt(100)).toBe('half-open')
    expect(moves()).toEqual(['closed > open'])
  })

  it('reads half-open from the clock, and tells once, immediately before the first admission', () => {
    const { circuit, fail, transitions } = make({ failureThreshold: 1, recoveryTimeoutMs: 100 })
    fail(1)
    expect(circuit.stateAt(100)).toBe('half-open')
    expect(circuit.stateAt(1_000_000)).toBe('half-open')
    expect(transitions).toHaveLength(1)
    enter(circuit, 250)
    expect(transitions[1]).toEqual({
      from: 'open',
      to: 'half-open',
      at: 250,
      reason: 'recovery time passed',
    })
    expect(circuit.enter(250)).toBeUndefined()
    expect(transitions).toHaveLength(2)
  })

  it('an outcome recorded after the recovery time counts as a probe', () => {
    const failed = make({ failureThreshold: 1, recoveryTimeoutMs: 100 })
    failed.fail(1)
    failed.circuit.record('failure', 100)
    expect(failed.circuit.opening(100)).toMatchObject({ openedAt: 100, retryAt: 200 })
    const passed = make({ failureThreshold: 1, recoveryTimeoutMs: 100, successThreshold: 2 })
    passed.fail(1)
    passed.circuit.record('success', 100)
    expect(passed.circuit.halfOpenSuccesses).toBe(1)
    expect(passed.transitions.at(-1)).toMatchObject({ reason: 'recovery time passed' })
    expect(passed.circuit.admits(100)).toBe(true)
    passed.circuit.record('success', 100)
    expect(passed.circuit.stateAt(100)).toBe('closed')
    expect(passed.circuit.halfOpenSuccesses).toBe(0)
  })

  it('the listener of the half-opening may isolate it: then nobody is admitted', () => {
    const { circuit } = withListener((own, { to }) => {
      if (to === 'half-open') own.trip(Number.POSITIVE_INFINITY, 'not now', 100)
    })
    expect(circuit.enter(100)).toBeUndefined()
    expect(circuit.stateAt(1e9)).toBe('open')
  })

  it('the listener of the half-opening may reset it: then everybody is admitted', () => {
    const { circuit } = withListener((own, { to }) => {
      if (to === 'half-open') own.reset(100, 'all is well')
    })
    expect(circuit.enter(100)).toBe(circuit.permit)
    expect(circuit.stateAt(100)).toBe('closed')
  })
})

/** An open circuit whose rest is over at 100, with a listener that meddles. */
function withListener(listener: (circuit: Circuit, transition: Transition) => void) {
  const settings = circuitSettings(undefined, { failureThreshold: 1, recoveryTimeoutMs: 100 })
  const circuit: Circuit = new Circuit(settings, seededRandom(1), (transition) =>
    listener(circuit, transition),
  )
  circuit.record('failure', 0)
  return { circuit }
}

describe('3.2 half-open', () => {
  const quick = { failureThreshold: 1, recoveryTimeoutMs: 100, successThreshold: 2 }

  it('admits at most halfOpenPermits probes at once', () => {
    const { circuit, fail } = make({ ...quick, halfOpenPermits: 3 })
    fail(1)
    const probes = [enter(circuit, 100), enter(circuit, 100), enter(circuit, 100)]
    expect(new Set(probes).size).toBe(3)
    expect(circuit.enter(100)).toBeUndefined()
    expect(circuit.admits(100)).toBe(false)
    circuit.settle(probes[1] as Permit, 'success', 101)
    expect(circuit.enter(101)).toBeDefined()
    expect(circuit.enter(101)).toBeUndefined()
  })

  it('one failure re-opens, with the other probes in flight', () => {
    const { circuit, fail } = make({ ...quick, halfOpenPermits: 2 })
    fail(1)
    const good = enter(circuit, 100)
    const bad = enter(circuit, 100)
    circuit.settle(bad, 'failure', 130)
    circuit.settle(good, 'success', 131)
    expect(circuit.opening(131)).toMatchObject({
      openedAt: 130,
      retryAt: 230,
      reason: 'a probe failed',
    })
  })

  it('successThreshold successes close it', () => {
    const { circuit, fail, once, moves, transitions } = make(quick)
    fail(1)
    once('success', 100)
    expect(circuit.stateAt(100)).toBe('half-open')
    expect(circuit.halfOpenSuccesses).toBe(1)
    once('success', 100)
    expect(circuit.stateAt(100)).toBe('closed')
    expect(moves()).toEqual(['closed > open', 'open > half-open', 'half-open > closed'])
    expect(transitions.at(-1)).toMatchObject({ reason: 'probes succeeded' })
  })

  it('successes of an earlier half-open do not add up with those of the next', () => {
    const { circuit, fail, once } = make(quick)
    fail(1)
    once('success', 100)
    once('failure', 100)
    once('success', 200)
    expect(circuit.stateAt(200)).toBe('half-open')
  })
})

describe('3.3 generations', () => {
  const quick = { failureThreshold: 2, recoveryTimeoutMs: 100, successThreshold: 1 }

  it('a success from before the trip neither closes it nor takes a probe', () => {
    const { circuit, fail } = make(quick)
    const early = enter(circuit, 0)
    fail(2)
    enter(circuit, 100)
    circuit.settle(early, 'success', 110)
    expect(circuit.stateAt(110)).toBe('half-open')
    expect(circuit.enter(110)).toBeUndefined()
  })

  it('a failure from before the trip does not re-open it while a good probe runs', () => {
    const { circuit, fail } = make(quick)
    const early = enter(circuit, 0)
    fail(2)
    const probe = enter(circuit, 100)
    circuit.settle(early, 'failure', 110)
    expect(circuit.stateAt(110)).toBe('half-open')
    circuit.settle(probe, 'success', 120)
    expect(circuit.stateAt(120)).toBe('closed')
  })

  it('outcomes from before a closing neither count nor zero the streak', () => {
    const { circuit, fail, once } = make(quick)
    const early = enter(circuit, 0)
    fail(2)
    once('success', 100)
    circuit.settle(early, 'failure', 100)
    expect(circuit.consecutiveFailures).toBe(0)
    once('failure', 100)
    circuit.settle(early, 'success', 100)
    expect(circuit.consecutiveFailures).toBe(1)
  })

  it('a reset starts a new generation although it was closed all along', () => {
    const { circuit, once } = make(quick)
    const early = enter(circuit, 0)
    circuit.reset(0, 'test')
    once('failure', 0)
    circuit.settle(early, 'failure', 0)
    expect(circuit.consecutiveFailures).toBe(1)
    expect(circuit.begin(early, 0)).toBe(false)
  })

  it('a probe of an earlier half-open has no say in the next', () => {
    const { circuit, fail } = make({ ...quick, halfOpenPermits: 2 })
    fail(2)
    const slow = enter(circuit, 100)
    circuit.settle(enter(circuit, 100), 'failure', 100)
    enter(circuit, 200)
    circuit.settle(slow, 'success', 200)
    expect(circuit.stateAt(200)).toBe('half-open')
    circuit.settle(slow, 'failure', 200)
    expect(circuit.stateAt(200)).toBe('half-open')
  })
})

describe('3.4 neutral outcomes', () => {
  it('give the permit of a probe back and decide nothing', () => {
    const { circuit, fail } = make({ failureThreshold: 1, recoveryTimeoutMs: 100 })
    fail(1)
    for (let turn = 0; turn < 10; turn++) {
      circuit.settle(enter(circuit, 100), 'neutral', 100)
      expect(circuit.stateAt(100)).toBe('half-open')
      expect(circuit.halfOpenSuccesses).toBe(0)
    }
  })

  it('never open, and never end a streak', () => {
    const { circuit, once, fail } = make({ failureThreshold: 2 })
    for (let turn = 0; turn < 10; turn++) once('neutral', 0)
    expect(circuit.stateAt(0)).toBe('closed')
    fail(1)
    once('neutral', 0)
    fail(1)
    expect(circuit.stateAt(0)).toBe('open')
  })
})

describe('3.5 probe leases', () => {
  const quick = {
    failureThreshold: 1,
    recoveryTimeoutMs: 100,
    successThreshold: 1,
    probeLeaseMs: 5_000,
  }

  it('unused, it expires neutrally after 1,000 ms', () => {
    const { circuit, fail, moves } = make(quick)
    fail(1)
    const unused = circuit.enter(100) as Permit
    expect(circuit.admits(1_099.9)).toBe(false)
    expect(circuit.admitsAt(100)).toBe(1_100)
    expect(circuit.enter(1_099.9)).toBeUndefined()
    expect(circuit.admits(1_100)).toBe(true)
    expect(circuit.begin(unused, 1_100)).toBe(false)
    expect(circuit.enter(1_100)).toBeDefined()
    expect(moves()).toEqual(['closed > open', 'open > half-open'])
  })

  it('used in time, it is good for probeLeaseMs from its beginning', () => {
    const { circuit, fail } = make(quick)
    fail(1)
    const probe = circuit.enter(100) as Permit
    expect(circuit.begin(probe, 1_099)).toBe(true)
    expect(circuit.stateAt(6_098)).toBe('half-open')
    circuit.settle(probe, 'success', 6_098)
    expect(circuit.stateAt(6_098)).toBe('closed')
  })

  it('a probe that never settles expires as a failure after probeLeaseMs', () => {
    const { circuit, fail, transitions } = make(quick)
    fail(1)
    const hung = enter(circuit, 100)
    expect(circuit.stateAt(5_099)).toBe('half-open')
    expect(circuit.stateAt(5_100)).toBe('open')
    expect(circuit.opening(5_150)).toEqual({
      kind: 'open',
      openedAt: 5_100,
      retryAt: 5_200,
      reason: 'a probe never settled',
    })
    circuit.settle(hung, 'success', 5_150)
    expect(circuit.stateAt(5_150)).toBe('open')
    expect(transitions.at(-1)).toMatchObject({ to: 'open', at: 5_100 })
    expect(circuit.stateAt(5_200)).toBe('half-open')
  })

  it('the earliest of several hung probes decides when it re-opened', () => {
    for (const times of [
      [300, 200],
      [200, 300],
    ]) {
      const { circuit, fail } = make({ ...quick, halfOpenPermits: 2 })
      fail(1)
      for (const now of times) enter(circuit, now)
      expect(circuit.opening(10_000)?.openedAt).toBe(5_200)
    }
  })

  it("a lease that ran out takes nobody else's with it when it is given back", () => {
    const { circuit, fail } = make(quick)
    fail(1)
    const unused = circuit.enter(100) as Permit
    enter(circuit, 1_100)
    circuit.settle(unused, 'neutral', 1_100)
    expect(circuit.enter(1_100)).toBeUndefined()
  })

  it('a half-open one says when the next permit is free', () => {
    const { circuit, fail } = make({ ...quick, halfOpenPermits: 2 })
    fail(1)
    enter(circuit, 100)
    expect(circuit.admitsAt(100)).toBe(Number.NEGATIVE_INFINITY)
    circuit.enter(200)
    expect(circuit.admitsAt(300)).toBe(1_200)
    expect(circuit.admits(300)).toBe(false)
    expect(circuit.admitsAt(1_200)).toBe(Number.NEGATIVE_INFINITY)
  })

  it('an unused lease that was given back admits the next at once', () => {
    const { circuit, fail } = make(quick)
    fail(1)
    circuit.settle(circuit.enter(100) as Permit, 'neutral', 150)
    expect(circuit.enter(150)).toBeDefined()
  })

  it('a lease of an earlier half-open cannot begin', () => {
    const { circuit, fail } = make({ ...quick, halfOpenPermits: 2 })
    fail(1)
    const reserved = circuit.enter(100) as Permit
    circuit.settle(enter(circuit, 100), 'failure', 100)
    expect(circuit.begin(reserved, 100)).toBe(false)
    expect(circuit.begin(reserved, 200)).toBe(false)
    circuit.enter(200)
    expect(circuit.begin(reserved, 200)).toBe(false)
  })
})

describe('3.7 manual control', () => {
  it('trip opens for so long, whatever it was', () => {
    const { circuit, transitions } = make({ recoveryTimeoutMs: 100 })
    circuit.trip(700, 'maintenance', 50)
    expect(circuit.opening(50)).toMatchObject({
      openedAt: 50,
      retryAt: 750,
      reason: 'maintenance',
    })
    circuit.trip(10, 'shorter', 60)
    expect(circuit.opening(60)?.retryAt).toBe(70)
    enter(circuit, 70)
    circuit.trip(5, 'while half-open', 71)
    expect(circuit.stateAt(75.9)).toBe('open')
    expect(transitions.map(({ to }) => to)).toEqual(['open', 'half-open', 'open'])
  })

  it('isolated it stays open until reset: neither time nor a trip nor an outcome ends it', () => {
    const { circuit, once } = make({ recoveryTimeoutMs: 100 })
    circuit.trip(Number.POSITIVE_INFINITY, 'isolated by hand', 0)
    circuit.trip(10, 'a trip', 1)
    circuit.record('success', 2)
    expect(circuit.stateAt(1e12)).toBe('open')
    expect(circuit.admitsAt(1e12)).toBe(Number.POSITIVE_INFINITY)
    expect(circuit.opening(5)?.reason).toBe('isolated by hand')
    circuit.reset(10, 'reset by hand')
    expect(circuit.stateAt(10)).toBe('closed')
    expect(once('success', 10)).toBe(true)
  })

  it('reset closes it and forgets streak and probes', () => {
    const { circuit, fail, moves } = make({ failureThreshold: 2, recoveryTimeoutMs: 100 })
    fail(1)
    circuit.reset(0, 'test')
    expect(moves()).toEqual([])
    fail(1)
    expect(circuit.stateAt(0)).toBe('closed')
    fail(1)
    enter(circuit, 100)
    circuit.reset(100, 'test')
    expect(circuit.stateAt(100)).toBe('closed')
    expect(circuit.stateAt(1e9)).toBe('closed')
  })
})

describe('3.9 export and restore', () => {
  const wallNow = 1_700_000_000_000
  const fresh = (options: CircuitOptions = {}) => make({ recoveryTimeoutMs: 100, ...options })

  it('writes wall times down, and takes up what is left of the rest', () => {
    const { circuit, fail } = fresh({ failureThreshold: 1 })
    fail(1, 40)
    const saved = circuit.save(60, wallNow)
    expect(saved).toEqual({
      state: 'open',
      failures: 0,
      openedAt: wallNow - 20,
      retryAt: wallNow + 80,
      reason: 'a failure',
    })
    const next = fresh()
    next.circuit.restore(saved, 5, wallNow + 30)
    expect(next.circuit.opening(5)).toMatchObject({ retryAt: 55, reason: 'a failure' })
  })

  it('a wall clock that was set back cannot keep it shut, one that went ahead lets it probe', () => {
    const { circuit, fail } = fresh({ failureThreshold: 1 })
    fail(1)
    const saved = circuit.save(0, wallNow)
    const back = fresh()
    back.circuit.restore(saved, 0, 0)
    expect(back.circuit.opening(0)?.retryAt).toBe(100)
    const ahead = fresh()
    ahead.circuit.restore(saved, 0, wallNow * 2)
    expect(ahead.circuit.stateAt(0)).toBe('half-open')
  })

  it('half-open is restored as open that may be probed now, however it came to be half-open', () => {
    const probing = fresh({ failureThreshold: 1 })
    probing.fail(1)
    enter(probing.circuit, 100)
    const byClock = fresh({ failureThreshold: 1 })
    byClock.fail(1)
    for (const { circuit } of [probing, byClock]) {
      expect(circuit.save(100, wallNow)).toMatchObject({ openedAt: wallNow, retryAt: wallNow })
      const { probing: until, ...saved } = circuit.save(150, wallNow)
      expect(until === undefined).toBe(circuit !== probing.circuit)
      expect(saved).toEqual({
        state: 'open',
        failures: 0,
        openedAt: wallNow,
        retryAt: wallNow,
        reason: 'half-open',
      })
      const next = fresh()
      next.circuit.restore(saved, 0, wallNow - 90_000)
      expect(next.circuit.stateAt(0)).toBe('half-open')
      expect(next.circuit.enter(0)).toBeDefined()
      expect(next.circuit.enter(0)).toBeUndefined()
    }
  })

  it('a hung probe is saved as the re-opened circuit it is', () => {
    const { circuit, fail } = fresh({ failureThreshold: 1, probeLeaseMs: 50 })
    fail(1)
    enter(circuit, 100)
    expect(circuit.save(200, wallNow)).toMatchObject({
      openedAt: wallNow - 50,
      retryAt: wallNow + 50,
      reason: 'a probe never settled',
    })
  })

  it('isolation survives, streaks survive, saving changes nothing', () => {
    const { circuit, moves } = fresh()
    circuit.trip(Number.POSITIVE_INFINITY, 'isolated', 0)
    const saved = JSON.parse(JSON.stringify(circuit.save(10, wallNow)))
    expect(saved).toMatchObject({ retryAt: null, reason: 'isolated' })
    const next = fresh()
    next.circuit.restore(saved, 0, wallNow)
    expect(next.circuit.stateAt(1e12)).toBe('open')
    const streak = fresh({ failureThreshold: 3 })
    streak.fail(2)
    const closed = streak.circuit.save(0, wallNow)
    expect(closed).toEqual({ state: 'closed', failures: 2 })
    const after = fresh({ failureThreshold: 3 })
    after.circuit.restore(closed, 0, wallNow)
    expect(after.circuit.consecutiveFailures).toBe(2)
    after.fail(1)
    expect(after.circuit.stateAt(0)).toBe('open')
    expect(moves()).toEqual(['closed > open'])
  })

  it('restoring starts a new generation and tells the transition', () => {
    const { circuit, fail, moves, transitions } = fresh({ failureThreshold: 1 })
    const early = enter(circuit, 0)
    fail(1)
    circuit.restore({ state: 'closed', failures: 0 }, 0, wallNow)
    expect(transitions.at(-1)).toMatchObject({ reason: 'restored' })
    circuit.settle(early, 'failure', 0)
    expect(circuit.stateAt(0)).toBe('closed')
    expect(moves()).toEqual(['closed > open', 'open > closed'])
  })

  it('what is left out is read kindly: no times, may be probed now', () => {
    const { circuit } = fresh()
    circuit.restore({ state: 'open', failures: 0 }, 7, wallNow)
    expect(circuit.opening(7)).toMatchObject({ openedAt: 7, retryAt: 7, reason: 'restored' })
    circuit.restore({ state: 'open', failures: 0, retryAt: wallNow + 30 }, 7, wallNow)
    expect(circuit.opening(7)?.retryAt).toBe(37)
  })
})

describe('what another process says of the same circuit', () => {
  const wallNow = 1_700_000_000_000
  const settings = { failureThreshold: 1, recoveryTimeoutMs: 100, probeLeaseMs: 50 }
  const probing = { state: 'open', failures: 0, retryAt: wallNow, probing: wallNow + 30 } as const
  const closed = { state: 'closed', failures: 0 } as const
  const open = { state: 'open', failures: 0, openedAt: wallNow, retryAt: wallNow + 80 } as const

  it('that its probe is out: nobody probes here until it would be over', () => {
    const { circuit, fail } = make(settings)
    fail(1)
    circuit.hear(probing, 100, wallNow)
    expect(circuit.stateAt(100)).toBe('half-open')
    expect(circuit.admitsAt(100)).toBe(130)
    expect(circuit.enter(129)).toBeUndefined()
    expect(circuit.enter(130)).toBeDefined()
  })

  it('says so itself, until its own probe has settled', () => {
    const { circuit, fail } = make({ ...settings, successThreshold: 2 })
    fail(1)
    const probe = enter(circuit, 100)
    expect(circuit.save(120, wallNow)).toMatchObject({ probing: wallNow + 30 })
    circuit.settle(probe, 'success', 130)
    expect(circuit.save(130, wallNow)).not.toHaveProperty('probing')
  })

  it('passes on what it has heard', () => {
    const { circuit, fail } = make(settings)
    fail(1)
    circuit.hear(probing, 100, wallNow)
    expect(circuit.save(110, wallNow + 10)).toMatchObject({ probing: wallNow + 30 })
    expect(circuit.save(130, wallNow + 30)).not.toHaveProperty('probing')
  })

  it('never waits longer than a probe of its own could take, whatever the clocks say', () => {
    const { circuit, fail } = make(settings)
    fail(1)
    circuit.hear({ ...probing, probing: wallNow + 1e9 }, 100, wallNow)
    expect(circuit.admitsAt(100)).toBe(150)
  })

  it('does not take the say from a probe that is out here', () => {
    const { circuit, fail, moves } = make({ ...settings, successThreshold: 1 })
    fail(1)
    const probe = enter(circuit, 100)
    circuit.hear(probing, 110, wallNow)
    circuit.settle(probe, 'success', 120)
    expect(circuit.stateAt(120)).toBe('closed')
    expect(moves()).toEqual(['closed > open', 'open > half-open', 'half-open > closed'])
  })

  it('that its probe succeeded closes it, that it failed opens it anew', () => {
    for (const [heard, state] of [
      [closed, 'closed'],
      [open, 'open'],
    ] as const) {
      const { circuit, fail } = make(settings)
      fail(1)
      circuit.hear(probing, 100, wallNow)
      circuit.hear(heard, 120, wallNow)
      expect(circuit.stateAt(120)).toBe(state)
      expect(circuit.admitsAt(120)).toBe(state === 'open' ? 200 : Number.NEGATIVE_INFINITY)
    }
  })

  it('lengthens the next rest once for each opening, not for each word about it', () => {
    const backoff = { factor: 2, maxMs: 10_000, jitter: 0 }
    const { circuit } = make({ ...settings, backoff })
    for (let word = 0; word < 5; word++) circuit.hear(open, 0, wallNow)
    for (let word = 0; word < 5; word++) circuit.hear(probing, 80, wallNow)
    circuit.settle(enter(circuit, 200), 'failure', 200)
    expect(circuit.opening(200)?.retryAt).toBe(200 + 200)
  })

  it('leaves the streak of a closed one alone, and an isolated one isolated', () => {
    const { circuit, fail } = make({ failureThreshold: 3 })
    fail(2)
    circuit.hear(closed, 0, wallNow)
    expect(circuit.consecutiveFailures).toBe(2)
    circuit.trip(Number.POSITIVE_INFINITY, 'isolated', 0)
    circuit.hear(open, 0, wallNow)
    circuit.hear(probing, 0, wallNow)
    expect(circuit.admitsAt(0)).toBe(Number.POSITIVE_INFINITY)
    circuit.hear(closed, 0, wallNow)
    expect(circuit.calm).toBe(true)
  })
})

describe('configure', () => {
  it('a ratio that is given later counts from then on, and one that is taken away does not', () => {
    const ratio = { failureThreshold: 100, errorRatio: 0.5, windowSize: 4, minimumCalls: 2 }
    const { circuit } = make({ failureThreshold: 100 })
    circuit.record('failure', 0)
    circuit.configure(circuitSettings(undefined, ratio))
    circuit.record('failure', 0)
    expect(circuit.stateAt(0)).toBe('closed')
    circuit.record('failure', 0)
    expect(circuit.stateAt(0)).toBe('open')
    circuit.reset(0, 'test')
    circuit.configure(circuitSettings(undefined, { failureThreshold: 100 }))
    for (let turn = 0; turn < 50; turn++) circuit.record('failure', 0)
    expect(circuit.stateAt(0)).toBe('closed')
  })

  it('the same settings change nothing: what the window has seen stays seen', () => {
    const settings = circuitSettings(undefined, {
      failureThreshold: 100,
      errorRatio: 0.5,
      windowSize: 4,
      minimumCalls: 2,
    })
    const circuit = new Circuit(settings, seededRandom(1), () => {})
    circuit.record('failure', 0)
    circuit.configure(settings)
    circuit.record('failure', 0)
    expect(circuit.stateAt(0)).toBe('open')
  })

  it('new rules hold from the next outcome on; a rest that is running keeps its length', () => {
    const { circuit, fail, once } = make({ failureThreshold: 2, recoveryTimeoutMs: 100 })
    fail(2)
    circuit.configure(
      circuitSettings(undefined, {
        failureThreshold: 1,
        recoveryTimeoutMs: 30,
        successThreshold: 1,
        errorRatio: 1,
        minimumCalls: 1,
      }),
    )
    expect(circuit.opening(0)?.retryAt).toBe(100)
    once('success', 100)
    expect(circuit.stateAt(100)).toBe('closed')
    fail(1, 100)
    expect(circuit.opening(100)?.retryAt).toBe(130)
  })
})
