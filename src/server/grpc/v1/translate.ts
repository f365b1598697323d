import {
  type Change as ChangeMessage,
  type Notice as NoticeMessage,
  type Provider,
  Status,
  type Telemetry as TelemetryMessage,
  Type,
} from '../../../wire/proto/switchgear-messages.js'
import type { Change, Entry, EntryStatus, Notice, Telemetry } from '../../entry.js'

export const statusNumbers: Readonly<Record<EntryStatus, number>> = {
  healthy: Status.HEALTHY,
  unhealthy: Status.UNHEALTHY,
  degraded: Status.DEGRADED,
}

export function telemetryOf(message: TelemetryMessage | null): Telemetry | undefined {
  if (message === null) return undefined
  return {
    successRate: message.success_rate,
    avgDurationMs: message.avg_duration_ms,
    totalExecutions: message.total_executions,
    failedExecutions: message.failed_executions,
    lastExecutionAt: message.last_execution_at,
  }
}

export function providerOf(entry: Entry): Provider {
  return {
    id: entry.id,
    name: entry.name,
    service: entry.service,
    version: entry.version,
    capabilities: entry.capabilities,
    location: entry.location,
    mode: entry.mode,
    status: statusNumbers[entry.status],
    metadata: JSON.stringify(entry.metadata),
    registered_at: whole(entry.registeredAt),
    last_seen: whole(entry.lastSeenAt),
    agent_type: entry.agentType,
    namespace: entry.namespace,
    cluster: entry.cluster,
    telemetry: toMessage(entry.telemetry),
  }
}

function toMessage(telemetry: Telemetry | undefined): TelemetryMessage | null {
  if (telemetry === undefined) return null
  return {
    success_rate: telemetry.successRate,
    avg_duration_ms: telemetry.avgDurationMs,
    total_executions: whole(telemetry.totalExecutions),
    failed_executions: whole(telemetry.failedExecutions),
    last_execution_at: whole(telemetry.lastExecutionAt),
  }
}

/** What is an integer on the wire. */
const whole = Math.trunc

type OfEntry = Extract<Change, { readonly entry: Entry }>

const types: Readonly<Record<OfEntry['type'], number>> = {
  registered: Type.REGISTERED,
  updated: Type.UPDATED,
  'status-changed': Type.STATUS_CHANGED,
  deregistered: Type.DEREGISTERED,
}

export const changeOf = ({ type, entry, at }: OfEntry, position: string): ChangeMessage => ({
  ...change(types[type], position),
  provider: providerOf(entry),
  at: whole(at),
})

export const snapshotPart = (providers: readonly Provider[]): ChangeMessage => ({
  ...change(Type.SNAPSHOT, ''),
  providers,
})

export const synced = (position: string): ChangeMessage => change(Type.SYNCED, position)

export const movedOn = (position: string): ChangeMessage => change(Type.POSITION, position)

const change = (type: number, position: string): ChangeMessage => ({
  type,
  position,
  provider: null,
  providers: [],
  at: 0,
})

export const noticeOf = ({ agentId, type, message, metadata, at }: Notice): NoticeMessage => ({
  agent_id: agentId,
  type,
  message,
  metadata,
  at: whole(at),
})
