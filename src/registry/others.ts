import { isDeepStrictEqual } from 'node:util'
import { StrategyConflictError } from '../core/errors.js'
import type { SavedLease } from '../model/lease.js'
import type { ParsedRegistration } from '../model/parse/registration.js'
import type { ParsedSnapshot } from '../model/parse/snapshot.js'
import {
  ofProviders,
  type SavedCircuitEntry,
  type SavedHealth,
  type Section,
} from '../model/snapshot.js'
import type { Seat } from '../resolve/seat.js'
import type { StoreChange } from '../store/store.js'
import { isKept, kept } from './keep.js'
import { leaseOf, savedLease } from './leases.js'
import { readEntries } from './read-entries.js'
import { enrollRead, partsAfter, restoreCircuit, type Target } from './takeover.js'
import type { Telling } from './telling.js'

export interface OthersPorts extends Target {
  readonly sources: { has(name: string): boolean }
  readonly telling: Pick<Telling, 'leaseRenewed' | 'storeFailed'>
  remove(seat: Seat): boolean
}

type Id = string
type Mark = readonly [section: Section, key: string]

const idOf = ({ section, key }: Pick<StoreChange, 'section' | 'key'>): Id => `${section} ${key}`

/**
 * Takes over what others have changed in a store. What code has registered here, what its sources see and what is
 * still to be written is newer, and is written again where others removed or replaced it. Nothing else is written.
 */
export class Others {
  readonly #store: string
  readonly #parts: OthersPorts
  readonly #circuits: boolean
  /**
   * What others have written in the place of a provider from here, the last time that this was answered. Two
   * registries that know one name differently would answer each other for ever.
   */
  readonly #answered = new WeakMap<Seat, string>()
  #again: Mark[] = []

  /** `circuits`: whether those of others count here. */
  constructor(store: string, circuits: boolean, parts: OthersPorts) {
    this.#store = store
    this.#circuits = circuits
    this.#parts = parts
  }

  /** In one turn. An entry that is wrong is refused alone, and told. */
  take(changes: readonly StoreChange[]): void {
    const latest = new Map(changes.map((change) => [idOf(change), change]))
    const over = this.#registrationsOver(latest.values())
    const news = [...latest.values()].filter(
      (change) => (isOfProvider(change) && over.has(change.key)) || !this.#isOwed(change),
    )
    const parts = this.#parts
    const read = readEntries(news, this.#store, (error) => this.#refuse(error))
    parts.turn(() => {
      parts.loading = true
      try {
        for (const [name, isThere] of over) this.#forgetRegistration(name, isThere)
        for (const change of news) if (change.value === undefined) this.#forget(change)
        this.#takeOver(read)
      } finally {
        parts.loading = false // before the listeners hear of it: what they change is to be written
      }
    })
    for (const [section, key] of this.#again.splice(0)) parts.mark(section, key)
  }

  /**
   * Providers of which what is to be written here is about a registration that is over: others have removed it, or
   * registered another one. And whether they are there.
   */
  #registrationsOver(changes: Iterable<StoreChange>): ReadonlyMap<string, boolean> {
    const { catalog, persist } = this.#parts
    const over = [...changes].flatMap(({ section, key, value, anew }) => {
      const isThere = value !== undefined
      if (section !== 'providers' || (isThere && anew !== true)) return []
      const seat = catalog.get(key)
      const isNewer = persist?.registers(key) === true || (seat && this.#isOwn(seat))
      return isNewer ? [] : [[key, isThere] as const]
    })
    return new Map(over)
  }

  /** What is known from here of one that is over. */
  #forgetRegistration(name: string, isThere: boolean): void {
    const { catalog, checks, leases, persist } = this.#parts
    for (const section of ofProviders) persist?.drop(section, name)
    const seat = catalog.get(name)
    if (seat === undefined || !isThere) return
    seat.restored = true
    leases.forget(seat)
    if (!seat.hasCheck) checks.mark(seat, 'unknown') // what was heard of it is over, too
  }

  /** What is being written here may come before or after it: to be sure, it is written once more. */
  #isOwed({ section, key, value }: StoreChange): boolean {
    if (this.#parts.persist?.owes(section, key) !== true) return false
    if (!isDeepStrictEqual(this.#kept(section, key), value)) this.#again.push([section, key])
    return true
  }

  /** As it would be read back. */
  #kept(section: Section, key: string): unknown {
    const own = kept(this.#parts, section, key)
    return own && asJson(own)
  }

  #refuse(error: unknown): void {
    this.#parts.telling.storeFailed(this.#store, error, undefined)
  }

  #takeOver(snapshots: readonly ParsedSnapshot[]): void {
    const each = <T>(
      list: (one: ParsedSnapshot) => readonly T[],
      take: (entry: T) => void,
    ): void => {
      for (const entry of snapshots.flatMap(list))
        try {
          take(entry)
        } catch (error) {
          this.#refuse(error)
        }
    }
    const parts = this.#parts
    each(
      ({ providers }) => providers,
      (entry) => this.#putProvider(entry),
    )
    each(
      ({ capabilities }) => capabilities,
      (entry) => void parts.capabilities.define(entry),
    )
    each(
      ({ models }) => models,
      (entry) => {
        for (const change of parts.models.replace([entry])) parts.modelChanged(change)
      },
    )
    each(
      ({ leases }) => leases,
      (entry) => this.#putLease(entry),
    )
    each(
      ({ health }) => health,
      (entry) => this.#putHealth(entry),
    )
    if (this.#circuits)
      each(
        ({ circuits }) => circuits,
        (entry) => this.#hearCircuit(entry),
      )
  }

  // --- providers ---------------------------------------------------------------------------------

  /** Whoever gives signs of life from outside may do so through anybody. */
  #isOwn(seat: Seat): boolean {
    if (savedLease(seat) !== undefined) return false
    return !seat.restored || this.#parts.sources.has(seat.provider.origin)
  }

  #putProvider(parsed: ParsedRegistration): void {
    const parts = this.#parts
    const { record } = parsed
    const seat = parts.catalog.get(record.name)
    if (seat !== undefined && this.#isOwn(seat)) this.#answer(seat, parsed)
    else if (seat?.provider.service === record.service) this.#change(seat, parsed)
    else if (!parts.sources.has(record.origin)) {
      if (seat !== undefined) parts.remove(seat) // it was something else
      enrollRead(parts, this.#withoutConflict(parsed))
    }
  }

  #change(seat: Seat, read: ParsedRegistration): void {
    const parsed = this.#withoutConflict(read, seat)
    const strategy = this.#parts.strategyOf(parsed, seat)
    this.#parts.rewrite(seat, parsed.record, partsAfter(this.#parts, seat, parsed), strategy)
  }

  /** What is known here counts, and others are told so: once for each thing that they say instead. */
  #answer(seat: Seat, { record }: ParsedRegistration): void {
    const said = JSON.stringify(record)
    if (!isKept(seat) || isDeepStrictEqual(JSON.parse(said), asJson(seat.provider))) return
    if (this.#answered.get(seat) === said) return
    this.#answered.set(seat, said)
    this.#again.push(['providers', record.name])
  }

  /** A strategy of others gives way to the one that is here. */
  #withoutConflict(parsed: ParsedRegistration, leaving?: Seat): ParsedRegistration {
    try {
      this.#parts.strategyOf(parsed, leaving)
      return parsed
    } catch (error) {
      if (!(error instanceof StrategyConflictError)) throw error
      return { ...parsed, strategy: undefined }
    }
  }

  // --- what is known of them ---------------------------------------------------------------------

  #putLease(entry: SavedLease): void {
    const { catalog, leases, telling } = this.#parts
    const seat = catalog.get(entry.provider)
    if (seat !== undefined && leases.follow(seat, entry))
      telling.leaseRenewed(seat, () => leaseOf(seat))
  }

  /** Who can ask the provider knows better. */
  #putHealth(entry: SavedHealth): void {
    const { catalog, checks, clock, remembered } = this.#parts
    const seat = catalog.get(entry.provider)
    if (seat === undefined) remembered.health.set(entry.provider, entry)
    else if (!seat.hasCheck) {
      seat.checkedAt = clock.now() - Math.max(0, clock.wall() - entry.checkedAt)
      checks.mark(seat, entry.status)
    }
  }

  #hearCircuit(entry: SavedCircuitEntry): void {
    const seat = this.#parts.catalog.get(entry.provider)
    if (seat === undefined) restoreCircuit(this.#parts, entry)
    else seat.guard.hear(entry)
  }

  #forget({ section, key }: StoreChange): void {
    const { catalog, checks, leases, models, remembered } = this.#parts
    const seat = catalog.get(key)
    switch (section) {
      case 'providers':
        if (seat !== undefined) this.#forgetProvider(seat)
        break
      case 'models': {
        const [provider = '', id = ''] = key.split('\n')
        models.remove(id, provider)
        break
      }
      case 'health':
        remembered.health.delete(key)
        if (seat !== undefined && !seat.hasCheck && !this.#isOwn(seat)) checks.mark(seat, 'unknown')
        break
      case 'leases':
        if (seat !== undefined) leases.dropped(seat)
        break
      case 'circuits':
        remembered.circuits.delete(key)
        if (this.#circuits) seat?.usedGuard?.hear({ state: 'closed', failures: 0 })
        break
      default: // what a capability means, nobody takes back
    }
  }

  #forgetProvider(seat: Seat): void {
    const { name } = seat.provider
    if (!this.#isOwn(seat)) this.#parts.remove(seat)
    else if (isKept(seat)) this.#again.push(['providers', name], ['health', name])
  }
}

const isOfProvider = ({ section }: StoreChange): boolean =>
  ofProviders.some((one) => one === section)

const asJson = (value: object): unknown => JSON.parse(JSON.stringify(value))
