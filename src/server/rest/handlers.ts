import type { AddressPolicy } from '../../core/address.js'
import { type Clock, isoTime } from '../../core/clock.js'
import { openApi } from '../../wire/openapi.js'
import type { Operation } from '../../wire/routes.js'
import type { Change, Entry } from '../entry.js'
import { OperationError } from '../operation-error.js'
import type { Caller, Connection, Operations } from '../operations.js'
import { readBeat, readInvocation, readMatch, readNotice, readRegistration } from './read.js'
import type { Message } from './stream.js'
import { type Dialect, type Json, toEvent, toRecord } from './write.js'

export interface RestRequest {
  readonly caller: Caller
  readonly query: URLSearchParams
  /** What varies in the path, decoded. */
  param(name: string): string
  header(name: string): string | undefined
  /** Parsed; `undefined` when there is none. */
  readonly body: unknown
  /** Aborts when the client has gone. */
  readonly ended: AbortController
}

export type RestAnswer =
  | { readonly status: number; readonly json: Json }
  | { readonly status: number; readonly text: string; readonly contentType: string }
  | { readonly messages: AsyncIterator<Message> }

export interface RestContext {
  readonly operations: Operations
  readonly clock: Clock
  readonly policy: AddressPolicy
  readonly dialect: Dialect
  readonly version: string
  /** Random; tells ids of events of this run from those of another. */
  readonly run: string
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>
}

type Handler = (context: RestContext, request: RestRequest) => RestAnswer | Promise<RestAnswer>

const ok = (json: Json): RestAnswer => ({ status: 200, json })

const notFound = (): OperationError =>
  new OperationError('not-found', 'SERVICE_NOT_FOUND', 'Service not found')

export const handlers: Readonly<Record<Operation, Handler>> = {
  health: ({ clock, version }) =>
    ok({
      status: 'healthy',
      service: 'modularity-registry',
      product: 'switchgear',
      version,
      timestamp: isoTime(clock.wall()),
    }),

  metrics: async ({ metrics }) => ({ status: 200, ...(await metrics()) }),

  openapi: ({ version }) => ok(openApi(version)),

  async register({ operations, policy }, { body, caller }) {
    const input = await readRegistration(body, policy)
    const { entry, token, stored } = await operations.register(input, caller)
    return {
      status: 201,
      json: {
        status: 'registered',
        message: 'Service registered successfully',
        service_id: entry.id,
        registration_token: token,
        ...unlessStored(stored),
      },
    }
  },

  async unregister({ operations }, { param, caller }) {
    if (!operations.deregister(param('id'), caller)) throw notFound()
    const stored = await operations.stored()
    return ok({
      status: 'unregistered',
      message: 'Service unregistered successfully',
      ...unlessStored(stored),
    })
  },

  listServices({ operations, dialect }, { query }) {
    const capability = query.get('capability')
    const found = operations.list(statusFilter(query.get('status')), capability || undefined)
    return ok({ services: found.map((entry) => toRecord(entry, dialect)), count: found.length })
  },

  getService: ({ operations, dialect }, { param }) =>
    ok(toRecord(need(operations, param('id')), dialect)),

  listCapabilities({ operations }) {
    const capabilities = operations
      .capabilities()
      .map((one) => ({ ...one, count: one.providers.length }))
    return ok({ capabilities, count: capabilities.length })
  },

  locateCapability: ({ operations, dialect }, { param }) =>
    ok(toRecord(operations.choose(param('name')), dialect)),

  heartbeat({ operations }, { param, caller, body }) {
    operations.heartbeat(param('id'), readBeat(body), caller)
    return ok({ message: 'Heartbeat received' })
  },

  beat: ({ operations }, { param, caller, body }) =>
    ok({ ...operations.heartbeat(param('id'), readBeat(body), caller) }),

  discover({ operations, dialect }, { body }) {
    const matches = operations
      .match(readMatch(body))
      .map(({ entry, score, required, optional }) => ({
        service: toRecord(entry, dialect),
        match_score: score,
        provides_required: required,
        provides_optional: optional,
      }))
    return ok({ matches, count: matches.length })
  },

  stats({ operations }) {
    const { total, active, capabilities, byRuntime } = operations.stats()
    return ok({
      total_services: total,
      active_services: active,
      inactive_services: total - active,
      total_capabilities: capabilities,
      services_by_runtime: Object.fromEntries(byRuntime),
    })
  },

  events(context, request) {
    const { dialect, clock } = context
    const first = {
      event: 'connected',
      timestamp: isoTime(clock.wall()),
      data: { message: 'Connected to Modularity Registry event stream' },
    }
    const toMessage = writtenOnce(asEvents, context, (change) => toEvent(change, dialect))
    return { messages: follow(context, request, first, toMessage) }
  },

  trackInvocation({ operations }, { body, caller }) {
    operations.track(readInvocation(body), caller)
    return ok({ message: 'Invocation tracked' })
  },

  connections({ operations }, { param }) {
    const { id, name } = need(operations, param('id'))
    const all = operations.connections(id)
    return ok({
      service_id: id,
      service_name: name,
      consuming: all.filter((one) => one.consumerId === id).map(toConnection('providerId')),
      providing: all.filter((one) => one.providerId === id).map(toConnection('consumerId')),
    })
  },

  graph: ({ operations, dialect }) =>
    ok({
      nodes: operations.list().map((entry) => ({
        id: entry.id,
        name: entry.name,
        status: toRecord(entry, dialect).status,
        capabilities: entry.capabilities,
      })),
      edges: operations.connections().map((one) => ({
        from: one.consumerId,
        to: one.providerId,
        capability: one.capability,
        weight: one.calls,
        avg_latency_ms: one.avgLatencyMs,
        success_rate: one.successRate,
      })),
    }),

  listProviders({ operations, run }, { query }) {
    const providers = operations.list(Object.fromEntries(query))
    return ok({ providers, count: providers.length, position: `${run}-${operations.position}` })
  },

  getProvider: ({ operations }, { param }) => ok({ ...need(operations, param('id')) }),

  choose({ operations }, { query }) {
    const capability = query.get('capability')
    if (capability === null || capability === '')
      throw new OperationError(
        'invalid',
        'MISSING_FIELDS',
        'Say which: /v1/choose?capability=<name>',
      )
    return ok({ ...operations.choose(capability) })
  },

  changes(context, request) {
    const first = { type: 'connected', position: `${context.run}-${context.operations.position}` }
    const toMessage = writtenOnce(asChanges, context, (change) => change)
    return { messages: follow(context, request, first, toMessage) }
  },

  notices({ operations }, { param, caller, ended }) {
    const notices = operations.notices(param('id'), caller, ended.signal)
    return { messages: told({ type: 'connected' }, notices, (notice) => ({ data: notice })) }
  },

  async notify({ operations }, { param, body, caller }) {
    const notice = { ...readNotice(body), agentId: param('id') }
    await operations.notify(notice, caller)
    return ok({ message: 'Notification delivered' })
  },
}

/** It counts, but the store has yet to confirm it. */
const unlessStored = (stored: boolean): Json => (stored ? {} : { stored })

function need(operations: Operations, id: string): Entry {
  const entry = operations.get(id)
  if (entry === undefined) throw notFound()
  return entry
}

/** In both dialects `healthy` means active here. */
function statusFilter(status: string | null): Readonly<Record<string, string>> {
  if (status === null || status === '') return {}
  return { status: status.toLowerCase() === 'healthy' ? 'active' : status }
}

const toConnection =
  (other: 'consumerId' | 'providerId') =>
  (one: Connection): Json => ({
    service_id: one[other],
    capability: one.capability,
    calls: one.calls,
    avg_latency_ms: one.avgLatencyMs,
    success_rate: one.successRate,
  })

/** What was missed since the client's last id, then what happens. */
function follow(
  { operations, run }: RestContext,
  { header, query, ended }: RestRequest,
  first: Json,
  toMessage: (change: Change) => Message,
): AsyncIterator<Message> {
  const last = header('last-event-id') ?? query.get('after') ?? undefined
  const after = last === undefined ? undefined : positionIn(last, run)
  const changes = operations.watch({ after }, ended.signal)
  return told(first, changes, toMessage)
}

const asEvents = new WeakMap<Change, Message>()
const asChanges = new WeakMap<Change, Message>()

/** Thousands may read one change: it is one message for all of them. */
const writtenOnce =
  (known: WeakMap<Change, Message>, { run }: RestContext, toData: (change: Change) => unknown) =>
  (change: Change): Message => {
    const message = known.get(change) ?? { id: `${run}-${change.seq}`, data: toData(change) }
    known.set(change, message)
    return message
  }

/** Of another run, or made up: -1, before everything there is, so that the client is told to look again. */
function positionIn(id: string, run: string): number {
  const [, of, seq] = /^([0-9a-f]{1,32})-(\d{1,15})$/.exec(id) ?? []
  return of === run ? Number(seq) : -1
}

async function* told<T>(
  first: unknown,
  items: AsyncIterableIterator<T>,
  toMessage: (item: T) => Message,
): AsyncGenerator<Message, undefined> {
  try {
    yield { data: first }
    for await (const item of items) yield toMessage(item)
    return undefined
  } finally {
    await items.return?.()
  }
}
