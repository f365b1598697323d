import type { CheckedAddress } from './address.js'
import { type Client, type Grpc, loadGrpc, type ServiceError } from './grpc.js'
import { channelCredentials } from './grpc-credentials.js'
import { optionsFor, urisOf } from './grpc-target.js'

/** PEM texts. What is left out is as Node has it. */
export interface GrpcTls {
  /** Whose certificates are believed. Default: those of the system. */
  readonly ca?: string | undefined
  /** To show who asks, with its `key`. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

export interface GrpcRequest {
  /** Such as `/grpc.health.v1.Health/Check`. */
  readonly method: string
  /** Encoded by protocol buffers. */
  readonly message: Uint8Array
  /** Without encryption when left out. */
  readonly tls?: GrpcTls | undefined
  readonly signal: AbortSignal
}

export interface GrpcAnswer {
  /** By name: `OK`, `NOT_FOUND`, `UNAVAILABLE`. */
  readonly status: string
  /** What the other side says about its status. */
  readonly details: string
  /** Still encoded; empty unless the status is `OK`. */
  readonly message: Uint8Array
}

/**
 * One unary call on a connection of its own, and its answer, whatever the status. Only the addresses that were checked
 * are connected to; the name is for TLS. No proxy is used, nothing is retried. Rejects with `MissingPeerError`, or
 * with the signal's reason when it has aborted before.
 */
export async function askGrpc(target: CheckedAddress, request: GrpcRequest): Promise<GrpcAnswer> {
  const grpc = await loadGrpc()
  let answer: GrpcAnswer | undefined
  for (const uri of urisOf(target)) {
    request.signal.throwIfAborted()
    answer = await askOne(grpc, uri, target, request)
    if (answer.status !== 'UNAVAILABLE') break
  }
  return answer ?? { status: 'UNAVAILABLE', details: 'there is no address', message: nothing }
}

async function askOne(
  grpc: Grpc,
  uri: string,
  target: CheckedAddress,
  { tls, method, message, signal }: GrpcRequest,
): Promise<GrpcAnswer> {
  const credentials = channelCredentials(grpc, { hostname: target.hostname, tls })
  const client = new grpc.Client(uri, credentials, optionsFor(target, mostBytes))
  try {
    return await unary(grpc, client, method, message, signal)
  } finally {
    client.close()
  }
}

const nothing = new Uint8Array()
const mostBytes = 64 * 1_024

/** Messages are passed as they are: whoever asks knows how to read them. */
const asIs = (bytes: Uint8Array): Buffer => Buffer.from(bytes)

function unary(
  grpc: Grpc,
  client: Client,
  method: string,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<GrpcAnswer> {
  return new Promise((resolve) => {
    const done = (error: ServiceError | null, answer: Uint8Array = nothing): void => {
      signal.removeEventListener('abort', cancel)
      if (error === null) resolve({ status: 'OK', details: '', message: answer })
      else resolve({ status: nameOf(grpc, error.code), details: error.details, message: nothing })
    }
    const call = client.makeUnaryRequest(method, asIs, asIs, message, done)
    const cancel = (): void => call.cancel()
    signal.addEventListener('abort', cancel, { once: true })
  })
}

const nameOf = ({ status }: Grpc, code: number): string => status[code] ?? `status ${code}`
