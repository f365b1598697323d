// @ts-check
import { median } from '../measure.js'

/**
 * How much a series grew, whatever single samples did: the median of the slopes of all pairs
 * (Theil 1950, Sen 1968) times the length of the series.
 * @param {readonly number[]} samples taken at equal distances
 */
export function growth(samples) {
  const slopes = samples.flatMap((from, i) =>
    samples.slice(i + 1).map((to, j) => (to - from) / (j + 1)),
  )
  return slopes.length === 0 ? 0 : median(slopes) * (samples.length - 1)
}

/**
 * The first third of the samples is warm-up: what is kept on purpose, such as changes, fills up.
 * @template T @param {readonly T[]} samples
 */
export const afterWarmUp = (samples) => samples.slice(Math.ceil(samples.length / 3))
