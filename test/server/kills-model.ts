/** What one id may be: its version, or `gone`. More than one while it is not known whether a change has counted. */
export class Model {
  readonly #may = new Map<string, ReadonlySet<string>>()

  constructor(ids: readonly string[]) {
    for (const id of ids) this.#may.set(id, new Set(['gone']))
  }

  get ids(): readonly string[] {
    return [...this.#may.keys()]
  }

  may(id: string): readonly string[] {
    return [...(this.#may.get(id) ?? [])]
  }

  /** It was acknowledged, or has been seen. */
  is(id: string, state: string): void {
    this.#may.set(id, new Set([state]))
  }

  /** Whoever did it died meanwhile, or could not say. */
  mayBe(id: string, state: string): void {
    this.#may.set(id, new Set([...this.may(id), state]))
  }
}
