import { backoffMs } from '../core/backoff.js'
import { type Clock, orAborted, pause } from '../core/clock.js'
import type { Random } from '../core/random.js'
import type { Store, StoreChange } from '../store/store.js'

export interface FollowPorts {
  readonly clock: Clock
  readonly random: Random
  take(changes: readonly StoreChange[]): void
  /** It is heard again, and all that came meanwhile was taken. */
  heard(): void
  /** It is asked again after so long. */
  failed(error: unknown, retryInMs: number): void
}

const retry = { firstMs: 100, maxMs: 30_000 }

/** Follows what others change in a store, until it is stopped. Keeps no process alive. */
export class Follow {
  readonly #store: Store
  readonly #ports: FollowPorts
  readonly #stopped = new AbortController()
  #started = false
  #failures = 0
  #heard = false

  constructor(store: Store, ports: FollowPorts) {
    this.#store = store
    this.#ports = ports
  }

  /** Does nothing the second time, and for a store that nobody else can change. */
  start(): void {
    if (this.#started || this.#store.watch === undefined) return
    this.#started = true
    void this.#run()
  }

  /** Whether what others do would be known here, up to a few seconds. */
  get heard(): boolean {
    return this.#heard
  }

  stop(): void {
    this.#stopped.abort()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    const { clock, random, failed } = this.#ports
    while (!signal.aborted) {
      try {
        await this.#watch(signal)
      } catch (error) {
        if (signal.aborted) return
        this.#heard = false
        this.#failures += 1
        const retryInMs = backoffMs(this.#failures, retry, random)
        failed(error, retryInMs)
        await pause(clock, retryInMs, signal)
      }
    }
  }

  /** Each time with a signal of its own, so that nothing of an attempt outlives it. */
  async #watch(signal: AbortSignal): Promise<void> {
    const attempt = new AbortController()
    const end = (): void => attempt.abort()
    signal.addEventListener('abort', end, { once: true })
    try {
      await this.#take(attempt.signal)
    } finally {
      signal.removeEventListener('abort', end)
      end()
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    const caughtUp = (): void => {
      if (!signal.aborted) this.#hear()
    }
    const groups = this.#store.watch?.(signal, caughtUp)[Symbol.asyncIterator]()
    for (;;) {
      // A store that does not mind the signal is left behind.
      const next = await orAborted(groups?.next(), signal)
      if (next === undefined || signal.aborted) {
        void groups?.return?.()?.then(undefined, () => {})
        return
      }
      if (next.done) throw new Error('it stopped telling what others change')
      this.#failures = 0
      this.#ports.take(next.value)
    }
  }

  #hear(): void {
    this.#failures = 0
    if (this.#heard) return
    this.#heard = true
    this.#ports.heard()
  }
}
