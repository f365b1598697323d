/**
 * Time as a parameter. Everything that waits or measures takes a `Clock`, so the whole engine
 * runs under virtual time in tests. This file alone may touch the real clock and real timers.
 */
export interface Clock {
  /** Monotonic milliseconds; only differences mean anything. */
  now(): number
  /** Milliseconds since the epoch. Used to write times down, never to measure. */
  wall(): number
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. Keeps the process alive. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `fn` every `ms` until the returned function is called. Never keeps the process alive. */
  every(ms: number, fn: () => void): () => void
}

/** Node clamps longer delays to 1 ms, so longer sleeps are made of several. */
const longestTimerMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  async sleep(ms, signal) {
    let left = ms
    while (left > longestTimerMs) {
      await sleepOnce(longestTimerMs, signal)
      left -= longestTimerMs
    }
    await sleepOnce(left, signal)
  },
  every(ms, fn) {
    const timer = setInterval(fn, Math.min(ms, longestTimerMs))
    timer.unref()
    return () => clearInterval(timer)
  },
}

/** A time of `wall()` as ISO 8601, in UTC. */
export const isoTime = (epochMs: number): string => new Date(epochMs).toISOString()

function sleepOnce(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

/** One call of `fn` after `ms`, on any clock. The returned function cancels it. */
export function after(clock: Clock, ms: number, fn: () => void): () => void {
  const cancel = new AbortController()
  clock.sleep(ms, cancel.signal).then(
    () => {
      if (!cancel.signal.aborted) fn()
    },
    () => {}, // a cancelled timer has nothing to say
  )
  return () => cancel.abort()
}

/** As `after`, but never keeps the process alive. */
export function later(clock: Clock, ms: number, fn: () => void): () => void {
  const stop = clock.every(Math.max(1, ms), () => {
    stop()
    fn()
  })
  return stop
}

export function whenAborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined)
    else signal.addEventListener('abort', () => resolve(undefined), { once: true })
  })
}

/**
 * Nothing when it is aborted first. Not a race with one promise for all that is waited for in turn: that would keep
 * each of them until the end.
 */
export async function orAborted<T>(
  waited: Promise<T> | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  if (signal.aborted) return undefined
  let end = (): void => {}
  const aborted = new Promise<undefined>((resolve) => {
    end = () => resolve(undefined)
    signal.addEventListener('abort', end, { once: true })
  })
  try {
    return await Promise.race([waited, aborted])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** A wait that the signal ends early, without a word, and that never keeps the process alive. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<unknown> {
  return new Promise<void>((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end) // signals live long, and are waited on often
      resolve()
    }
    const cancel = later(clock, ms, end)
    if (signal.aborted) end()
    else signal.addEventListener('abort', end, { once: true })
  })
}

const immediate = setImmediate

/** Resolves when everything that is ready to run has run; lets a fake clock settle between steps. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    immediate(resolve)
  })
}
