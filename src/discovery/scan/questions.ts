import type { AddressPolicy } from '../../core/address.js'
import { after, type Clock } from '../../core/clock.js'
import { HttpError } from '../../core/errors.js'
import { fetchAnswer } from '../../core/http.js'
import { listenToWebSocket } from '../../core/web-socket.js'
import type { Asking, Reply, Step } from './asking.js'

export interface QuestionsOptions {
  /** For all questions together, from the first on, in milliseconds. */
  readonly timeoutMs: number
  readonly policy: AddressPolicy
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Sent as a bearer token with each question. */
  readonly key?: string | undefined
}

/** How long the end of a session may take. */
const endMs = 1_000

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

/** Headers without end are no answer either, to no question. */
const isFinal = ({ kind, status }: HttpError): boolean =>
  final.has(kind) || (kind === 'too-large' && status === undefined)

const nothing = Object.freeze({})

/** Asks one program, as long as there is time. */
export class Questions implements Asking {
  readonly origin: string
  readonly #options: QuestionsOptions
  readonly #until: number
  readonly #replies = new Map<string, Promise<Reply>>()
  readonly #steps: Step[] = []
  #end: HttpError | undefined

  constructor(origin: string, options: QuestionsOptions) {
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

  /** Also when there is no time left: what was begun is to be ended. */
  async delete(path: string, headers: Readonly<Record<string, string>>): Promise<Reply> {
    try {
      return await this.#ask('DELETE', path, headers, undefined, endMs)
    } catch (error) {
      return failed(path, this.#problem(error))
    }
  }

  hear(path: string): Promise<Reply> {
    return this.#put(`WS ${path}`, path, (left) => this.#hear(path, left))
  }

  #once(
    method: 'GET' | 'POST',
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
  ): Promise<Reply> {
    const more = method === 'GET' && headers === nothing ? '' : JSON.stringify([headers, body])
    return this.#put(
      `${method} ${path}`,
      path,
      (left) => this.#ask(method, path, headers, body, left),
      more,
    )
  }

  /** Puts a question once. It rejects with what there is to say about the problem. */
  #put(
    question: string,
    path: string,
    ask: (leftMs: number) => Promise<Reply>,
    more = '',
  ): Promise<Reply> {
    const known = this.#replies.get(question + more)
    if (known !== undefined) return known
    const reply = this.#answer(path, ask).then((answer) => {
      this.#steps.push({ question, answer: inWords(answer) })
      return answer
    })
    this.#replies.set(question + more, reply)
    return reply
  }

  async #answer(path: string, ask: (leftMs: number) => Promise<Reply>): Promise<Reply> {
    const { clock, timeoutMs } = this.#options
    const left = Math.ceil(this.#until - clock.now())
    if (left <= 0) this.#end ??= this.#late(timeoutMs)
    if (this.#end !== undefined) return failed(path, this.#end)
    try {
      return await ask(left)
    } catch (error) {
      const problem = this.#problem(error)
      if (isFinal(problem)) this.#end ??= problem
      return failed(path, problem)
    }
  }

  async #ask(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    own: Readonly<Record<string, string>>,
    body: unknown,
    left: number,
  ): Promise<Reply> {
    const { clock, key, policy, signal } = this.#options
    const headers = key === undefined ? own : { authorization: `Bearer ${key}`, ...own }
    const answer = await fetchAnswer(new URL(path, this.origin).href, {
      method,
      headers,
      ...(body !== undefined && { body }),
      policy,
      clock,
      ...(method !== 'DELETE' && { signal }),
      connectTimeoutMs: left,
      timeoutMs: left,
      maxBytes: mostBytes,
    })
    return { path, ...answer, json: answer.json(), problem: undefined }
  }

  /** That there is no WebSocket says nothing about the rest. */
  async #hear(path: string, left: number): Promise<Reply> {
    const { clock, policy, signal } = this.#options
    const { hostname, port, protocol } = new URL(this.origin)
    const secure = protocol === 'https:'
    const late = new AbortController()
    const cancel = after(clock, left, () => late.abort())
    const both = AbortSignal.any([signal, late.signal])
    try {
      const socket = await listenToWebSocket(
        {
          host: hostname.replace(/^\[|\]$/g, ''),
          port: Number(port) || (secure ? 443 : 80),
          path,
          secure,
        },
        { policy, signal: both },
      )
      const stop = (): void => socket.close()
      both.addEventListener('abort', stop, { once: true })
      try {
        for await (const text of socket.messages) return heard(path, text)
        return failed(path, new HttpError('reset', this.origin, 'said nothing on its WebSocket'))
      } finally {
        both.removeEventListener('abort', stop)
        socket.close()
      }
    } catch (cause) {
      return failed(path, new HttpError('reset', this.origin, 'has no WebSocket there', { cause }))
    } finally {
      cancel()
    }
  }

  #problem(error: unknown): HttpError {
    if (error instanceof HttpError) return error
    return new HttpError('protocol', this.origin, 'could not be asked', { cause: error })
  }

  #late(timeoutMs: number): HttpError {
    return new HttpError('timeout', this.origin, `did not answer completely within ${timeoutMs} ms`)
  }
}

function heard(path: string, text: string): Reply {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    json = undefined // a greeting of somebody else
  }
  return { path, status: 101, headers: nothing, text, json, problem: undefined }
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
  const { location } = headers
  const to =
    status >= 300 && status < 400 && location !== undefined ? ` to ${placeOf(location)}` : ''
  return `${status}${to}, ${body}`
}

/** Where somebody is sent, without what may be secret. */
const placeOf = (location: string): string =>
  location
    .replace(/[?#].*$/s, '')
    .replace(/\/\/[^/]*@/, '//')
    .slice(0, 200)
