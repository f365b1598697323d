import type { HttpError } from '../core/errors.js'
import { field } from '../core/foreign.js'
import type { Access } from './access.js'
import { isStatus } from './api.js'
import { type Asking, misread } from './asking.js'
import { GrpcCalls } from './grpc-calls.js'
import { ChangeReader, recordOf, recordsIn, registerRequest } from './grpc-messages.js'
import type { News } from './news.js'
import { noticeOf } from './notice.js'
import type { RemoteRecord } from './record.js'
import type { SentTelemetry } from './telemetry.js'
import { tokenIn } from './token.js'
import type { AgentNotice, Beat, Position, RegistrationBody, Transport } from './transport.js'

/** More are not read, whatever a registry tells. */
const mostRecords = 1_000_000

/** Over gRPC, as `switchgear.v1`: `switchgear serve`. */
export class GrpcTransport implements Transport {
  readonly access: Access
  readonly mostBeats = 500
  readonly #calls: GrpcCalls

  constructor(access: Access) {
    this.access = access
    this.#calls = new GrpcCalls(access)
  }

  async register(body: RegistrationBody, how: Asking = {}): Promise<string | undefined> {
    const what = `register "${body.id}"`
    const answer = await this.#calls.ask({
      name: 'Register',
      what,
      request: registerRequest(body),
      ...how,
    })
    return tokenIn(field(answer, 'registration_token'))
  }

  async beat(
    beats: readonly Beat[],
    how: Asking = {},
  ): Promise<readonly (HttpError | undefined)[]> {
    const heartbeats = beats.map(({ id, token, telemetry }) => ({
      id,
      registration_token: token ?? '',
      telemetry: telemetry && { ...telemetry, ...whole(telemetry) },
    }))
    const what = `send a heartbeat of ${beats
      .map(({ id }) => `"${id}"`)
      .join(', ')
      .slice(0, 200)}`
    const answer = await this.#calls.ask({
      name: 'Heartbeats',
      what,
      request: { heartbeats },
      ...how,
    })
    const results = field(answer, 'results')
    if (!Array.isArray(results) || results.length !== beats.length)
      throw misread(this.access.url, 'a result for each heartbeat')
    return beats.map((beat, at) => this.#refused(beat, results[at]))
  }

  async deregister(id: string, how: Asking = {}): Promise<boolean> {
    const what = `deregister "${id}"`
    const answer = await this.#calls.ask({ name: 'Deregister', what, request: { id }, ...how })
    return field(answer, 'success') === true
  }

  async get(id: string, how: Asking = {}): Promise<RemoteRecord | undefined> {
    try {
      return this.#record(
        await this.#calls.ask({ name: 'Get', what: `get "${id}"`, request: { id }, ...how }),
      )
    } catch (error) {
      if (isStatus(error, 404)) return undefined
      throw error
    }
  }

  list({
    capability,
    ...how
  }: Asking & { readonly capability?: string } = {}): Promise<readonly RemoteRecord[]> {
    const what = 'list what is registered'
    const request =
      capability === undefined ? {} : { capabilities: [capability], filters: { status: 'active' } }
    return this.#calls.gather({ name: 'List', what, request, ...how }, async (parts) => {
      const records = new Map<string, RemoteRecord>()
      for await (const part of parts)
        for (const record of recordsIn(part))
          if (records.size < mostRecords) records.set(record.id, record)
      return [...records.values()]
    })
  }

  async choose(capability: string, how: Asking = {}): Promise<RemoteRecord> {
    const what = `locate the capability "${capability}"`
    return this.#record(
      await this.#calls.ask({ name: 'Choose', what, request: { capability }, ...how }),
    )
  }

  async *follow(position: Position, signal: AbortSignal): AsyncGenerator<News, void, undefined> {
    const request = { position: position.lastId ?? '' }
    const what = 'follow what changes'
    const reader = new ChangeReader()
    let hasBegun = false
    const begun = (): void => {
      hasBegun = true
    }
    try {
      for await (const change of this.#calls.stream(
        { name: 'Changes', what, request, signal },
        begun,
      )) {
        const news = reader.read(change)
        if (news !== undefined) yield news
        const at = field(change, 'position')
        if (typeof at === 'string' && at !== '' && at.length <= 256) position.lastId = at
      }
    } catch (error) {
      // Of one that was lost nothing is: whoever follows comes back with the position.
      if (!hasBegun && !signal.aborted) throw error
    }
  }

  async *notices(
    id: string,
    how: Asking & { readonly signal: AbortSignal },
    begun: () => void,
  ): AsyncGenerator<AgentNotice, void, undefined> {
    const what = `listen for "${id}"`
    const question = { name: 'Listen' as const, what, request: { agent_id: id }, ...how }
    for await (const message of this.#calls.stream(question, begun)) {
      const notice = noticeOf(message)
      if (notice !== undefined) yield notice
    }
  }

  async notify(id: string, notice: Omit<AgentNotice, 'at'>, how: Asking = {}): Promise<void> {
    const request = { agent_id: id, ...notice }
    await this.#calls.ask({ name: 'Notify', what: `notify "${id}"`, request, ...how })
  }

  close(): void {
    this.#calls.close()
  }

  #record(provider: unknown): RemoteRecord {
    const record = recordOf(provider)
    if (record === undefined) throw misread(this.access.url, 'a provider')
    return record
  }

  #refused({ id, token }: Beat, result: unknown): HttpError | undefined {
    const code = field(result, 'code')
    if (code === 0) return undefined
    const said = field(result, 'error')
    const question = { what: `send a heartbeat of "${id}"`, token }
    return this.#calls.refusal(question, Number(code), typeof said === 'string' ? said : '')
  }
}

/** What is an integer on the wire. */
const whole = ({ total_executions, failed_executions, last_execution_at }: SentTelemetry) => ({
  total_executions: Math.trunc(total_executions),
  failed_executions: Math.trunc(failed_executions),
  last_execution_at: Math.trunc(last_execution_at),
})
