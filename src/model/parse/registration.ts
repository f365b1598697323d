import { z } from 'zod'
import { type InputIssue, InvalidRegistrationError } from '../../core/errors.js'
import { hasMethods } from '../../core/methods.js'
import type { Capability } from '../capability.js'
import type { Check } from '../health.js'
import { type PriorityLevel, type PriorityName, priorityLevels } from '../priority.js'
import {
  type CircuitOptions,
  everyHandler,
  type Probe,
  type Provider,
  type RegistrationHealth,
} from '../provider.js'
import { builtInStrategies, type Strategy, type StrategyChoice } from '../strategy.js'
import { capability, toCapability } from './capability.js'
import { circuit } from './circuit.js'
import { registrationHealth } from './health.js'
import { isCapabilities, isCount, isPlainData, isPositive, isShort, isTexts } from './plainly.js'
import { parse, preview, safeParse, toIssues, unknownField, unreadable } from './read.js'
import {
  count,
  fn,
  frozenCopy,
  frozenList,
  isText,
  longestText,
  mostItems,
  plainData,
  positive,
  text,
  texts,
} from './words.js'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const priority = z.union(
  [
    z.enum(['critical', 'high', 'normal', 'low', 'fallback']),
    z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(9)]),
  ],
  'expected critical (0), high (1), normal (2), low (3) or fallback (9)',
)

const strategy = z.union(
  [
    z.enum([...builtInStrategies, 'round_robin']),
    z.custom<Strategy>(
      (value) =>
        hasMethods(value, 'pick') &&
        'name' in value &&
        typeof value.name === 'string' &&
        value.name !== '',
    ),
  ],
  `expected ${builtInStrategies.join(', ')}, or an object with a name and a pick function`,
)

const registrationFields = {
  service: text,
  provider: z.custom<object>(
    (value) => (typeof value === 'object' && value !== null) || typeof value === 'function',
    'expected an object or a function that does the work',
  ),
  connect: fn<(record: Provider, signal: AbortSignal) => unknown>(
    'a function that makes the instance',
  ),
  name: text,
  handler: z.union([text, texts.min(1)], 'expected a name, or a list of at least one name'),
  priority: priority,
  group: z.number().int().min(-32_768).max(32_767),
  strategy: strategy,
  capabilities: z.array(capability).max(mostItems),
  version: z.string().max(longestText),
  apiVersion: z.string().max(longestText),
  models: texts,
  dependencies: texts,
  metadata: plainData,
  limits: plainData,
  circuit: circuit,
  concurrency: count,
  health: registrationHealth,
  weight: positive,
  address: text,
  credential: text,
  requestsPerMinute: positive,
  tokensPerMinute: positive,
  withSignal: fn<(...args: never[]) => readonly unknown[]>('a function that returns new arguments'),
  idempotent: z.boolean(),
  guard: z.strictObject({ except: texts.optional() }),
  replace: z.boolean(),
}

type RegistrationFields = typeof registrationFields
type RegistrationData = {
  readonly [K in keyof RegistrationFields]?: z.output<RegistrationFields[K]> | undefined
}

const levels: ReadonlySet<number> = new Set(Object.values(priorityLevels))

/** What most registrations hold needs no schema to be told apart; see `plainly.ts`. */
const plainlyFine: {
  readonly [K in keyof RegistrationFields]?: (value: unknown) => boolean
} = {
  service: isText,
  provider: (value) => typeof value === 'object' && value !== null,
  name: isText,
  handler: (value) => isText(value) || (isTexts(value) && value.length > 0),
  priority: (value) => typeof value === 'number' && levels.has(value),
  group: (value) => Number.isInteger(value) && Math.abs(Number(value)) < 32_768,
  version: isShort,
  apiVersion: isShort,
  models: isTexts,
  dependencies: isTexts,
  metadata: isPlainData,
  limits: isPlainData,
  concurrency: isCount,
  weight: isPositive,
  address: isText,
  credential: isText,
  requestsPerMinute: isPositive,
  tokensPerMinute: isPositive,
  idempotent: (value) => typeof value === 'boolean',
  capabilities: isCapabilities,
}

/** How each field is read, for a test that its two ways agree. */
export const fieldReaders: readonly {
  readonly field: string
  readonly schema: z.ZodType
  readonly plainly: (value: unknown) => boolean
}[] = Object.entries(plainlyFine).flatMap(([field, plainly]) =>
  isField(field) ? [{ field, schema: registrationFields[field], plainly }] : [],
)

const invalidRegistration = (issues: readonly InputIssue[]): Error =>
  new InvalidRegistrationError(issues)

/** Field by field: a schema for all of them at once asks after each that is not there. */
function checkRegistration(
  input: unknown,
  withInstance: boolean,
): RegistrationData & { readonly service: string } {
  if (!isRecord(input))
    throw invalidRegistration([
      {
        field: '',
        message: `expected an object with service and provider, got ${preview(input, [])}`,
      },
    ])
  const issues: InputIssue[] = []
  const data: Record<string, unknown> = {}
  const seen = new Set<string>()
  for (const key of readable(() => Object.keys(input))) {
    const value = readable(() => input[key], key)
    if (value === undefined) continue
    seen.add(key)
    if (!isField(key)) issues.push({ field: key, message: unknownField })
    else if (readable(() => plainlyFine[key]?.(value), key)) data[key] = value
    else {
      const result = safeParse<unknown>(registrationFields[key], value, invalidRegistration)
      if (result.success) data[key] = result.data
      else issues.push(...result.error.issues.flatMap((issue) => toIssues(issue, key)))
    }
  }
  const fields = data as RegistrationData
  if (!seen.has('service'))
    issues.push({ field: 'service', message: 'expected a text, got nothing' })
  if (withInstance && seen.has('provider') === seen.has('connect'))
    issues.push({ field: 'provider', message: oneOfBoth })
  if (issues.length > 0) throw invalidRegistration(issues)
  return { ...fields, service: fields.service ?? '' }
}

const oneOfBoth = 'expected either provider (an instance) or connect (a function that makes one)'

function isField(key: string): key is keyof RegistrationFields {
  return Object.hasOwn(registrationFields, key)
}

function readable<T>(read: () => T, field = ''): T {
  try {
    return read()
  } catch (error) {
    throw invalidRegistration([{ field, message: unreadable(error) }])
  }
}

/** A registration, checked. */
export interface ParsedRegistration {
  readonly record: Provider
  readonly named: boolean
  readonly instance: object | undefined
  readonly connect: ((record: Provider, signal: AbortSignal) => unknown) | undefined
  readonly strategy: StrategyChoice | undefined
  readonly circuit: CircuitOptions | undefined
  readonly check: Check | Probe | undefined
  /** How it is checked, as far as the registration says. */
  readonly health: RegistrationHealth | undefined
  readonly withSignal: ((...args: never[]) => readonly unknown[]) | undefined
  readonly except: readonly string[]
  readonly replace: boolean
}

const none: readonly never[] = Object.freeze([])
const nothing: Readonly<Record<string, never>> = Object.freeze({})
const everyone: readonly string[] = Object.freeze([everyHandler])

/** Throws `InvalidRegistrationError` with one line per wrong field. Keeps nothing of the input but functions and the instance. */
export function parseRegistration(input: unknown): ParsedRegistration {
  return toParsed(checkRegistration(input, true))
}

/** The same for a provider that was written down, which has no instance. */
export function parseWithoutInstance(input: unknown): ParsedRegistration {
  return toParsed(checkRegistration(input, false))
}

/** What of a provider may become different without registering it anew. */
const changeable = [
  'priority',
  'capabilities',
  'version',
  'apiVersion',
  'models',
  'dependencies',
  'metadata',
  'limits',
  'weight',
  'address',
  'concurrency',
] as const satisfies readonly (keyof RegistrationFields & keyof Provider)[]

/** The record with these changes. Throws `InvalidRegistrationError`. */
export function parseChanges(record: Provider, input: unknown): Provider {
  const given = isRecord(input) ? readable(() => ({ ...input })) : undefined
  const stray = Object.keys(given ?? {}).filter((key) => isField(key) && !isChangeable(key))
  if (stray.length > 0)
    throw invalidRegistration(stray.map((field) => ({ field, message: notChangeable })))
  const data = checkRegistration(given && { ...given, service: record.service }, false)
  const parsed = toParsed(data).record
  const changed = changeable.filter((key) => Object.hasOwn(data, key))
  return { ...record, ...Object.fromEntries(changed.map((key) => [key, parsed[key]])) }
}

const isChangeable = (key: string): boolean => changeable.some((one) => one === key)
const notChangeable = `cannot be changed here, only ${changeable.join(', ')} can; register with replace: true instead`

function toParsed(data: RegistrationData & { readonly service: string }): ParsedRegistration {
  const given: readonly (string | Capability)[] = data.capabilities ?? none
  const capabilities = given.map(toCapability)
  refuseRepeats(capabilities)
  const record: Provider = {
    name: data.name ?? '',
    service: data.service,
    handlers: toHandlers(data.handler),
    priority: toLevel(data.priority ?? 'normal'),
    group: data.group ?? 0,
    capabilities: frozenList(capabilities),
    version: data.version,
    apiVersion: data.apiVersion,
    models: frozenList(data.models),
    dependencies: frozenList(data.dependencies),
    metadata: frozenCopy(data.metadata) ?? nothing,
    limits: frozenCopy(data.limits),
    weight: data.weight ?? 1,
    address: data.address,
    credential: data.credential,
    requestsPerMinute: data.requestsPerMinute,
    tokensPerMinute: data.tokensPerMinute,
    concurrency: data.concurrency,
    idempotent: data.idempotent,
    origin: 'manual',
  }
  return {
    record,
    named: data.name !== undefined,
    instance: data.provider,
    connect: data.connect,
    strategy: data.strategy,
    circuit: data.circuit,
    check: data.health?.check ?? data.health?.probe,
    health: data.health,
    withSignal: data.withSignal,
    except: data.guard?.except ?? none,
    replace: data.replace ?? false,
  }
}

const toLevel = (value: PriorityName | PriorityLevel): PriorityLevel =>
  typeof value === 'number' ? value : priorityLevels[value]

const priorityField = z.strictObject({ priority })

export function parsePriority(input: unknown): PriorityLevel {
  const invalid = (issues: readonly InputIssue[]): Error =>
    new InvalidRegistrationError(issues, 'priority')
  return toLevel(parse(priorityField, { priority: input }, invalid).priority)
}

function toHandlers(input: string | readonly string[] | undefined): readonly string[] {
  if (input === undefined) return everyone
  const names = [...new Set(typeof input === 'string' ? [input] : input)]
  return names.includes(everyHandler) ? everyone : Object.freeze(names)
}

function refuseRepeats(capabilities: readonly Capability[]): void {
  if (capabilities.length < 2) return
  const seen = new Set<string>()
  for (const [index, { name, version }] of capabilities.entries()) {
    const key = `${name}@${version ?? ''}`
    if (seen.has(key))
      throw new InvalidRegistrationError([
        {
          field: `capabilities[${index}]`,
          message: `expected each capability once, got "${name}" again`,
        },
      ])
    seen.add(key)
  }
}
