import pLimit from 'p-limit'

/** Runs at most so many of the given functions at once, in order. */
export type Limit = <T>(fn: () => Promise<T>) => Promise<T>

export function limit(atOnce: number): Limit {
  const run = pLimit(atOnce)
  return (fn) => run(fn)
}

/**
 * Lets so many in at once; the others wait in order. For what begins and ends in different places, and
 * for whoever may lose patience: that is what `limit` has no way to tell.
 */
export class Gate {
  readonly #waiting = new Set<() => void>()
  #free: number

  constructor(atOnce: number) {
    this.#free = atOnce
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Resolves with the way out, to be called once one is done; calling it again does nothing.
   * Rejects with the signal's reason when it aborts first.
   */
  enter(signal: AbortSignal): Promise<() => void> {
    if (signal.aborted) return Promise.reject(signal.reason)
    if (this.#free > 0) return Promise.resolve(this.#admit())
    return new Promise((resolve, reject) => {
      const admitted = (): void => {
        signal.removeEventListener('abort', leave)
        resolve(this.#admit())
      }
      const leave = (): void => {
        this.#waiting.delete(admitted)
        reject(signal.reason)
      }
      this.#waiting.add(admitted)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #admit(): () => void {
    this.#free -= 1
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      this.#free += 1
      const [next] = this.#waiting
      if (next === undefined) return
      this.#waiting.delete(next)
      next()
    }
  }
}
