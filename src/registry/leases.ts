import { isDeepStrictEqual } from 'node:util'
import { type Clock, later } from '../core/clock.js'
import { DueHeap, type Timed } from '../core/heap.js'
import type { Health } from '../model/health.js'
import type { ProviderLease, RenewOptions, SavedLease } from '../model/lease.js'
import type { Seat } from '../resolve/seat.js'

/** What becomes of a provider whose lease is over. */
export interface LeasePorts {
  readonly clock: Clock
  /** It has been silent for as long as its lease. */
  expired(seat: Seat): void
  /** It has been silent for so long that nobody expects it back. */
  lost(seat: Seat): void
  /** What was taken to be silent here may have been heard by others. */
  resumed(seat: Seat, before: Health): void
  /**
   * Where a store ends leases for all who share it: whether it is heard now. It alone knows who else has heard of a
   * provider.
   */
  readonly storeIsHeard?: (() => boolean) | undefined
}

/** A provider is removed after so many times its lease. */
const timesUntilLost = 5

/** No provider keeps a lease of its own in the registry: most have none. */
const held = new WeakMap<Seat, Held>()

interface Held extends Timed {
  readonly seat: Seat
  saved: SavedLease
  /** By the monotonic clock. */
  renewedAt: number
  expired: boolean
  /** Its last sign of life came to this registry. */
  own: boolean
}

export function leaseOf(seat: Seat): ProviderLease | undefined {
  const saved = held.get(seat)?.saved
  if (saved === undefined) return undefined
  const { renewedAt, forMs, facts } = saved
  return Object.freeze({ renewedAt, expiresAt: renewedAt + forMs, facts })
}

/** The lease as it is written down. */
export const savedLease = (seat: Seat): SavedLease | undefined => held.get(seat)?.saved

/**
 * Who has to give signs of life to be taken for alive. One timer for all of them, which never keeps the
 * process alive.
 */
export class Leases {
  readonly #ports: LeasePorts
  readonly #heap = new DueHeap<Held>()
  /** Those that were ended here although others could know better, and how they were before. */
  readonly #doubtful = new Map<Held, Health>()
  #stopTimer: (() => void) | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(ports: LeasePorts) {
    this.#ports = ports
  }

  renew(seat: Seat, { forMs, facts }: RenewOptions): void {
    const { clock } = this.#ports
    const before = held.get(seat)?.saved.facts ?? nothing
    const provider = seat.provider.name
    this.#hold(seat, { provider, renewedAt: clock.wall(), forMs, facts: facts ?? before }, true)
  }

  /**
   * One that was written down; false when a newer one is known. It counts from now on, in full: who was away cannot
   * know what it has missed.
   */
  restore(seat: Seat, saved: SavedLease): boolean {
    const known = held.get(seat)
    if (known !== undefined && known.saved.renewedAt >= saved.renewedAt) return false
    const entry = this.#hold(seat, saved, false)
    if (saved.expired === true) this.#end(entry)
    return true
  }

  /** What others have written last, by whatever clock; true when it was renewed. */
  follow(seat: Seat, saved: SavedLease): boolean {
    const known = held.get(seat)
    if (saved.expired !== true) {
      if (known?.expired === false && isDeepStrictEqual(known.saved, saved)) return false
      this.#hold(seat, saved, false)
      return true
    }
    const wasOver = known?.expired === true
    this.#end(this.#hold(seat, saved, false))
    if (!wasOver) this.#ports.expired(seat)
    return false
  }

  /** Others have taken it away: from one that was over, because nobody expects it back. */
  dropped(seat: Seat): void {
    const isLost = this.#endedElsewhere && held.get(seat)?.expired === true
    this.forget(seat)
    if (isLost) this.#ports.lost(seat)
  }

  /** The store that ends leases is heard again: what was ended meanwhile gets a full one. */
  resume(): void {
    for (const [entry, before] of [...this.#doubtful]) {
      this.#hold(entry.seat, entry.saved, true)
      this.#ports.resumed(entry.seat, before)
    }
  }

  forget(seat: Seat): void {
    const known = held.get(seat)
    if (known === undefined) return
    this.#heap.remove(known)
    this.#doubtful.delete(known)
    held.delete(seat)
  }

  stop(): void {
    this.#stopTimer?.()
    this.#heap.clear()
  }

  get #endedElsewhere(): boolean {
    return this.#ports.storeIsHeard !== undefined
  }

  #hold(seat: Seat, lease: SavedLease, own: boolean): Held {
    const now = this.#ports.clock.now()
    const saved = Object.freeze(lease)
    let entry = held.get(seat)
    if (entry === undefined) {
      entry = { seat, saved, renewedAt: now, expired: false, own, at: 0, slot: -1 }
      held.set(seat, entry)
    } else this.#heap.remove(entry)
    this.#doubtful.delete(entry)
    Object.assign(entry, { saved, renewedAt: now, expired: false, own })
    if (own || !this.#endedElsewhere) this.#wait(entry, saved.forMs)
    return entry
  }

  /** It is over already. */
  #end(entry: Held): void {
    this.#heap.remove(entry)
    entry.expired = true
    if (!this.#endedElsewhere) this.#wait(entry, (timesUntilLost - 1) * entry.saved.forMs)
  }

  #wait(entry: Held, ms: number): void {
    entry.at = this.#ports.clock.now() + ms
    this.#heap.push(entry)
    this.#arm()
  }

  #arm(): void {
    const { nextAt } = this.#heap
    if (nextAt >= this.#armedFor) return // it looks again when that timer ends
    this.#stopTimer?.()
    this.#armedFor = nextAt
    const { clock } = this.#ports
    this.#stopTimer = later(clock, nextAt - clock.now(), () => this.#sweep())
  }

  #sweep(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = this.#ports.clock.now()
    for (let due = this.#heap.popDue(now); due; due = this.#heap.popDue(now)) this.#over(due)
    if (this.#heap.size > 0) this.#arm()
  }

  #over(due: Held): void {
    const { storeIsHeard, expired, lost } = this.#ports
    const { seat, renewedAt, saved } = due
    if (storeIsHeard?.()) {
      this.#wait(due, saved.forMs) // it says so itself
      return
    }
    if (due.expired) {
      lost(seat)
      return
    }
    due.expired = true
    if (this.#endedElsewhere) this.#doubtful.set(due, seat.verdict)
    else {
      due.at = renewedAt + timesUntilLost * saved.forMs
      this.#heap.push(due)
    }
    expired(seat)
  }
}

const nothing: Readonly<Record<string, never>> = Object.freeze({})
