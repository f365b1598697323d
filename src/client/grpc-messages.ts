import { isoTime } from '../core/clock.js'
import { field, isObject } from '../core/foreign.js'
import { Status, Type } from '../wire/proto/switchgear-messages.js'
import type { News } from './news.js'
import { idOf, type RemoteRecord, readRecord, readRecords } from './record.js'
import type { RegistrationBody } from './transport.js'

const words = new Map<unknown, string>([
  [Status.HEALTHY, 'healthy'],
  [Status.DEGRADED, 'degraded'],
  [Status.UNHEALTHY, 'unhealthy'],
])

/** A `Provider` as REST would tell of it, to be read as one from there is. */
function asToldByRest(provider: unknown): unknown {
  if (!isObject(provider)) return undefined
  return {
    ...provider,
    status: words.get(provider.status),
    metadata: parsed(provider.metadata),
    registered_at: timeOf(provider.registered_at),
    last_seen: timeOf(provider.last_seen),
  }
}

export const recordOf = (provider: unknown): RemoteRecord | undefined =>
  readRecord(asToldByRest(provider))

/** Those in the `providers` of a message. */
export function recordsIn(message: unknown): readonly RemoteRecord[] {
  const providers = field(message, 'providers')
  return (Array.isArray(providers) && readRecords(providers.map(asToldByRest))) || []
}

/** Reads `Change`s in their order, and gathers the parts of a snapshot. */
export class ChangeReader {
  #parts: Map<string, RemoteRecord> | undefined

  /** What a change means; nothing for one that only tells where the stream is. */
  read(change: unknown): News | undefined {
    const type = field(change, 'type')
    if (type === Type.SNAPSHOT) return this.#part(recordsIn(change))
    if (type === Type.SYNCED) {
      const records = [...(this.#parts?.values() ?? [])]
      this.#parts = undefined
      return { type: 'all', records }
    }
    const provider = field(change, 'provider')
    if (type === Type.DEREGISTERED) {
      const id = idOf(field(provider, 'id'))
      return id === undefined ? undefined : { type: 'gone', id }
    }
    const record = recordOf(provider)
    return record && { type: 'record', record }
  }

  #part(records: readonly RemoteRecord[]): undefined {
    if (records.length === 0) this.#parts = new Map()
    for (const record of records) this.#parts?.set(record.id, record)
    return undefined
  }
}

export function registerRequest(body: RegistrationBody): object {
  const { id, name, capabilities, location, mode, version, metadata } = body
  return {
    id,
    name,
    capabilities,
    location,
    mode,
    version,
    ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
  }
}

function parsed(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : undefined
  } catch {
    return undefined // read as none
  }
}

/** The farthest that a Date can tell. */
const mostMs = 8.64e15

const timeOf = (ms: unknown): string | undefined =>
  typeof ms === 'number' && Math.abs(ms) <= mostMs ? isoTime(ms) : undefined
