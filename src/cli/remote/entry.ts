import type { RemoteRecord } from '../../client/record.js'
import { readRecord } from '../../client/record.js'
import { field, isObject, nameOf } from '../../core/foreign.js'

/** What an agent said of its work. */
export interface EntryTelemetry {
  readonly successRate: number
  readonly avgDurationMs: number
  readonly totalExecutions: number
  readonly failedExecutions: number
}

/** One registration, as `/v1` shows it. What another registry does not tell is left out. */
export interface RemoteEntry
  extends Pick<
    RemoteRecord,
    | 'id'
    | 'name'
    | 'service'
    | 'mode'
    | 'location'
    | 'capabilities'
    | 'version'
    | 'metadata'
    | 'status'
  > {
  readonly agentType?: string | undefined
  readonly namespace?: string | undefined
  readonly cluster?: string | undefined
  readonly telemetry?: EntryTelemetry | undefined
  /** Health checks failed in a row. */
  readonly failedChecks?: number | undefined
  /** Milliseconds since the epoch. */
  readonly registeredAt?: number | undefined
  readonly lastSeenAt?: number | undefined
}

/** Reads one of `/v1`, believing nothing; `undefined` when it has no id. */
export function readEntry(value: unknown): RemoteEntry | undefined {
  const record = readRecord(value)
  if (record === undefined) return undefined
  return {
    ...basics(record),
    agentType: nameOf(field(value, 'agentType')),
    namespace: nameOf(field(value, 'namespace')),
    cluster: nameOf(field(value, 'cluster')),
    telemetry: telemetryOf(field(value, 'telemetry')),
    failedChecks: amountOf(field(value, 'failedChecks')),
    registeredAt: timeOf(field(value, 'registeredAt')),
    lastSeenAt: timeOf(field(value, 'lastSeenAt')),
  }
}

export function readEntries(value: unknown): readonly RemoteEntry[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.map(readEntry).filter((entry) => entry !== undefined)
}

/** What any registry tells. */
export function entryOf(record: RemoteRecord): RemoteEntry {
  return {
    ...basics(record),
    registeredAt: timeOf(Date.parse(record.registeredAt ?? '')),
    lastSeenAt: timeOf(Date.parse(record.lastSeen ?? '')),
  }
}

const basics = (record: RemoteRecord) => ({
  id: record.id,
  name: record.name,
  service: record.service,
  version: record.version,
  status: record.status,
  mode: record.mode,
  location: record.location,
  capabilities: record.capabilities,
  metadata: record.metadata,
})

function telemetryOf(said: unknown): EntryTelemetry | undefined {
  if (!isObject(said)) return undefined
  const amount = (key: string): number => amountOf(field(said, key)) ?? 0
  return {
    successRate: amount('successRate'),
    avgDurationMs: amount('avgDurationMs'),
    totalExecutions: amount('totalExecutions'),
    failedExecutions: amount('failedExecutions'),
  }
}

const amountOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined

/** The last that a date can be. */
const lastTimeMs = 8.64e15

/** 0 is what a registry says that does not know. */
const timeOf = (value: unknown): number | undefined =>
  typeof value === 'number' && value > 0 && value <= lastTimeMs ? value : undefined

export const isActive = ({ status }: RemoteEntry): boolean => status !== 'unhealthy'
