import { DueHeap, type Timed } from '../core/heap.js'
import type { Provider } from '../model/provider.js'
import { type DependencyGraph, type Need, serves } from './dependency-graph.js'

/** A provider that is to be started. */
interface Waiter extends Timed {
  readonly provider: Provider
  /** Its needs for which nothing is started yet. */
  unserved: number
  /** Its needs for which not everything is started yet. */
  incomplete: number
}

/** How far a need is served. */
interface Progress {
  served: boolean
  /** Of those who are to be started, how many could serve it and are not. */
  left: number
  readonly waiting: Waiter[]
  /** The waiting ones that could serve it themselves, for others. */
  readonly own: Waiter[]
}

export interface StartOrder {
  readonly order: readonly Provider[]
  /** Those that each wait for another of them, and those that wait for these. */
  readonly stuck: readonly Provider[]
}

/**
 * Each after all that could serve it; where those wait for it themselves, after at least one for each
 * need. The earlier in the list goes first where that is free. Whoever is not in the list counts as
 * started. Source: topological sorting, A. B. Kahn, 1962, with alternatives.
 */
export function startOrder(graph: DependencyGraph, providers: readonly Provider[]): StartOrder {
  const waiters = new Map<Provider, Waiter>()
  for (const [at, provider] of providers.entries())
    waiters.set(provider, { provider, at, slot: -1, unserved: 0, incomplete: 0 })
  const progress = new Map<Need, Progress>()
  for (const waiter of waiters.values()) note(graph, waiter, waiters, progress)

  const free = new DueHeap<Waiter>()
  const ready = new DueHeap<Waiter>()
  const admit = (waiter: Waiter): void => {
    ready.remove(waiter)
    if (waiter.incomplete === 0) free.push(waiter)
    else if (waiter.unserved === 0) ready.push(waiter)
  }
  for (const waiter of waiters.values()) admit(waiter)

  const order: Provider[] = []
  for (;;) {
    const next = free.popDue(Number.POSITIVE_INFINITY) ?? ready.popDue(Number.POSITIVE_INFINITY)
    if (next === undefined) break
    order.push(next.provider)
    waiters.delete(next.provider)
    for (const need of graph.servedBy(next.provider)) {
      const state = progress.get(need)
      if (state === undefined) continue
      for (const waiter of advance(state)) if (waiters.has(waiter.provider)) admit(waiter)
    }
  }
  return { order, stuck: [...waiters.keys()] }
}

/** Notes what this one waits for. A need that nobody could serve is missing, and not waited for. */
function note(
  graph: DependencyGraph,
  waiter: Waiter,
  waiters: ReadonlyMap<Provider, Waiter>,
  progress: Map<Need, Progress>,
): void {
  for (const need of graph.needsOf(waiter.provider)) {
    if (!graph.hasCandidate(need, waiter.provider)) continue
    const state = progress.get(need) ?? { served: false, left: 0, waiting: [], own: [] }
    if (!progress.has(need)) {
      progress.set(need, state)
      for (const candidate of graph.candidates(need, undefined)) {
        if (waiters.has(candidate)) state.left += 1
        else state.served = true
      }
    }
    const own = serves(waiter.provider, need)
    if (!state.served) waiter.unserved += 1
    if (state.left === (own ? 1 : 0)) continue
    waiter.incomplete += 1
    ;(own ? state.own : state.waiting).push(waiter)
  }
}

/** One more that could serve it is started; gives those for whom that changes something. */
function advance(state: Progress): readonly Waiter[] {
  const changed = new Set<Waiter>()
  state.left -= 1
  if (!state.served) {
    state.served = true
    for (const waiter of [...state.waiting, ...state.own]) {
      waiter.unserved -= 1
      changed.add(waiter)
    }
  }
  const complete = state.left === 1 ? state.own : state.left === 0 ? state.waiting : []
  for (const waiter of complete) {
    waiter.incomplete -= 1
    changed.add(waiter)
  }
  return [...changed]
}

/** A provider out of which a walk along what it waits for comes back to itself. `stuck` is not empty. */
export function someoneInCircle(graph: DependencyGraph, stuck: readonly Provider[]): Provider {
  const waiting = new Set(stuck)
  const seen = new Set<Provider>()
  let at = stuck[0] as Provider
  while (!seen.has(at)) {
    seen.add(at)
    at = waitsFor(graph, at, waiting) ?? at
  }
  return at
}

function waitsFor(
  graph: DependencyGraph,
  provider: Provider,
  waiting: ReadonlySet<Provider>,
): Provider | undefined {
  for (const need of graph.needsOf(provider)) {
    const candidates = [...graph.candidates(need, provider)]
    if (candidates.every((candidate) => waiting.has(candidate)) && candidates.length > 0)
      return candidates[0]
  }
  return undefined
}
