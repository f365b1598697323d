import { randomBytes } from 'node:crypto'
import { pause } from '../core/clock.js'
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
  /** Stops accepting, finishes what is under way for at most 3 s, and writes what is left to the store. */
  close(): Promise<void>
}

/** What is under way may take so long once the server closes. */
const graceMs = 3_000

/**
 * A registry for programs of any language: REST and server-sent events, and gRPC when it is asked for. It listens
 * when the promise resolves.
 *
 * Rejects with `InvalidOptionsError`, with `MissingPeerError` when gRPC is asked for and not installed, with what the
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
  const { clock, host, port } = settings
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
  const closed = new AbortController()
  const app = createApp({
    ...settings,
    operations,
    policy,
    version,
    rateLimit: settings.rateLimit,
    dialect: settings.restDialect,
    run: randomBytes(4).toString('hex'),
    metrics: () => metrics.read(),
    closed: closed.signal,
  })
  const end = async (): Promise<void> => {
    operations.close()
    metrics[Symbol.dispose]()
    if (isOwn) await registry.close()
  }
  let listening: Listening
  let agents: GrpcServer | undefined
  try {
    if (settings.grpc !== undefined)
      agents = await startGrpc(operations, {
        host,
        clock,
        logger: settings.logger,
        ...settings.grpc,
      })
    listening = await listen(app, { host, port })
  } catch (error) {
    operations.close()
    metrics[Symbol.dispose]()
    await agents?.close()
    throw error
  }
  operations.start()
  const close = once(async () => {
    const finished = Promise.all([listening.close(), agents?.close()])
    closed.abort(new Error('the server is closing'))
    await Promise.race([finished, pause(clock, graceMs, new AbortController().signal)])
    listening.cut()
    await end()
  })
  return {
    urls: Object.freeze({
      rest: `http://${urlHost(host)}:${listening.port}`,
      ...(agents !== undefined && { grpc: agents.url }),
    }),
    registry,
    operations,
    token,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Rule 9.1: who listens to others than this machine asks for a token. */
function tokenFor({ token, insecure, host }: ServerSettings): string | undefined {
  if (token !== undefined) return token
  const isLocal = host === 'localhost' || isLoopback(host)
  return isLocal || insecure ? undefined : newToken()
}

const urlHost = (host: string): string => (host.includes(':') ? `[${host}]` : host)

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= work()
    return done
  }
}
