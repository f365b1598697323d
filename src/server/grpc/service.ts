import { once } from 'node:events'
import type {
  Grpc,
  Metadata,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  sendUnaryData,
  UntypedServiceImplementation,
} from '../../core/grpc.js'
import type { Logger } from '../../core/logger.js'
import { loadDefinition, serviceName } from '../../wire/proto/definition.js'
import type { AgentChangeEvent, WatchAgentsRequest } from '../../wire/proto/messages.js'
import { OperationError } from '../operation-error.js'
import type { Caller, Operations } from '../operations.js'
import { createHandlers } from './handlers.js'
import { refusalOf } from './refusal.js'
import { watchAgents } from './watch.js'

/** Bytes that are no such message are the caller's mistake, which grpc-js would call INTERNAL. */
type Received<T> = { readonly message: T } | { readonly unreadable: true }

interface Method {
  readonly requestDeserialize: (bytes: Buffer) => object
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

/** Rejects with `MissingPeerError`. */
export async function loadService(): Promise<ServiceDefinition> {
  const service = (await loadDefinition())[serviceName]
  if (service === undefined) throw new Error(`The proto file does not define ${serviceName}`)
  const methods = Object.entries(service).map(([name, method]) => [name, readingSafely(method)])
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

export interface Surroundings {
  readonly grpc: Grpc
  readonly operations: Operations
  readonly logger: Logger
  /** Aborts when the server closes. */
  readonly closing: AbortSignal
}

/** The methods as grpc-js calls them. */
export function implementation(surroundings: Surroundings): UntypedServiceImplementation {
  const { operations, logger } = surroundings
  const unary = Object.entries(createHandlers(operations)).map(([name, handle]) => [
    name,
    answering(name, handle, logger),
  ])
  return {
    ...Object.fromEntries(unary),
    WatchAgents: (call: WatchCall) => {
      void watching(call, surroundings)
    },
  }
}

function answering<Request, Response>(
  name: string,
  handle: (request: Request, caller: Caller) => Response | Promise<Response>,
  logger: Logger,
) {
  const answer = async (call: ServerUnaryCall<Received<Request>, Response>): Promise<Response> =>
    handle(messageOf(call.request), callerOf(call))
  return (
    call: ServerUnaryCall<Received<Request>, Response>,
    callback: sendUnaryData<Response>,
  ): void => {
    answer(call).then(
      (response) => callback(null, response),
      (error: unknown) => callback(refusalOf(error, name, logger)),
    )
  }
}

type WatchCall = ServerWritableStream<Received<WatchAgentsRequest>, AgentChangeEvent>

/** Never rejects. */
async function watching(
  call: WatchCall,
  { grpc, operations, logger, closing }: Surroundings,
): Promise<void> {
  const left = new AbortController()
  call.on('cancelled', () => left.abort())
  call.on('close', () => left.abort())
  const signal = AbortSignal.any([left.signal, closing])
  try {
    const [said] = call.metadata.get('x-switchgear-snapshot')
    const snapshot = typeof said === 'string' && said.trim().toLowerCase() === 'true'
    const request = messageOf(call.request)
    const events = watchAgents(operations, request, { caller: callerOf(call), snapshot, signal })
    call.sendMetadata(new grpc.Metadata()) // who waits for it knows that nothing is missed from here on
    for await (const event of events) if (!call.write(event)) await drained(call, signal)
    throw ending()
  } catch (error) {
    if (!left.signal.aborted) call.emit('error', refusalOf(error, 'WatchAgents', logger))
  }
}

/** No more is taken from the registry than the watcher reads. */
async function drained(call: WatchCall, signal: AbortSignal): Promise<void> {
  try {
    await once(call, 'drain', { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

const ending = (): OperationError =>
  new OperationError('unavailable', 'SERVER_CLOSING', 'The server is closing; watch again')
