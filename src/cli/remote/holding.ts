import type { Clock } from '../../core/clock.js'

const longMs = 3_600_000

/** Keeps the process alive until the signal aborts; what a client does in the background does not. */
export async function holding(clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await clock.sleep(longMs, signal).catch(() => {}) // the signal has the word
}
