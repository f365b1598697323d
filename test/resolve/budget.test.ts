import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Budget, RetryBudget, takeExtra } from '../../src/resolve/budget.js'

const budget = (extra: number, parent?: Budget): Budget => ({
  deadline: Number.POSITIVE_INFINITY,
  signal: undefined,
  extra,
  parent,
})

describe('a budget of attempts', () => {
  it('gives each further attempt once', () => {
    const one = budget(2)
    expect([takeExtra(one), takeExtra(one), takeExtra(one)]).toEqual([true, true, false])
  })

  it('takes from all that it is part of, or from none', () => {
    const outer = budget(1)
    const middle = budget(5, outer)
    const inner = budget(5, middle)
    expect(takeExtra(inner)).toBe(true)
    expect([inner.extra, middle.extra, outer.extra]).toEqual([4, 4, 0])
    expect(takeExtra(inner)).toBe(false)
    expect([inner.extra, middle.extra, outer.extra]).toEqual([4, 4, 0])
  })
})

describe('a retry budget', () => {
  const takeAll = (retries: RetryBudget, now: number): number => {
    let taken = 0
    while (taken < 10_000 && retries.take(now)) taken += 1
    return taken
  }

  it('starts at 100: 10 a second for 10 s', () => {
    const retries = new RetryBudget({})
    expect(takeAll(retries, 0)).toBe(100)
    expect(retries.take(9_999)).toBe(false)
  })

  it('adds 20 % of the calls of the window', () => {
    const retries = new RetryBudget({})
    for (let call = 0; call < 50; call++) retries.called(0)
    expect(takeAll(retries, 0)).toBe(110)
  })

  it('comes back as the window moves on', () => {
    const retries = new RetryBudget({})
    expect(takeAll(retries, 500)).toBe(100)
    expect(takeAll(retries, 9_999)).toBe(0)
    expect(takeAll(retries, 10_000)).toBe(100)
    expect(takeAll(retries, 1e9)).toBe(100)
  })

  it('keeps to what it was told', () => {
    expect(takeAll(new RetryBudget({ perSecond: 1, ratio: 0 }), 0)).toBe(10)
    expect(takeAll(new RetryBudget({ perSecond: 0, ratio: 0 }), 0)).toBe(0)
    const half = new RetryBudget({ perSecond: 0, ratio: 0.5 })
    for (let call = 0; call < 10; call++) half.called(0)
    expect(takeAll(half, 0)).toBe(5)
  })

  it('survives a clock that jumps, forwards or back', () => {
    const retries = new RetryBudget({})
    takeAll(retries, 1e12)
    expect(takeAll(retries, 0)).toBe(100)
    expect(takeAll(retries, -5_000)).toBe(100)
    expect(takeAll(retries, Number.MAX_SAFE_INTEGER)).toBe(100)
  })

  it('never gives more than a plain count of any 9 s allows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1_500), fc.boolean()), { maxLength: 400 }),
        fc.integer({ min: 0, max: 3 }),
        (steps, perSecond) => {
          const retries = new RetryBudget({ perSecond, ratio: 0.2 })
          const calls: number[] = []
          const taken: number[] = []
          let now = 0
          for (const [step, isCall] of steps) {
            now += step
            if (isCall) {
              retries.called(now)
              calls.push(now)
            } else if (retries.take(now)) taken.push(now)
            const since = (list: number[], ms: number) => list.filter((at) => at > now - ms).length
            expect(since(taken, 9_000)).toBeLessThanOrEqual(
              perSecond * 10 + 0.2 * since(calls, 10_000) + 1e-9,
            )
          }
        },
      ),
      { seed: 42, numRuns: 200 },
    )
  })
})
