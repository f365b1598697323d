import type { Socket } from 'node:net'
import { type AddressPolicy, defaultAddressPolicy } from './address.js'
import { type Clock, later } from './clock.js'
import type { TlsOptions } from './connection.js'
import { HttpError, oneLine } from './errors.js'
import { type Client, type Grpc, loadGrpc, type ServiceError } from './grpc.js'
import { channelCredentials } from './grpc-credentials.js'
import { optionsFor, urisOf } from './grpc-target.js'

export interface GrpcPlace {
  /** For messages, such as `grpc://127.0.0.1:50051`. */
  readonly url: string
  /** A name, or an IP address without brackets. */
  readonly host: string
  readonly port: number
  /** Without encryption when left out. Certificates are always verified. */
  readonly tls: TlsOptions | undefined
  /** Default: loopback and private networks. */
  readonly policy: AddressPolicy | undefined
  /** Until a connection is there. */
  readonly timeoutMs: number
  readonly clock: Clock
}

/** A method, and how its messages are written and read. */
export interface GrpcMethod {
  readonly path: string
  readonly requestSerialize: (message: object) => Buffer
  readonly responseDeserialize: (bytes: Buffer) => object
}

export interface GrpcCall {
  readonly method: GrpcMethod
  readonly request: object
  /** Shown as a bearer token. */
  readonly token: string | undefined
  readonly signal: AbortSignal
}

/** A call was answered with another status than OK, or with none. */
export interface GrpcFailure {
  /** Of google.rpc.Code. */
  readonly code: number
  /** What the other side, or grpc-js, says about it. */
  readonly details: string
  /** Whether the connection is still there, so that it was the other side that said so. */
  readonly isAnswer: boolean
  readonly cause: unknown
}

/** A message of ours is at most 1 MiB; of lists there are parts. */
const mostBytes = 32 * 1_024 * 1_024

/**
 * Calls to one place, over one connection at a time. It is made when it is needed, to addresses that the policy has
 * let through then. It keeps no process alive: whoever waits for an answer has a timer that does.
 */
export class GrpcChannel {
  readonly #place: GrpcPlace
  #closed = new AbortController()
  #open: Connection | undefined
  #opening: Promise<Connection> | undefined

  constructor(place: GrpcPlace) {
    this.#place = place
  }

  /** Rejects with `failed(...)`, `HttpError` while there is no connection, the signal's reason, `MissingPeerError`. */
  async unary(call: GrpcCall, failed: (failure: GrpcFailure) => Error): Promise<unknown> {
    const { grpc, client } = await this.#connection(call.signal)
    const { method, request, token, signal } = call
    return new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, answer?: object): void => {
        signal.removeEventListener('abort', cancel)
        if (error === null) resolve(answer)
        else reject(signal.aborted ? signal.reason : failed(failureOf(grpc, client, error)))
      }
      const { path, requestSerialize, responseDeserialize } = method
      const metadata = metadataOf(grpc, token)
      const sent = client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        metadata,
        done,
      )
      const cancel = (): void => sent.cancel()
      signal.addEventListener('abort', cancel, { once: true })
      if (signal.aborted) cancel()
    })
  }

  /** The messages of an answer, `begun` being called when there is one. Throws what `unary` rejects with. */
  async *stream(
    call: GrpcCall,
    failed: (failure: GrpcFailure) => Error,
    begun: () => void = () => {},
  ): AsyncGenerator<unknown, void, undefined> {
    const { grpc, client } = await this.#connection(call.signal)
    const { method, request, token, signal } = call
    const { path, requestSerialize, responseDeserialize } = method
    const metadata = metadataOf(grpc, token)
    const stream = client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
    )
    const cancel = (): void => stream.cancel()
    signal.addEventListener('abort', cancel, { once: true })
    if (signal.aborted) cancel()
    stream.on('error', () => {}) // one that is told after we left
    stream.once('metadata', begun)
    try {
      for await (const message of stream) yield message
    } catch (error) {
      if (signal.aborted) throw signal.reason
      throw isServiceError(error) ? failed(failureOf(grpc, client, error)) : error
    } finally {
      signal.removeEventListener('abort', cancel)
      stream.cancel()
    }
  }

  /** At once, with whatever is under way. Another call opens it again. */
  close(): void {
    this.#closed.abort(new HttpError('aborted', this.#place.url, 'was not asked: it was closed'))
    this.#closed = new AbortController()
    this.#open?.close()
    this.#open = undefined
  }

  async #connection(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted()
    if (this.#open?.isReady) return this.#open
    this.#opening ??= this.#reopen().finally(() => {
      this.#opening = undefined
    })
    return orAborted(this.#opening, signal)
  }

  async #reopen(): Promise<Connection> {
    this.#open?.close()
    this.#open = undefined
    const limit = new AbortController()
    const { url, clock, timeoutMs } = this.#place
    const disarm = later(clock, timeoutMs, () => {
      limit.abort(new HttpError('timeout', url, `could not be connected to within ${timeoutMs} ms`))
    })
    const signal = AbortSignal.any([limit.signal, this.#closed.signal])
    try {
      this.#open = await orAborted(connect(this.#place, signal), signal)
      return this.#open
    } finally {
      disarm()
    }
  }
}

async function connect(place: GrpcPlace, signal: AbortSignal): Promise<Connection> {
  const { host, port, tls, url, policy = defaultAddressPolicy } = place
  const grpc = await loadGrpc()
  const target = await policy.check({ host, port })
  let why = 'there is no address'
  for (const uri of urisOf(target)) {
    signal.throwIfAborted()
    const sockets = new Set<Socket>()
    const credentials = channelCredentials(grpc, { hostname: target.hostname, tls }, (socket) => {
      sockets.add(detached(socket))
    })
    const client = new grpc.Client(uri, credentials, {
      ...optionsFor(target, mostBytes),
      // One that went away without a word is noticed while something is awaited from it.
      'grpc.keepalive_time_ms': 15_000,
      'grpc.keepalive_timeout_ms': 10_000,
    })
    const connection = new Connection(grpc, client, sockets)
    await connection.settled(signal)
    if (connection.isReady && !signal.aborted) return connection
    if (!signal.aborted) why = await orAborted(connection.reason(), signal).catch(() => why)
    connection.close()
  }
  signal.throwIfAborted()
  throw unreachable(url, why)
}

/** grpc-js holds on to the process while a call is open; a stream of changes always is. */
function detached(socket: Socket): Socket {
  Object.defineProperty(socket, 'ref', { value: () => socket })
  return socket.unref()
}

class Connection {
  readonly grpc: Grpc
  readonly client: Client
  readonly #sockets: Iterable<Socket>

  constructor(grpc: Grpc, client: Client, sockets: Iterable<Socket>) {
    this.grpc = grpc
    this.client = client
    this.#sockets = sockets
  }

  get isReady(): boolean {
    return isReady(this.grpc, this.client)
  }

  /** Resolves when it is connected, cannot be, or nobody waits any more. */
  settled(signal: AbortSignal): Promise<void> {
    const { READY, TRANSIENT_FAILURE, SHUTDOWN } = this.grpc.connectivityState
    const channel = this.client.getChannel()
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
      const look = (): void => {
        const state = channel.getConnectivityState(true)
        if (signal.aborted || state === READY || state === TRANSIENT_FAILURE || state === SHUTDOWN)
          resolve()
        else channel.watchConnectivityState(state, Number.POSITIVE_INFINITY, look)
      }
      look()
    })
  }

  /** Why there is none: grpc-js tells it only to a call, which then goes nowhere. */
  reason(): Promise<string> {
    const asIs = (bytes: Buffer): Buffer => bytes
    return new Promise((resolve) => {
      const path = '/grpc.health.v1.Health/Check'
      this.client.makeUnaryRequest(path, asIs, asIs, Buffer.alloc(0), (error) =>
        resolve(error?.details ?? ''),
      )
    })
  }

  close(): void {
    this.client.close()
    for (const socket of this.#sockets) socket.destroy()
  }
}

function isReady(grpc: Grpc, client: Client): boolean {
  return client.getChannel().getConnectivityState(false) === grpc.connectivityState.READY
}

function unreachable(url: string, told: string): HttpError {
  const why = oneLine(told)
    .replace(/^No connection established\. Last error: /, '')
    .replace(/ \(\d{4}-[^)]*\).*$/, '')
  if (why.includes('ECONNREFUSED'))
    return new HttpError('refused', url, 'refused the connection; check that it runs')
  const isTls = /certificate|\bTLS\b|\bSSL\b|altnames|wrong version number/i.test(why)
  return new HttpError(isTls ? 'tls' : 'reset', url, `could not be connected to: ${why}`)
}

function failureOf(grpc: Grpc, client: Client, error: ServiceError): GrpcFailure {
  const { code, details } = error
  return { code, details, isAnswer: isReady(grpc, client), cause: error }
}

const isServiceError = (error: unknown): error is ServiceError =>
  error instanceof Error && 'code' in error && 'details' in error

function metadataOf(grpc: Grpc, token: string | undefined) {
  const metadata = new grpc.Metadata()
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`)
  return metadata
}

/** Rejects with the signal's reason when it aborts first. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(signal.reason)
    signal.addEventListener('abort', leave, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
    if (signal.aborted) leave()
  })
}
