import { backoffMs } from '../core/backoff.js'
import { HttpError, isSwitchgearError } from '../core/errors.js'
import type { Access } from './access.js'

/** How a question is asked, whatever the transport. */
export interface Asking {
  /** Instead of that of the access. */
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Nobody waits for it: it is asked once, and keeps no process alive. */
  readonly background?: boolean | undefined
  /** There is something to go on with if it fails, so it is not asked again. */
  readonly once?: boolean | undefined
}

interface Question extends Asking {
  /** For messages, such as `register "forge-1"`. */
  readonly what: string
  /** Where it is asked, for messages. */
  readonly url: string
}

const retry = { firstMs: 200, maxMs: 2_000 }
const mostAttempts = 3

/** Where trying again may help, it is asked three times. */
export async function persistently<T>(
  { clock, random }: Access,
  { background, once, signal, what, url }: Question,
  ask: () => Promise<T>,
): Promise<T> {
  const attempts = background || once ? 1 : mostAttempts
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask()
    } catch (error) {
      if (attempt >= attempts || !mayHelp(error)) throw error
    }
    try {
      await clock.sleep(backoffMs(attempt, retry, random), signal)
    } catch (cause) {
      throw gaveUp(url, what, cause)
    }
  }
}

/** Without an answer, or with one that says to come again. */
const mayHelp = (error: unknown): boolean =>
  isSwitchgearError(error) &&
  (error.retryable || (error instanceof HttpError && busy.includes(error.status ?? 0)))
const busy: readonly number[] = [429, 502, 503, 504]

export const gaveUp = (url: string, what: string, cause: unknown): HttpError =>
  new HttpError('aborted', url, `was to ${what}; the caller gave it up`, { cause })

/** A registry that said no: what it was asked, and what it said, in words that may repeat a token of ours. */
export function refusedBy(
  url: string,
  {
    what,
    status,
    word,
    said,
    secrets,
  }: {
    readonly what: string
    readonly status: number
    /** Of the status, as the registry says it. */
    readonly word: string
    readonly said: string
    readonly secrets: readonly (string | undefined)[]
  },
): HttpError {
  const text = without(secrets, said).slice(0, 300)
  const hint = Object.hasOwn(hints, status) ? `; ${hints[status]}` : ''
  const why = `answered with status ${word}${text && `: ${text}`}`
  return new HttpError('status', url, `could not ${what}: it ${why}${hint}`, { status })
}

/** A token that somebody repeats to us goes no further. */
const without = (secrets: readonly (string | undefined)[], text: string): string =>
  secrets.reduce<string>(
    (left, secret) => (secret === undefined ? left : left.replaceAll(secret, '***')),
    text,
  )

const hints: Readonly<Record<number, string>> = {
  401: 'give the token of the registry, or of the registration, as `token`',
  403: 'it allows nobody to ask that in this way',
  404: 'check the id, and that the URL is that of a registry',
  413: 'send less',
  429: 'it is asked too often; wait',
}

export const misread = (url: string, expected: string): HttpError =>
  new HttpError(
    'protocol',
    url,
    `answered something else than ${expected}; check that it is a registry`,
  )
