import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { type Clock, systemClock } from '../../core/clock.js'
import { HttpError, InvalidOptionsError } from '../../core/errors.js'
import { Questions } from '../scan/questions.js'
import { urlIssue } from './http-registry.js'
import { positiveIssue, refuseIssues } from './look-up.js'

/** What is the same for all sources that ask programs at known addresses. */
export interface ProgramOptions {
  /** The source's own, unique among sources; the `origin` of what it sees. */
  readonly name?: string | undefined
  /** Who sees the provider. Default everyone. */
  readonly handler?: string | readonly string[] | undefined
  /** Default 0. */
  readonly group?: number | undefined
  /** Sent as a bearer token to these addresses, and nowhere else. */
  readonly key?: string | undefined
  /** Between the end of an answer and the next question, in milliseconds. Default 30,000. */
  readonly everyMs?: number | undefined
  /** For all questions of one time together, in milliseconds. Default 5,000. */
  readonly timeoutMs?: number | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
  readonly clock?: Clock | undefined
}

/** A program somebody knows the address of. */
export interface Place {
  readonly origin: string
  /** Without a slash at its end; empty for the root. */
  readonly path: string
  /** Host and port, and the path if there is one. */
  readonly name: string
}

/** Where the programs are; the same place counts once. Throws `InvalidOptionsError`. */
export function placesOf(
  source: string,
  { everyMs = 1, key, timeoutMs = 1 }: ProgramOptions,
  urls: Readonly<Record<string, unknown>>,
): readonly [Place, ...Place[]] {
  const given = Object.entries(urls)
  const wrong = given.map(([field, url]) => {
    const issue = urlIssue(url, 'http://127.0.0.1:3001')
    return issue && { ...issue, field }
  })
  const keyIssue = { field: 'key', message: 'expected a token of letters, digits and signs' }
  const issues = [
    ...wrong,
    positiveIssue('everyMs', everyMs),
    positiveIssue('timeoutMs', timeoutMs),
    key === undefined || isToken(key) ? undefined : keyIssue,
  ]
  refuseIssues(source, issues)
  const places = given.map(([, url]) => placeOf(String(url)))
  const [first, ...more] = new Map(places.map((place) => [place.name, place])).values()
  if (first === undefined) {
    const message = 'expected the URL of at least one program'
    throw new InvalidOptionsError([{ field: 'url', message }], source)
  }
  return [first, ...more]
}

/** What can stand in a header field. */
const isToken = (key: unknown): boolean => typeof key === 'string' && /^[\x21-\x7E]+$/.test(key)

function placeOf(url: string): Place {
  const { host, origin, pathname } = new URL(url)
  const path = pathname.replace(/\/+$/, '')
  return { origin, path, name: `${host}${path}` }
}

/** Questions to a program, for one time: none is put twice. */
export function questionsTo(
  { origin }: Place,
  options: ProgramOptions,
  signal: AbortSignal,
): Questions {
  const { clock = systemClock, key, policy = defaultAddressPolicy, timeoutMs = 5_000 } = options
  return new Questions(origin, { timeoutMs, policy, clock, signal, key })
}

/** Why it is not seen: it could not be asked, or what it answered is not what was expected of it. */
export function missing(asking: Questions, { origin, path }: Place, expected: string): HttpError {
  if (asking.end !== undefined) return asking.end
  const last = asking.steps.findLast(({ question }) => !question.startsWith('DELETE'))
  const said = last === undefined ? '' : ` (${last.question}: ${last.answer})`
  const wantsKey = /^40[13]\b/.test(last?.answer ?? '')
  const advice = wantsKey ? 'it wants to know who asks; give its key' : 'check the address'
  return new HttpError('protocol', `${origin}${path}`, `is no ${expected}${said}: ${advice}`)
}

/** Header fields that a connector sends to the program. */
export const headersWith = (key: string | undefined): Readonly<Record<string, string>> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` }
