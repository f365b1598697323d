import type { Catalog } from '../catalog/catalog.js'
import type { SourceState } from '../discovery/watcher.js'
import { type Capability, canonical } from '../model/capability.js'
import type { ProviderLease } from '../model/lease.js'
import { priorityName } from '../model/priority.js'
import type { CircuitStats } from '../model/provider.js'
import { everyHandler, type Provider, type ProviderView } from '../model/provider.js'
import { masked } from '../model/secrets.js'
import type { Seat } from '../resolve/seat.js'
import { leaseOf } from './leases.js'

const untouched: CircuitStats = Object.freeze({
  state: 'closed',
  calls: 0,
  successes: 0,
  failures: 0,
  neutral: 0,
  refusals: 0,
  timeouts: 0,
  successRate: 1,
  consecutiveFailures: 0,
  halfOpenSuccesses: 0,
  transitions: 0,
  trips: 0,
  timeOpenMs: 0,
  lastFailureAgeMs: undefined,
  reason: undefined,
  retryAfterMs: undefined,
  latency: Object.freeze({ count: 0, p50Ms: 0, p90Ms: 0, p99Ms: 0 }),
})

export const circuitStats = (seat: Seat): CircuitStats => seat.usedGuard?.stats() ?? untouched

/** What of a view is the same as long as the record is. */
function recordView(provider: Provider): RecordView {
  let view = recordViews.get(provider)
  if (view === undefined) {
    const { metadata, limits, address } = provider
    view = {
      priority: priorityName(provider.priority),
      metadata: masked(metadata),
      limits: masked(limits),
      address: masked(address),
    }
    recordViews.set(provider, view)
  }
  return view
}

type RecordView = Pick<ProviderView, 'priority' | 'metadata' | 'limits' | 'address'>

const recordViews = new WeakMap<Provider, RecordView>()

/** A provider as everybody may see it: frozen, and with its secrets hidden. */
export function viewOf(seat: Seat, catalog: Catalog<Seat>): ProviderView {
  const { provider } = seat
  const { priority, metadata, limits, address } = recordView(provider)
  return Object.freeze({
    name: provider.name,
    service: provider.service,
    handlers: provider.handlers,
    priority,
    group: provider.group,
    strategy: strategyName(provider, catalog),
    capabilities: provider.capabilities,
    version: provider.version,
    apiVersion: provider.apiVersion,
    models: provider.models,
    dependencies: provider.dependencies,
    metadata,
    weight: provider.weight,
    address,
    limits,
    health: seat.health,
    probed: seat.told.probed,
    load: seat.load,
    healthAgeMs: seat.healthAgeMs,
    lostDependencies: seat.lost,
    lease: leaseView(seat),
    circuit: circuitStats(seat),
    origin: provider.origin,
    inFlight: seat.inFlight,
  })
}

function leaseView(seat: Seat): ProviderView['lease'] {
  const lease = leaseOf(seat)
  return lease && Object.freeze({ ...lease, facts: maskedFacts(lease.facts) })
}

/** The facts of a lease are the same object until it is renewed with others. */
function maskedFacts(facts: ProviderLease['facts']): ProviderLease['facts'] {
  let shown = shownFacts.get(facts)
  if (shown === undefined) {
    shown = masked(facts)
    shownFacts.set(facts, shown)
  }
  return shown
}

const shownFacts = new WeakMap<object, ProviderLease['facts']>()

/** Of its group; a provider of several handlers is in several groups, and the first one speaks. */
function strategyName({ service, handlers, group }: Provider, catalog: Catalog<Seat>): string {
  for (const handler of handlers) {
    const strategy = catalog.find(service, handler)?.groups.get(group)?.strategy
    if (strategy !== undefined) return strategy.name
  }
  return 'fallback'
}

/** Everything that is registered, by handler and service, each list in the order of selection. */
export interface RegistryDescription {
  readonly handlers: Readonly<Record<string, Readonly<Record<string, readonly ProviderView[]>>>>
  readonly globals: Readonly<Record<string, readonly ProviderView[]>>
  readonly circuits: Readonly<Record<string, CircuitStats>>
  /** How each source is doing, by name; left out where there are none. */
  readonly sources?: Readonly<Record<string, SourceState>>
}

export interface DescribeFilter {
  readonly handler?: string | undefined
  readonly service?: string | undefined
}

export function describe(
  catalog: Catalog<Seat>,
  filter: DescribeFilter,
  sources: Readonly<Record<string, SourceState>>,
): RegistryDescription {
  const handlers = new Map<string, [string, readonly ProviderView[]][]>()
  const globals: [string, readonly ProviderView[]][] = []
  const circuits = new Map<string, CircuitStats>()
  for (const scope of catalog.scopes()) {
    const { service, handler, members } = scope
    if (members.size === 0 || (filter.service ?? service) !== service) continue
    const global = handler === everyHandler
    if (!global && (filter.handler ?? handler) !== handler) continue
    const views = [...members]
      .sort((a, b) => a.order - b.order)
      .map((seat) => viewOf(seat, catalog))
    for (const { name, circuit } of views) circuits.set(name, circuit)
    const entry: [string, readonly ProviderView[]] = [service, Object.freeze(views)]
    if (global) globals.push(entry)
    else if (handlers.has(handler)) handlers.get(handler)?.push(entry)
    else handlers.set(handler, [entry])
  }
  return Object.freeze({
    handlers: frozen([...handlers].map(([name, services]) => [name, frozen(services)] as const)),
    globals: frozen(globals),
    circuits: frozen([...circuits]),
    ...(Object.keys(sources).length > 0 && { sources }),
  })
}

const frozen = <T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> =>
  Object.freeze(Object.fromEntries(entries))

/** What one list of capabilities has that the other has not. */
export function difference(
  before: readonly Capability[],
  after: readonly Capability[],
): { readonly added: readonly Capability[]; readonly removed: readonly Capability[] } {
  const had = new Set(before.map(canonical))
  const has = new Set(after.map(canonical))
  return {
    added: after.filter((capability) => !had.has(canonical(capability))),
    removed: before.filter((capability) => !has.has(canonical(capability))),
  }
}
