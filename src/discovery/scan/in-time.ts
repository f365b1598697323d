import { after, type Clock } from '../../core/clock.js'

/** How long work may take to make something of what it has, once its time is over. */
const graceMs = 250

export const late: unique symbol = Symbol('late')

interface Time {
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * What comes of work that may never end, or `late`; it is left behind then. Its time is over after `timeoutMs`, or when
 * the signal aborts. Rejects when the work does in time.
 */
export function inTime<T>(
  work: Promise<T>,
  { clock, signal, timeoutMs }: Time,
): Promise<T | typeof late> {
  return new Promise((resolve, reject) => {
    let cancel = (): void => {}
    const endAfter = (ms: number): void => {
      cancel()
      cancel = after(clock, ms, () => end(() => resolve(late)))
    }
    const hurry = (): void => endAfter(graceMs)
    const end = (settle: () => void): void => {
      cancel()
      signal.removeEventListener('abort', hurry)
      settle()
    }
    signal.addEventListener('abort', hurry, { once: true })
    endAfter(signal.aborted ? graceMs : timeoutMs + graceMs)
    work.then(
      (value) => end(() => resolve(value)),
      (error: unknown) => end(() => reject(error)),
    )
  })
}
