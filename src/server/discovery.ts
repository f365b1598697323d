import type { Entries } from './entries.js'
import type { Entry } from './entry.js'
import { compileFilters, isActive } from './filters.js'
import { OperationError } from './operation-error.js'
import type { CapabilityProviders, DiscoverInput, Match, MatchInput, Stats } from './operations.js'
import { type Reputations, scoreOf } from './reputation.js'
import { Turns } from './turns.js'

const defaultResults = 5

/** Who can do what. */
export class Discovery {
  readonly #entries: Entries
  readonly #reputations: Reputations
  readonly #turns = new Turns()

  constructor(entries: Entries, reputations: Reputations) {
    this.#entries = entries
    this.#reputations = reputations
  }

  /** Throws `invalid` for a number or a filter that is none. */
  discover({ capabilities, filters, maxResults }: DiscoverInput): readonly Entry[] {
    if (!Number.isInteger(maxResults) || maxResults < 0)
      throw new OperationError(
        'invalid',
        'INVALID_MAX_RESULTS',
        `max_results must be 0 or more, and is ${maxResults}`,
      )
    const test = compileFilters(filters)
    const wanted = Object.hasOwn(filters, 'status') ? test : whereActive(test)
    return this.#havingAll(new Set(capabilities))
      .filter(wanted)
      .map((entry) => ({ entry, score: scoreOf(entry, this.#reputations.share(entry.id)) }))
      .sort((a, b) => b.score - a.score) // stable: ties stay in the order of registration
      .slice(0, maxResults || defaultResults)
      .map(({ entry }) => entry)
  }

  match({ required, optional }: MatchInput): readonly Match[] {
    const all = new Set(required)
    const [needed, welcome] = [[...all], placesIn(optional)]
    return this.#havingAll(all)
      .filter(isActive)
      .map((entry) => {
        const provided = among(welcome, entry)
        const score = needed.length + provided.length
        return { entry, score, required: needed, optional: provided }
      })
      .sort((a, b) => b.score - a.score)
  }

  #havingAll(wanted: ReadonlySet<string>): readonly Entry[] {
    const [first] = wanted
    if (first === undefined) return this.#entries.all()
    const near = this.#entries.having(first)
    return wanted.size === 1 ? near : near.filter((entry) => hasAll(entry, wanted))
  }

  /** Throws `not-found` or `unavailable`. */
  choose(capability: string): Entry {
    if (!this.#entries.known(capability))
      throw new OperationError('not-found', 'CAPABILITY_NOT_FOUND', 'Capability not found')
    const chosen = this.#entries.next(capability, this.#turns.last(capability), isActive)
    if (chosen !== undefined) {
      this.#turns.took(capability, chosen.place)
      return chosen.entry
    }
    throw new OperationError(
      'unavailable',
      'NO_ACTIVE_SERVICE',
      'No active services provide this capability',
    )
  }

  capabilities(): readonly CapabilityProviders[] {
    const found = new Map<string, string[]>()
    for (const { id, capabilities } of this.#entries.all().filter(isActive))
      for (const capability of capabilities) {
        const providers = found.get(capability)
        if (providers === undefined) found.set(capability, [id])
        else providers.push(id)
      }
    return [...found].map(([capability, providers]) => ({ capability, providers }))
  }

  stats(): Stats {
    const entries = this.#entries.all()
    const byRuntime = new Map<string, number>()
    for (const { metadata } of entries) {
      const said = Object.hasOwn(metadata, 'runtime') ? metadata.runtime : undefined
      const runtime = typeof said === 'string' && said !== '' ? said : 'unknown'
      byRuntime.set(runtime, (byRuntime.get(runtime) ?? 0) + 1)
    }
    return {
      total: entries.length,
      active: entries.filter(isActive).length,
      capabilities: new Set(entries.flatMap(({ capabilities }) => capabilities)).size,
      byRuntime,
    }
  }
}

/** So few are looked for one by one. */
const few = 8

/** Whoever asks may name tens of thousands: no entry is worth more work than the capabilities that it has. */
export function hasAll({ capabilities }: Entry, wanted: ReadonlySet<string>): boolean {
  if (wanted.size > capabilities.length) return false
  const own = wanted.size > few ? new Set(capabilities) : undefined
  for (const one of wanted) if (!(own?.has(one) ?? capabilities.includes(one))) return false
  return true
}

/** Each once, with its place. */
const placesIn = (list: readonly string[]): ReadonlyMap<string, number> =>
  new Map([...new Set(list)].map((one, place) => [one, place]))

/** Those of them that an entry has, in their order. */
function among(places: ReadonlyMap<string, number>, { capabilities }: Entry): readonly string[] {
  const place = (one: string): number => places.get(one) ?? 0
  return capabilities.filter((one) => places.has(one)).sort((a, b) => place(a) - place(b))
}

const whereActive =
  (test: (entry: Entry) => boolean) =>
  (entry: Entry): boolean =>
    isActive(entry) && test(entry)
