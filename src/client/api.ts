import { HttpError } from '../core/errors.js'
import { field, nameOf } from '../core/foreign.js'
import { fetchAnswer, type HttpAnswer, streamLines } from '../core/http.js'
import type { Access } from './access.js'
import { type Asking, misread, persistently, refusedBy } from './asking.js'
import { type RemoteRecord, readRecords } from './record.js'

/** One question to a registry. */
export interface Ask extends Asking {
  /** For messages, such as `register "forge-1"`. */
  readonly what: string
  readonly path: string
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: unknown
}

const mostBytes = 32 * 1_024 * 1_024
/** The registry says something every 15 s. */
const idleMs = 45_000

/** Speaks to one registry over REST. What it throws is an `HttpError` that says what could not be done, and why. */
export class Api {
  readonly access: Access

  constructor(access: Access) {
    this.access = access
  }

  /** An answer of success. Where trying again may help, it is asked three times. */
  ask(ask: Ask): Promise<HttpAnswer> {
    return persistently(this.access, { ...ask, url: this.#shown(ask.path) }, () => this.#once(ask))
  }

  /** Everything that is registered. */
  async list(options: Asking & { readonly query?: string } = {}): Promise<readonly RemoteRecord[]> {
    const { query = '', ...how } = options
    const path = `/api/services${query}`
    const answer = await this.ask({ what: 'list what is registered', path, ...how })
    return readRecords(field(answer.json(), 'services')) ?? this.misread(path, 'a list of services')
  }

  /** The lines of an event stream, after the event of an id. */
  events(
    path: string,
    {
      token = this.access.token,
      signal,
      after,
    }: {
      readonly token?: string | undefined
      readonly signal: AbortSignal
      readonly after?: string | undefined
    },
  ): AsyncGenerator<string> {
    const { url, timeoutMs } = this.access
    const options = this.#options(token)
    return streamLines(url + path, {
      ...options,
      headers: {
        ...options.headers,
        accept: 'text/event-stream',
        ...(after !== undefined && { 'last-event-id': after }),
      },
      timeoutMs,
      idleTimeoutMs: idleMs,
      use: 'wait',
      signal,
    })
  }

  misread(path: string, expected: string): never {
    throw misread(this.#shown(path), expected)
  }

  async #once(ask: Ask): Promise<HttpAnswer> {
    const { path, method = 'GET', body, signal, background, token = this.access.token } = ask
    const answer = await fetchAnswer(this.access.url + path, {
      ...this.#options(token),
      method,
      timeoutMs: this.access.timeoutMs,
      maxBytes: mostBytes,
      use: background ? 'wait' : 'question',
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    })
    const { status } = answer
    if (status >= 200 && status < 300) return answer
    throw refusedBy(this.#shown(path), {
      what: ask.what,
      status,
      word: String(status),
      said: toldBy(answer),
      secrets: [token, this.access.token],
    })
  }

  #options(token: string | undefined) {
    const { policy, tls, clock } = this.access
    return {
      clock,
      tls,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(policy !== undefined && { policy }),
    }
  }

  #shown(path: string): string {
    return this.access.url + path.replace(/\?.*$/s, '')
  }
}

export const isStatus = (error: unknown, status: number): boolean =>
  error instanceof HttpError && error.kind === 'status' && error.status === status

const toldBy = ({ text, json }: HttpAnswer): string =>
  nameOf(field(json(), 'error'), 1_000) ?? (/^\s*</.test(text) ? '' : (nameOf(text) ?? ''))
