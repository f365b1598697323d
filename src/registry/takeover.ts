import { isDeepStrictEqual } from 'node:util'
import type { ModelChange } from '../catalog/model-catalog.js'
import { StrategyConflictError } from '../core/errors.js'
import type { HealthChecks } from '../health/checks.js'
import type { SavedLease } from '../model/lease.js'
import type { Model } from '../model/llm-model.js'
import type { ParsedRegistration } from '../model/parse/registration.js'
import { limited, type ParsedSnapshot } from '../model/parse/snapshot.js'
import type { CircuitOptions, Provider } from '../model/provider.js'
import type { SavedCircuit } from '../model/saved-circuit.js'
import { unmasked } from '../model/secrets.js'
import { keyOf, type SavedCircuitEntry, type SavedHealth, type Section } from '../model/snapshot.js'
import type { Strategy } from '../model/strategy.js'
import type { Seat, SeatParts } from '../resolve/seat.js'
import type { Persist } from '../store/persist.js'
import type { Dependents } from './dependents.js'
import type { KeptFrom } from './keep.js'
import type { Leases } from './leases.js'
import type { ServiceOptions } from './options.js'
import { inSlices, type Steps } from './slices.js'

/** What an import did, by name of provider. */
export interface Imported {
  readonly added: readonly string[]
  readonly changed: readonly string[]
}

/** What a snapshot is merged into. */
export interface Target extends KeptFrom {
  readonly checks: HealthChecks<Seat>
  readonly dependents: Dependents
  readonly leases: Leases
  readonly persist: Persist | undefined
  registrations: number
  /** While it reads from the store, nothing needs to be written there. */
  loading: boolean
  /** Several changes as one: events come after the last of them; when it throws, none does. */
  turn<T>(change: () => T): T
  enroll(parsed: ParsedRegistration): Seat
  take(seat: Seat): void
  rewrite(seat: Seat, record: Provider, parts: SeatParts, strategy: Strategy | undefined): boolean
  strategyOf(parsed: ParsedRegistration, leaving?: Seat): Strategy | undefined
  /** The store is to hold this as it is now. */
  mark(section: Section, key: string): void
  settingsOf(own: CircuitOptions | undefined): Pick<SeatParts, 'circuit' | 'ownCircuit'>
  refuseOtherService(seat: Seat, record: Provider): void
  serviceOptions(service: string): ServiceOptions | undefined
  modelChanged(change: ModelChange): void
  log(level: 'warn', message: string, fields: Readonly<Record<string, unknown>>): void
}

/**
 * Merges a snapshot into the registry in one turn: all of it, or an error and nothing. What has the
 * name of a provider that is there becomes its record; it keeps its instance.
 */
export function importSnapshot(parts: Target, snapshot: ParsedSnapshot): Imported {
  return parts.turn(() => {
    const merge = new Merge(parts)
    try {
      parts.dependents.refuseCycle(snapshot.providers.map(({ record }) => record))
      for (const parsed of snapshot.providers) merge.put(parsed)
    } catch (error) {
      merge.undo()
      throw error
    }
    for (const definition of snapshot.capabilities) parts.capabilities.define(definition)
    learnModels(parts, snapshot.models)
    for (const entry of snapshot.circuits) restoreCircuit(parts, entry)
    for (const entry of snapshot.health) restoreHealth(parts, entry)
    for (const entry of snapshot.leases) restoreLease(parts, entry)
    return Object.freeze({ added: merge.added, changed: merge.changed })
  })
}

/** What taking over an entry costs, as the length of text that takes as long. */
const cost = 1_000

/**
 * Takes over what the store remembers, a slice at a time. What was registered, changed or removed since the start is
 * newer and stays; circuits and health are those from before the restart. Who depends on whom is looked at when all of
 * it is there.
 */
export async function loadSnapshot(
  parts: Target,
  snapshot: ParsedSnapshot,
  isOver: () => boolean,
): Promise<void> {
  const within = <T>(slice: () => T): T =>
    parts.turn(() => {
      parts.loading = true
      try {
        return slice()
      } finally {
        parts.loading = false // before the listeners hear of it: what they change is to be written
      }
    })
  const steps = takeOver(parts, snapshot, isOver)
  await parts.dependents.meanwhile(() => inSlices(steps, cost, within))
}

function* takeOver(parts: Target, snapshot: ParsedSnapshot, isOver: () => boolean): Steps<void> {
  function* each<T>(list: readonly T[], take: (entry: T) => void): Steps<void> {
    for (const entry of list) {
      if (isOver()) return
      take(entry)
      yield
    }
  }
  const isNewer = (section: Section, name: string): boolean =>
    parts.persist?.has(section, name) === true
  // Of somebody else, whose name was made up, nothing is known.
  const isMeant = (section: Section, name: string): boolean =>
    !isNewer(section, name) && parts.catalog.get(name)?.named !== false
  // First what is known of them: nobody is to be called while it is not known that the circuit is open.
  yield* each(snapshot.circuits, (entry) => {
    if (isMeant('circuits', entry.provider)) restoreCircuit(parts, entry)
  })
  yield* each(snapshot.health, (entry) => {
    if (isMeant('health', entry.provider)) restoreHealth(parts, entry)
  })
  // Circles are not refused: who broke them was removed, and the rest must still be readable.
  yield* each(snapshot.providers, (parsed) => {
    const { name } = parsed.record
    if (parts.catalog.has(name) || isNewer('providers', name)) return
    addRead(parts, withoutConflict(parts, parsed))
  })
  yield* each(snapshot.capabilities, (one) => {
    if (!isNewer('capabilities', keyOf.capabilities(one))) parts.capabilities.define(one)
  })
  // One that was learned meanwhile is merged; one that was removed stays away.
  yield* each(snapshot.models, (one) => {
    if (!isNewer('models', keyOf.models(one)) || parts.models.get(one.id, one.provider))
      learnModels(parts, [one])
  })
  yield* each(snapshot.leases, (entry) => {
    if (isMeant('leases', entry.provider)) restoreLease(parts, entry)
  })
}

/** Puts providers one by one, and knows how it was before. */
class Merge {
  readonly added: string[] = []
  readonly changed: string[] = []
  readonly #parts: Target
  readonly #undo: (() => void)[] = []

  constructor(parts: Target) {
    this.#parts = parts
  }

  put(parsed: ParsedRegistration): Seat {
    const existing = this.#parts.catalog.get(parsed.record.name)
    return existing === undefined ? this.#add(parsed) : this.#change(existing, parsed)
  }

  undo(): void {
    for (const undo of this.#undo.reverse()) undo()
  }

  #add(parsed: ParsedRegistration): Seat {
    const parts = this.#parts
    this.#keepStrategies(parsed.record)
    this.#keepRemembered(parsed.record.name)
    const seat = addRead(parts, parsed)
    this.added.push(seat.provider.name)
    this.#undo.push(() => {
      parts.take(seat)
      parts.registrations -= 1
    })
    return seat
  }

  #change(seat: Seat, parsed: ParsedRegistration): Seat {
    const parts = this.#parts
    const { provider: before, parts: partsBefore, told } = seat
    const record = shown(parsed.record, before)
    parts.refuseOtherService(seat, record)
    const next = partsAfter(parts, seat, parsed)
    const strategy = parts.strategyOf(parsed, seat)
    this.#keepStrategies(before)
    this.#keepStrategies(record)
    const changed = parts.rewrite(seat, record, next, strategy)
    this.#undo.push(() => {
      parts.rewrite(seat, before, partsBefore, undefined)
      seat.told = told
    })
    if (changed) this.changed.push(before.name)
    return seat
  }

  #keepStrategies({ service, handlers, group }: Provider): void {
    const { catalog } = this.#parts
    for (const handler of handlers) {
      const strategy = catalog.find(service, handler)?.groups.get(group)?.strategy
      this.#undo.push(() => {
        const own = catalog.find(service, handler)?.groups.get(group)
        if (own !== undefined) own.strategy = strategy
      })
    }
  }

  #keepRemembered(name: string): void {
    for (const remembered of Object.values(this.#parts.remembered)) {
      const entry = remembered.get(name)
      if (entry !== undefined) this.#undo.push(() => void remembered.set(name, entry))
    }
  }
}

/** A provider that is only data: its service may make it an instance, and code may register it. */
export function enrollRead(parts: Target, parsed: ParsedRegistration): Seat {
  const seat = parts.enroll({ ...parsed, connect: connectOf(parts, parsed) })
  seat.restored = true
  parts.mark('providers', seat.provider.name)
  return seat
}

/** What is hidden in it and not known here stays unknown. */
const addRead = (parts: Target, parsed: ParsedRegistration): Seat =>
  enrollRead(parts, { ...parsed, record: shown(parsed.record, undefined) })

/** What makes its instance: what the service says, else what its source brings. */
const connectOf = (parts: Target, { record, connect }: ParsedRegistration): SeatParts['connect'] =>
  parts.serviceOptions(record.service)?.connect ?? connect

/** The same parts, unless something says otherwise; saying nothing leaves what is there. */
export function partsAfter(parts: Target, seat: Seat, parsed: ParsedRegistration): SeatParts {
  const { circuit: said } = parsed
  const { ownCircuit: own, instance } = seat.parts
  const sameCircuit =
    said === undefined || (own !== undefined && isDeepStrictEqual(limited(said), limited(own)))
  const connect = (instance === undefined && connectOf(parts, parsed)) || seat.parts.connect
  const check = parsed.check ?? seat.parts.check
  if (sameCircuit && connect === seat.parts.connect && check === seat.parts.check) return seat.parts
  return { ...seat.parts, connect, check, ...(!sameCircuit && parts.settingsOf(said)) }
}

/** Hidden values are what they are here; what is not here, is not known. */
function shown(record: Provider, present: Provider | undefined): Provider {
  const { metadata, limits, address } = record
  return {
    ...record,
    metadata: unmasked(metadata, present?.metadata) as Provider['metadata'],
    limits: unmasked(limits, present?.limits) as Provider['limits'],
    address: unmasked(address, present?.address) as Provider['address'],
  }
}

/** A strategy that was written down gives way to one that was registered. */
function withoutConflict(parts: Target, parsed: ParsedRegistration): ParsedRegistration {
  try {
    parts.strategyOf(parsed)
    return parsed
  } catch (error) {
    if (!(error instanceof StrategyConflictError)) throw error
    parts.persist?.mark('providers', parsed.record.name) // although it is read from there
    parts.log('warn', 'a stored strategy was dropped', {
      provider: parsed.record.name,
      stored: error.requested,
      registered: error.existing,
    })
    return { ...parsed, strategy: undefined }
  }
}

function learnModels({ models, modelChanged }: Target, read: readonly Model[]): void {
  for (const change of models.restore(read)) modelChanged(change)
}

export function restoreCircuit(parts: Target, entry: SavedCircuitEntry): void {
  const { provider, ...saved } = entry
  const seat = parts.catalog.get(provider)
  if (seat === undefined) {
    parts.remembered.circuits.set(provider, entry)
    parts.mark('circuits', provider)
  } else if (!isSame(seat, saved, parts.clock.wall())) seat.guard.restore(saved)
}

/** Restoring what is so already would tell of a transition that was none. */
function isSame({ usedGuard }: Seat, saved: SavedCircuit, wall: number): boolean {
  const now: SavedCircuit = usedGuard?.save() ?? { state: 'closed', failures: 0 }
  if (now.state !== saved.state || now.failures !== saved.failures) return false
  if (saved.pause !== undefined && now.pause === undefined) return false
  const [rest, savedRest] = [restOf(now, wall), restOf(saved, wall)]
  // Two clocks were read to write one time down.
  return rest === savedRest || Math.abs(rest - savedRest) <= 50
}

/** What is left of a rest, in milliseconds: 0 when it may be tried. */
const restOf = ({ retryAt = 0 }: SavedCircuit, wall: number): number =>
  retryAt === null ? Number.POSITIVE_INFINITY : Math.max(0, retryAt - wall)

function restoreHealth(parts: Target, entry: SavedHealth): void {
  const { provider, status, checkedAt } = entry
  const { catalog, checks, clock, remembered } = parts
  const seat = catalog.get(provider)
  if (seat === undefined) {
    remembered.health.set(provider, entry)
    parts.mark('health', provider)
    return
  }
  const at = clock.now() - Math.max(0, clock.wall() - checkedAt)
  if (at <= seat.checkedAt) return // what is known here is newer
  seat.checkedAt = at
  checks.mark(seat, seat.unasked(status) ? 'unknown' : status)
}

/** A lease of nobody is over. */
function restoreLease(parts: Target, entry: SavedLease): void {
  const seat = parts.catalog.get(entry.provider)
  if (seat === undefined || !parts.leases.restore(seat, entry)) return
  parts.mark('leases', entry.provider)
  if (entry.expired === true) parts.checks.mark(seat, 'unhealthy')
}

/** What was remembered of a provider that now comes. */
export function recall(parts: Target, { provider: { name }, named }: Seat): void {
  if (!named) return
  const circuit = parts.remembered.circuits.get(name)
  const health = parts.remembered.health.get(name)
  parts.remembered.circuits.delete(name)
  parts.remembered.health.delete(name)
  // From here on the provider itself says what is so, even if it is nothing.
  if (circuit !== undefined) {
    parts.mark('circuits', name)
    restoreCircuit(parts, circuit)
  }
  if (health !== undefined) {
    parts.mark('health', name)
    restoreHealth(parts, health)
  }
}
