import { type Fields, field, isObject, nameOf, namesOf } from '../core/foreign.js'

/** `healthy` and `degraded` can be used. */
export type RemoteStatus = 'healthy' | 'degraded' | 'unhealthy'

/** What a registry has of somebody. Frozen throughout. */
export interface RemoteRecord {
  readonly id: string
  /** For people; need not be unique. */
  readonly name: string
  /** What it is a provider of: `service` or `metadata.service`, else its name. */
  readonly service: string
  readonly version: string
  readonly capabilities: readonly string[]
  /** A URL for mode `http`; whatever was given, or nothing, for others. */
  readonly location: string
  /** `http`, `embedded`, `standalone` or `grpc`, or what another registry calls it. */
  readonly mode: string
  readonly status: RemoteStatus
  readonly metadata: Readonly<Record<string, unknown>>
  /** As the registry writes it, usually ISO 8601. */
  readonly registeredAt: string | undefined
  readonly lastSeen: string | undefined
}

/** Reads one, believing nothing; `undefined` when it has no id that a path could name. */
export function readRecord(value: unknown): RemoteRecord | undefined {
  const id = idOf(field(value, 'id'))
  if (id === undefined) return undefined
  const name = nameOf(field(value, 'name')) ?? id
  const metadata = frozen(field(value, 'metadata'))
  const service = nameOf(field(value, 'service')) ?? nameOf(field(metadata, 'service')) ?? name
  return Object.freeze({
    id,
    name,
    service,
    version: nameOf(field(value, 'version')) ?? '1.0.0',
    capabilities: Object.freeze(namesOf(field(value, 'capabilities')) ?? []),
    location: nameOf(field(value, 'location'), 4_096) ?? '',
    mode: nameOf(field(value, 'mode')) ?? 'http',
    status: readStatus(field(value, 'status'), field(value, 'state')) ?? 'unhealthy',
    metadata,
    registeredAt: nameOf(field(value, 'registered_at')),
    lastSeen: nameOf(field(value, 'last_seen')),
  })
}

/** Those in a list that can be read, each id once. `undefined` when it is no list. */
export function readRecords(value: unknown): readonly RemoteRecord[] | undefined {
  if (!Array.isArray(value)) return undefined
  const records = value.map(readRecord).filter((record) => record !== undefined)
  return [...new Map(records.map((record) => [record.id, record])).values()]
}

/** Dialects call the same thing by other words, and in other fields. */
export function readStatus(...words: readonly unknown[]): RemoteStatus | undefined {
  const said = words.map((word) => (typeof word === 'string' ? word.toLowerCase() : ''))
  if (said.includes('degraded')) return 'degraded'
  if (said.some((word) => word === 'unhealthy' || word === 'inactive')) return 'unhealthy'
  return said.some((word) => word === 'healthy' || word === 'active') ? 'healthy' : undefined
}

/** An id that a path can name; `undefined` for another one. */
export function idOf(value: unknown): string | undefined {
  const id = nameOf(value, 256)
  return id === undefined || id.includes('/') || id === '.' || id === '..' ? undefined : id
}

/** What was read from JSON, which is ours alone, frozen throughout, however deep it is. */
function frozen(value: unknown): Fields {
  if (!isObject(value)) return Object.freeze({})
  const open: object[] = [value]
  for (let one = open.pop(); one !== undefined; one = open.pop()) {
    Object.freeze(one)
    for (const part of Object.values(one) as unknown[])
      if (typeof part === 'object' && part !== null) open.push(part)
  }
  return value
}
