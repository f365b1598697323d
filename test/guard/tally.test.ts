import { describe, expect, it } from 'vitest'
import { Tally } from '../../src/guard/tally.js'

describe('which ends of calls are timed', () => {
  it('all of the first 128, then one in eight', () => {
    const tally = new Tally()
    const timed: number[] = []
    for (let call = 1; call <= 256; call++) {
      tally.calls = call
      if (tally.sampled) timed.push(call)
    }
    expect(timed.slice(0, 128)).toEqual(Array.from({ length: 128 }, (_, at) => at + 1))
    expect(timed.slice(128)).toEqual(Array.from({ length: 16 }, (_, at) => 136 + at * 8))
  })
})

describe('the peak', () => {
  it('is nothing at first, jumps up at once and is forgotten slowly', () => {
    const tally = new Tally()
    expect(tally.peakMs(1_000)).toBe(0)
    tally.timed(100, 0)
    expect(tally.peakMs(0)).toBe(100)
    expect(tally.peakMs(10_000)).toBeCloseTo(100 / Math.E)
    tally.timed(300, 10_000)
    expect(tally.peakMs(10_000)).toBe(300)
  })

  it('comes down part of the way with each quicker call', () => {
    const tally = new Tally()
    tally.timed(100, 0)
    tally.timed(10, 0)
    expect(tally.peakMs(0)).toBeCloseTo(10 + 90 / Math.E)
    let last = tally.peakMs(0)
    for (let turn = 0; turn < 20; turn++) {
      tally.timed(10, 0)
      expect(tally.peakMs(0)).toBeLessThan(last)
      last = tally.peakMs(0)
    }
    expect(last).toBeCloseTo(10)
  })
})

describe('time open', () => {
  it('runs from the first opening to the closing, whatever lies between', () => {
    const tally = new Tally()
    tally.moved('open', 10)
    tally.moved('half-open', 20)
    tally.moved('open', 25)
    tally.moved('half-open', 40)
    tally.moved('closed', 45)
    expect(tally).toMatchObject({ transitions: 5, trips: 2 })
    tally.moved('closed', 60)
    const circuit = {
      stateAt: () => 'closed',
      opening: () => undefined,
      consecutiveFailures: 0,
      halfOpenSuccesses: 0,
    }
    expect(tally.stats(circuit as never, 100).timeOpenMs).toBe(35)
  })
})
