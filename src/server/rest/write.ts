import { isoTime } from '../../core/clock.js'
import type { Change, Entry, EntryStatus } from '../entry.js'
import { isActive } from '../filters.js'

/** Whether `status` says healthy and `state` active, as was documented, or the other way round, as was coded. */
export type Dialect = 'readme' | 'code'

export type Json = Readonly<Record<string, unknown>>

const words = (active: boolean): { readonly readme: string; readonly code: string } =>
  active ? { readme: 'healthy', code: 'active' } : { readme: 'unhealthy', code: 'inactive' }

const statusWord = (status: EntryStatus, dialect: Dialect): string =>
  words(status !== 'unhealthy')[dialect]

export function toRecord(entry: Entry, dialect: Dialect): Json {
  const { readme, code } = words(isActive(entry))
  const [status, state] = dialect === 'readme' ? [readme, code] : [code, readme]
  return {
    id: entry.id,
    name: entry.name,
    service: entry.service,
    version: entry.version,
    capabilities: entry.capabilities,
    location: entry.location,
    mode: entry.mode,
    status,
    state,
    registered_at: isoTime(entry.registeredAt),
    last_seen: isoTime(entry.lastSeenAt),
    failed_checks: entry.failedChecks,
    metadata: entry.metadata,
  }
}

/** The data of an event; each names its event and carries the id it is about. */
export function toEvent(change: Change, dialect: Dialect): Json {
  const [event, data] = named(change, dialect)
  return { event, timestamp: isoTime(change.at), data }
}

function named(change: Change, dialect: Dialect): readonly [string, Json] {
  switch (change.type) {
    case 'registered':
      return ['service.registered', toRecord(change.entry, dialect)]
    case 'deregistered':
      return ['service.unregistered', { id: change.entry.id, name: change.entry.name }]
    case 'status-changed':
      return [
        'service.status_changed',
        {
          id: change.entry.id,
          old_status: statusWord(change.previous, dialect),
          new_status: statusWord(change.entry.status, dialect),
        },
      ]
    case 'updated':
      return change.cause === 'heartbeat'
        ? [
            'service.heartbeat',
            { id: change.entry.id, status: statusWord(change.entry.status, dialect) },
          ]
        : ['service.updated', toRecord(change.entry, dialect)]
    case 'invoked':
      return ['capability.invoked', toInvocation(change)]
    case 'resync':
      return ['resync', { message: 'Events were missed; read the whole list again' }]
  }
}

const toInvocation = ({ invocation }: Extract<Change, { type: 'invoked' }>): Json => ({
  id: invocation.providerId,
  consumer_id: invocation.consumerId,
  provider_id: invocation.providerId,
  capability: invocation.capability,
  success: invocation.success,
  latency_ms: invocation.latencyMs,
})
