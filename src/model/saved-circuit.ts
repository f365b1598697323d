/** A circuit written down. Times are wall-clock milliseconds, so that another process can read them. */
export interface SavedCircuit {
  readonly state: 'closed' | 'open'
  readonly failures: number
  readonly openedAt?: number | undefined
  /** When it may be tried again; `null` when isolated. */
  readonly retryAt?: number | null | undefined
  readonly reason?: string | undefined
}
