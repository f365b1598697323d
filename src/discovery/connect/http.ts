import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { HttpError, InvalidOptionsError } from '../../core/errors.js'
import type { HttpOptions } from '../../core/exchange.js'
import { fetchAnswer, type HttpAnswer, streamLines } from '../../core/http.js'
import { ownWithSignal, signalAt, type TakesSignal } from '../../model/with-signal.js'
import { baseOf, type Connect, type ConnectOptions, headersFor } from './connect.js'
import { givenUp, secretsIn, statusError } from './failure.js'

export type { HttpAnswer } from '../../core/http.js'

export interface HttpConnectOptions extends ConnectOptions {
  /** For one request, the body of its answer included. Default 300,000: the circuit's limit usually comes first. */
  readonly timeoutMs?: number | undefined
  /** No more of an answer is read. Default 64 MiB. */
  readonly maxBytes?: number | undefined
}

export interface HttpCallOptions {
  readonly method?: HttpOptions['method'] | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>> | undefined
  /** Sent as JSON, or as it is when it is bytes. */
  readonly body?: unknown
  readonly timeoutMs?: number | undefined
  readonly maxBytes?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** A program that is asked over HTTP. Paths are below the address of the provider, and never lead away from it. */
export interface HttpBackend {
  /** Without user-info and query. */
  readonly address: string
  get(path: string, options?: HttpCallOptions): Promise<HttpAnswer>
  /** With a body, which is sent as JSON. */
  post(path: string, body?: unknown, options?: HttpCallOptions): Promise<HttpAnswer>
  /**
   * Rejects with `HttpError`: of kind `status`, with the status and `Retry-After`, when the answer is not 2xx; of
   * another kind when there is no answer. With an `AbortError` when the signal aborts.
   */
  request(path: string, options?: HttpCallOptions): Promise<HttpAnswer>
  /** The lines of an answer that has no end: newline-delimited JSON, server-sent events. */
  lines(path: string, options?: HttpCallOptions): AsyncIterable<string>
}

/** Makes an `HttpBackend` of a record. Its connections are pooled, redirects are not followed, no proxy is used. */
export function connectHttp(options: HttpConnectOptions = {}): Connect<HttpBackend> {
  const { policy = defaultAddressPolicy } = options
  return async (record) => {
    const base = await baseOf(record, policy)
    return new PooledBackend(base, policy, headersFor(options.headers, record), options)
  }
}

class PooledBackend implements HttpBackend, TakesSignal {
  readonly address: string
  readonly [ownWithSignal] = signalAt({ get: 1, post: 2, request: 1, lines: 1 })
  readonly #policy: AddressPolicy
  readonly #headers: Readonly<Record<string, string>>
  readonly #limits: Pick<HttpConnectOptions, 'timeoutMs' | 'maxBytes'>

  constructor(
    base: URL,
    policy: AddressPolicy,
    headers: Readonly<Record<string, string>>,
    limits: Pick<HttpConnectOptions, 'timeoutMs' | 'maxBytes'>,
  ) {
    this.address = `${base.origin}${base.pathname}`.replace(/\/+$/, '')
    this.#policy = policy
    this.#headers = headers
    this.#limits = limits
  }

  async get(path: string, options: HttpCallOptions = {}): Promise<HttpAnswer> {
    return this.request(path, { ...options, method: 'GET' })
  }

  async post(path: string, body?: unknown, options: HttpCallOptions = {}): Promise<HttpAnswer> {
    return this.request(path, { ...options, method: 'POST', body })
  }

  async request(path: string, options: HttpCallOptions = {}): Promise<HttpAnswer> {
    const url = this.#url(path, options.query)
    const wire = this.#wire(options)
    const {
      timeoutMs = this.#limits.timeoutMs ?? 300_000,
      maxBytes = this.#limits.maxBytes ?? 64 * mebi,
    } = options
    const answer = await this.#told(url, options.signal, () =>
      fetchAnswer(url, { ...wire, timeoutMs, maxBytes }),
    )
    if (answer.status >= 200 && answer.status <= 299) return answer
    throw statusError(shown(url), answer, answer.text, secretsIn(wire.headers ?? {}))
  }

  async *lines(path: string, options: HttpCallOptions = {}): AsyncGenerator<string, void> {
    const url = this.#url(path, options.query)
    const { timeoutMs = this.#limits.timeoutMs ?? 300_000, signal } = options
    try {
      yield* streamLines(url, { ...this.#wire(options), timeoutMs, idleTimeoutMs: 300_000 })
    } catch (error) {
      throw unlessGivenUp(url, signal, error)
    }
  }

  async #told<T>(url: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw unlessGivenUp(url, signal, error)
    }
  }

  #wire({ method, headers, body, signal }: HttpCallOptions): HttpOptions {
    return {
      use: 'call',
      policy: this.#policy,
      headers: { ...this.#headers, ...headers },
      ...(method !== undefined && { method }),
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    }
  }

  #url(path: string, query: HttpCallOptions['query'] = {}): string {
    const url = new URL(`${this.address}/${String(path).replace(/^[/\\]+/, '')}`)
    if (!url.href.startsWith(`${this.address}/`)) throw leadsAway(path, this.address)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.append(name, String(value))
    return url.href
  }
}

const leadsAway = (path: string, address: string): InvalidOptionsError =>
  new InvalidOptionsError(
    [{ field: 'path', message: `expected one below ${address}, and ${path} leads away from it` }],
    'request',
  )

const mebi = 1_024 * 1_024
const shown = (url: string): string => url.replace(/[?#].*$/s, '')

const unlessGivenUp = (url: string, signal: AbortSignal | undefined, error: unknown): unknown =>
  error instanceof HttpError && error.kind === 'aborted' && signal?.aborted
    ? givenUp(shown(url), signal.reason)
    : error
