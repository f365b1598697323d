import { z } from 'zod'
import { type InputIssue, InvalidOptionsError } from '../../core/errors.js'
import { parse } from './read.js'
import { count, text } from './words.js'

const port = <T>(what: string, ...methods: readonly string[]) =>
  z.custom<T>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
    `expected a ${what} with ${methods.join(', ')}`,
  )

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
