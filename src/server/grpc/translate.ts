import {
  type AgentChangeEvent,
  type AgentInfo,
  AgentStatus,
  type AgentTelemetry,
  AgentType,
  EventType,
} from '../../wire/proto/messages.js'
import type { AgentType as AgentWord, Change, Entry, EntryStatus, Telemetry } from '../entry.js'
import { OperationError } from '../operation-error.js'

const numbers: Readonly<Record<AgentWord, number>> = {
  unspecified: AgentType.AGENT_TYPE_UNSPECIFIED,
  worker: AgentType.WORKER,
  scout: AgentType.SCOUT,
  guard: AgentType.GUARD,
  analyst: AgentType.ANALYST,
}
const words = new Map<number, AgentWord>([
  [AgentType.WORKER, 'worker'],
  [AgentType.SCOUT, 'scout'],
  [AgentType.GUARD, 'guard'],
  [AgentType.ANALYST, 'analyst'],
])

export const statusNumbers: Readonly<Record<EntryStatus, number>> = {
  healthy: AgentStatus.HEALTHY,
  unhealthy: AgentStatus.UNHEALTHY,
  degraded: AgentStatus.DEGRADED,
}

/** Throws `invalid` for a number that is no type. */
export function agentType(number: number): AgentWord {
  const word = words.get(number)
  if (word !== undefined) return word
  throw new OperationError(
    'invalid',
    'INVALID_AGENT_TYPE',
    `Invalid AgentType ${number}; it must be 1 (WORKER), 2 (SCOUT), 3 (GUARD) or 4 (ANALYST)`,
  )
}

/** What is asked for: 0 means all of them. Throws `invalid` for a number that is no type. */
export function typeTest(number: number): (entry: Entry) => boolean {
  if (number === AgentType.AGENT_TYPE_UNSPECIFIED) return () => true
  const wanted = agentType(number)
  return (entry) => entry.agentType === wanted
}

/** On the wire times are whole seconds since the epoch. */
export const seconds = (ms: number): number => Math.floor(ms / 1_000)

export function telemetryOf(message: AgentTelemetry | null): Telemetry | undefined {
  if (message === null) return undefined
  return {
    successRate: message.success_rate,
    avgDurationMs: message.avg_duration_ms,
    totalExecutions: message.total_executions,
    failedExecutions: message.failed_executions,
    lastExecutionAt: message.last_execution_at,
  }
}

export function agentInfo(entry: Entry): AgentInfo {
  return {
    agent_id: entry.id,
    agent_type: numbers[entry.agentType],
    capabilities: entry.capabilities,
    metadata: textsOf(entry),
    telemetry: toMessage(entry.telemetry),
    status: statusNumbers[entry.status],
    registered_at: seconds(entry.registeredAt),
    last_seen: seconds(entry.lastSeenAt),
    namespace: entry.namespace,
    cluster: entry.cluster,
    version: entry.version,
    schema_version: 1,
    endpoint: entry.location,
  }
}

/** Values that came in over REST may be of any kind, and are shown as JSON. */
function textsOf({ metadata, location }: Entry): Readonly<Record<string, string>> {
  const texts = Object.entries(metadata).map(([key, value]): [string, string] => [
    key,
    typeof value === 'string' ? value : (JSON.stringify(value) ?? ''),
  ])
  if (location !== '') texts.push(['endpoint', location])
  return Object.fromEntries(texts)
}

function toMessage(telemetry: Telemetry | undefined): AgentTelemetry | null {
  if (telemetry === undefined) return null
  return {
    success_rate: telemetry.successRate,
    avg_duration_ms: Math.trunc(telemetry.avgDurationMs),
    total_executions: Math.trunc(telemetry.totalExecutions),
    failed_executions: Math.trunc(telemetry.failedExecutions),
    last_execution_at: Math.trunc(telemetry.lastExecutionAt),
  }
}

type OfEntry = Extract<Change, { readonly entry: Entry }>

const events: Readonly<Record<OfEntry['type'], number>> = {
  registered: EventType.REGISTERED,
  updated: EventType.UPDATED,
  deregistered: EventType.DEREGISTERED,
  'status-changed': EventType.STATUS_CHANGED,
}

/** `at` in milliseconds since the epoch. */
export function changeEvent({
  type,
  entry,
  at,
}: Pick<OfEntry, 'type' | 'entry' | 'at'>): AgentChangeEvent {
  return { event_type: events[type], agent: agentInfo(entry), timestamp: seconds(at) }
}
