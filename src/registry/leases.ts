import { type Clock, later } from '../core/clock.js'
import { DueHeap, type Timed } from '../core/heap.js'
import type { ProviderLease, RenewOptions, SavedLease } from '../model/lease.js'
import type { Seat } from '../resolve/seat.js'

/** What becomes of a provider whose lease is over. */
export interface LeasePorts {
  readonly clock: Clock
  /** It has been silent for as long as its lease. */
  expired(seat: Seat): void
  /** It has been silent for so long that nobody expects it back. */
  lost(seat: Seat): void
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
  #stopTimer: (() => void) | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(ports: LeasePorts) {
    this.#ports = ports
  }

  renew(seat: Seat, { forMs, facts }: RenewOptions): void {
    const { clock } = this.#ports
    const before = held.get(seat)?.saved.facts ?? nothing
    this.#hold(seat, {
      provider: seat.provider.name,
      renewedAt: clock.wall(),
      forMs,
      facts: facts ?? before,
    })
  }

  /**
   * One that was written down, here or by others; false when a newer one is known. It counts from now on, in full:
   * who was away cannot know what it has missed.
   */
  restore(seat: Seat, saved: SavedLease): boolean {
    const known = held.get(seat)
    if (known !== undefined && known.saved.renewedAt >= saved.renewedAt) return false
    this.#hold(seat, saved)
    return true
  }

  forget(seat: Seat): void {
    const known = held.get(seat)
    if (known === undefined) return
    this.#heap.remove(known)
    held.delete(seat)
  }

  stop(): void {
    this.#stopTimer?.()
    this.#heap.clear()
  }

  #hold(seat: Seat, lease: SavedLease): void {
    const now = this.#ports.clock.now()
    const saved = Object.freeze(lease)
    let entry = held.get(seat)
    if (entry === undefined) {
      entry = { seat, saved, renewedAt: now, expired: false, at: 0, slot: -1 }
      held.set(seat, entry)
    } else this.#heap.remove(entry)
    entry.saved = saved
    entry.renewedAt = now
    entry.expired = false
    entry.at = now + saved.forMs
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
    for (let due = this.#heap.popDue(now); due; due = this.#heap.popDue(now)) {
      const { seat, renewedAt, saved } = due
      if (due.expired) {
        this.#ports.lost(seat)
        continue
      }
      due.expired = true
      due.at = renewedAt + timesUntilLost * saved.forMs
      this.#heap.push(due)
      this.#ports.expired(seat)
    }
    if (this.#heap.size > 0) this.#arm()
  }
}

const nothing: Readonly<Record<string, never>> = Object.freeze({})
