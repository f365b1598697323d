import { HttpError } from '../core/errors.js'
import { field } from '../core/foreign.js'
import type { Access } from './access.js'
import { Api, isStatus } from './api.js'
import type { Asking } from './asking.js'
import { follow } from './follow.js'
import type { News } from './news.js'
import { noticeOf } from './notice.js'
import { type RemoteRecord, readRecord } from './record.js'
import { serverEvents } from './server-events.js'
import { tokenIn } from './token.js'
import type { AgentNotice, Beat, Position, RegistrationBody, Transport } from './transport.js'

/** Over REST and server-sent events: `switchgear serve`, or a Modularity registry. */
export class RestTransport implements Transport {
  readonly access: Access
  readonly mostBeats = 1
  readonly #api: Api

  constructor(access: Access) {
    this.access = access
    this.#api = new Api(access)
  }

  async register(body: RegistrationBody, how: Asking = {}): Promise<string | undefined> {
    const ask = { what: `register "${body.id}"`, path: '/api/register', body, ...how }
    const answer = await this.#api.ask({ ...ask, method: 'POST' })
    return tokenIn(field(answer.json(), 'registration_token'))
  }

  beat(beats: readonly Beat[], how: Asking = {}): Promise<readonly (HttpError | undefined)[]> {
    return Promise.all(beats.map((one) => this.#beat(one, how)))
  }

  async deregister(id: string, how: Asking = {}): Promise<boolean> {
    const path = servicePath(id)
    const ask = { what: `deregister "${id}"`, path, method: 'DELETE' as const, ...how }
    return (await orNone(this.#api.ask(ask))) !== undefined
  }

  async get(id: string, how: Asking = {}): Promise<RemoteRecord | undefined> {
    const path = servicePath(id)
    const answer = await orNone(this.#api.ask({ what: `get "${id}"`, path, ...how }))
    if (answer === undefined) return undefined
    return readRecord(answer.json()) ?? this.#api.misread(path, 'a service')
  }

  list({
    capability,
    ...how
  }: Asking & { readonly capability?: string } = {}): Promise<readonly RemoteRecord[]> {
    const query =
      capability === undefined ? '' : `?${new URLSearchParams({ status: 'healthy', capability })}`
    return this.#api.list({ ...how, query })
  }

  async choose(capability: string, how: Asking = {}): Promise<RemoteRecord> {
    const path = `/api/capabilities/${encodeURIComponent(capability)}`
    const what = `locate the capability "${capability}"`
    const answer = await this.#api.ask({ what, path, ...how })
    return readRecord(answer.json()) ?? this.#api.misread(path, 'a service')
  }

  follow(position: Position, signal: AbortSignal): AsyncGenerator<News, void, undefined> {
    return follow(this.#api, position, signal)
  }

  async *notices(
    id: string,
    { token, signal }: Asking & { readonly signal: AbortSignal },
    begun: () => void,
  ): AsyncGenerator<AgentNotice, void, undefined> {
    for await (const { data } of serverEvents(
      this.#api.events(noticesPath(id), { token, signal }),
    )) {
      begun()
      const notice = readNotice(data)
      if (notice !== undefined) yield notice
    }
  }

  async notify(id: string, notice: Omit<AgentNotice, 'at'>, how: Asking = {}): Promise<void> {
    const ask = { what: `notify "${id}"`, path: noticesPath(id), body: notice, ...how }
    await this.#api.ask({ ...ask, method: 'POST' })
  }

  /** Idle connections are shared, and close by themselves. */
  close(): void {}

  async #beat({ id, token, telemetry }: Beat, how: Asking): Promise<HttpError | undefined> {
    const path = `/api/heartbeat/${encodeURIComponent(id)}`
    const body = telemetry && { telemetry }
    const ask = { what: `send a heartbeat of "${id}"`, path, method: 'POST' as const, body }
    try {
      await this.#api.ask({ ...ask, ...how, token })
      return undefined
    } catch (error) {
      if (error instanceof HttpError) return error
      throw error
    }
  }
}

const servicePath = (id: string): string => `/api/services/${encodeURIComponent(id)}`
const noticesPath = (id: string): string => `/v1/notices/${encodeURIComponent(id)}`

/** `undefined` where the registry says that there is none. */
async function orNone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (isStatus(error, 404)) return undefined
    throw error
  }
}

function readNotice(text: string): AgentNotice | undefined {
  try {
    return noticeOf(JSON.parse(text))
  } catch {
    return undefined // nobody knows what it was to say
  }
}
