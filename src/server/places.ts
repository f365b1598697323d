import type { ProviderView } from '../model/provider.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { Entry } from './entry.js'
import { capabilitiesOf, factsOf } from './registration.js'

/** Where a provider stands among all: in the order of registration. */
export interface Place {
  readonly id: string
  readonly registeredAt: number
  readonly serial: number
  readonly capabilities: readonly string[]
}

/** A place, and its entry as long as nothing has changed it. */
interface Seated extends Place {
  entry: Entry | undefined
}

/** Of providers in the order of registration. */
type Row = Seated[]

const none: Row = []

/**
 * All providers and those of each capability, in the order of registration, with their entries: kept by what the
 * registry tells, so that a question walks over those it is about and builds nothing twice.
 */
export class Places {
  readonly #make: (id: string) => Entry | undefined
  readonly #seated = new Map<string, Seated>()
  readonly #all: Row = []
  readonly #having = new Map<string, Row>()
  readonly #unsubscribe: readonly (() => void)[]

  /** `make` gives the entry of an id as it is now. */
  constructor(registry: ServiceRegistry, make: (id: string) => Entry | undefined) {
    this.#make = make
    for (const view of registry.list()) this.#put(view)
    const stale = ({ provider }: { readonly provider: string }): void => this.stale(provider)
    this.#unsubscribe = [
      registry.on('provider.added', ({ view }) => this.#put(view)),
      registry.on('provider.changed', ({ view }) => this.#put(view)),
      registry.on('provider.removed', ({ provider }) => this.#remove(provider)),
      registry.on('provider.health-changed', stale),
      registry.on('lease.renewed', stale),
      registry.on('lease.expired', stale),
    ]
  }

  close(): void {
    for (const end of this.#unsubscribe) end()
  }

  get size(): number {
    return this.#all.length
  }

  /** What is shown of it is another now. */
  stale(id: string): void {
    const seated = this.#seated.get(id)
    if (seated !== undefined) seated.entry = undefined
  }

  all(): readonly Entry[] {
    return this.#entries(this.#all)
  }

  having(capability: string): readonly Entry[] {
    return this.#entries(this.#having.get(capability) ?? none)
  }

  has(capability: string): boolean {
    return this.#having.has(capability)
  }

  /** The first after this place that passes, going round once. */
  next(
    capability: string,
    after: Place | undefined,
    passes: (entry: Entry) => boolean,
  ): { readonly place: Place; readonly entry: Entry } | undefined {
    const row = this.#having.get(capability) ?? none
    const first = after === undefined ? 0 : indexAfter(row, after)
    for (let step = 0; step < row.length; step++) {
      const place = row[(first + step) % row.length]
      const entry = place && this.#entryOf(place)
      if (place !== undefined && entry !== undefined && passes(entry)) return { place, entry }
    }
    return undefined
  }

  #entries(row: Row): readonly Entry[] {
    const entries: Entry[] = []
    for (const seated of row) {
      const entry = this.#entryOf(seated)
      if (entry !== undefined) entries.push(entry)
    }
    return entries
  }

  #entryOf(seated: Seated): Entry | undefined {
    seated.entry ??= this.#make(seated.id)
    return seated.entry
  }

  #put(view: ProviderView): void {
    const { registeredAt, serial } = factsOf(view)
    const capabilities = capabilitiesOf(view)
    const before = this.#seated.get(view.name)
    if (before !== undefined) {
      const stays = before.registeredAt === registeredAt && before.serial === serial
      if (stays && before.capabilities === capabilities) {
        before.entry = undefined
        return
      }
      this.#remove(view.name)
    }
    const seated: Seated = { id: view.name, registeredAt, serial, capabilities, entry: undefined }
    this.#seated.set(view.name, seated)
    insert(this.#all, seated)
    for (const capability of new Set(capabilities)) insert(this.#rowOf(capability), seated)
  }

  #remove(id: string): void {
    const seated = this.#seated.get(id)
    if (seated === undefined) return
    this.#seated.delete(id)
    leave(this.#all, seated)
    for (const capability of new Set(seated.capabilities)) {
      const row = this.#rowOf(capability)
      leave(row, seated)
      if (row.length === 0) this.#having.delete(capability)
    }
  }

  #rowOf(capability: string): Row {
    let row = this.#having.get(capability)
    if (row === undefined) {
      row = []
      this.#having.set(capability, row)
    }
    return row
  }
}

/** Most come last: they are the newest. */
function insert(row: Row, seated: Seated): void {
  const last = row.at(-1)
  if (last === undefined || byPlace(last, seated) < 0) row.push(seated)
  else row.splice(indexAfter(row, seated), 0, seated)
}

function leave(row: Row, seated: Seated): void {
  const index = indexAfter(row, seated) - 1
  if (row[index] === seated) row.splice(index, 1)
}

/** Of the first that comes after this place, whether or not the place itself is still taken. */
function indexAfter(row: Row, place: Place): number {
  let low = 0
  let high = row.length
  while (low < high) {
    const middle = (low + high) >> 1
    const other = row[middle]
    if (other !== undefined && byPlace(other, place) <= 0) low = middle + 1
    else high = middle
  }
  return low
}

const byPlace = (a: Place, b: Place): number =>
  a.registeredAt - b.registeredAt ||
  a.serial - b.serial ||
  (a.id === b.id ? 0 : a.id < b.id ? -1 : 1)
