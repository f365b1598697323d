import { meets, parseRequirement, type Requirement } from '../model/capability.js'
import type { Provider } from '../model/provider.js'

/**
 * One text that somebody declared a dependency on. It may mean a provider, a service and a capability
 * of that name at once; all that apply serve it.
 */
export interface Need {
  readonly text: string
  /** The text read as `capability` or `capability@range`; `undefined` when it is neither. */
  readonly requirement: Requirement | undefined
  /** Who declared it. */
  readonly dependents: Set<Provider>
  /** One that served it when last asked, so that asking again is cheap. */
  server: Provider | undefined
}

/**
 * Who needs what, and who could serve it. A change touches the names, services and capabilities of
 * one provider; no question looks at providers that it does not concern.
 */
export class DependencyGraph {
  /** By name, by service, and by the name of each capability. */
  readonly #offers = new Map<string, Set<Provider>>()
  readonly #needs = new Map<string, Need>()
  /** By text, and by the capability named in it: where an offer finds the needs it could serve. */
  readonly #needsByOffer = new Map<string, Set<Need>>()

  add(provider: Provider): void {
    for (const offer of offersOf(provider)) join(this.#offers, offer, provider)
    for (const text of new Set(provider.dependencies)) {
      const need = this.need(text)
      if (need.dependents.size === 0) this.#declare(need)
      need.dependents.add(provider)
    }
  }

  remove(provider: Provider): void {
    for (const offer of offersOf(provider)) part(this.#offers, offer, provider)
    for (const need of this.servedBy(provider))
      if (need.server === provider) need.server = undefined
    for (const text of provider.dependencies) {
      const need = this.need(text)
      need.dependents.delete(provider)
      if (need.dependents.size === 0) this.#forget(need)
    }
  }

  /** As it was declared, or made for this question when nobody has. */
  need(text: string): Need {
    const known = this.#needs.get(text)
    if (known !== undefined) return known
    const requirement = parseRequirement(text)
    return {
      text,
      requirement: 'problem' in requirement ? undefined : requirement,
      dependents: new Set(),
      server: undefined,
    }
  }

  /** What this provider declared, each once. */
  needsOf({ dependencies }: Provider): readonly Need[] {
    return [...new Set(dependencies)].map((text) => this.need(text))
  }

  /** Everybody who could serve it for this dependent, which cannot serve itself. */
  *candidates({ text, requirement }: Need, dependent: Provider | undefined): Generator<Provider> {
    const direct = this.#offers.get(text)
    for (const provider of direct ?? none) if (provider !== dependent) yield provider
    if (requirement === undefined || requirement.name === text) return
    for (const provider of this.#offers.get(requirement.name) ?? none)
      if (
        provider !== dependent &&
        direct?.has(provider) !== true &&
        meets(provider.capabilities, requirement)
      )
        yield provider
  }

  /** Whether anybody could serve it for this dependent. */
  hasCandidate(need: Need, dependent: Provider): boolean {
    return this.candidates(need, dependent).next().done !== true
  }

  /** What others declared that this provider could serve; also its own needs, if it could. */
  servedBy(provider: Provider): ReadonlySet<Need> {
    const served = new Set<Need>()
    for (const offer of offersOf(provider))
      for (const need of this.#needsByOffer.get(offer) ?? none)
        if (serves(provider, need)) served.add(need)
    return served
  }

  #declare(need: Need): void {
    this.#needs.set(need.text, need)
    for (const offer of wantedBy(need)) join(this.#needsByOffer, offer, need)
  }

  #forget(need: Need): void {
    this.#needs.delete(need.text)
    for (const offer of wantedBy(need)) part(this.#needsByOffer, offer, need)
  }
}

const none: readonly never[] = []

function offersOf({ name, service, capabilities }: Provider): ReadonlySet<string> {
  const offers = new Set([name, service])
  for (const capability of capabilities) offers.add(capability.name)
  return offers
}

const wantedBy = ({ text, requirement }: Need): ReadonlySet<string> =>
  new Set([text, requirement?.name ?? text])

export function serves(
  { name, service, capabilities }: Provider,
  { text, requirement }: Need,
): boolean {
  return (
    name === text ||
    service === text ||
    (requirement !== undefined && meets(capabilities, requirement))
  )
}

function join<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key)
  if (set === undefined) sets.set(key, new Set([value]))
  else set.add(value)
}

function part<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
  const set = sets.get(key)
  set?.delete(value)
  if (set?.size === 0) sets.delete(key)
}
