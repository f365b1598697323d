/** Why an attempt did not succeed. */
export const causes = [
  'transient',
  'timeout',
  'rate-limit',
  'auth',
  'bad-request',
  'aborted',
  'refused',
  'health-check',
  'cancelled',
] as const

export type Cause = (typeof causes)[number]

/** A failure as data: what it was, how the circuit takes it, and what it says about coming back. */
export interface Failure {
  readonly cause: Cause
  /** A neutral outcome gives its permit back and decides nothing. */
  readonly weight: 'failure' | 'neutral'
  readonly error: unknown
  /** What the other side asked us to wait, in milliseconds, whatever the cause. */
  readonly retryAfterMs?: number
  /** True when the request certainly never reached the provider, or certainly had no effect. */
  readonly unsent: boolean
}
