import { DependencyCycleError } from '../core/errors.js'
import type { LostDependency, Provider } from '../model/provider.js'
import { cycleThrough } from './dependency-cycle.js'
import { DependencyGraph, type Need, serves } from './dependency-graph.js'
import { someoneInCircle, startOrder } from './start-order.js'

/** Somebody who declared dependencies that a certain provider could serve. */
export interface Dependent<M> {
  readonly member: M
  /** As it declared them. */
  readonly dependencies: readonly string[]
}

interface Entry<M> {
  readonly member: M
  readonly provider: Provider
  /** In the order of registration. */
  readonly serial: number
}

/** Reasons name so many candidates. */
const mostNamed = 3

/**
 * Who depends on whom. A declared text means the provider of that name, every provider of the service
 * of that name, and every provider with that capability (`name` or `name@range`): all that apply, and
 * one of them is enough. A provider never serves itself.
 *
 * Nothing is kept until somebody declares a dependency; then all who are known are taken in, once.
 * From there a change costs what it concerns: the names, services and capabilities of one provider.
 */
export class Dependencies<M extends { readonly provider: Provider }> {
  readonly #known: () => Iterable<M>
  readonly #entries = new Map<string, Entry<M>>()
  /** A member that changes keeps its place. */
  readonly #serials = new WeakMap<M, number>()
  #graph: DependencyGraph | undefined
  #lastSerial = 0

  /** `known` gives everybody in the order of registration; called when the first dependency is declared. */
  constructor(known: () => Iterable<M>) {
    this.#known = known
  }

  /** Whether anybody ever declared a dependency: without, there is nothing to ask. */
  get inUse(): boolean {
    return this.#graph !== undefined
  }

  /** Providers taken in; 0 until somebody declares a dependency. */
  get size(): number {
    return this.#entries.size
  }

  /** To be called before or after the member joins those who are known. */
  add(member: M): void {
    if (this.#graph === undefined && member.provider.dependencies.length === 0) return
    this.#put(this.#begun(), member)
  }

  /** The member as it was when it was added, even if its record is another by now. */
  remove(member: M): void {
    const entry = this.#entries.get(member.provider.name)
    if (entry?.member !== member) return
    this.#entries.delete(entry.provider.name)
    this.#graph?.remove(entry.provider)
  }

  /** Forgets everybody. */
  clear(): void {
    this.#entries.clear()
    this.#graph = undefined
  }

  /**
   * The circle of names that these would close, in place of those who have their names; `undefined`
   * when each of them could be started. A circle that is there already, because others left or
   * changed, is not theirs. Changes nothing.
   */
  cycleWith(incoming: Provider | readonly Provider[]): readonly string[] | undefined {
    const providers = isList(incoming) ? incoming : [incoming]
    if (!providers.some(({ dependencies }) => dependencies.length > 0)) return undefined
    const graph = this.#begun()
    const leaving = providers.flatMap(({ name }) => this.#entries.get(name)?.provider ?? [])
    for (const provider of leaving) graph.remove(provider)
    for (const provider of providers) graph.add(provider)
    try {
      return firstOf(providers, (provider) => cycleThrough(graph, provider))
    } finally {
      for (const provider of providers) graph.remove(provider)
      for (const provider of leaving) graph.add(provider)
    }
  }

  /** Who declared dependencies that this member, registered or not, could serve. */
  affectedBy({ provider }: M): readonly Dependent<M>[] {
    const affected = new Map<M, string[]>()
    for (const need of this.#graph?.servedBy(provider) ?? [])
      for (const dependent of need.dependents) {
        const member = this.#entries.get(dependent.name)?.member
        if (member === undefined || dependent.name === provider.name) continue
        const texts = affected.get(member)
        if (texts === undefined) affected.set(member, [need.text])
        else texts.push(need.text)
      }
    return [...affected].map(([member, dependencies]) => ({ member, dependencies }))
  }

  /**
   * Which dependencies of this member nothing available serves now. `why` says in full what is the
   * matter with a candidate: `memory-1 is unhealthy`.
   */
  lossOf(
    member: M,
    available: (member: M) => boolean,
    why: (member: M) => string,
  ): readonly LostDependency[] {
    const { provider } = member
    if (provider.dependencies.length === 0) return none
    const graph = this.#begun()
    return graph
      .needsOf(provider)
      .filter((need) => !this.#isServed(graph, need, provider, available))
      .map((need) => ({
        dependency: need.text,
        reason: this.#reason(graph, need, provider, why),
      }))
  }

  /**
   * Names of the providers that could serve it and, in turn, them, in the order in which they start;
   * then what was declared and nothing registered serves. Empty for an unknown name.
   */
  dependenciesOf(name: string): readonly string[] {
    const start = this.#entries.get(name)?.provider
    const graph = this.#graph
    if (start === undefined || graph === undefined) return none
    const missing = new Set<string>()
    const found = reach(
      [start],
      needed(graph, (text) => missing.add(text)),
    )
    found.delete(start)
    return Object.freeze([...this.#inOrder(graph, found), ...missing])
  }

  /**
   * Names of the providers that it could serve and, in turn, they, in the order in which they start.
   * For a name that is not registered: those who declared it.
   */
  dependentsOf(name: string): readonly string[] {
    const graph = this.#graph
    if (graph === undefined) return none
    const start = this.#entries.get(name)?.provider
    const found = reach(start === undefined ? graph.need(name).dependents : [start], served(graph))
    if (start !== undefined) found.delete(start)
    return Object.freeze(this.#inOrder(graph, found))
  }

  /**
   * Names in an order in which they can be started: each after all that could serve it, or, where
   * those wait for it themselves, after at least one for each dependency; else in the order of
   * registration. All, or those of `names` that are registered. The other way round, the order to stop.
   * Throws `DependencyCycleError` when others left or changed, and those who stay wait for each other.
   */
  startOrder(names?: Iterable<string>): readonly string[] {
    const graph = this.#graph
    if (graph === undefined) {
      const all = [...this.#known()].map(({ provider }) => provider.name)
      if (names === undefined) return Object.freeze(all)
      const wanted = new Set(names)
      return Object.freeze(all.filter((name) => wanted.has(name)))
    }
    const wanted = new Set(names ?? this.#entries.keys())
    const from = [...wanted].flatMap((name) => this.#entries.get(name)?.provider ?? [])
    const found = names === undefined ? from : reach(from, needed(graph))
    const { order, stuck } = startOrder(graph, this.#sorted(found))
    if (stuck.length > 0) {
      const circle = cycleThrough(graph, someoneInCircle(graph, stuck))
      throw new DependencyCycleError(circle ?? stuck.map(({ name }) => name))
    }
    return Object.freeze(order.map(({ name }) => name).filter((name) => wanted.has(name)))
  }

  /** The graph, with everybody who is known when it is the first time. */
  #begun(): DependencyGraph {
    if (this.#graph !== undefined) return this.#graph
    const graph = new DependencyGraph()
    this.#graph = graph
    for (const member of this.#known()) this.#put(graph, member)
    return graph
  }

  #put(graph: DependencyGraph, member: M): void {
    const { provider } = member
    const before = this.#entries.get(provider.name)
    if (before?.provider === provider && before.member === member) return
    if (before !== undefined) graph.remove(before.provider)
    let serial = this.#serials.get(member)
    if (serial === undefined) {
      this.#lastSerial += 1
      serial = this.#lastSerial
      this.#serials.set(member, serial)
    }
    this.#entries.set(provider.name, { member, provider, serial })
    graph.add(provider)
  }

  #isServed(
    graph: DependencyGraph,
    need: Need,
    dependent: Provider,
    available: (member: M) => boolean,
  ): boolean {
    const serving = (candidate: Provider): boolean => {
      const member = this.#entries.get(candidate.name)?.member
      return candidate.name !== dependent.name && member !== undefined && available(member)
    }
    if (need.server !== undefined && serving(need.server)) return true
    for (const candidate of graph.candidates(need, dependent)) {
      if (!serving(candidate)) continue
      need.server = candidate
      return true
    }
    return false
  }

  #reason(
    graph: DependencyGraph,
    need: Need,
    dependent: Provider,
    why: (member: M) => string,
  ): string {
    const members = [...graph.candidates(need, dependent)].flatMap(({ name }) =>
      name === dependent.name ? [] : (this.#entries.get(name)?.member ?? []),
    )
    if (members.length === 0)
      return serves(dependent, need) ? 'is served by nobody else' : 'is not registered'
    const named = members.slice(0, mostNamed).map(why).join(', ')
    const others = members.length - mostNamed
    return others > 0 ? `${named}, and ${others} more` : named
  }

  #inOrder(graph: DependencyGraph, providers: Iterable<Provider>): readonly string[] {
    const { order, stuck } = startOrder(graph, this.#sorted(providers))
    return [...order, ...stuck].map(({ name }) => name)
  }

  #sorted(providers: Iterable<Provider>): readonly Provider[] {
    const serialOf = ({ name }: Provider): number => this.#entries.get(name)?.serial ?? 0
    return [...providers].sort((a, b) => serialOf(a) - serialOf(b))
  }
}

const none: readonly never[] = Object.freeze([])

const isList = (incoming: Provider | readonly Provider[]): incoming is readonly Provider[] =>
  Array.isArray(incoming)

type Step = (at: Provider) => Iterable<Provider>

/** These, and everybody that `step` leads to from them. */
function reach(from: Iterable<Provider>, step: Step): Set<Provider> {
  const found = new Set(from)
  for (const at of found) for (const one of step(at)) found.add(one)
  return found
}

/** To those who could serve it. What nobody else could is `missing`. */
function needed(graph: DependencyGraph, missing?: (text: string) => void): Step {
  const seen = new Set<Need>()
  return function* (at) {
    for (const need of graph.needsOf(at)) {
      if (!graph.hasCandidate(need, at)) missing?.(need.text)
      else if (!seen.has(need)) yield* graph.candidates(need, undefined)
      seen.add(need)
    }
  }
}

/** To those whom it could serve. */
function served(graph: DependencyGraph): Step {
  const seen = new Set<Need>()
  return function* (at) {
    for (const need of graph.servedBy(at)) {
      if (seen.has(need)) continue
      yield* need.dependents
      seen.add(need)
    }
  }
}

function firstOf<T, R>(list: readonly T[], find: (one: T) => R | undefined): R | undefined {
  for (const one of list) {
    const found = find(one)
    if (found !== undefined) return found
  }
  return undefined
}
