import { backoffMs } from '../core/backoff.js'
import type { Clock } from '../core/clock.js'
import type { Random } from '../core/random.js'
import type { Section, Sections, Snapshot } from '../model/snapshot.js'
import type { Store, StoreChange } from './store.js'

/** What the store has to remember, and who wants to know when it cannot. */
export interface PersistPorts {
  readonly clock: Clock
  readonly random: Random
  /** The entry as it is now; `undefined` when it is gone. */
  read<S extends Section>(section: S, key: string): Sections[S] | undefined
  /** The store rejected; what was to be written is tried again after so long. */
  failed(error: unknown, retryInMs: number): void
}

const retry = { firstMs: 1_000, maxMs: 60_000 }

interface Waiter {
  resolve(): void
  reject(error: unknown): void
}

/**
 * Follows a registry into a store. Only what changed is remembered, not how: what is written is what is
 * so at the time of writing. So changes of one turn make one group, changes that come while the store
 * writes make the next, and what changed twice is written once. A group that was refused is written
 * with the next one.
 */
export class Persist {
  readonly #store: Store
  readonly #ports: PersistPorts
  /** What changed since the last group began, in the order of its first change. */
  #changed = new Map<string, readonly [Section, string]>()
  /** Before the load is over nothing is written. */
  #open = false
  #closed = false
  #writing = false
  #failures = 0
  #stopRetry: (() => void) | undefined
  /** Those who wait for the next group to begin and end. */
  #waiters: Waiter[] = []

  constructor(store: Store, ports: PersistPorts) {
    this.#store = store
    this.#ports = ports
  }

  /** What the store remembers; to be followed by `begin` when it was taken over. */
  load(): Promise<Snapshot | undefined> {
    return this.#store.load()
  }

  /** From now on the store is written to, beginning with what changed before. */
  begin(): void {
    this.#open = true
    this.#schedule()
  }

  /** Whether an entry changed and is not written yet. */
  has(section: Section, key: string): boolean {
    return this.#changed.has(`${section} ${key}`)
  }

  /** An entry is another, is new, or is gone. */
  mark(section: Section, key: string): void {
    if (this.#closed) return
    const id = `${section} ${key}`
    this.#changed.delete(id) // a group tells in the order of the last changes
    this.#changed.set(id, [section, key])
    this.#schedule()
  }

  /** Resolves when all that changed so far is in the store; rejects when the store does. */
  flush(): Promise<void> {
    if (!this.#open || (this.#changed.size === 0 && !this.#writing)) return Promise.resolve()
    const written = new Promise<void>((resolve, reject) => {
      this.#waiters.push({ resolve, reject })
    })
    this.#endRetry()
    this.#schedule()
    return written
  }

  /** Writes what is left, once more, and closes the store. Rejects when that could not be written. */
  async close(): Promise<void> {
    if (this.#closed) return
    const written = this.flush()
    this.#closed = true
    try {
      await written
    } finally {
      this.#endRetry()
      await this.#store.close()
    }
  }

  #schedule(): void {
    if (!this.#open || this.#writing || this.#stopRetry !== undefined) return
    if (this.#changed.size === 0) return
    this.#writing = true
    // What else happens in this turn belongs to the same group.
    queueMicrotask(() => void this.#write())
  }

  async #write(): Promise<void> {
    while (this.#changed.size > 0) {
      const group = this.#changed
      const waiters = this.#waiters
      this.#changed = new Map()
      this.#waiters = []
      try {
        await this.#store.apply(
          [...group.values()].map(([section, key]) => this.#changeOf(section, key)),
        )
        this.#failures = 0
        for (const { resolve } of waiters) resolve()
      } catch (error) {
        this.#changed = new Map([...group, ...this.#changed])
        this.#refused(error, waiters)
        break
      }
    }
    this.#writing = false
    this.#settleIdle()
  }

  /** Nothing is left to wait for. */
  #settleIdle(): void {
    if (this.#changed.size > 0) return
    for (const { resolve } of this.#waiters.splice(0)) resolve()
  }

  #changeOf<S extends Section>(section: S, key: string): StoreChange {
    const value = this.#ports.read(section, key)
    return { section, key, ...(value !== undefined && { value }) } as StoreChange
  }

  #refused(error: unknown, waiters: readonly Waiter[]): void {
    this.#failures += 1
    const { clock, random } = this.#ports
    const retryInMs = backoffMs(this.#failures, retry, random)
    if (!this.#closed) {
      // `every`, because a registry that waits for its disk must not keep the process alive
      this.#stopRetry = clock.every(retryInMs, () => {
        this.#endRetry()
        this.#schedule()
      })
    }
    this.#ports.failed(error, retryInMs)
    for (const { reject } of [...waiters, ...this.#waiters.splice(0)]) reject(error)
  }

  #endRetry(): void {
    this.#stopRetry?.()
    this.#stopRetry = undefined
  }
}
