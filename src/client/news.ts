import { field, isObject, nameOf } from '../core/foreign.js'
import { idOf, type RemoteRecord, type RemoteStatus, readRecord, readStatus } from './record.js'
import type { ServerEvent } from './server-events.js'

/** What a registry tells of what it has. */
export type News =
  | { readonly type: 'all'; readonly records: readonly RemoteRecord[] }
  | { readonly type: 'record'; readonly record: RemoteRecord }
  | { readonly type: 'gone'; readonly id: string }
  | { readonly type: 'status'; readonly id: string; readonly status: RemoteStatus }

/** What an event means; `look` when that cannot be told without looking at the list again. */
export function newsOf(event: ServerEvent): News | 'look' | undefined {
  const told = parsed(event.data)
  const inner = field(told, 'data')
  const data = isObject(inner) ? inner : told
  const name = nameOf(field(told, 'event')) ?? event.type
  switch (name) {
    case 'connected':
    case 'capability.invoked':
      return undefined
    case 'service.unregistered':
      return goneIn(data)
    case 'service.registered':
    case 'service.updated':
      return recordIn(data)
    case 'service.status_changed':
    case 'service.heartbeat':
      return statusIn(data)
    default:
      return /^service\.|^resync$/.test(name) ? 'look' : undefined
  }
}

function goneIn(data: unknown): News | 'look' {
  const id = idOf(field(data, 'id'))
  return id === undefined ? 'look' : { type: 'gone', id }
}

/** An event that only names its record says that there is something to look at. */
function recordIn(data: unknown): News | 'look' {
  const isWhole = Array.isArray(field(data, 'capabilities'))
  const record = isWhole ? readRecord(data) : undefined
  return record === undefined ? 'look' : { type: 'record', record }
}

function statusIn(data: unknown): News | 'look' {
  const id = idOf(field(data, 'id'))
  const changed = field(data, 'new_status')
  const status =
    changed === undefined
      ? readStatus(field(data, 'status'), field(data, 'state'))
      : readStatus(changed)
  return id === undefined || status === undefined ? 'look' : { type: 'status', id, status }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // what it means is then not known
  }
}
