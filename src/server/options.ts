import { z } from 'zod'
import { type Clock, systemClock } from '../core/clock.js'
import { type InputIssue, InvalidOptionsError } from '../core/errors.js'
import { type Logger, silentLogger } from '../core/logger.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { Store } from '../store/store.js'
import type { ResolveName } from './location.js'
import { checkTls, type ServerTls } from './tls.js'

/** Where and how agents are served over gRPC. */
export interface GrpcFaceOptions {
  /** 0 for one that is free. Default 50051. */
  readonly port?: number | undefined
  /** The longest message that is read, in bytes. Default 1 MiB. */
  readonly mostBytes?: number | undefined
}

export interface ServerOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** 0 for one that is free. Default 5000. */
  readonly port?: number | undefined
  /** For REST and gRPC both. Default: neither is encrypted. */
  readonly tls?: ServerTls | undefined
  /** Serve agents over gRPC too, on the same host; needs the packages of it. Default: REST alone. */
  readonly grpc?: GrpcFaceOptions | undefined
  /** Serve this registry; it is neither started nor closed. Default: one of the server's own. */
  readonly registry?: ServiceRegistry | undefined
  /** What the server's own registry remembers. Default: nothing. */
  readonly store?: Store | undefined
  /**
   * Needed for every change, and to read. Default: made up where others than this machine can connect without showing
   * a certificate, else none.
   */
  readonly token?: string | undefined
  /** Whether anybody may read. Default false. */
  readonly openReads?: boolean | undefined
  /** Whether no token is made up. Default false. */
  readonly insecure?: boolean | undefined
  /** Which word is a record's `status`: healthy (`readme`) or active (`code`). Default `readme`. */
  readonly restDialect?: 'readme' | 'code' | undefined
  /** Between two checks of a location. Default 30,000. */
  readonly healthCheckIntervalMs?: number | undefined
  /** An agent that is silent for longer is unhealthy; after five times as long it is removed. Default 60,000. */
  readonly heartbeatTimeoutMs?: number | undefined
  /** Origins whose pages may read answers. Default: ports 3000 and 8080 of this machine. */
  readonly allowedOrigins?: readonly string[] | undefined
  /** Names and networks that a location may lead to besides loopback and private ones. */
  readonly allowedLocations?: readonly string[] | undefined
  /** Requests a second per client. Default 100, and no limit for clients on this machine. */
  readonly rateLimit?: number | undefined
  /** Changes that a reader who was away can still be told. Default 10,000. */
  readonly changesKept?: number | undefined
  /** Registrations at once. Default 100,000. */
  readonly mostEntries?: number | undefined
  readonly clock?: Clock | undefined
  /** Hears of each change. Silent by default. */
  readonly logger?: Logger | undefined
  /** Names of locations. Default: as the system does. */
  readonly resolveName?: ResolveName | undefined
}

const defaultOrigins: readonly string[] = Object.freeze([
  'http://localhost:3000',
  'http://localhost:8080',
  'http://127.0.0.1:3000',
])

const count = z.number().int().min(1)
const duration = z.number().min(1)

const schema = z.strictObject({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.number().int().min(0).max(65_535).default(5_000),
  tls: z
    .strictObject({ cert: z.string(), key: z.string(), clientCa: z.string().optional() })
    .optional(),
  grpc: z
    .strictObject({
      port: z.number().int().min(0).max(65_535).optional(),
      mostBytes: count.optional(),
    })
    .optional(),
  registry: z.custom<ServiceRegistry>(isObject, 'expected a ServiceRegistry').optional(),
  store: z.custom<Store>(isObject, 'expected a store').optional(),
  token: z
    .string()
    .regex(/^[\x21-\x7e]+$/, 'expected visible ASCII letters without spaces')
    .optional(),
  openReads: z.boolean().default(false),
  insecure: z.boolean().default(false),
  restDialect: z.enum(['readme', 'code']).default('readme'),
  healthCheckIntervalMs: duration.default(30_000),
  heartbeatTimeoutMs: duration.default(60_000),
  allowedOrigins: z.array(z.string()).default([...defaultOrigins]),
  allowedLocations: z.array(z.string()).default([]),
  rateLimit: z.number().positive().optional(),
  changesKept: count.max(1_000_000).default(10_000),
  mostEntries: count.default(100_000),
  clock: z.custom<Clock>(isObject, 'expected a clock').default(systemClock),
  logger: z.custom<Logger>(isObject, 'expected a logger').default(silentLogger),
  resolveName: z.custom<ResolveName>((value) => typeof value === 'function').optional(),
})

type Left = 'grpc' | 'tls' | 'registry' | 'store' | 'token' | 'rateLimit' | 'resolveName'

/** The options, with defaults in. */
export type ServerSettings = Pick<ServerOptions, Left> & {
  readonly [K in Exclude<keyof ServerOptions, Left>]-?: NonNullable<ServerOptions[K]>
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

/** Throws `InvalidOptionsError`. */
export function parseServerOptions(options: ServerOptions): ServerSettings {
  const { success, data, error } = schema.safeParse(options)
  if (!success)
    throw new InvalidOptionsError(
      error.issues.map(
        ({ path, message }): InputIssue => ({ field: path.map(String).join('.'), message }),
      ),
      'server',
    )
  if (data.registry !== undefined && data.store !== undefined)
    throw new InvalidOptionsError(
      [{ field: 'store', message: 'belongs to the registry that is given; leave it out' }],
      'server',
    )
  if (data.tls !== undefined) checkTls(data.tls)
  return data
}
