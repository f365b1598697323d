import { backoffMs } from '../core/backoff.js'
import type { Random } from '../core/random.js'

/** Without a `Retry-After`, rest this long and twice as long each time in a row. */
const backoff = { firstMs: 1_000, maxMs: 60_000 }

/** A pause that the other side asked for, shared by all providers that use the same credential. */
export class Cooldown {
  readonly #members = new Set<() => void>()
  #strikes = 0
  until: number = Number.NEGATIVE_INFINITY

  /** `changed` is called when the pause grows or is ended. */
  join(changed: () => void): () => void {
    this.#members.add(changed)
    return () => this.#members.delete(changed)
  }

  get shared(): boolean {
    return this.#members.size > 0
  }

  /** What was asked for is a floor, and a longer pause that is already running is never shortened. */
  extend(retryAfterMs: number | undefined, now: number, random: Random): void {
    this.#strikes += 1
    const restMs = retryAfterMs ?? backoffMs(this.#strikes, backoff, random)
    this.hold(now + restMs)
  }

  /** A pause that was asked for elsewhere, or before a restart. */
  hold(until: number): void {
    if (until <= this.until) return
    this.until = until
    this.#tell()
  }

  /** Ends the pause by hand, for all who share it. */
  end(): void {
    this.#strikes = 0
    if (this.until === Number.NEGATIVE_INFINITY) return
    this.until = Number.NEGATIVE_INFINITY
    this.#tell()
  }

  succeeded(): void {
    this.#strikes = 0
  }

  #tell(): void {
    for (const changed of [...this.#members]) changed()
  }
}
