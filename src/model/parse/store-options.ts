import { z } from 'zod'
import { type InputIssue, InvalidOptionsError } from '../../core/errors.js'
import { parse } from './read.js'
import { count, port, positive, text, wait } from './words.js'

const migration = z.custom(isMigration, 'expected a migration: two versions, and migrate')

function isMigration(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { from, to, migrate } = value as Readonly<Record<string, unknown>>
  return typeof from === 'string' && typeof to === 'string' && typeof migrate === 'function'
}

const fileStoreOptions = z.strictObject({
  path: text.refine((path) => !path.includes('\0'), 'expected a path'),
  readOnly: z.boolean().optional(),
  compactAtBytes: count.optional(),
  maxBytes: count.optional(),
  migrations: z.array(migration).optional(),
  clock: port('clock', 'now', 'wall', 'sleep', 'every').optional(),
  logger: port('logger', 'debug', 'info', 'warn', 'error').optional(),
})

/** A copy; ports are themselves. Throws `InvalidOptionsError`. */
export function parseFileStoreOptions<T extends object>(input: T): T {
  const invalid = (issues: readonly InputIssue[]): Error =>
    new InvalidOptionsError(issues, 'file store options')
  return parse(fileStoreOptions, input, invalid) as T
}

const redisStoreOptions = z.strictObject({
  server: z.union(
    [
      z.string().refine(isRedisUrl),
      port('client', 'call', 'connect', 'disconnect', 'duplicate', 'on'),
    ],
    'expected redis://host:port, rediss://host:port, or a client of ioredis',
  ),
  namespace: text
    .regex(/^[\w.-]{1,64}$/, 'expected up to 64 of: letters, digits, ".", "_", "-"')
    .optional(),
  timeoutMs: positive.optional(),
  historyLength: count.optional(),
  forgetAfterMs: wait.optional(),
  clock: port('clock', 'now', 'wall', 'sleep', 'every').optional(),
})

function isRedisUrl(value: string): boolean {
  return /^rediss?:\/\/[^/]/.test(value) && URL.canParse(value)
}

/** A copy; ports are themselves. Throws `InvalidOptionsError`. */
export function parseRedisStoreOptions<T extends object>(input: T): T {
  const invalid = (issues: readonly InputIssue[]): Error =>
    new InvalidOptionsError(issues, 'redis store options')
  return parse(redisStoreOptions, input, invalid) as T
}
