import { randomBytes } from 'node:crypto'
import { type Clock, pause } from '../core/clock.js'
import { StoreFailedError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import { ServiceRegistry } from '../registry/registry.js'
import { Access, newToken } from './access.js'
import { type GrpcServer, startGrpc } from './grpc/server.js'
import { locationPolicy } from './location.js'
import { createMetrics, type Metrics } from './metrics.js'
import type { Operations } from './operations.js'
import { parseServerOptions, type ServerOptions, type ServerSettings } from './options.js'
import { RegistryOperations } from './registry-operations.js'
import { createApp } from './rest/app.js'
import { type Listening, listen } from './rest/listen.js'
import { isLoopback } from './rest/rate.js'
import { packageVersion } from './version.js'

export interface RegistryServer extends AsyncDisposable {
  /** Where it listens, such as `http://127.0.0.1:5000` and `grpc://127.0.0.1:50051`. */
  readonly urls: { readonly rest: string; readonly grpc?: string }
  readonly registry: ServiceRegistry
  /** What every face of it does. */
  readonly operations: Operations
  /** The operator token, where one is asked for. */
  readonly token: string | undefined
  /**
   * Stops accepting, ends streams, finishes what is under way for at most 3 s, and writes what is left to the store.
   * Rejects with what the store fails with, and with `StoreFailedError` when that takes more than 1.5 s.
   */
  close(): Promise<void>
}

/** What is under way may take so long once the server closes. */
const graceMs = 3_000
/** And then the store. Together they leave a process 5 s to end in. */
const storeMs = 1_500

/**
 * A registry for programs of any language: REST and server-sent events, and gRPC when it is asked for. It listens
 * when the promise resolves.
 *
 * Rejects with `InvalidOptionsError`, also for a certificate that is none, with `MissingPeerError` when gRPC is asked for and not installed, with what the
 * store's `load` fails with, and with Node's own error when it cannot listen, such as one of code `EADDRINUSE`.
 */
export async function createServer(options: ServerOptions = {}): Promise<RegistryServer> {
  const settings = parseServerOptions(options)
  const { registry = new ServiceRegistry(ownOptions(settings)) } = settings
  const isOwn = settings.registry === undefined
  try {
    if (isOwn) await registry.start()
    return await serve(settings, registry, isOwn)
  } catch (error) {
    if (isOwn) await registry.close().catch(() => {}) // why it did not start is what counts
    throw error
  }
}

const ownOptions = ({ store, clock, logger }: ServerSettings) => ({
  clock,
  logger: quieter(logger),
  ...(store !== undefined && { store }),
})

/** What the registry says of providers, the server says of registrations. */
const quieter = (logger: Logger): Logger => ({
  debug: (...said) => logger.debug(...said),
  info: (...said) => logger.debug(...said),
  warn: (...said) => logger.warn(...said),
  error: (...said) => logger.error(...said),
})

async function serve(
  settings: ServerSettings,
  registry: ServiceRegistry,
  isOwn: boolean,
): Promise<RegistryServer> {
  const { clock, tls } = settings
  const token = tokenFor(settings)
  const version = await packageVersion()
  const policy = locationPolicy(clock, settings.allowedLocations, settings.resolveName)
  const access = new Access({ operatorToken: token, openReads: settings.openReads })
  let metrics: Metrics | undefined
  const operations = new RegistryOperations({
    ...settings,
    registry,
    access,
    policy,
    observer: { observe: (...seen) => metrics?.observe(...seen) },
  })
  metrics = await createMetrics(registry, () => operations.list())
  const closing = new AbortController()
  const app = createApp({
    ...settings,
    operations,
    policy,
    version,
    rateLimit: settings.rateLimit,
    isLocal: token === undefined && isOnlyLocal(settings),
    dialect: settings.restDialect,
    run: randomBytes(4).toString('hex'),
    metrics: () => metrics.read(),
    admitWithoutCertificate: (caller) => access.admitWithoutCertificate(caller),
    closed: closing.signal,
  })
  const release = (): void => {
    operations.close()
    metrics[Symbol.dispose]()
  }
  const faces = await openFaces(settings, operations, app).catch((error: unknown) => {
    release()
    throw error
  })
  operations.start()
  const close = once(async () => {
    closing.abort(new Error('the server is closing')) // streams end, so that who reads them need not be waited for
    await closeFaces(faces, clock)
    release()
    if (isOwn) await closeInTime(registry, clock)
  })
  return {
    urls: Object.freeze({
      rest: `${tls === undefined ? 'http' : 'https'}://${urlHost(settings.host)}:${faces.rest.port}`,
      ...(faces.agents !== undefined && { grpc: faces.agents.url }),
    }),
    registry,
    operations,
    token,
    close,
    [Symbol.asyncDispose]: close,
  }
}

interface Faces {
  readonly rest: Listening
  readonly agents: GrpcServer | undefined
}

/** All of them, or none. */
async function openFaces(
  { host, port, tls, grpc, clock, logger }: ServerSettings,
  operations: Operations,
  app: Parameters<typeof listen>[0],
): Promise<Faces> {
  const agents = grpc && (await startGrpc(operations, { host, clock, logger, tls, ...grpc }))
  try {
    return { agents, rest: await listen(app, { host, port, tls }) }
  } catch (error) {
    await agents?.close()
    throw error
  }
}

async function closeFaces({ rest, agents }: Faces, clock: Clock): Promise<void> {
  const finished = Promise.all([rest.close(), agents?.close()])
  await inTime(clock, graceMs, finished)
  rest.cut()
}

/** Rejects as `close` of the registry does, and when the store does not answer. */
async function closeInTime(registry: ServiceRegistry, clock: Clock): Promise<void> {
  const closed = registry.close().then(() => true)
  if (await inTime(clock, storeMs, closed)) return
  throw new StoreFailedError(
    'The store',
    `has not confirmed the last changes within ${storeMs} ms of closing; look whether it is reachable`,
  )
}

/** `undefined` when it takes longer. */
async function inTime<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T | undefined> {
  const settled = new AbortController()
  const late = pause(clock, ms, settled.signal).then(() => undefined)
  try {
    return await Promise.race([work, late])
  } finally {
    settled.abort()
  }
}

/** Rule 9.1: who listens to others than this machine asks for a token, or for certificates. */
function tokenFor(settings: ServerSettings): string | undefined {
  const { token, insecure, tls } = settings
  if (token !== undefined) return token
  const asksNobody = insecure || tls?.clientCa !== undefined || isOnlyLocal(settings)
  return asksNobody ? undefined : newToken()
}

/** Only this machine can connect, nobody has to show a certificate, and nobody said that all may do anything. */
const isOnlyLocal = ({ insecure, host, tls }: ServerSettings): boolean =>
  !insecure && tls?.clientCa === undefined && (host === 'localhost' || isLoopback(host))

const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= work()
    return done
  }
}
