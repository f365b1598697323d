import { isSwitchgearError } from '../core/errors.js'
import { type Cause, causes, type Failure } from '../core/outcome.js'

/** A user's own word on an error; `undefined` leaves it to the table below. */
export type Classify = (error: unknown) => Cause | undefined

/** What each cause does to the circuit. The rest of the engine reads it from the failure. */
const weights: Record<Cause, Failure['weight']> = {
  transient: 'failure',
  timeout: 'failure',
  auth: 'failure',
  'health-check': 'failure',
  'rate-limit': 'neutral',
  'bad-request': 'neutral',
  aborted: 'neutral',
  cancelled: 'neutral',
  refused: 'neutral',
}

/** Whoever says this has turned the request away before acting on it. */
const actedOnNothing: ReadonlySet<Cause> = new Set(['refused', 'rate-limit', 'auth'])

/** The request never left: trying it elsewhere cannot repeat an effect. */
const unsentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])
const timeoutCodes = new Set([
  'ETIMEDOUT',
  'ESOCKETTIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])
const abortNames = new Set(['AbortError', 'APIUserAbortError'])
const timeoutNames = new Set(['TimeoutError', 'APIConnectionTimeoutError'])
const deepestCause = 5

/**
 * What happened, from the error alone: its status, code, headers and name, in that order. `wall` says
 * how far off a date in `Retry-After` is when the answer does not say when it was sent.
 */
export function toFailure(
  error: unknown,
  classify: Classify | undefined,
  wall: () => number,
): Failure {
  const evidence = attempt(() => gather(error, wall)) ?? noEvidence
  const cause = asked(error, classify) ?? decide(evidence)
  const { retryAfterMs } = evidence
  return {
    cause,
    weight: weights[cause],
    error,
    unsent: actedOnNothing.has(cause) || evidence.unsent,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

/** A failure whose cause is known without looking at the error. */
export function failureOf(cause: Cause, error: unknown): Failure {
  return { cause, weight: weights[cause], error, unsent: cause === 'refused' }
}

/** A classifier that throws, or answers with no cause we know, has not answered. */
function asked(error: unknown, classify: Classify | undefined): Cause | undefined {
  if (classify === undefined) return undefined
  try {
    const answer = classify(error)
    return causes.find((cause) => cause === answer)
  } catch {
    return undefined
  }
}

interface Evidence {
  readonly status: number | undefined
  readonly unsent: boolean
  readonly timedOut: boolean
  readonly aborted: boolean
  readonly refused: boolean
  readonly retryAfterMs: number | undefined
}

const noEvidence: Evidence = {
  status: undefined,
  unsent: false,
  timedOut: false,
  aborted: false,
  refused: false,
  retryAfterMs: undefined,
}

function decide({ status, timedOut, aborted, refused }: Evidence): Cause {
  if (refused) return 'refused'
  if (aborted) return 'aborted'
  if (status !== undefined) return causeOfStatus(status)
  return timedOut ? 'timeout' : 'transient'
}

function causeOfStatus(status: number): Cause {
  if (status === 429) return 'rate-limit'
  if (status === 401 || status === 403) return 'auth'
  if (status === 408 || status >= 500 || status < 400) return 'transient'
  return 'bad-request'
}

/** Errors are read with care: getters may throw, and cause chains may be circular. */
function gather(error: unknown, wall: () => number): Evidence {
  const chain = chainOf(error)
  const codes = chain.map(({ code }) => read(code))
  const names = chain.flatMap((one) => [read(one.name), read(attempt(() => one.constructor?.name))])
  const top = chain[0]
  const status = top && statusOf(top)
  return {
    status,
    // Whoever answered with a status had the request, whatever went wrong further behind.
    unsent: status === undefined && codes.some((code) => unsentCodes.has(code)),
    timedOut:
      codes.some((code) => timeoutCodes.has(code)) || names.some((name) => timeoutNames.has(name)),
    aborted: names.slice(0, 2).some((name) => abortNames.has(name)),
    refused: isSwitchgearError(error) && ownRefusals.has(error.code),
    retryAfterMs: top && retryAfterOf(top, wall),
  }
}

/** Our own refusals: from a registry nested inside the provider, or for want of a package. */
const ownRefusals: ReadonlySet<string> = new Set([
  'SWITCHGEAR_MISSING_PEER',
  'SWITCHGEAR_CIRCUIT_OPEN',
  'SWITCHGEAR_SATURATED',
  'SWITCHGEAR_UNAVAILABLE',
  'SWITCHGEAR_NO_PROVIDER',
])

interface ErrorLike {
  readonly name?: unknown
  readonly code?: unknown
  readonly status?: unknown
  readonly statusCode?: unknown
  readonly response?: unknown
  readonly headers?: unknown
  readonly cause?: unknown
  readonly constructor?: { readonly name?: unknown }
}

function chainOf(error: unknown): ErrorLike[] {
  const chain: ErrorLike[] = []
  let next: unknown = error
  while (isObject(next) && chain.length < deepestCause) {
    const one: ErrorLike = snapshot(next)
    chain.push(one)
    next = one.cause ?? firstOf(next)
  }
  return chain
}

/** A failed dual-stack connect is an AggregateError whose members carry the codes. */
function firstOf(error: object): unknown {
  return error instanceof AggregateError ? error.errors[0] : undefined
}

const fields = [
  'name',
  'code',
  'status',
  'statusCode',
  'response',
  'headers',
  'cause',
  'constructor',
] as const

function snapshot(error: object): ErrorLike {
  const seen: Record<string, unknown> = {}
  for (const field of fields) seen[field] = attempt(() => (error as Record<string, unknown>)[field])
  return seen as ErrorLike
}

function statusOf({ status, statusCode, response }: ErrorLike): number | undefined {
  const nested = isObject(response) ? attempt(() => (response as ErrorLike).status) : undefined
  for (const value of [status, statusCode, nested])
    if (typeof value === 'number' && value >= 100 && value < 600) return value
  return undefined
}

/** A pause that is no finite time would never end, so it was not asked for. */
function retryAfterOf({ headers, response }: ErrorLike, wall: () => number): number | undefined {
  const nested = isObject(response) ? attempt(() => (response as ErrorLike).headers) : undefined
  const from = headers ?? nested
  const exactMs = Number.parseFloat(header(from, 'retry-after-ms') ?? '')
  if (exactMs >= 0 && Number.isFinite(exactMs)) return exactMs
  const text = header(from, 'retry-after')
  if (text === undefined || text === '') return undefined
  const ms = Number(text) * 1_000
  if (Number.isFinite(ms)) return Math.max(0, ms)
  const date = Date.parse(text)
  if (Number.isNaN(date)) return undefined
  const sent = Date.parse(header(from, 'date') ?? '')
  return Math.max(0, date - (Number.isNaN(sent) ? wall() : sent))
}

/** Headers come as a `Headers`, a Map, or a plain object in whatever case. */
function header(headers: unknown, name: string): string | undefined {
  if (!isObject(headers)) return undefined
  const value = attempt(() => {
    const { get } = headers as { get?: unknown }
    if (typeof get === 'function') return get.call(headers, name) as unknown
    const key = Object.keys(headers).find((one) => one.toLowerCase() === name)
    return key && (headers as Record<string, unknown>)[key]
  })
  return typeof value === 'string'
    ? value.trim()
    : typeof value === 'number'
      ? String(value)
      : undefined
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
const read = (value: unknown): string => (typeof value === 'string' ? value : '')

function attempt<T>(fn: () => T): T | undefined {
  try {
    return fn()
  } catch {
    return undefined
  }
}
