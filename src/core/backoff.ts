import type { Random } from './random.js'

export interface Backoff {
  readonly firstMs: number
  readonly maxMs: number
}

/**
 * Exponential back-off with equal jitter: half of the doubled delay is certain, half is chance.
 * Callers that failed together do not come back together.
 * Source: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(attempt: number, { firstMs, maxMs }: Backoff, random: Random): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 52))
  return full / 2 + (full / 2) * random()
}
