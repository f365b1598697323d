import type { Sighting } from '../model/sighting.js'

export interface ReconcileSettings {
  /** A provider that is seen no more is removed after so long. */
  readonly graceMs: number
}

/** What a view makes of what was seen before. */
export interface Difference {
  /** Seen now, whether known, changed or new. */
  readonly seen: readonly Sighting[]
  /** Seen before and not now: not well, until they come back or their grace ends. */
  readonly missing: readonly string[]
  /** Missing for longer than their grace. */
  readonly gone: readonly string[]
}

/** Nobody has checked what a source gives; what has no name was never seen. */
const nameOf = (sighting: unknown): readonly string[] =>
  typeof sighting === 'object' &&
  sighting !== null &&
  'name' in sighting &&
  typeof sighting.name === 'string'
    ? [sighting.name]
    : []

/**
 * What one source has seen, by name. An empty view after one that was not is taken for a mistake of
 * the source until it says it twice, or says that it knows.
 */
export class Sightings {
  readonly #settings: ReconcileSettings
  /** Since when each is missing; `undefined` while it is seen. */
  readonly #known = new Map<string, number | undefined>()
  #doubted = false

  constructor(settings: ReconcileSettings) {
    this.#settings = settings
  }

  get size(): number {
    return this.#known.size
  }

  /** Seen by this source in an earlier life, as a store tells. */
  recall(name: string): void {
    if (!this.#known.has(name)) this.#known.set(name, undefined)
  }

  /** `undefined` when the view is not believed. */
  see(view: readonly Sighting[], authoritative: boolean, now: number): Difference | undefined {
    const isSudden = view.length === 0 && this.#anySeen() && !authoritative
    if (isSudden && !this.#doubted) {
      this.#doubted = true
      return undefined
    }
    this.#doubted = false
    const names = new Set(view.flatMap(nameOf))
    for (const name of names) this.#known.set(name, undefined)
    const missing: string[] = []
    for (const [name, since] of this.#known) {
      if (names.has(name) || since !== undefined) continue
      this.#known.set(name, now)
      missing.push(name)
    }
    return { seen: view, missing, gone: this.sweep(now) }
  }

  /** Those whose grace has ended; they are forgotten. */
  sweep(now: number): readonly string[] {
    const gone = [...this.#known].flatMap(([name, since]) =>
      since !== undefined && now - since >= this.#settings.graceMs ? [name] : [],
    )
    for (const name of gone) this.#known.delete(name)
    return gone
  }

  /** When the first grace ends; Infinity when nobody is missing. */
  get nextAt(): number {
    let first = Number.POSITIVE_INFINITY
    for (const since of this.#known.values())
      if (since !== undefined && since < first) first = since
    return first + this.#settings.graceMs
  }

  forget(name: string): void {
    this.#known.delete(name)
  }

  names(): readonly string[] {
    return [...this.#known.keys()]
  }

  #anySeen(): boolean {
    return [...this.#known.values()].some((since) => since === undefined)
  }
}
