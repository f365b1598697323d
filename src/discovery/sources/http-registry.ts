import { type AddressPolicy, parseTarget } from '../../core/address.js'
import { type Clock, pause } from '../../core/clock.js'
import type { TlsOptions } from '../../core/connection.js'
import { HttpError, type InputIssue, isSwitchgearError } from '../../core/errors.js'
import type { FetchOptions, HttpAnswer } from '../../core/http.js'

/** How a registry that is asked over HTTP is reached. */
export interface HttpRegistryOptions {
  /** Whom to trust, and what to show, when `url` is https. Certificates are always verified. */
  readonly tls?: TlsOptions | undefined
  /** For one answer that is not waited for on purpose. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** After so long the registry is to say that nothing has changed, or is asked anew. Default 60,000. */
  readonly waitMs?: number | undefined
}

/** What each request to a registry has in common. */
export function requestOptions(
  options: HttpRegistryOptions & { readonly policy?: AddressPolicy | undefined },
  signal: AbortSignal,
  clock: Clock,
): FetchOptions {
  const { tls, policy } = options
  return { signal, clock, maxBytes: mostBytes, tls, ...(policy !== undefined && { policy }) }
}

/** Between two questions, so that a registry that is busy or broken is not asked without a pause. */
const leastMs = 1_000

/** Waits until the last question is long enough ago. */
export async function paced(clock: Clock, askedAt: number, signal: AbortSignal): Promise<void> {
  const left = askedAt + leastMs - clock.now()
  if (left > 0) await pause(clock, left, signal)
}

/** Whether a stream that had begun, since it has a status, was lost on the way: it can be taken up where it was. */
export const isLost = (error: unknown): boolean =>
  error instanceof HttpError &&
  error.status !== undefined &&
  (error.kind === 'reset' || error.kind === 'timeout')

const mostBytes = 32 * 1_024 * 1_024

/** A base URL without the slash at its end. What is wrong with it is told by `urlIssue`. */
export const withoutSlash = (url: string): string => url.replace(/\/+$/, '')

/** Never shows the URL: somebody may have put a password into it. */
export function urlIssue(url: unknown, example: string): InputIssue | undefined {
  const expected = `expected an http or https URL without user, query and fragment, such as ${example}`
  try {
    if (typeof url !== 'string') return { field: 'url', message: `${expected}, not ${typeof url}` }
    parseTarget(url)
    const isPlain = /^https?:\/\/[^?#]+$/.test(url)
    return isPlain ? undefined : { field: 'url', message: expected }
  } catch (error) {
    const reason = isSwitchgearError(error) && 'reason' in error ? ` (${String(error.reason)})` : ''
    return { field: 'url', message: expected + reason }
  }
}

/** The answer, if it is a good one. `hints` say what to do about a status; what the body says may be anything. */
export function accepted(
  answer: HttpAnswer,
  url: string,
  hints: Readonly<Record<number, string>>,
): HttpAnswer {
  const { status } = answer
  if (status >= 200 && status < 300) return answer
  const hint = hints[status]
  const what = `answered with status ${status}${hint === undefined ? '' : `: ${hint}`}`
  throw new HttpError('status', withoutQuery(url), what, { status })
}

/** An answer that cannot be what was asked for. */
export const misread = (url: string, expected: string): HttpError =>
  new HttpError('protocol', withoutQuery(url), `answered something else than ${expected}`)

const withoutQuery = (url: string): string => url.replace(/[?#].*$/s, '')
