import { after, type Clock } from './clock.js'
import { DueHeap, type Timed } from './heap.js'

/** Work that gives up at `at`. */
export interface Deadline extends Timed {
  expire(now: number): void
}

/** How long a timer may outlive the work it was armed for, and so keep the process alive. */
const lingerMs = 100

/**
 * All deadlines of a registry behind one timer.
 *
 * Arming and clearing a timer for each call costs more than the rest of a guarded call, and most
 * deadlines never come. The timer sleeps until the earliest deadline, at most 100 ms at a time, and
 * looks again; with nothing in flight it is not armed at all.
 */
export class Deadlines {
  readonly #heap = new DueHeap<Deadline>()
  readonly #clock: Clock
  #cancel: (() => void) | undefined
  #armedFor = Number.POSITIVE_INFINITY
  /** A recent time, at most 100 ms old while anything is waiting: for whom that is good enough. */
  lately: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.lately = clock.now()
  }

  get size(): number {
    return this.#heap.size
  }

  /** Items must be due at a finite time; `now` saves a look at the clock. */
  add(item: Deadline, now: number): void {
    this.lately = now
    this.#heap.push(item)
    if (item.at < this.#armedFor) this.#arm(now)
  }

  remove(item: Deadline): void {
    this.#heap.remove(item)
  }

  clear(): void {
    this.#cancel?.()
    this.#heap.clear()
    this.#armedFor = Number.POSITIVE_INFINITY
  }

  #arm(now: number): void {
    const until = Math.min(this.#heap.nextAt, now + lingerMs)
    if (until >= this.#armedFor) return
    this.#cancel?.()
    this.#armedFor = until
    this.#cancel = after(this.#clock, Math.max(0, until - now), () => this.#tick())
  }

  #tick(): void {
    const now = this.#clock.now()
    this.lately = now
    this.#armedFor = Number.POSITIVE_INFINITY
    try {
      for (let due = this.#heap.popDue(now); due; due = this.#heap.popDue(now)) due.expire(now)
    } finally {
      if (this.#heap.size > 0) this.#arm(now) // one that throws must not keep the others waiting
    }
  }
}
