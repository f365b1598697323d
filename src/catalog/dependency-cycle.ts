import type { Provider } from '../model/provider.js'
import type { DependencyGraph, Need } from './dependency-graph.js'

/** A need somebody on the way has, and who of them waits for it. */
interface Asked {
  readonly need: Need
  served: boolean
  readonly waiting: Provider[]
}

/**
 * The shortest circle of providers that wait for each other and of which this is one; `undefined`
 * when it can be started, or waits for a circle without being part of it.
 *
 * Every need wants one candidate, whichever can be started first. So this is a least fixpoint of and
 * and or, found depth first: most questions end at the first candidate that needs nothing itself.
 * Source: linear-time Horn satisfiability, W. F. Dowling and J. H. Gallier, 1984.
 */
export function cycleThrough(
  graph: DependencyGraph,
  root: Provider,
): readonly string[] | undefined {
  const search = new Search(graph)
  return search.canStart(root) ? undefined : search.circle(root)
}

class Search {
  readonly #graph: DependencyGraph
  /** Of everybody looked at: how many needs are not served yet. */
  readonly #unserved = new Map<Provider, number>()
  readonly #asked = new Map<Need, Asked>()
  /** Needs whose candidates are being looked at, the latest first. */
  readonly #trail: { readonly asked: Asked; readonly candidates: Iterator<Provider> }[] = []

  constructor(graph: DependencyGraph) {
    this.#graph = graph
  }

  canStart(root: Provider): boolean {
    this.#look(root)
    while (this.#unserved.get(root) !== 0) {
      const last = this.#trail.at(-1)
      if (last === undefined) return false
      const next = last.asked.served ? undefined : last.candidates.next()
      if (next === undefined || next.done === true) this.#trail.pop()
      else if (this.#unserved.get(next.value) === 0)
        this.#starts(next.value) // before it was asked
      else this.#look(next.value)
    }
    return true
  }

  /** Breadth first along the needs that nobody could serve; only after `canStart` said no. */
  circle(root: Provider): readonly string[] | undefined {
    const cameFrom = new Map<Provider, Provider | undefined>([[root, undefined]])
    for (const at of cameFrom.keys())
      for (const need of this.#graph.needsOf(at)) {
        if (this.#asked.get(need)?.served !== false) continue
        for (const candidate of this.#graph.candidates(need, at)) {
          if (candidate === root) return pathTo(at, cameFrom)
          if (!cameFrom.has(candidate)) cameFrom.set(candidate, at)
        }
      }
    return undefined
  }

  #look(provider: Provider): void {
    if (this.#unserved.has(provider)) return
    let unserved = 0
    for (const need of this.#graph.needsOf(provider)) {
      if (!this.#graph.hasCandidate(need, provider)) continue // missing, not in a circle
      let asked = this.#asked.get(need)
      if (asked === undefined) {
        asked = { need, served: false, waiting: [] }
        this.#asked.set(need, asked)
        this.#trail.push({ asked, candidates: this.#graph.candidates(need, undefined) })
      }
      if (asked.served) continue
      asked.waiting.push(provider)
      unserved += 1
    }
    this.#unserved.set(provider, unserved)
    if (unserved === 0) this.#starts(provider)
  }

  /** Serves what it can of what is asked, and so on for those who waited for nothing else. */
  #starts(provider: Provider): void {
    const started = [provider]
    for (const one of started)
      for (const need of this.#graph.servedBy(one)) {
        const asked = this.#asked.get(need)
        if (asked === undefined || asked.served) continue
        asked.served = true
        for (const waiting of asked.waiting) {
          const unserved = (this.#unserved.get(waiting) ?? 0) - 1
          this.#unserved.set(waiting, unserved)
          if (unserved === 0) started.push(waiting)
        }
      }
  }
}

/** From where the search began to here. */
function pathTo(
  end: Provider,
  cameFrom: ReadonlyMap<Provider, Provider | undefined>,
): readonly string[] {
  const names: string[] = []
  for (let at: Provider | undefined = end; at !== undefined; at = cameFrom.get(at))
    names.push(at.name)
  return names.reverse()
}
