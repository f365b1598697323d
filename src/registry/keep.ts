import type { CapabilityCatalog } from '../catalog/capability-catalog.js'
import { type Catalog, serialOf } from '../catalog/catalog.js'
import type { ModelCatalog } from '../catalog/model-catalog.js'
import { type Clock, isoTime } from '../core/clock.js'
import { limited } from '../model/parse/snapshot.js'
import type { Provider } from '../model/provider.js'
import type { SavedCircuit } from '../model/saved-circuit.js'
import { masked } from '../model/secrets.js'
import {
  keyOf,
  type SavedCircuitEntry,
  type SavedHealth,
  type SavedProvider,
  type Section,
  type Sections,
  type Snapshot,
  schemaVersion,
} from '../model/snapshot.js'
import type { Seat } from '../resolve/seat.js'
import { isBuiltIn } from '../strategy/built-in.js'
import { savedLease } from './leases.js'

/** What was read of providers that nobody has registered yet. */
export interface Remembered {
  readonly circuits: Map<string, SavedCircuitEntry>
  readonly health: Map<string, SavedHealth>
}

/** Where what is kept is found. */
export interface KeptFrom {
  readonly capabilities: CapabilityCatalog
  readonly catalog: Catalog<Seat>
  readonly clock: Clock
  readonly models: ModelCatalog
  readonly remembered: Remembered
}

/** What a store keeps of an entry; `undefined` for what is not to be kept. */
export function kept<S extends Section>(
  parts: KeptFrom,
  section: S,
  key: string,
): Sections[S] | undefined {
  return readers[section](parts, key)
}

const readers: {
  readonly [S in Section]: (parts: KeptFrom, key: string) => Sections[S] | undefined
} = {
  providers: ({ catalog }, name) => {
    const seat = catalog.get(name)
    return seat !== undefined && isKept(seat) ? savedProvider(seat, catalog) : undefined
  },
  models: ({ models }, key) => {
    const [provider = '', id = ''] = key.split('\n')
    const model = models.get(id, provider)
    return model?.id === id ? model : undefined
  },
  capabilities: ({ capabilities }, key) =>
    capabilities.defined().find((one) => keyOf.capabilities(one) === key),
  circuits: (parts, name) => {
    const seat = parts.catalog.get(name)
    const saved = seat === undefined ? parts.remembered.circuits.get(name) : savedCircuit(seat)
    if (seat?.named === false || saved === undefined) return undefined
    // A streak of failures is not followed, so a store would keep one that has ended.
    if (saved.state === 'closed') return saved.pause && { ...saved, failures: 0 }
    return saved
  },
  health: (parts, name) => {
    const seat = parts.catalog.get(name)
    if (seat === undefined) return parts.remembered.health.get(name)
    return seat.named ? savedHealth(seat, parts) : undefined
  },
  leases: ({ catalog }, name) => {
    const seat = catalog.get(name)
    return seat?.named === true ? savedLease(seat) : undefined
  },
}

/**
 * What code registers is registered again by code, unless it has an address to be found by; what was
 * only ever read exists nowhere else. A name that was made up would mean somebody else after a restart.
 */
export const isKept = ({ named, provider, restored }: Seat): boolean =>
  named && (provider.address !== undefined || restored)

/** Everything that is registered, as plain JSON. */
export function snapshotOf(parts: KeptFrom, secrets: boolean): Snapshot {
  const { capabilities, catalog, clock, models } = parts
  const seats = [...catalog.members()].sort((a, b) => serialOf(a.order) - serialOf(b.order))
  return Object.freeze({
    schemaVersion,
    savedAt: isoTime(clock.wall()),
    providers: frozen(
      seats.map((seat) => {
        const saved = savedProvider(seat, catalog)
        return secrets ? saved : withoutSecrets(saved)
      }),
    ),
    models: models.list(),
    capabilities: capabilities.defined(),
    circuits: frozen(seats.flatMap((seat) => savedCircuit(seat) ?? [])),
    health: frozen(seats.flatMap((seat) => savedHealth(seat, parts) ?? [])),
    leases: frozen(
      seats.flatMap((seat) => {
        const lease = savedLease(seat)
        if (lease === undefined) return []
        return secrets ? [lease] : [Object.freeze({ ...lease, facts: masked(lease.facts) })]
      }),
    ),
  })
}

/** In the same fields as everywhere else; a capability may well have a parameter named `token`. */
function withoutSecrets(saved: SavedProvider): SavedProvider {
  const { metadata, limits, address } = saved
  return compact({
    ...saved,
    metadata: masked(metadata),
    limits: masked(limits),
    address: masked(address),
  })
}

const frozen = <T>(list: readonly T[]): readonly T[] => Object.freeze(list)

function savedProvider({ provider, parts }: Seat, catalog: Catalog<Seat>): SavedProvider {
  const strategy = strategyOf(provider, catalog)
  return compact({
    name: provider.name,
    service: provider.service,
    handlers: provider.handlers,
    priority: provider.priority,
    group: provider.group,
    strategy,
    capabilities: provider.capabilities,
    version: provider.version,
    apiVersion: provider.apiVersion,
    models: provider.models,
    dependencies: provider.dependencies,
    metadata: provider.metadata,
    limits: provider.limits,
    weight: provider.weight,
    address: provider.address,
    credential: provider.credential,
    requestsPerMinute: provider.requestsPerMinute,
    tokensPerMinute: provider.tokensPerMinute,
    concurrency: provider.concurrency,
    idempotent: provider.idempotent,
    origin: provider.origin,
    circuit: parts.ownCircuit && limited(parts.ownCircuit),
  })
}

/**
 * What its groups were told, as far as another process could do the same. A provider of several
 * handlers speaks only for what all of its groups were told.
 */
function strategyOf(
  { service, handlers, group }: Provider,
  catalog: Catalog<Seat>,
): string | undefined {
  const [name, ...others] = new Set(
    handlers.map((handler) => catalog.find(service, handler)?.groups.get(group)?.strategy?.name),
  )
  return name !== undefined && others.length === 0 && isBuiltIn(name) ? name : undefined
}

/** Only what differs from a new one. */
function savedCircuit({ provider, usedGuard }: Seat): SavedCircuitEntry | undefined {
  const saved = usedGuard?.save()
  if (saved === undefined || isNew(saved)) return undefined
  return compact({ provider: provider.name, ...saved })
}

const isNew = ({ state, failures, pause }: SavedCircuit): boolean =>
  state === 'closed' && failures === 0 && pause === undefined

function savedHealth(
  { provider, verdict, checkedAt }: Seat,
  parts: KeptFrom,
): SavedHealth | undefined {
  if (verdict === 'unknown') return undefined
  const { clock } = parts
  const ageMs = Number.isFinite(checkedAt) ? Math.max(0, clock.now() - checkedAt) : 0
  return Object.freeze({
    provider: provider.name,
    status: verdict,
    checkedAt: Math.round(clock.wall() - ageMs),
  })
}

function compact<T extends object>(value: T): T {
  const entries = Object.entries(value).filter(([, one]) => one !== undefined)
  return Object.freeze(Object.fromEntries(entries)) as T
}
