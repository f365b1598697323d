import { describe, expect, it } from 'vitest'
import { Histogram } from '../../src/core/histogram.js'
import { seededRandom } from '../../src/testing/seeded-random.js'

describe('Histogram', () => {
  it('has no percentiles of nothing', () => {
    const histogram = new Histogram()
    expect(histogram.percentiles()).toEqual({ count: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0 })
    expect(histogram.percentile(1)).toBe(0)
  })

  it('gives any percentile within 10 %, from 0.1 us to almost two hours', () => {
    const chance = seededRandom(3)
    for (const [low, high] of [
      [0.000_1, 0.01],
      [0.01, 10],
      [1, 60_000],
      [60_000, 6_500_000],
    ] as const) {
      const histogram = new Histogram()
      const values = Array.from({ length: 2_000 }, () => low * (high / low) ** chance())
      for (const value of values) histogram.record(value)
      values.sort((a, b) => a - b)
      for (const share of [0.01, 0.25, 0.5, 0.9, 0.99, 1]) {
        const exact = values[Math.ceil(share * values.length) - 1] as number
        expect(Math.abs(histogram.percentile(share) - exact) / exact).toBeLessThan(0.1)
      }
      expect(histogram.count).toBe(2_000)
    }
  })

  it('keeps what is too short or too long in its first and last bucket', () => {
    const histogram = new Histogram()
    for (const ms of [0, -5, 0.000_001]) histogram.record(ms)
    expect(histogram.percentile(1)).toBeLessThan(0.000_2)
    for (const ms of [1e9, 1e300, Number.POSITIVE_INFINITY]) histogram.record(ms)
    expect(histogram.percentile(1)).toBeGreaterThan(6_000_000)
    expect(histogram.percentile(0.5)).toBeLessThan(0.000_2)
    expect(histogram.count).toBe(6)
  })

  it('orders its percentiles', () => {
    const histogram = new Histogram()
    for (let ms = 1; ms <= 1_000; ms++) histogram.record(ms)
    const { p50Ms, p90Ms, p99Ms, count } = histogram.percentiles()
    expect(count).toBe(1_000)
    for (const [seen, exact] of [
      [p50Ms, 500],
      [p90Ms, 900],
      [p99Ms, 990],
    ] as const)
      expect(Math.abs(seen - exact) / exact).toBeLessThan(0.1)
  })
})
