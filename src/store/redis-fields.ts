import { isDeepStrictEqual } from 'node:util'
import type { SavedLease } from '../model/lease.js'
import { ofProviders, type Section } from '../model/snapshot.js'
import type { FieldChange } from './redis-place.js'
import { fieldOf } from './redis-record.js'
import type { Replica } from './redis-replica.js'

export interface EncodedChange {
  readonly section: Section
  readonly key: string
  /** As JSON; `undefined` when it is gone. */
  readonly value: string | undefined
  /** Of a provider: another registration than the one before. */
  readonly anew?: boolean
}

export interface Fields {
  readonly changes: readonly FieldChange[]
  /** Of leases that are only renewed: all of it, should that not do. */
  readonly full: ReadonlyMap<string, FieldChange>
}

/** Changes as a place takes them: each with the registration of the provider that it is about. */
export function toFields(encoded: readonly EncodedChange[], replica: Replica): Fields {
  const full = new Map<string, FieldChange>()
  const anew = registeredAnew(encoded)
  const changes = encoded.map((one): FieldChange => {
    const field = fieldOf(one)
    const isNew = anew.has(one.key)
    const change: FieldChange = {
      field,
      json: one.value ?? '',
      epoch: isNew ? epochOfNew(one) : epochOf(one, replica),
      known: replica.has(field),
    }
    const renewedForMs = isNew ? undefined : renewed(one, replica.own(field))
    if (renewedForMs === undefined) return change
    full.set(field, change)
    return { ...change, renewedForMs }
  })
  return { changes, full }
}

/** What a group says of these is about the registration that it brings. */
function registeredAnew(encoded: readonly EncodedChange[]): ReadonlySet<string> {
  const anew = new Set<string>()
  const removed = new Set<string>()
  for (const { section, key, value, anew: isAnew } of encoded) {
    if (section !== 'providers') continue
    if (value === undefined) removed.add(key)
    else if (isAnew === true || removed.has(key)) anew.add(key)
  }
  return anew
}

const epochOfNew = ({ section, value }: EncodedChange): string =>
  section === 'providers' && value !== undefined ? 'new' : ''

function epochOf({ section, key, value }: EncodedChange, replica: Replica): string {
  if (!ofProviders.some((one) => one === section)) return ''
  const unknown = value === undefined ? 'none' : '' // what others have registered was not meant
  return replica.epoch(fieldOf({ section: 'providers', key })) || unknown
}

/** For how long, where nothing else of a lease has changed. */
function renewed({ section, value }: EncodedChange, own: string | undefined): number | undefined {
  if (section !== 'leases' || value === undefined || own === undefined) return undefined
  const now: SavedLease = JSON.parse(value)
  const before: SavedLease = JSON.parse(own)
  const isSame = isDeepStrictEqual({ ...now, renewedAt: 0 }, { ...before, renewedAt: 0 })
  return isSame ? now.forMs : undefined
}
