/** What is known here of a record. */
interface Known {
  readonly revision: number
  /** What this node wrote last, if nobody has written since. */
  readonly own: string | undefined
}

/** Which revision of each record was seen here, so that a snapshot can be told from what was before. */
export class Replica {
  readonly #known = new Map<string, Known>()
  /** Fields that a place has lost, and until when their owners have time to write them again. */
  readonly #held = new Map<string, number>()

  has(field: string, revision: number): boolean {
    return this.#known.get(field)?.revision === revision
  }

  /** False when it was known already. */
  see(field: string, revision: number): boolean {
    this.#held.delete(field)
    if (this.has(field, revision)) return false
    this.#known.set(field, { revision, own: undefined })
    return true
  }

  /** This node has written it, unless somebody else did since. */
  wrote(field: string, revision: number, own: string): void {
    if ((this.#known.get(field)?.revision ?? 0) > revision) return
    this.#held.delete(field)
    if (own === '') this.#known.delete(field)
    else this.#known.set(field, { revision, own })
  }

  /** False when nothing was known of it. */
  forget(field: string): boolean {
    const wasHeld = this.#held.delete(field)
    return this.#known.delete(field) || wasHeld
  }

  hold(field: string, until: number): void {
    this.#known.delete(field)
    this.#held.set(field, until)
  }

  /** Those whose time is over. */
  release(now: number): readonly string[] {
    const over = [...this.#held].filter(([, until]) => until <= now).map(([field]) => field)
    for (const field of over) this.#held.delete(field)
    return over
  }

  own(field: string): string | undefined {
    return this.#known.get(field)?.own
  }

  fields(): readonly string[] {
    return [...this.#known.keys()]
  }
}
