import { type Clock, pause } from '../core/clock.js'

/** Made once: an error of its own for each wait is dear. */
const isSettled = new Error('the store has answered')

/** Nobody waits longer for the store. */
const longestMs = 2_000

/** Whether changes are in the store. */
export class Written {
  readonly #write: (signal: AbortSignal) => Promise<void>
  readonly #clock: Clock
  /** Waits that were given up, and are still not over. */
  #overdue = 0

  /** `write` resolves when the store has all changes; its signal aborts when nobody waits any more. */
  constructor(write: (signal: AbortSignal) => Promise<void>, clock: Clock) {
    this.#write = write
    this.#clock = clock
  }

  /**
   * True when all that was changed so far would survive a crash, or there is no store. False when the store failed, or
   * has not confirmed it within 2 s; then others are told at once, until it answers.
   */
  async all(): Promise<boolean> {
    const settled = new AbortController()
    if (this.#overdue > 0) settled.abort(isSettled)
    const flushed = this.#write(settled.signal).then(
      () => true,
      () => false, // the registry says why by an event, and tries again
    )
    if (settled.signal.aborted) return false
    const late = pause(this.#clock, longestMs, settled.signal).then(() => undefined)
    const written = await Promise.race([flushed, late])
    settled.abort(isSettled)
    if (written === undefined) this.#waitOn(flushed)
    return written ?? false
  }

  #waitOn(flushed: Promise<boolean>): void {
    this.#overdue += 1
    void flushed.then(() => {
      this.#overdue -= 1
    })
  }
}
