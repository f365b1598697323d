const nothing: ReadonlySet<never> = new Set()

/** What has a word, for each word that something has. */
export class WordIndex<T> {
  readonly #having = new Map<string, Set<T>>()

  get(word: string): ReadonlySet<T> {
    return this.#having.get(word) ?? nothing
  }

  words(): string[] {
    return [...this.#having.keys()]
  }

  /** `item` has other words than before. */
  move(item: T, before: readonly string[], after: readonly string[]): void {
    for (const word of before) if (!after.includes(word)) this.#drop(word, item)
    for (const word of after) {
      const having = this.#having.get(word)
      if (having === undefined) this.#having.set(word, new Set([item]))
      else having.add(item)
    }
  }

  #drop(word: string, item: T): void {
    const having = this.#having.get(word)
    having?.delete(item)
    if (having?.size === 0) this.#having.delete(word)
  }
}
