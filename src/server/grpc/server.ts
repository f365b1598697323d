import { randomBytes } from 'node:crypto'
import { isIPv6 } from 'node:net'
import { type Clock, pause, systemClock } from '../../core/clock.js'
import { oneLine } from '../../core/errors.js'
import {
  type ChannelOptions,
  type Grpc,
  loadGrpc,
  type Server,
  type ServerCredentials,
} from '../../core/grpc.js'
import { type Logger, silentLogger } from '../../core/logger.js'
import { ownServiceName, serviceName } from '../../wire/proto/definition.js'
import type { Operations } from '../operations.js'
import { checkTls, type ServerTls } from '../tls.js'
import { loadService } from './calls.js'
import { addHealth } from './health.js'
import { addReflection } from './reflection.js'
import { agentService } from './service.js'
import { ownService } from './v1/service.js'

export interface GrpcServerOptions {
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  /** 0 is any free one. Default 50051. */
  readonly port?: number | undefined
  /** Without encryption when left out. */
  readonly tls?: ServerTls | undefined
  /** The longest message that is read, in bytes. Default 1 MiB. */
  readonly mostBytes?: number | undefined
  /** How long calls that go on may take to end when the server closes. Default 2,000. */
  readonly graceMs?: number | undefined
  readonly clock?: Clock | undefined
  readonly logger?: Logger | undefined
}

export interface GrpcServer {
  /** Such as `grpc://127.0.0.1:50051`; `grpcs` with TLS. */
  readonly url: string
  readonly port: number
  /** Takes no more calls, ends the watches, waits for the rest, and then cuts it off. */
  close(): Promise<void>
}

/**
 * Serves agents over gRPC, with health checks and reflection. Rejects with `MissingPeerError` where a package of it
 * is not installed, with `InvalidOptionsError` for a certificate or key that cannot be used, and with an error that
 * has the `code` of the system, such as EADDRINUSE, when it cannot listen.
 */
export async function startGrpc(
  operations: Operations,
  options: GrpcServerOptions = {},
): Promise<GrpcServer> {
  const { host = '127.0.0.1', port = 50_051, tls, mostBytes = 1_024 * 1_024 } = options
  const { graceMs = 2_000, clock = systemClock, logger = silentLogger } = options
  const grpc = await loadGrpc()
  const credentials = credentialsOf(grpc, tls)
  const server = new grpc.Server(serverOptions(mostBytes))
  const closing = new AbortController()
  const surroundings = { grpc, operations, clock, logger, closing: closing.signal }
  server.addService(await loadService(serviceName), agentService(surroundings))
  const run = randomBytes(8).toString('hex')
  server.addService(await loadService(ownServiceName), ownService(surroundings, run))
  const health = await addHealth(server)
  await addReflection(server)
  const at = isIPv6(host) ? `[${host}]` : host
  const bound = await listen(server, at, port, credentials)
  let closed: Promise<void> | undefined
  return {
    url: `${tls === undefined ? 'grpc' : 'grpcs'}://${at}:${bound}`,
    port: bound,
    close() {
      closing.abort()
      health.close()
      closed ??= shutDown(server, graceMs, clock)
      return closed
    },
  }
}

function serverOptions(mostBytes: number): ChannelOptions {
  return {
    'grpc.max_receive_message_length': mostBytes,
    // Of those who went away without a word nothing is kept.
    'grpc.keepalive_time_ms': 30_000,
    'grpc.keepalive_timeout_ms': 10_000,
    'grpc.enable_channelz': 0,
  }
}

function credentialsOf(grpc: Grpc, tls: ServerTls | undefined): ServerCredentials {
  if (tls === undefined) return grpc.ServerCredentials.createInsecure()
  const { cert, key, clientCa } = tls
  checkTls(tls)
  const pair = { cert_chain: Buffer.from(cert), private_key: Buffer.from(key) }
  const authority = clientCa === undefined ? null : Buffer.from(clientCa)
  return grpc.ServerCredentials.createSsl(authority, [pair], clientCa !== undefined)
}

function listen(
  server: Server,
  host: string,
  port: number,
  credentials: ServerCredentials,
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, credentials, (error, bound) => {
      if (error === null) resolve(bound)
      else reject(cannotListen(host, port, error))
    })
  })
}

/** grpc-js gives the code of the system only as a word of its text. As Node does, the port is told beside it. */
function cannotListen(host: string, port: number, error: Error): Error {
  const code = /\bE[A-Z]{3,}\b/.exec(error.message)?.[0]
  const why =
    code === 'EADDRINUSE'
      ? 'the port is taken; stop what listens there, or choose another port'
      : oneLine(error)
  const failure = new Error(`gRPC cannot listen on ${host}:${port}: ${why}`, { cause: error })
  return code === undefined ? failure : Object.assign(failure, { code, port })
}

async function shutDown(server: Server, graceMs: number, clock: Clock): Promise<void> {
  const ended = new AbortController()
  server.tryShutdown(() => ended.abort())
  await pause(clock, graceMs, ended.signal)
  server.forceShutdown()
}
