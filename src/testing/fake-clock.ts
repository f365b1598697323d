import { type Clock, settled } from '../core/clock.js'
import { DueHeap, type Timed } from '../core/heap.js'

interface Timer extends Timed {
  run(): void
}

/**
 * A clock that stands still until it is told to move. Given as the registry's `clock`, it drives
 * circuits, health, budgets, leases and back-off alike.
 */
export class FakeClock implements Clock {
  readonly #timers = new DueHeap<Timer>()
  #now: number
  #wallOffset: number

  /** `now()` and `wall()` both start at `startMs`. */
  constructor(startMs = 0) {
    this.#now = startMs
    this.#wallOffset = 0
  }

  get nowMs(): number {
    return this.#now
  }

  now(): number {
    return this.#now
  }

  wall(): number {
    return this.#now + this.#wallOffset
  }

  /** Sets the wall clock, as a user or NTP would; monotonic time goes on as before. */
  setWall(epochMs: number): void {
    this.#wallOffset = epochMs - this.#now
  }

  /** Moves time on by `ms`, and runs what falls due on the way, in order, each at its own time. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`advance expects milliseconds of 0 or more, got ${ms}`)
    const until = this.#now + ms
    await settled()
    for (let timer = this.#timers.popDue(until); timer; timer = this.#timers.popDue(until)) {
      this.#now = Math.max(this.#now, timer.at)
      timer.run()
      await settled()
    }
    this.#now = until
    await settled()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason)
        return
      }
      const timer: Timer = {
        at: this.#now + Math.max(0, ms),
        slot: -1,
        run() {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
      }
      const onAbort = (): void => {
        this.#timers.remove(timer)
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      if (timer.at < Number.POSITIVE_INFINITY) this.#timers.push(timer)
    })
  }

  every(ms: number, fn: () => void): () => void {
    const timer: Timer = {
      at: this.#now + ms,
      slot: -1,
      run: () => {
        timer.at += ms
        this.#timers.push(timer)
        fn()
      },
    }
    this.#timers.push(timer)
    return () => this.#timers.remove(timer)
  }
}
