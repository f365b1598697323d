import { type AddressPolicy, defaultAddressPolicy, parseTarget } from './address.js'
import { after, type Clock, later, systemClock } from './clock.js'
import {
  type Connection,
  connections,
  connectionTo,
  type TlsOptions,
  type WireRequest,
  type WireResponse,
  waits,
} from './connection.js'
import { HttpError, type HttpFailure } from './errors.js'
import { toHttpError } from './http-failure.js'

export interface HttpHead {
  readonly status: number
  /** By name in lower case; repeated ones are joined by a comma. */
  readonly headers: Readonly<Record<string, string>>
}

export interface HttpOptions {
  /** Default GET, or POST with a body. */
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, or as it is when it is bytes. */
  readonly body?: unknown
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy
  /** Until a connection is there, name resolution and TLS included. Default 2,000. */
  readonly connectTimeoutMs?: number
  /** Whom to trust, and what to show, over https. Default: whom Node trusts. */
  readonly tls?: TlsOptions | undefined
  /**
   * What it is for. A `question` is over soon: 256 of them at once in a process, others wait. A `wait` may take as long
   * as it likes: it keeps no process alive, once connected, and counts, 128 at once. A `call` is somebody's work, and
   * how many of them there are is theirs to say. Default `question`.
   */
  readonly use?: 'question' | 'wait' | 'call'
  readonly signal?: AbortSignal
  readonly clock?: Clock
}

const gates = { question: [connections], wait: [waits, connections], call: [] } as const

/** One request and its answer. Who reaches a limit first ends it for all, and says why. */
export class Exchange {
  readonly #url: string
  readonly #shown: string
  readonly #options: HttpOptions
  readonly #cleanUp = new Set<() => void>()
  readonly #failed = new AbortController()
  #connection: Connection | undefined
  #response: WireResponse | undefined
  #failure: HttpError | undefined
  #complete = false

  constructor(url: string, options: HttpOptions) {
    this.#url = url
    this.#shown = withoutSecrets(url)
    this.#options = options
  }

  /** Gives up after so long, unless the returned function is called first. */
  limit(ms: number, what: string): () => void {
    const { clock = systemClock, use } = this.#options
    const timer = use === 'wait' ? later : after
    const cancel = timer(clock, ms, () => this.fail('timeout', what))
    this.#cleanUp.add(cancel)
    return () => {
      cancel()
      this.#cleanUp.delete(cancel)
    }
  }

  /** Gives up. The first reason stays the reason. */
  fail(kind: HttpFailure, what: string, cause?: unknown): HttpError {
    const status = this.#response?.statusCode
    this.#failure ??= new HttpError(kind, this.#shown, what, {
      ...(status !== undefined && { status }),
      ...(cause !== undefined && { cause }),
    })
    this.#connection?.close(this.#failure)
    this.#failed.abort(this.#failure)
    return this.#failure
  }

  /** Sends the request; resolves with the head of the answer. */
  async open(): Promise<HttpHead> {
    parseTarget(this.#url)
    const url = new URL(this.#url)
    if (!url.protocol.startsWith('http'))
      throw this.fail('protocol', 'is no URL for HTTP; give one with http or https')
    this.#follow(this.#options.signal)
    for (const gate of gates[this.#options.use ?? 'question'])
      this.#cleanUp.add(await gate.enter(this.#failed.signal))
    const { statusCode, headers } = await this.#send(url, false)
    return { status: statusCode, headers: plainHeaders(headers) }
  }

  /** The body. A read may wait for `idleTimeoutMs`; the time between two reads does not count. */
  async *chunks(idleTimeoutMs?: number): AsyncGenerator<Uint8Array, void, undefined> {
    const { body, headers } = this.#response ?? {}
    if (body === undefined) return
    const coding = headers?.['content-encoding'] ?? 'identity'
    if (coding !== 'identity' && coding !== '')
      throw this.fail('protocol', `answered in ${String(coding)} although asked not to`)
    const reads: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]()
    for (;;) {
      const read =
        idleTimeoutMs === undefined
          ? undefined
          : this.limit(idleTimeoutMs, `sent nothing more within ${idleTimeoutMs} ms`)
      const { done, value } = await reads.next()
      read?.()
      if (done) return
      yield value
    }
  }

  /** The body was read to its end, so the connection may serve others. */
  complete(): void {
    this.#complete = true
  }

  explain(error: unknown): HttpError {
    return this.#failure ?? toHttpError(error, this.#shown, this.#response?.statusCode)
  }

  end(): void {
    if (this.#complete && this.#failure === undefined) this.#connection?.release()
    else this.#connection?.close(new Error('The exchange was ended'))
    for (const clean of this.#cleanUp) clean()
    this.#cleanUp.clear()
  }

  #follow(signal: AbortSignal | undefined): void {
    if (signal === undefined) return
    const give = (): HttpError => this.fail('aborted', 'was given up by the caller', signal.reason)
    if (signal.aborted) throw give()
    signal.addEventListener('abort', give, { once: true })
    this.#cleanUp.add(() => signal.removeEventListener('abort', give))
  }

  async #send(url: URL, fresh: boolean): Promise<WireResponse> {
    const { policy = defaultAddressPolicy, tls, use, connectTimeoutMs = 2_000 } = this.#options
    const terms = { origin: url.origin, policy, tls }
    const connection = await connectionTo(terms, { fresh, background: use === 'wait' })
    this.#connection = connection
    if (this.#failure !== undefined) throw this.#failure // while undici was being loaded
    if (!connection.connected)
      connection.onConnected = this.limit(
        connectTimeoutMs,
        `could not be connected to within ${connectTimeoutMs} ms`,
      )
    const request = requestOf(url, this.#options)
    try {
      const response = await connection.request(request)
      response.body.on('error', () => {}) // whoever reads it is told by the read
      this.#response = response
      return response
    } catch (error) {
      connection.close(new Error('The request failed'))
      const failure = this.explain(error)
      // It was idle, and its server closed it just now: that says nothing about the server.
      const stale = connection.reused && failure.kind === 'reset' && request.method === 'GET'
      if (!stale) throw failure
      return this.#send(url, true)
    }
  }
}

function requestOf(url: URL, { method, headers, body }: HttpOptions): WireRequest {
  const given = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])
  return {
    path: url.pathname + url.search,
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      accept: 'application/json',
      'user-agent': 'switchgear',
      ...(body !== undefined && {
        'content-type': isBytes(body) ? 'application/octet-stream' : 'application/json',
      }),
      ...Object.fromEntries(given.filter(([name = '']) => !ours.has(name))),
      'accept-encoding': 'identity',
    },
    ...(body !== undefined && { body: isBytes(body) ? body : JSON.stringify(body) }),
  }
}

const isBytes = (body: unknown): body is Uint8Array => body instanceof Uint8Array

/** Back ends refuse a foreign Origin, and a Host or coding of somebody's own would surprise us. */
const ours: ReadonlySet<string> = new Set(['origin', 'host', 'accept-encoding'])

const plainHeaders = (headers: WireResponse['headers']): HttpHead['headers'] =>
  Object.freeze(
    Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value.join(', ') : (value ?? ''),
      ]),
    ),
  )

/** For messages: user-info and query may hold keys. */
function withoutSecrets(text: string): string {
  if (!URL.canParse(text)) return 'The address'
  const { protocol, host, pathname } = new URL(text)
  return `${protocol}//${host}${pathname}`
}
