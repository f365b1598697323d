/** Attempts and time of one logical call. Calls made inside it inherit what is left. */
export interface Budget {
  /** Monotonic milliseconds; Infinity for no limit. */
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  /** Attempts beyond the first; the first of a nested call is always allowed. */
  extra: number
  readonly parent: Budget | undefined
}

/** Takes one further attempt from this budget and all it is part of; false when one of them is spent. */
export function takeExtra(budget: Budget): boolean {
  for (let one: Budget | undefined = budget; one; one = one.parent) if (one.extra <= 0) return false
  for (let one: Budget | undefined = budget; one; one = one.parent) one.extra -= 1
  return true
}

const windowMs = 10_000
const buckets = 10
const bucketMs = windowMs / buckets

/**
 * Keeps retries from making an outage worse: in any 10 s at most `perSecond` each second plus
 * `ratio` of the calls, per service. Source: Twitter Finagle, `RetryBudget`.
 */
export class RetryBudget {
  readonly #reserve: number
  readonly #ratio: number
  readonly #calls = new Float64Array(buckets)
  readonly #retries = new Float64Array(buckets)
  #bucket = Number.NaN
  #callsInWindow = 0
  #retriesInWindow = 0

  constructor({ ratio = 0.2, perSecond = 10 }: { ratio?: number; perSecond?: number }) {
    this.#ratio = ratio
    this.#reserve = (perSecond * windowMs) / 1_000
  }

  called(now: number): void {
    const at = this.#turn(now)
    this.#calls[at] = (this.#calls[at] ?? 0) + 1
    this.#callsInWindow += 1
  }

  /** Takes one retry; false when the budget is spent. */
  take(now: number): boolean {
    const at = this.#turn(now)
    if (this.#retriesInWindow + 1 > this.#reserve + this.#ratio * this.#callsInWindow) return false
    this.#retries[at] = (this.#retries[at] ?? 0) + 1
    this.#retriesInWindow += 1
    return true
  }

  #turn(now: number): number {
    const bucket = Math.floor(now / bucketMs)
    if (bucket !== this.#bucket) this.#advance(bucket)
    return ((bucket % buckets) + buckets) % buckets
  }

  #advance(bucket: number): void {
    const steps = bucket - this.#bucket
    const turns = steps >= 0 && steps < buckets ? steps : buckets
    for (let step = 0; step < turns; step++) {
      const at = (((bucket - step) % buckets) + buckets) % buckets
      this.#callsInWindow -= this.#calls[at] ?? 0
      this.#retriesInWindow -= this.#retries[at] ?? 0
      this.#calls[at] = 0
      this.#retries[at] = 0
    }
    this.#bucket = bucket
  }
}
