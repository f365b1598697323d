import type { Place } from './places.js'

/** All are forgotten when there are more. */
const mostTurns = 10_000

/** Who came last, by what was asked for: each in turn, although providers come and go. */
export class Turns {
  readonly #last = new Map<string, Place>()

  last(key: string): Place | undefined {
    return this.#last.get(key)
  }

  took(key: string, place: Place): void {
    if (this.#last.size >= mostTurns) this.#last.clear()
    this.#last.set(key, place)
  }
}
