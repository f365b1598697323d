import { backoffMs } from '../core/backoff.js'
import { type Clock, later } from '../core/clock.js'
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

/** An entry that is to be written. */
interface Mark {
  readonly section: Section
  readonly key: string
  readonly gone: boolean
  /** It is gone, or was since the last group: if it is there again, it comes after all others. */
  readonly left: boolean
  /** A provider was registered again in place. */
  readonly anew: boolean
}

/**
 * Follows a registry into a store. Only what changed is remembered, not how: what is written is what is
 * so at the time of writing. So changes of one turn make one group, changes that come while the store
 * writes make the next, and what changed twice is written once, in the place of its first change. A
 * group that was refused is written with the next one.
 */
export class Persist {
  readonly #store: Store
  readonly #ports: PersistPorts
  /** What changed since the last group began, in the order of its first change. */
  #changed = new Map<string, Mark>()
  /** What is being written. */
  #group: Map<string, Mark> | undefined
  #loading: Promise<unknown> | undefined
  /** Before the load is over nothing is written. */
  #open = false
  #closed = false
  #writing = false
  #failures = 0
  /** When the oldest change that is not written was made. */
  #behindSince: number | undefined
  #stopRetry: (() => void) | undefined
  /** Those who wait for the next group to begin and end. */
  #waiters: Waiter[] = []

  constructor(store: Store, ports: PersistPorts) {
    this.#store = store
    this.#ports = ports
  }

  /** What the store remembers; to be followed by `begin` when it was taken over. */
  async load(): Promise<Snapshot | undefined> {
    const loading = this.#store.load()
    this.#loading = loading
    return loading
  }

  /** From now on the store is written to, beginning with what changed before. */
  begin(): void {
    this.#open = true
    this.#schedule()
  }

  /** Whether the store was read, and so is written to. */
  get isOpen(): boolean {
    return this.#open
  }

  /** How old the oldest change is that the store does not have; 0 when it has all. */
  get lagMs(): number {
    return this.#behindSince === undefined ? 0 : this.#ports.clock.now() - this.#behindSince
  }

  /** Whether an entry changed and is not written yet. */
  has(section: Section, key: string): boolean {
    return this.#changed.has(`${section} ${key}`)
  }

  /** Whether an entry is to be written, or is being written. */
  owes(section: Section, key: string): boolean {
    return this.has(section, key) || this.#group?.has(`${section} ${key}`) === true
  }

  /** Whether it is to be written that a provider was registered here. */
  registers(name: string): boolean {
    const id = `providers ${name}`
    const marks = [this.#changed.get(id), this.#group?.get(id)]
    const isThere = this.#ports.read('providers', name) !== undefined
    return isThere && marks.some((mark) => mark?.anew === true || mark?.left === true)
  }

  /** Others have registered this provider anew: what was to be written of it is over. */
  drop(section: Section, key: string): void {
    this.#changed.delete(`${section} ${key}`)
    this.#group?.delete(`${section} ${key}`)
    if (!this.#writing) this.#settleIdle()
  }

  /** An entry is another, is new, or is gone; `anew` where it has replaced one of its name. */
  mark(section: Section, key: string, gone = false, anew = false): void {
    if (this.#closed) return
    this.#behindSince ??= this.#ports.clock.now()
    note(this.#changed, { section, key, gone, left: gone, anew })
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
      await Promise.allSettled([this.#loading]) // what it takes hold of must be let go of
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
      const begunAt = this.#ports.clock.now()
      this.#group = group
      this.#changed = new Map()
      this.#waiters = []
      try {
        await this.#store.apply([...group.values()].flatMap((mark) => this.#changesOf(mark)))
        this.#failures = 0
        this.#behindSince = this.#changed.size === 0 ? undefined : begunAt
        for (const { resolve } of waiters) resolve()
      } catch (error) {
        for (const mark of this.#changed.values()) note(group, mark)
        this.#changed = group
        this.#refused(error, waiters)
        break
      }
    }
    this.#group = undefined
    this.#writing = false
    this.#settleIdle()
  }

  /** Nothing is left to wait for. */
  #settleIdle(): void {
    if (this.#changed.size > 0) return
    this.#behindSince = undefined
    for (const { resolve } of this.#waiters.splice(0)) resolve()
  }

  #changesOf({ section, key, left, anew }: Mark): StoreChange[] {
    const value = this.#ports.read(section, key)
    if (value === undefined) return [{ section, key }]
    const change = { section, key, value, ...(anew && { anew }) } as StoreChange
    return left ? [{ section, key }, change] : [change]
  }

  #refused(error: unknown, waiters: readonly Waiter[]): void {
    this.#failures += 1
    const { clock, random } = this.#ports
    const retryInMs = backoffMs(this.#failures, retry, random)
    if (!this.#closed) {
      // A registry that waits for its disk must not keep the process alive.
      this.#stopRetry = later(clock, retryInMs, () => {
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

/** Whoever comes back goes to the end, whatever else changes stays in its place. */
function note(marks: Map<string, Mark>, mark: Mark): void {
  const id = `${mark.section} ${mark.key}`
  const before = marks.get(id)
  if (before?.gone === true || mark.left) marks.delete(id)
  const left = mark.left || before?.left === true
  marks.set(id, { ...mark, left, anew: mark.anew || before?.anew === true })
}
