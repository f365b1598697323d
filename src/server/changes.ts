import type { Change } from './entry.js'
import { OperationError } from './operation-error.js'

/** Of each kind of change, what its number and time do not say. */
export type News = Change extends infer C
  ? C extends Change
    ? Omit<C, 'seq' | 'at'>
    : never
  : never

interface Reader {
  /** The number of the last change it has. */
  seen: number
  tooSlow: boolean
  wake(): void
}

/**
 * The last changes, numbered. Readers hold a place in it and no queue of their own, so that many of them cost no
 * memory; who falls behind further than it reaches is thrown out.
 */
export class ChangeLog {
  readonly #capacity: number
  readonly #wall: () => number
  readonly #ring: Change[] = []
  readonly #readers = new Set<Reader>()
  #position = 0

  constructor(capacity: number, wall: () => number) {
    this.#capacity = capacity
    this.#wall = wall
  }

  /** The number of the last change. */
  get position(): number {
    return this.#position
  }

  get readers(): number {
    return this.#readers.size
  }

  push(news: News): void {
    this.#position += 1
    const change: Change = Object.freeze({ ...news, seq: this.#position, at: this.#wall() })
    this.#ring[this.#position % this.#capacity] = change
    for (const reader of this.#readers) {
      if (reader.seen < this.#oldest - 1) reader.tooSlow = true
      reader.wake()
    }
  }

  /**
   * Changes after this number, until the signal aborts. Begins with `resync` when some of them are gone. Throws
   * `unavailable` when it is read too slowly.
   */
  follow(after: number | undefined, signal: AbortSignal): AsyncIterableIterator<Change> {
    const missed = after !== undefined && (after < this.#oldest - 1 || after > this.#position)
    const seen = after === undefined || missed ? this.#position : after
    const reader: Reader = { seen, tooSlow: false, wake: () => {} }
    this.#readers.add(reader) // now, and not when it is first read: nothing may be lost between
    const stop = (): void => {
      this.#readers.delete(reader)
      reader.wake()
    }
    signal.addEventListener('abort', stop, { once: true })
    const changes = this.#changes(reader, missed, signal)
    const end = (): void => {
      signal.removeEventListener('abort', stop)
      stop()
    }
    return {
      [Symbol.asyncIterator]() {
        return this
      },
      next: () => changes.next(),
      async return() {
        end()
        return changes.return(undefined)
      },
    }
  }

  async *#changes(
    reader: Reader,
    missed: boolean,
    signal: AbortSignal,
  ): AsyncGenerator<Change, undefined> {
    if (missed) yield { type: 'resync', seq: reader.seen, at: this.#wall() }
    while (!signal.aborted && (this.#readers.has(reader) || reader.tooSlow)) {
      if (reader.tooSlow) {
        this.#readers.delete(reader)
        throw tooSlow
      }
      const next = this.#ring[(reader.seen + 1) % this.#capacity]
      if (reader.seen < this.#position && next !== undefined) {
        reader.seen += 1
        yield next
      } else await this.#woken(reader)
    }
    return undefined
  }

  #woken(reader: Reader): Promise<void> {
    return new Promise((resolve) => {
      reader.wake = resolve
    })
  }

  get #oldest(): number {
    return Math.max(1, this.#position - this.#capacity + 1)
  }
}

const tooSlow = new OperationError(
  'unavailable',
  'READER_TOO_SLOW',
  'Changes came faster than they were read; look at the whole list, then follow again',
)
