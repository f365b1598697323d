import { settled } from '../core/clock.js'

/** Characters worked through in one turn of the event loop: about a millisecond. */
const turnLength = 2 ** 16

/** What an entry costs besides its text, as the length of text that takes as long. */
const perEntry = 100

/** Lets others run in between when there is much to do. */
export class Pace {
  #done = 0

  /** To be awaited if it gives something: awaiting nothing a hundred thousand times is dear. */
  entry(length: number): Promise<void> | undefined {
    this.#done += perEntry + length
    if (this.#done < turnLength) return undefined
    this.#done = 0
    return settled()
  }
}
