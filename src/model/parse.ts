import { z } from 'zod'
import {
  type InputIssue,
  InvalidOptionsError,
  InvalidRegistrationError,
  InvalidRequestError,
  oneLine,
} from '../core/errors.js'
import {
  type Capability,
  parseRequirement,
  type Requirement,
  type RequirementInput,
} from './capability.js'
import { eventTypes } from './event.js'
import type { Check } from './health.js'
import { type PriorityLevel, type PriorityName, priorityLevels } from './priority.js'
import {
  type CircuitBackoff,
  type CircuitOptions,
  type CircuitSettings,
  everyHandler,
  type Provider,
} from './provider.js'
import type { ServiceRequest } from './request.js'
import type { SavedCircuit } from './saved-circuit.js'
import { isSecret } from './secrets.js'
import type { Strategy, StrategyChoice } from './strategy.js'

const longestText = 4_096
const mostItems = 10_000
const deepest = 32

// --- words -----------------------------------------------------------------------------------

const text = z
  .string()
  .max(longestText)
  .refine((value) => value.trim() !== '', 'expected a text that is not blank')
const texts = z.array(text).max(mostItems)
const positive = z.number().positive()
const count = z.number().int().min(1).max(Number.MAX_SAFE_INTEGER)
const wait = z.number().min(0)
const share = z.number().gt(0).max(1)
const duration = z.custom<number>(
  (value) => typeof value === 'number' && value >= 0,
  'expected milliseconds of 0 or more',
)
/** A limit that may be switched off with Infinity, which zod refuses as a number. */
const limitMs = z.custom<number>(
  (value) => typeof value === 'number' && value > 0,
  'expected milliseconds above 0, or Infinity for no limit',
)
const fn = <T>(what: string) =>
  z.custom<T>((value) => typeof value === 'function', `expected ${what}`)

const plainData = z.record(z.string(), z.unknown()).superRefine(refuseOdd)
const plainList = z.array(z.unknown()).max(mostItems).superRefine(refuseOdd)

function refuseOdd(value: unknown, context: z.RefinementCtx): void {
  const problem = notPlain(value, [])
  if (problem !== undefined)
    context.addIssue({
      code: 'custom',
      path: problem.path,
      message: problem.message,
      input: problem.value,
    })
}

function notPlain(
  value: unknown,
  path: readonly string[],
): { path: string[]; message: string; value: unknown } | undefined {
  if (path.length > deepest)
    return {
      path: [...path],
      message: `expected at most ${deepest} levels (is it circular?)`,
      value: '…',
    }
  if (value === null || ['string', 'number', 'boolean', 'undefined'].includes(typeof value))
    return undefined
  if (typeof value === 'object' && (Array.isArray(value) || isPlainObject(value))) {
    for (const [key, one] of Object.entries(value)) {
      const problem = notPlain(one, [...path, key])
      if (problem !== undefined) return problem
    }
    return undefined
  }
  return {
    path: [...path],
    message: 'expected plain data (texts, numbers, booleans, null, lists, objects)',
    value,
  }
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

// --- registration ----------------------------------------------------------------------------

const priority = z.union(
  [
    z.enum(['critical', 'high', 'normal', 'low', 'fallback']),
    z.union([z.literal(0), z.literal(1), z.literal(2), z.literal(3), z.literal(9)]),
  ],
  'expected critical (0), high (1), normal (2), low (3) or fallback (9)',
)

const builtIn = [
  'fallback',
  'round-robin',
  'round_robin',
  'weighted',
  'random',
  'two-choices',
  'fastest',
  'sticky',
] as const

const strategy = z.union(
  [
    z.enum(builtIn),
    z.custom<Strategy>(
      (value) =>
        typeof value === 'object' &&
        value !== null &&
        typeof (value as Partial<Strategy>).name === 'string' &&
        (value as Partial<Strategy>).name !== '' &&
        typeof (value as Partial<Strategy>).pick === 'function',
    ),
  ],
  `expected ${builtIn.filter((name) => name !== 'round_robin').join(', ')}, or an object with a name and a pick function`,
)

const parameterSpec = z.strictObject({
  type: z.enum(['int', 'float', 'number', 'string', 'boolean', 'array', 'object']).optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  values: plainList.optional(),
})

const capabilityName = text.refine((name) => !name.includes('@'), 'expected a name without "@"')

const capability = z.union(
  [
    text.refine((name) => !name.startsWith('@'), 'expected a name before the "@"'),
    z.strictObject({
      name: capabilityName,
      version: z.string().max(longestText).optional(),
      parameters: z.record(z.string(), parameterSpec).optional(),
      constraints: plainData.optional(),
    }),
  ],
  'expected a name, or { name, version?, parameters?, constraints? }',
)

const circuit = z.strictObject({
  failureThreshold: count.optional(),
  recoveryTimeoutMs: wait.optional(),
  successThreshold: count.optional(),
  timeoutMs: limitMs.optional(),
  halfOpenPermits: count.optional(),
  probeLeaseMs: limitMs.optional(),
  errorRatio: share.optional(),
  windowSize: count.max(100_000).optional(),
  minimumCalls: count.optional(),
  backoff: z
    .strictObject({
      factor: z.number().min(1).optional(),
      maxMs: positive.optional(),
      jitter: z.number().min(0).max(1).optional(),
    })
    .optional(),
})

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
  health: z.strictObject({ check: fn<Check>('a function that checks').optional() }),
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

/** Texts and instances are most of what is registered, and need no schema to be told apart. */
const plainlyFine: { readonly [K in keyof RegistrationFields]?: (value: unknown) => boolean } = {
  service: isText,
  provider: (value) => typeof value === 'object' && value !== null,
  name: isText,
  handler: isText,
  version: isText,
  address: isText,
  credential: isText,
  capabilities: (value) =>
    Array.isArray(value) &&
    value.length <= mostItems &&
    value.every((one) => isText(one) && !one.startsWith('@')),
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= longestText && /\S/.test(value)
}

const invalidRegistration = (issues: readonly InputIssue[]): Error =>
  new InvalidRegistrationError(issues)

/** Field by field: a schema for all of them at once asks after each that is not there. */
function checkRegistration(input: unknown): RegistrationData & { readonly service: string } {
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
  if (seen.has('provider') === seen.has('connect'))
    issues.push({ field: 'provider', message: oneOfBoth })
  if (issues.length > 0) throw invalidRegistration(issues)
  return { ...fields, service: fields.service ?? '' }
}

const oneOfBoth = 'expected either provider (an instance) or connect (a function that makes one)'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isField = (key: string): key is keyof RegistrationFields =>
  Object.hasOwn(registrationFields, key)

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
  readonly check: Check | undefined
  readonly withSignal: ((...args: never[]) => readonly unknown[]) | undefined
  readonly except: readonly string[]
  readonly replace: boolean
}

const none: readonly never[] = Object.freeze([])
const nothing: Readonly<Record<string, never>> = Object.freeze({})
const everyone: readonly string[] = Object.freeze([everyHandler])

/** Throws `InvalidRegistrationError` with one line per wrong field. Keeps nothing of the input but functions and the instance. */
export function parseRegistration(input: unknown): ParsedRegistration {
  const data = checkRegistration(input)
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
    check: data.health?.check,
    withSignal: data.withSignal,
    except: data.guard?.except ?? none,
    replace: data.replace ?? false,
  }
}

export const toLevel = (value: PriorityName | PriorityLevel): PriorityLevel =>
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

function toCapability(input: string | Capability): Capability {
  if (typeof input !== 'string') return frozenCopy(input) ?? input
  const at = input.indexOf('@')
  return Object.freeze(
    at < 1 ? { name: input } : { name: input.slice(0, at), version: input.slice(at + 1) },
  )
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

const frozenList = <T>(list: readonly T[] | undefined): readonly T[] =>
  list === undefined || list.length === 0 ? none : Object.freeze([...list])

function frozenCopy<T>(value: T): T
function frozenCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return Object.freeze(value.map((one) => frozenCopy(one)))
  return Object.freeze(
    Object.fromEntries(
      Object.entries(value)
        .filter(([, one]) => one !== undefined)
        .map(([key, one]) => [key, frozenCopy(one)]),
    ),
  )
}

// --- circuit ---------------------------------------------------------------------------------

const circuitDefaults: CircuitSettings = {
  failureThreshold: 5,
  recoveryTimeoutMs: 60_000,
  successThreshold: 3,
  timeoutMs: 30_000,
  halfOpenPermits: 1,
  probeLeaseMs: 30_000,
  errorRatio: undefined,
  windowSize: 100,
  minimumCalls: 20,
  backoff: undefined,
}

/** The provider's options over the registry's over the defaults. */
export function circuitSettings(
  base: CircuitOptions | undefined,
  own: CircuitOptions | undefined,
): CircuitSettings {
  const given = { ...defined(base), ...defined(own) }
  const timeoutMs = given.timeoutMs ?? circuitDefaults.timeoutMs
  const recoveryTimeoutMs = given.recoveryTimeoutMs ?? circuitDefaults.recoveryTimeoutMs
  return Object.freeze({
    ...circuitDefaults,
    probeLeaseMs: timeoutMs,
    ...given,
    backoff: given.backoff && toBackoff(given.backoff, recoveryTimeoutMs),
  })
}

function toBackoff(
  given: NonNullable<CircuitOptions['backoff']>,
  recoveryTimeoutMs: number,
): CircuitBackoff {
  return { factor: 2, maxMs: recoveryTimeoutMs * 10, jitter: 0.1, ...defined(given) }
}

/** An option given as `undefined` was not given. */
function defined<T extends object>(
  value: T | undefined,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(value ?? nothing).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

// --- requests --------------------------------------------------------------------------------

const requirement = z
  .union(
    [
      z.string().max(longestText).min(1),
      z.strictObject({
        name: capabilityName,
        minVersion: z.string().optional(),
        range: z.string().optional(),
        parameters: plainData.optional(),
      }),
    ],
    'expected a capability such as "chat" or "image@>=1.2", or { name, minVersion?, range?, parameters? }',
  )
  .superRefine((value, context) => {
    const parsed = parseRequirement(value as RequirementInput)
    if ('problem' in parsed)
      context.addIssue({ code: 'custom', message: parsed.problem, input: value })
  })

const serviceRequest = z.strictObject({
  handler: text.optional(),
  requires: z.array(requirement).max(mostItems).optional(),
  fallbackToGlobal: z.boolean().optional(),
  where: plainData.optional(),
  key: z.string().max(longestText).optional(),
  tenant: z.string().max(longestText).optional(),
  exclude: z.array(z.string()).max(mostItems).optional(),
})

const serviceName = z.strictObject({ service: text })

/** Throws `InvalidRequestError`. Not on the hot path: a request that was seen before is known by its plan. */
export function checkRequest(service: unknown, request: unknown): void {
  const invalid = (issues: readonly InputIssue[]): Error => new InvalidRequestError(issues)
  parse(serviceName, { service }, invalid)
  parse(serviceRequest, request, invalid)
}

/** A request of one's own, which whoever made it cannot change any more. */
export const copyRequest = (request: ServiceRequest): ServiceRequest => frozenCopy(request)

/** The requirements of a checked request: parsed, sorted, each once. */
export function toRequirements(inputs: readonly RequirementInput[]): readonly Requirement[] {
  const byKey = new Map<string, Requirement>()
  for (const input of inputs) {
    const parsed = parseRequirement(frozenCopy(input))
    if ('problem' in parsed)
      throw new InvalidRequestError([{ field: 'requires', message: parsed.problem }])
    byKey.set(parsed.key, parsed)
  }
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

const signal = z.custom<AbortSignal>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<AbortSignal>).aborted === 'boolean' &&
    typeof (value as Partial<AbortSignal>).addEventListener === 'function',
  'expected an AbortSignal',
)

const callOptions = z.strictObject({
  attempts: count.optional(),
  timeoutMs: limitMs.optional(),
  signal: signal.optional(),
  idempotent: z.boolean().optional(),
})

const streamOptions = callOptions.extend({
  firstChunkTimeoutMs: limitMs.optional(),
  idleTimeoutMs: limitMs.optional(),
  afterCommit: z.literal('fail').optional(),
})

/** How one logical call may spend attempts and time. */
export interface CallOptions {
  /** Attempts in all, the first included. Default 3. */
  readonly attempts?: number | undefined
  /** For the whole call, retries and waits included. No limit by default. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Whether it may be repeated after a failure that may have had an effect. Default: true for the llm kind. */
  readonly idempotent?: boolean | undefined
}

export interface StreamOptions extends CallOptions {
  /** Until the first item; the circuit's `timeoutMs` by default. */
  readonly firstChunkTimeoutMs?: number | undefined
  /** Between items, while somebody waits for one. Default 30,000. */
  readonly idleTimeoutMs?: number | undefined
  /** After the first item was handed on, a failure is thrown. */
  readonly afterCommit?: 'fail' | undefined
}

export const checkCallOptions = (input: unknown): void => {
  parse(callOptions, input, (issues) => new InvalidOptionsError(issues, 'call options'))
}

export const checkStreamOptions = (input: unknown): void => {
  parse(streamOptions, input, (issues) => new InvalidOptionsError(issues, 'stream options'))
}

// --- registry options ------------------------------------------------------------------------

const port = <T>(what: string, ...methods: readonly string[]) =>
  z.custom<T>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
    `expected a ${what} with ${methods.join(', ')}`,
  )

const serviceOptions = z.strictObject({
  kind: text.optional(),
  idempotent: z.boolean().optional(),
  methods: z.record(z.string(), z.strictObject({ idempotent: z.boolean().optional() })).optional(),
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
  health: z
    .strictObject({
      maxAgeMs: wait.optional(),
      timeoutMs: positive.optional(),
      intervalMs: positive.optional(),
    })
    .optional(),
  services: z.record(z.string(), serviceOptions.optional()).optional(),
  allowStandIns: z.boolean().optional(),
  retryBudget: z
    .strictObject({ ratio: z.number().min(0).optional(), perSecond: z.number().min(0).optional() })
    .optional(),
  classify: fn<(error: unknown) => unknown>(
    'a function from an error to a cause, or undefined',
  ).optional(),
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

const savedCircuit = z.strictObject({
  state: z.enum(['closed', 'open']),
  failures: z.number().int().min(0),
  openedAt: z.number().optional(),
  retryAt: z.number().nullable().optional(),
  reason: z.string().max(longestText).optional(),
})

export const parseSavedCircuit = (input: unknown): SavedCircuit =>
  parse(savedCircuit, input, (issues) => new InvalidOptionsError(issues, 'saved circuit'))

const describeFilter = z.strictObject({
  service: z.string().optional(),
  handler: z.string().optional(),
})

const listFilter = describeFilter.extend({
  capability: z.string().optional(),
  minVersion: z.string().optional(),
  status: z.enum(['healthy', 'degraded', 'unhealthy', 'loading', 'unknown']).optional(),
})

export const checkDescribeFilter = (input: unknown): void => {
  parse(describeFilter, input, (issues) => new InvalidRequestError(issues, 'filter'))
}

export const checkListFilter = (input: unknown): void => {
  parse(listFilter, input, (issues) => new InvalidRequestError(issues, 'filter'))
}

const readyOptions = z.strictObject({
  services: texts.optional(),
  timeoutMs: duration.optional(),
})

/** What to wait for, and for how long. */
export const parseReadyOptions = (
  input: unknown,
): { readonly services?: readonly string[] | undefined; readonly timeoutMs?: number | undefined } =>
  parse(readyOptions, input, (issues) => new InvalidOptionsError(issues, 'readiness options'))

const subscription = z.strictObject({
  type: z.enum(eventTypes),
  listener: fn<(event: never) => void>('a function'),
})

export const checkListener = (type: unknown, listener: unknown): void => {
  const invalid = (issues: readonly InputIssue[]): Error =>
    new InvalidRequestError(issues, 'listener')
  parse(subscription, { type, listener }, invalid)
}

const signalField = z.strictObject({ signal: signal.optional() })

export const checkSignal = (given: unknown): void => {
  parse(signalField, { signal: given }, (issues) => new InvalidRequestError(issues, 'signal'))
}

/** Milliseconds of 0 or more, Infinity included. */
export function checkDuration(name: string, value: unknown): void {
  if (typeof value === 'number' && value >= 0) return
  const message = `expected milliseconds of 0 or more, got ${preview(value, [])}`
  throw new InvalidOptionsError([{ field: name, message }])
}

// --- reading ---------------------------------------------------------------------------------

/** Getters of the input may throw, and proxies may do worse; either way it is the input that is wrong. */
function parse<T>(
  schema: z.ZodType<T>,
  input: unknown,
  invalid: (issues: readonly InputIssue[]) => Error,
): T {
  const result = safeParse(schema, input, invalid)
  if (result.success) return result.data
  throw invalid(result.error.issues.flatMap((issue) => toIssues(issue)))
}

function safeParse<T>(
  schema: z.ZodType<T>,
  input: unknown,
  invalid: (issues: readonly InputIssue[]) => Error,
): z.ZodSafeParseResult<T> {
  try {
    return schema.safeParse(input, { reportInput: true })
  } catch (error) {
    throw invalid([{ field: '', message: unreadable(error) }])
  }
}

const unreadable = (error: unknown): string =>
  `expected fields that can be read; reading one threw: ${oneLine(error)}`

const unknownField = 'is not a known field; check its spelling'

type ZodIssue = z.core.$ZodIssue

/** `under` is the field whose schema found it. */
function toIssues(issue: ZodIssue, under?: string): InputIssue[] {
  const path = under === undefined ? issue.path : [under, ...issue.path]
  const inner = issue.code === 'invalid_union' ? issue.errors.find(isInside) : undefined
  if (inner !== undefined)
    return inner.flatMap((one) => toIssues({ ...one, path: [...issue.path, ...one.path] }, under))
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({ field: fieldName([...path, key]), message: unknownField }))
  return [
    {
      field: fieldName(path),
      message: `${expectation(issue)}, got ${preview(issue.input, path)}`,
    },
  ]
}

/** Of the forms a value could have, the one it is meant to be: only something inside of it is wrong. */
const isInside = (issues: readonly ZodIssue[]): boolean =>
  issues.length > 0 &&
  issues.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys')

function expectation(issue: ZodIssue): string {
  const said = issue.message.replace(/^Invalid input: |^Invalid option: |^Too (?:small|big): /, '')
  return said.replace(/, received .*$/s, '')
}

function fieldName(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : `${index === 0 ? '' : '.'}${String(part)}`,
    )
    .join('')
}

/** The value as a person would write it, short, with secrets hidden. */
function preview(value: unknown, path: readonly PropertyKey[]): string {
  if (path.some((part) => typeof part === 'string' && isSecret(part)))
    return 'a value that is not shown'
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value)
    case 'undefined':
      return 'nothing'
    case 'bigint':
      return `${value}n`
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'object':
      return value === null
        ? 'null'
        : Array.isArray(value)
          ? `a list of ${lengthOf(value)}`
          : 'an object'
    default:
      return String(value)
  }
}

function lengthOf(list: readonly unknown[]): number | string {
  try {
    return list.length
  } catch {
    return 'unknown length' // a proxy
  }
}
