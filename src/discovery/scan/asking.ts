import type { AddressPolicy } from '../../core/address.js'
import type { Clock } from '../../core/clock.js'
import { HttpError } from '../../core/errors.js'
import { fetchAnswer } from '../../core/http.js'

/** What came back for one path, or why nothing did. */
export interface Reply {
  readonly path: string
  /** 0 when there was no answer. */
  readonly status: number
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
  /** The body of an answer, whatever its status; `undefined` when it is no JSON. */
  readonly json: unknown
  readonly problem: HttpError | undefined
}

/** A question that was put, and what came of it in a few words. */
export interface Step {
  /** Such as `GET /system_stats`. */
  readonly question: string
  /** Such as `200, a JSON object`. */
  readonly answer: string
}

/** One address, to which questions are put. No question is put twice, whoever asks. */
export interface Asking {
  /** Such as `http://127.0.0.1:8188`. */
  readonly origin: string
  /** Never rejects: what went wrong is in the reply. */
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** Only for questions that change nothing and cost nothing. Never rejects. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Reply>
  /** Ends a session that a question has begun. Never rejects. */
  delete(path: string, headers: Readonly<Record<string, string>>): Promise<Reply>
}

export interface AskingOptions {
  /** For all questions together, from the first on, in milliseconds. */
  readonly timeoutMs: number
  readonly policy: AddressPolicy
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Sent as a bearer token with each question. */
  readonly key?: string | undefined
}

/** A body is read as far as any of the known programs needs. */
const mostBytes = 8 * 2 ** 20

/** After one of these no other question is answered either. */
const final: ReadonlySet<string> = new Set([
  'refused',
  'timeout',
  'dns',
  'forbidden',
  'aborted',
  'tls',
  'protocol',
])

const nothing = Object.freeze({})

/** Asks one program, as long as there is time. */
export class Questions implements Asking {
  readonly origin: string
  readonly #options: AskingOptions
  readonly #until: number
  readonly #replies = new Map<string, Promise<Reply>>()
  readonly #steps: Step[] = []
  #end: HttpError | undefined

  constructor(origin: string, options: AskingOptions) {
    this.origin = origin
    this.#options = options
    this.#until = options.clock.now() + options.timeoutMs
  }

  /** Why asking on is of no use. */
  get end(): HttpError | undefined {
    return this.#end
  }

  /** What was asked so far, in the order of the answers. */
  get steps(): readonly Step[] {
    return this.#steps
  }

  get(path: string, headers: Readonly<Record<string, string>> = nothing): Promise<Reply> {
    return this.#once('GET', path, headers)
  }

  post(
    path: string,
    body: unknown,
    headers: Readonly<Record<string, string>> = nothing,
  ): Promise<Reply> {
    return this.#once('POST', path, headers, body)
  }

  delete(path: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
    return this.#once('DELETE', path, headers)
  }

  #once(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<Reply> {
    const key = JSON.stringify([method, path, headers, body])
    const known = this.#replies.get(key)
    if (known !== undefined) return known
    const reply = this.#ask(method, path, headers, body).then((answer) => {
      this.#steps.push({ question: `${method} ${path}`, answer: inWords(answer) })
      return answer
    })
    this.#replies.set(key, reply)
    return reply
  }

  async #ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    own: Readonly<Record<string, string>>,
    body: unknown,
  ): Promise<Reply> {
    const { clock, key, policy, signal, timeoutMs } = this.#options
    const left = this.#until - clock.now()
    if (left <= 0)
      this.#end ??= new HttpError(
        'timeout',
        this.origin,
        `did not answer completely within ${timeoutMs} ms`,
      )
    if (this.#end !== undefined) return failed(path, this.#end)
    const headers = key === undefined ? own : { authorization: `Bearer ${key}`, ...own }
    try {
      const answer = await fetchAnswer(new URL(path, this.origin).href, {
        method,
        headers,
        ...(body !== undefined && { body }),
        policy,
        clock,
        signal,
        connectTimeoutMs: left,
        timeoutMs: left,
        maxBytes: mostBytes,
      })
      return { path, ...answer, json: answer.json(), problem: undefined }
    } catch (error) {
      const problem =
        error instanceof HttpError
          ? error
          : new HttpError('protocol', this.origin, 'could not be asked', { cause: error })
      if (final.has(problem.kind)) this.#end ??= problem
      return failed(path, problem)
    }
  }
}

const failed = (path: string, problem: HttpError): Reply => ({
  path,
  status: problem.status ?? 0,
  headers: nothing,
  text: '',
  json: undefined,
  problem,
})

function inWords({ status, json, text, headers, problem }: Reply): string {
  if (problem !== undefined) return problem.message.replace(`${problem.url} `, '')
  const body =
    json !== undefined
      ? `a JSON ${Array.isArray(json) ? 'list' : json === null ? 'null' : typeof json}`
      : text === ''
        ? 'no body'
        : /html/i.test(headers['content-type'] ?? '')
          ? 'a page'
          : 'a text'
  return `${status}, ${body}`
}
