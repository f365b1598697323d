import { optionalPackage } from '../core/optional-package.js'

/** As much of a client of `ioredis` as is used: a `Redis`, by Sentinel or not, or a `Cluster`. */
export interface RedisClient {
  readonly status: string
  connect(): Promise<unknown>
  disconnect(): void
  /** Another one of the same settings: all that is sent goes over such ones. */
  duplicate(): RedisClient
  call(command: string, ...args: string[]): Promise<unknown>
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'ready' | 'end', listener: () => void): unknown
}

/** Version 6 speaks another protocol by default; version 5 does not know the option. */
const sameAnswers = { protocol: 2 }

/**
 * A client that does one thing at a time: it neither queues, nor tries again, nor connects by itself, so that nothing
 * waits longer than its caller wants. Rejects with `MissingPeerError`.
 */
export async function openRedis(url: string, connectTimeout: number): Promise<RedisClient> {
  const { Redis } = await optionalPackage(
    'redisStore()',
    'ioredis',
    '^5.4 || ^6',
    () => import('ioredis'),
  )
  return new Redis(url, {
    ...sameAnswers,
    lazyConnect: true,
    disconnectTimeout: 100, // then it is cut off
    connectTimeout,
    connectionName: 'switchgear',
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
}
