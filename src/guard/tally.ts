import { Histogram } from '../core/histogram.js'
import type { CircuitState, CircuitStats } from '../model/provider.js'
import type { Circuit } from './circuit.js'

/** The first calls are all timed, later ones one in eight: reading the clock is the dearest part of a call. */
const timedFirst = 128
const timedEvery = 8

/** How fast an old latency peak is forgotten. */
const peakDecayMs = 10_000

/** What happened to one provider since it was registered. */
export class Tally {
  calls = 0
  successes = 0
  failures = 0
  neutral = 0
  refusals = 0
  timeouts = 0
  transitions = 0
  trips = 0
  readonly latency: Histogram = new Histogram()
  #lastFailureAt: number | undefined
  #openSince: number | undefined
  #openMs = 0
  #peakMs = 0
  #peakAt = 0

  /** Whether the end of the latest call should be timed. */
  get sampled(): boolean {
    return this.calls <= timedFirst || this.calls % timedEvery === 0
  }

  failed(now: number): void {
    this.failures += 1
    this.#lastFailureAt = now
  }

  /** Peak EWMA: jumps up at once, comes down slowly. Source: Twitter Finagle, `PeakEwma`. */
  timed(ms: number, now: number): void {
    this.latency.record(ms)
    const kept = this.peakMs(now)
    this.#peakMs = ms > kept ? ms : ms + (kept - ms) * Math.exp(-1)
    this.#peakAt = now
  }

  peakMs(now: number): number {
    return this.#peakMs === 0 ? 0 : this.#peakMs * Math.exp((this.#peakAt - now) / peakDecayMs)
  }

  moved(to: CircuitState, at: number): void {
    this.transitions += 1
    if (to === 'open') {
      this.trips += 1
      this.#openSince ??= at
    }
    if (to === 'closed' && this.#openSince !== undefined) {
      this.#openMs += at - this.#openSince
      this.#openSince = undefined
    }
  }

  stats(circuit: Circuit, now: number): CircuitStats {
    const { calls, successes, failures, neutral, refusals, timeouts, transitions, trips } = this
    const state = circuit.stateAt(now)
    const opening = state === 'open' ? circuit.opening(now) : undefined
    const judged = successes + failures
    return Object.freeze({
      state,
      calls,
      successes,
      failures,
      neutral,
      refusals,
      timeouts,
      successRate: judged === 0 ? 1 : successes / judged,
      consecutiveFailures: circuit.consecutiveFailures,
      halfOpenSuccesses: circuit.halfOpenSuccesses,
      transitions,
      trips,
      timeOpenMs: this.#openMs + (this.#openSince === undefined ? 0 : now - this.#openSince),
      lastFailureAgeMs: this.#lastFailureAt === undefined ? undefined : now - this.#lastFailureAt,
      reason: opening?.reason,
      retryAfterMs: opening === undefined ? undefined : opening.retryAt - now,
      latency: Object.freeze(this.latency.percentiles()),
    })
  }
}
