/** A circuit written down. Times are wall-clock milliseconds, so that another process can read them. */
export interface SavedCircuit {
  readonly state: 'closed' | 'open'
  readonly failures: number
  readonly openedAt?: number | undefined
  /** When it may be tried again; `null` when isolated. */
  readonly retryAt?: number | null | undefined
  readonly reason?: string | undefined
  /** Until when a probe is out: whoever else knows the provider waits for what comes of it. */
  readonly probing?: number | undefined
  /** What the provider asked for with a 429. */
  readonly pause?: SavedPause | undefined
}

/** `from` is when it was written down: it is never longer than it was then. */
export interface SavedPause {
  readonly from: number
  readonly until: number
}
