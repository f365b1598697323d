import { z } from 'zod'
import { type InputIssue, InvalidOptionsError } from '../../core/errors.js'
import { hasMethods } from '../../core/methods.js'
import { circuit } from './circuit.js'
import { registryHealth } from './health.js'
import { parse } from './read.js'
import { fn, isText, port, positive, text, texts, wait } from './words.js'

const source = z.custom<object>(
  (value) => hasMethods(value, 'watch') && 'name' in value && isText(value.name),
  'expected a source, with a name and a watch function',
)

const sourceField = z.strictObject({ source })

export const checkSource = (input: unknown): void => {
  const invalid = (issues: readonly InputIssue[]): Error =>
    new InvalidOptionsError(issues, 'source')
  parse(sourceField, { source: input }, invalid)
}

const serviceOptions = z.strictObject({
  kind: text.optional(),
  idempotent: z.boolean().optional(),
  methods: z.record(z.string(), z.strictObject({ idempotent: z.boolean().optional() })).optional(),
  connect: fn<(...args: never[]) => unknown>('a function that makes the instance').optional(),
  standIn: z
    .custom<object>(
      (value) => (typeof value === 'object' && value !== null) || typeof value === 'function',
      'expected an object or a function',
    )
    .optional(),
})

const registryOptions = z.strictObject({
  requiredServices: texts.optional(),
  circuit: circuit.optional(),
  health: registryHealth.optional(),
  services: z.record(z.string(), serviceOptions.optional()).optional(),
  allowStandIns: z.boolean().optional(),
  retryBudget: z
    .strictObject({ ratio: z.number().min(0).optional(), perSecond: z.number().min(0).optional() })
    .optional(),
  classify: fn<(error: unknown) => unknown>(
    'a function from an error to a cause, or undefined',
  ).optional(),
  capabilities: z.custom<readonly unknown[]>(Array.isArray, 'expected a list').optional(),
  store: port('store', 'load', 'apply', 'close').optional(),
  shareCircuits: z.boolean().optional(),
  sources: z.array(source).optional(),
  discovery: z
    .strictObject({ graceMs: wait.optional(), staleAfterMs: positive.optional() })
    .optional(),
  migrations: z
    .array(
      z.strictObject({
        from: text,
        to: text,
        migrate: fn<(document: never) => unknown>('a function from a document to a document'),
      }),
    )
    .optional(),
  clock: port('clock', 'now', 'wall', 'sleep', 'every').optional(),
  random: fn<() => number>('a function that gives numbers from 0 to 1').optional(),
  logger: port('logger', 'debug', 'info', 'warn', 'error').optional(),
})

/** A copy, so that nobody can change the options of a registry that runs; ports and stand-ins are themselves. */
export function parseRegistryOptions<T extends object>(input: T): T {
  const invalid = (issues: readonly InputIssue[]): Error =>
    new InvalidOptionsError(issues, 'registry options')
  return parse(registryOptions, input, invalid) as T
}
