import type { Caller } from './operations.js'

export interface Removal {
  readonly id: string
  readonly caller: Caller
}

/**
 * Removals whose callers still wait. Another node may have registered the id anew before this one heard of it: then the
 * store refuses the removal, and the id is there again.
 */
export class Removals {
  readonly #open = new Set<Removal>()
  #untaken: Removal[] = []

  add(removal: Removal): void {
    this.#open.add(removal)
    this.#untaken.push(removal)
  }

  /** It was registered here since: that is no more what was to be removed. */
  registered(id: string): void {
    for (const removal of this.#open) if (removal.id === id) this.#open.delete(removal)
  }

  /** Those that nobody has taken yet; to be ended by `over`. */
  take(): readonly Removal[] {
    return this.#untaken.splice(0)
  }

  isOpen(removal: Removal): boolean {
    return this.#open.has(removal)
  }

  over(taken: readonly Removal[]): void {
    for (const removal of taken) this.#open.delete(removal)
  }
}
