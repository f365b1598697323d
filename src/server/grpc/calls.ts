import { once, setMaxListeners } from 'node:events'
import type { Clock } from '../../core/clock.js'
import type {
  Grpc,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  ServerWritableStream,
  ServiceDefinition,
} from '../../core/grpc.js'
import type { Logger } from '../../core/logger.js'
import { loadDefinition } from '../../wire/proto/definition.js'
import { OperationError } from '../operation-error.js'
import type { Caller, Operations } from '../operations.js'
import { refusalOf } from './refusal.js'
import { resetWhenStalled } from './stall.js'

export interface Surroundings {
  readonly grpc: Grpc
  readonly operations: Operations
  readonly clock: Clock
  readonly logger: Logger
  /** Aborts when the server closes. */
  readonly closing: AbortSignal
}

/** Bytes that are no such message are the caller's mistake, which grpc-js would call INTERNAL. */
export type Received<T> = { readonly message: T } | { readonly unreadable: true }

interface Method {
  readonly requestDeserialize: (bytes: Buffer) => object
  readonly responseSerialize: (message: object) => Buffer
}

/** Of a stream to many: each message is written for the first of them, and the bytes sent to all. */
function writingOnce<M extends Method>(method: M): M {
  const written = new WeakMap<object, Buffer>()
  const write = (message: object): Buffer => {
    const bytes = written.get(message) ?? method.responseSerialize(message)
    written.set(message, bytes)
    return bytes
  }
  return { ...method, responseSerialize: write }
}

function readingSafely<M extends Method>(method: M): M {
  const read = (bytes: Buffer): Received<object> => {
    try {
      return { message: method.requestDeserialize(bytes) }
    } catch {
      return { unreadable: true }
    }
  }
  return { ...method, requestDeserialize: read }
}

/** One service of the proto files. Rejects with `MissingPeerError`. */
export async function loadService(name: string): Promise<ServiceDefinition> {
  const service = (await loadDefinition())[name]
  if (service === undefined) throw new Error(`The proto files do not define ${name}`)
  const methods = Object.entries(service).map(([key, method]) => {
    const safe = readingSafely(method)
    return [key, safe.responseStream ? writingOnce(safe) : safe]
  })
  return Object.fromEntries(methods)
}

function messageOf<T>(received: Received<T>): T {
  if ('message' in received) return received.message
  throw new OperationError(
    'invalid',
    'UNREADABLE_MESSAGE',
    'The bytes of the request are not the message that this method takes',
  )
}

interface Surface {
  readonly metadata: Metadata
  getPeer(): string
}

function callerOf(call: Surface): Caller {
  const [said] = call.metadata.get('authorization')
  const token = typeof said === 'string' ? /^bearer +(\S+) *$/i.exec(said)?.[1] : undefined
  return { token, from: call.getPeer().replace(/:\d+$/, '') }
}

/** Says something besides the answer, in the metadata that come after it. */
export type Trailer = (name: string, value: string) => void

/** What a method with one answer does. */
export type Handler<Request, Response> = (
  request: Request,
  caller: Caller,
  trailer: Trailer,
) => Response | Promise<Response>

/** A method with one answer, as grpc-js calls it. */
export function answering<Request, Response>(
  name: string,
  handle: Handler<Request, Response>,
  { grpc, logger }: Surroundings,
): handleUnaryCall<Received<Request>, Response> {
  return (call, callback) => {
    let trailers: Metadata | undefined
    const trailer: Trailer = (key, value) => {
      trailers ??= new grpc.Metadata()
      trailers.set(key, value)
    }
    const answer = async (): Promise<Response> =>
      handle(messageOf(call.request), callerOf(call), trailer)
    answer().then(
      (response) => callback(null, response, trailers),
      (error: unknown) => callback(refusalOf(error, name, logger)),
    )
  }
}

/** Of a call whose answer is a stream. */
export interface StreamCall {
  readonly caller: Caller
  /** Aborts when the client has gone, and when the server closes. */
  readonly signal: AbortSignal
  /** A text of the call's metadata. */
  header(name: string): string | undefined
}

type Open<Request, Response> = (request: Request, call: StreamCall) => AsyncIterable<Response>

/** A method whose answer is a stream. What `open` throws at once is a refusal; from its return on nothing is missed. */
export function streaming<Request, Response>(
  name: string,
  open: Open<Request, Response>,
  surroundings: Surroundings,
): handleServerStreamingCall<Received<Request>, Response> {
  setMaxListeners(0, surroundings.closing) // each open stream listens
  return (call) => {
    void stream(name, call, open, surroundings)
  }
}

/** Never rejects. */
async function stream<Request, Response>(
  name: string,
  call: ServerWritableStream<Received<Request>, Response>,
  open: Open<Request, Response>,
  { grpc, clock, logger, closing }: Surroundings,
): Promise<void> {
  const ended = new AbortController()
  const end = (): void => ended.abort()
  const { signal } = ended
  call.on('cancelled', end).on('close', end)
  closing.addEventListener('abort', end, { once: true })
  if (closing.aborted) end()
  const stopWatching = resetWhenStalled(call, clock)
  call.once('close', stopWatching).once('cancelled', stopWatching)
  try {
    const answers = open(messageOf(call.request), {
      caller: callerOf(call),
      signal,
      header: (key) => call.metadata.get(key).find((one) => typeof one === 'string'),
    })
    call.sendMetadata(new grpc.Metadata()) // who waits for it knows that nothing is missed from here on
    for await (const answer of answers) if (!call.write(answer)) await drained(call, signal)
    if (closing.aborted) throw serverCloses()
    if (!signal.aborted) call.end()
  } catch (error) {
    if (!signal.aborted || closing.aborted) call.emit('error', refusalOf(error, name, logger))
  } finally {
    closing.removeEventListener('abort', end)
  }
}

/** No more is taken from the registry than the client reads. */
async function drained(call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  try {
    await once(call, 'drain', { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const serverCloses = (): OperationError =>
  new OperationError('unavailable', 'SERVER_CLOSING', 'The server is closing; ask again')
