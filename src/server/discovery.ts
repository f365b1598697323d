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
    const [first, ...others] = capabilities
    const near = first === undefined ? this.#entries.all() : this.#entries.having(first)
    return near
      .filter((entry) => has(entry, others) && wanted(entry))
      .map((entry) => ({ entry, score: scoreOf(entry, this.#reputations.share(entry.id)) }))
      .sort((a, b) => b.score - a.score) // stable: ties stay in the order of registration
      .slice(0, maxResults || defaultResults)
      .map(({ entry }) => entry)
  }

  match({ required, optional }: MatchInput): readonly Match[] {
    const needed = [...new Set(required)]
    const welcome = [...new Set(optional)]
    return this.#entries
      .all()
      .filter((entry) => isActive(entry) && has(entry, needed))
      .map((entry) => {
        const provided = welcome.filter((one) => entry.capabilities.includes(one))
        const score = needed.length + provided.length
        return { entry, score, required: needed, optional: provided }
      })
      .sort((a, b) => b.score - a.score)
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

const has = ({ capabilities }: Entry, wanted: readonly string[]): boolean =>
  wanted.every((one) => capabilities.includes(one))

const whereActive =
  (test: (entry: Entry) => boolean) =>
  (entry: Entry): boolean =>
    isActive(entry) && test(entry)
