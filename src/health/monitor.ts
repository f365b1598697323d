import { type Clock, later } from '../core/clock.js'
import { DueHeap, type Timed } from '../core/heap.js'
import type { Random } from '../core/random.js'
import type { CheckSettings } from '../model/health.js'

/** A provider as far as its monitor goes. */
export interface Monitored {
  readonly hasCheck: boolean
  readonly parts: { readonly health: CheckSettings }
}

export interface MonitorPorts<S> {
  readonly clock: Clock
  readonly random: Random
  /** Whether the circuit is open: then the provider is left alone. */
  resting(seat: S, now: number): boolean
  /** Checks it. Never rejects. */
  observe(seat: S): Promise<void>
}

interface Watch<S> extends Timed {
  readonly seat: S
}

/** Share of the interval by which the next check may come earlier or later. */
const jitter = 0.2
/** Those that begin together are first checked so far apart, all of them within one interval. */
const apartMs = 10

/**
 * Checks providers in the background, each at its own interval, so many at once. All of them share
 * one timer, which does not keep the process alive; one that hangs holds up nobody but itself.
 */
export class HealthMonitor<S extends Monitored> {
  readonly #ports: MonitorPorts<S>
  readonly #atOnce: number
  readonly #watches = new Map<S, Watch<S>>()
  readonly #waiting = new DueHeap<Watch<S>>()
  #isRunning = false
  #underWay = 0
  #disarm: (() => void) | undefined
  #armedFor = Number.POSITIVE_INFINITY

  constructor(atOnce: number, ports: MonitorPorts<S>) {
    this.#atOnce = atOnce
    this.#ports = ports
  }

  start(seats: Iterable<S>): void {
    this.#isRunning = true
    const all = [...seats].filter(({ hasCheck }) => hasCheck)
    for (const seat of all) this.#begin(seat, all.length - 1)
  }

  /** Nothing is begun any more. */
  stop(): void {
    this.#isRunning = false
    this.#disarm?.()
    this.#armedFor = Number.POSITIVE_INFINITY
    this.#waiting.clear()
    this.#watches.clear()
  }

  /** From now on, if there is anything to ask. One that is watched already keeps its turn. */
  watch(seat: S): void {
    if (this.#isRunning && seat.hasCheck) this.#begin(seat, this.#watches.size)
  }

  #begin(seat: S, others: number): void {
    if (this.#watches.has(seat)) return
    const now = this.#ports.clock.now()
    const within = Math.min(seat.parts.health.intervalMs, others * apartMs)
    const watch = { seat, at: now + within * this.#ports.random(), slot: -1 }
    this.#watches.set(seat, watch)
    this.#waiting.push(watch)
    this.#arm(now)
  }

  forget(seat: S): void {
    const watch = this.#watches.get(seat)
    if (watch === undefined) return
    this.#watches.delete(seat)
    this.#waiting.remove(watch)
  }

  #askDue(): void {
    const now = this.#ports.clock.now()
    while (this.#underWay < this.#atOnce) {
      const watch = this.#waiting.popDue(now)
      if (watch === undefined) break
      this.#ask(watch, now)
    }
    this.#arm(now)
  }

  #ask(watch: Watch<S>, now: number): void {
    const { seat } = watch
    const { random } = this.#ports
    if (!seat.hasCheck) {
      this.#watches.delete(seat) // it was replaced by one that cannot be asked
      return
    }
    watch.at = now + seat.parts.health.intervalMs * (1 - jitter + 2 * jitter * random())
    if (this.#ports.resting(seat, now)) {
      this.#waiting.push(watch)
      return
    }
    this.#underWay += 1
    void this.#ports.observe(seat).then(() => {
      this.#underWay -= 1
      if (this.#watches.get(seat) === watch) this.#waiting.push(watch)
      this.#askDue()
    })
  }

  /** A timer that is set too early looks in vain, once; when all places are taken none is needed. */
  #arm(now: number): void {
    const at = this.#underWay < this.#atOnce ? this.#waiting.nextAt : Number.POSITIVE_INFINITY
    if (at >= this.#armedFor) return
    this.#disarm?.()
    this.#armedFor = at
    this.#disarm = later(this.#ports.clock, at - now, () => {
      this.#armedFor = Number.POSITIVE_INFINITY
      this.#askDue()
    })
  }
}
