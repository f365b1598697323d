import { backoffMs } from '../core/backoff.js'
import { HttpError, isSwitchgearError } from '../core/errors.js'
import { field, nameOf } from '../core/foreign.js'
import { fetchAnswer, type HttpAnswer, streamLines } from '../core/http.js'
import type { Access } from './access.js'
import { type RemoteRecord, readRecords } from './record.js'

/** One question to a registry. */
export interface Ask {
  /** For messages, such as `register "forge-1"`. */
  readonly what: string
  readonly path: string
  readonly method?: 'GET' | 'POST' | 'DELETE'
  readonly body?: unknown
  /** Instead of that of the access. */
  readonly token?: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Nobody waits for it: it is asked once, and keeps no process alive. */
  readonly background?: boolean | undefined
  /** There is something to go on with if it fails, so it is not asked again. */
  readonly once?: boolean | undefined
}

const retry = { firstMs: 200, maxMs: 2_000 }
const mostAttempts = 3
const mostBytes = 32 * 1_024 * 1_024
/** The registry says something every 15 s. */
const idleMs = 45_000

/** Speaks to one registry over REST. What it throws is an `HttpError` that says what could not be done, and why. */
export class Api {
  readonly access: Access

  constructor(access: Access) {
    this.access = access
  }

  /** An answer of success. Where trying again may help, it is asked three times. */
  async ask(ask: Ask): Promise<HttpAnswer> {
    const attempts = ask.background || ask.once ? 1 : mostAttempts
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(ask)
      } catch (error) {
        if (attempt >= attempts || !mayHelp(error)) throw error
      }
      await this.#rest(backoffMs(attempt, retry, this.access.random), ask)
    }
  }

  /** Everything that is registered. */
  async list(
    options: Pick<Ask, 'signal' | 'background' | 'once'> & { readonly query?: string } = {},
  ): Promise<readonly RemoteRecord[]> {
    const { query = '', ...how } = options
    const path = `/api/services${query}`
    const answer = await this.ask({ what: 'list what is registered', path, ...how })
    return readRecords(field(answer.json(), 'services')) ?? this.misread(path, 'a list of services')
  }

  /** The lines of the event stream, after the event of this id. */
  events(after: string | undefined, signal: AbortSignal): AsyncGenerator<string> {
    const { url, timeoutMs, ...access } = this.access
    return streamLines(`${url}/api/events`, {
      ...this.#options(access.token),
      headers: {
        ...this.#options(access.token).headers,
        accept: 'text/event-stream',
        ...(after !== undefined && { 'last-event-id': after }),
      },
      timeoutMs,
      idleTimeoutMs: idleMs,
      use: 'wait',
      signal,
    })
  }

  misread(path: string, expected: string): never {
    const url = this.access.url + path.replace(/\?.*$/s, '')
    const what = `answered something else than ${expected}; check that it is a registry`
    throw new HttpError('protocol', url, what)
  }

  async #once(ask: Ask): Promise<HttpAnswer> {
    const { path, method = 'GET', body, signal, background, token = this.access.token } = ask
    const answer = await fetchAnswer(this.access.url + path, {
      ...this.#options(token),
      method,
      timeoutMs: this.access.timeoutMs,
      maxBytes: mostBytes,
      use: background ? 'wait' : 'question',
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    })
    if (answer.status >= 200 && answer.status < 300) return answer
    throw refusal(ask, this.access.url, answer, [token, this.access.token])
  }

  #options(token: string | undefined) {
    const { policy, tls, clock } = this.access
    return {
      clock,
      tls,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(policy !== undefined && { policy }),
    }
  }

  async #rest(ms: number, { signal, path, what }: Ask): Promise<void> {
    try {
      await this.access.clock.sleep(ms, signal)
    } catch (cause) {
      const url = this.access.url + path.replace(/\?.*$/s, '')
      throw new HttpError('aborted', url, `was to ${what}; the caller gave it up`, { cause })
    }
  }
}

/** Without an answer, or with one that says to come again. */
const mayHelp = (error: unknown): boolean =>
  isSwitchgearError(error) &&
  (error.retryable || (error instanceof HttpError && busy.includes(error.status ?? 0)))
const busy: readonly number[] = [429, 502, 503, 504]

export const isStatus = (error: unknown, status: number): boolean =>
  error instanceof HttpError && error.kind === 'status' && error.status === status

function refusal(
  { what, path }: Ask,
  url: string,
  { status, text, json }: HttpAnswer,
  secrets: readonly (string | undefined)[],
): HttpError {
  const told = nameOf(field(json(), 'error'), 1_000) ?? (/^\s*</.test(text) ? '' : nameOf(text))
  const said = without(secrets, told ?? '').slice(0, 300)
  const hint = Object.hasOwn(hints, status) ? `; ${hints[status]}` : ''
  const why = `answered with status ${status}${said && `: ${said}`}`
  const shown = url + path.replace(/\?.*$/s, '')
  return new HttpError('status', shown, `could not ${what}: it ${why}${hint}`, { status })
}

/** A token that somebody repeats to us goes no further. */
const without = (secrets: readonly (string | undefined)[], text: string): string =>
  secrets.reduce<string>(
    (left, secret) => (secret === undefined ? left : left.replaceAll(secret, '***')),
    text,
  )

const hints: Readonly<Record<number, string>> = {
  401: 'give the token of the registry, or of the registration, as `token`',
  403: 'the token does not allow it',
  404: 'check the id, and that the URL is that of a registry',
  413: 'send less',
  429: 'it is asked too often; wait',
}
