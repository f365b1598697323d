import { isIP, isIPv6 } from 'node:net'
import type { ChannelCredentials, ChannelOptions, Client, ServiceError } from '@grpc/grpc-js'
import type { CheckedAddress } from './address.js'
import { optionalPackage } from './optional-package.js'

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

export type Grpc = typeof import('@grpc/grpc-js')
export type {
  ChannelOptions,
  handleServerStreamingCall,
  handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js'

/** Loaded on first use: few need it, and it is an optional peer. */
export const loadGrpc = (): Promise<Grpc> =>
  optionalPackage('gRPC', '@grpc/grpc-js', '^1.14', () => import('@grpc/grpc-js'))

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

/** grpc-js takes a list of one family. IPv4 first: where one of the two hangs, it is IPv6. */
function urisOf({ addresses, port }: CheckedAddress): readonly string[] {
  const [six, four] = [addresses.filter(isIPv6), addresses.filter((one) => !isIPv6(one))]
  const uris = [
    `ipv4:${four.map((one) => `${one}:${port}`).join()}`,
    `ipv6:${six.map((one) => `[${one}]:${port}`).join()}`,
  ]
  return uris.filter((uri) => uri.length > 'ipv4:'.length)
}

async function askOne(
  grpc: Grpc,
  uri: string,
  target: CheckedAddress,
  { tls, method, message, signal }: GrpcRequest,
): Promise<GrpcAnswer> {
  const client = new grpc.Client(uri, credentialsOf(grpc, tls), optionsOf(target))
  try {
    return await unary(grpc, client, method, message, signal)
  } finally {
    client.close()
  }
}

const nothing = new Uint8Array()
const mostBytes = 64 * 1_024

function optionsOf({ hostname, port }: CheckedAddress): ChannelOptions {
  return {
    'grpc.default_authority': isIPv6(hostname) ? `[${hostname}]:${port}` : `${hostname}:${port}`,
    ...(isIP(hostname) === 0 && { 'grpc.ssl_target_name_override': hostname }),
    'grpc.use_local_subchannel_pool': 1, // a shared one keeps connections after `close`
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.enable_channelz': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.max_receive_message_length': mostBytes,
  }
}

function credentialsOf(grpc: Grpc, tls: GrpcTls | undefined): ChannelCredentials {
  if (tls === undefined) return grpc.credentials.createInsecure()
  const { ca, cert, key } = tls
  return grpc.credentials.createSsl(bufferOf(ca), bufferOf(key), bufferOf(cert))
}

const bufferOf = (pem: string | undefined): Buffer | null =>
  pem === undefined ? null : Buffer.from(pem)

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
