import type { Health } from './health.js'

/** A sign of life that somebody outside has given, and for how long it counts. */
export interface ProviderLease {
  /** Milliseconds since the epoch. */
  readonly renewedAt: number
  /** After this the provider is unhealthy until the next sign of life. */
  readonly expiresAt: number
  /** What came with it, such as telemetry. Plain frozen data. */
  readonly facts: Readonly<Record<string, unknown>>
}

export interface RenewOptions {
  /** How long it counts, in milliseconds. */
  readonly forMs: number
  /** Plain data in place of what came with the last one. Default: that stays. */
  readonly facts?: Readonly<Record<string, unknown>> | undefined
  /** How it is. Default `healthy`. */
  readonly status?: Health | undefined
}

/** A lease written down. */
export interface SavedLease {
  /** It is over, as whoever ends leases for all has found. */
  readonly expired?: boolean | undefined
  readonly provider: string
  readonly renewedAt: number
  readonly forMs: number
  readonly facts: Readonly<Record<string, unknown>>
}
