import { BackendError, HttpError, isSwitchgearError, oneLine } from '../../core/errors.js'
import type { HttpHead } from '../../core/exchange.js'
import { field, firstField } from '../../core/foreign.js'

/*
 * What went wrong, in errors of ours: readable, without secrets, and with the status and the Retry-After by which
 * the guard knows what they mean.
 */

/** What was asked of whom, for messages. */
export interface Asked {
  /** Without user-info and query. */
  readonly url: string
  /** Such as `the tool "search"`. */
  readonly what: string
  readonly signal?: AbortSignal | undefined
  /** What must not be said, such as keys that were sent. */
  readonly secrets?: readonly string[] | undefined
  /** Of a failure that tells none. */
  readonly status?: number | undefined
}

/** Runs work of a client that is not ours; what it throws becomes an error of ours. */
export async function asked<T>(ask: Asked, work: () => Promise<T>): Promise<T> {
  try {
    ask.signal?.throwIfAborted()
    return await work()
  } catch (error) {
    throw failureOf(ask, error)
  }
}

/** The same for a stream. The work is told to stop when its reader stops. */
export async function* askedEach<T>(
  ask: Asked,
  work: () => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  try {
    ask.signal?.throwIfAborted()
    yield* work()
  } catch (error) {
    throw failureOf(ask, error)
  }
}

function failureOf(ask: Asked, error: unknown): unknown {
  const { url, what, signal, secrets = [] } = ask
  if (signal?.aborted) return givenUp(url, signal.reason)
  const own = ownError(error)
  if (own !== undefined) return own
  const status = statusOf(error) ?? ask.status
  const why = without(secrets, oneLine(flat(error)))
  return new BackendError(url, `could not do ${what}: ${why}`, {
    cause: error,
    ...(status !== undefined && { status }),
  })
}

/** Messages of several lines say little in the first: that of a schema is a bracket. */
const flat = (error: unknown): unknown =>
  error instanceof Error ? error.message.replace(/\s+/g, ' ').trim() || error.name : error

/** What the caller gave up is no failure of the provider: the name says so to the guard. */
export const givenUp = (url: string, reason: unknown): DOMException =>
  new DOMException(`The call to ${url} was given up by the caller`, {
    name: 'AbortError',
    cause: reason,
  })

/** Clients wrap what our fetch threw, and say less than it. */
function ownError(error: unknown, depth = 0): unknown {
  if (isSwitchgearError(error)) return error
  return error instanceof Error && depth < 5 ? ownError(error.cause, depth + 1) : undefined
}

/** JSON-RPC 2.0, MCP and A2A: the caller's mistake, where the server is well. */
const callersMistake = (code: number): boolean =>
  (code >= -32_700 && code <= -32_600 && code !== internalError) ||
  (code >= -32_009 && code <= -32_001 && code !== invalidAgentResponse)
const internalError = -32_603
const invalidAgentResponse = -32_006

function statusOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const status = read(error, ['status', 'statusCode'])
  if (status !== undefined) return status
  const code = read(error, ['envelopeCode', 'code'])
  return code !== undefined && callersMistake(code) ? 400 : undefined
}

/** Of the error or its class: some are getters. */
function read(error: object, names: readonly string[]): number | undefined {
  const values = names.map((name): unknown => Reflect.get(error, name))
  return values.find((value) => typeof value === 'number')
}

/** An answer with a status that is none of success. */
export function statusError(
  url: string,
  { status, headers }: HttpHead,
  text: string,
  secrets: readonly string[] = [],
): HttpError {
  const said = without(secrets, oneLine(messageIn(text)))
  return new HttpError('status', url, `answered with status ${status}${said && `: ${said}`}`, {
    status,
    headers: Object.fromEntries(telling.flatMap((name) => entry(headers, name))),
  })
}

/** Header fields that say when to come again. Others may be secret. */
const telling = ['retry-after', 'retry-after-ms', 'date'] as const

const entry = (headers: HttpHead['headers'], name: string): [string, string][] => {
  const value = headers[name]
  return value === undefined ? [] : [[name, value]]
}

/** What programs call their reasons: OpenAI, FastAPI, ComfyUI, RFC 9457 and many more. */
function messageIn(text: string): string {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return /^\s*</.test(text) ? '' : text
  }
  const reason = field(body, 'error', 'message') ?? firstField(body, reasons)
  return typeof reason === 'string' ? reason : ''
}
const reasons = ['error', 'message', 'detail', 'title']

/** A key that somebody repeats to us goes no further. */
function without(secrets: readonly string[], text: string): string {
  return secrets
    .filter((secret) => secret.length >= shortestSecret)
    .reduce((left, secret) => left.replaceAll(secret, '***'), text)
}
const shortestSecret = 4

/** The values of header fields that tell who one is, also without their scheme. */
export const secretsIn = (headers: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(headers)
    .filter(([name]) => /auth|key|token|cookie|secret|password/i.test(name))
    .flatMap(([, value]) => [value, value.replace(/^\S+\s+/, '')])
