import { describe, expect, it } from 'vitest'
import { backoffMs } from '../../src/core/backoff.js'
import { seededRandom } from '../../src/testing/seeded-random.js'

const options = { firstMs: 200, maxMs: 5_000 }

describe('backoffMs', () => {
  it('doubles with each attempt up to its longest', () => {
    const full = [1, 2, 3, 4, 5, 6, 7, 50, 5_000].map((attempt) =>
      backoffMs(attempt, options, () => 1),
    )
    expect(full).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000, 5_000])
  })

  it('half of it is certain, half is chance', () => {
    expect(backoffMs(3, options, () => 0)).toBe(400)
    expect(backoffMs(3, options, () => 0.5)).toBe(600)
    const chance = seededRandom(5)
    const waits = Array.from({ length: 500 }, () => backoffMs(3, options, chance))
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(400)
    expect(Math.max(...waits)).toBeLessThan(800)
    expect(new Set(waits).size).toBeGreaterThan(490)
  })

  it('has no attempt too many', () => {
    for (const attempt of [1_000, 1e9, Number.MAX_SAFE_INTEGER])
      expect(backoffMs(attempt, { firstMs: 1, maxMs: 60_000 }, () => 1)).toBe(60_000)
  })
})
