import { after, later } from '../core/clock.js'
import { HttpError } from '../core/errors.js'
import {
  type GrpcCall,
  GrpcChannel,
  type GrpcFailure,
  type GrpcMethod,
} from '../core/grpc-channel.js'
import { loadDefinition, ownServiceName } from '../wire/proto/definition.js'
import { statusOf } from '../wire/status.js'
import type { Access } from './access.js'
import { type Asking, gaveUp, misread, persistently, refusedBy } from './asking.js'
import { grpcPlace } from './grpc-url.js'

/** Of a method of `switchgear.v1`. */
export interface Question extends Asking {
  readonly name: string
  /** For messages, such as `register "forge-1"`. */
  readonly what: string
  readonly request: object
}

type Methods = ReadonlyMap<string, GrpcMethod>
type Ask<T> = (call: GrpcCall, failed: (failure: GrpcFailure) => Error) => Promise<T>

/** Calls of `switchgear.v1`. What they throw is an `HttpError`, as over REST; its `status` is in numbers of HTTP. */
export class GrpcCalls {
  readonly #access: Access
  readonly #channel: GrpcChannel
  #methods: Promise<Methods> | undefined

  constructor(access: Access) {
    const { url, tls, policy, timeoutMs, clock } = access
    this.#access = access
    this.#channel = new GrpcChannel({ ...grpcPlace(url, tls), url, policy, timeoutMs, clock })
  }

  /** The message of an answer. Where trying again may help, it is asked three times. */
  ask(question: Question): Promise<unknown> {
    return this.#persistently(question, (call, failed) => this.#channel.unary(call, failed))
  }

  /** The same, of an answer in several messages that has an end. */
  gather<T>(
    question: Question,
    read: (messages: AsyncIterable<unknown>) => Promise<T>,
  ): Promise<T> {
    return this.#persistently(question, (call, failed) => read(this.#channel.stream(call, failed)))
  }

  /** The messages of an answer without end, `begun` being called when there is one. */
  async *stream(
    question: Question & { readonly signal: AbortSignal },
    begun?: () => void,
  ): AsyncGenerator<unknown, void, undefined> {
    const failed = (failure: GrpcFailure): Error => this.#failed(question, failure)
    try {
      const call = await this.#call(question, question.signal)
      yield* this.#channel.stream(call, failed, begun)
    } catch (error) {
      throw this.#explained(question, error)
    }
  }

  /** What a registry says no with. */
  refusal(
    { what, token }: Pick<Question, 'what' | 'token'>,
    code: number,
    said: string,
  ): HttpError {
    const { url, token: usual } = this.#access
    const { name: word, http: status } = statuses.get(code) ?? { name: String(code), http: 500 }
    return refusedBy(url, { what, status, word, said, secrets: [token, usual] })
  }

  /** At once, with whatever is under way. */
  close(): void {
    this.#channel.close()
  }

  #persistently<T>(question: Question, ask: Ask<T>): Promise<T> {
    const { url } = this.#access
    return persistently(this.#access, { ...question, url }, () => this.#inTime(question, ask))
  }

  async #inTime<T>(question: Question, ask: Ask<T>): Promise<T> {
    const { url, clock, timeoutMs } = this.#access
    const limit = new AbortController()
    const late = (): void =>
      limit.abort(new HttpError('timeout', url, `did not answer completely within ${timeoutMs} ms`))
    // What nobody waits for keeps no process alive.
    const disarm = (question.background ? later : after)(clock, timeoutMs, late)
    const { signal } = question
    const ended = signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal])
    try {
      const call = await this.#call(question, ended)
      return await ask(call, (failure) => this.#failed(question, failure))
    } catch (error) {
      throw this.#explained(question, error)
    } finally {
      disarm()
    }
  }

  async #call(
    { name, request, token = this.#access.token }: Question,
    signal: AbortSignal,
  ): Promise<GrpcCall> {
    this.#methods ??= loadMethods().catch((error: unknown) => {
      this.#methods = undefined // it may be installed later
      throw error
    })
    const method = (await this.#methods).get(name)
    if (method === undefined) throw new Error(`${ownServiceName} has no method ${name}`)
    return { method, request, token, signal }
  }

  #explained({ what, signal }: Question, error: unknown): unknown {
    const isOurs = signal?.aborted && error === signal.reason
    return isOurs ? gaveUp(this.#access.url, what, error) : error
  }

  #failed(question: Question, { code, details, isAnswer, cause }: GrpcFailure): HttpError {
    const { url } = this.#access
    if (code === unimplemented)
      return new HttpError('protocol', url, `does not know ${ownServiceName}; use its REST URL`)
    if (details.startsWith('Response message parsing error')) return misread(url, 'such a message')
    if (details.includes('larger than max')) return new HttpError('too-large', url, details)
    if (code === statusOf.unavailable.grpc && !isAnswer)
      return new HttpError('reset', url, 'ended the connection before the answer', { cause })
    return this.refusal(question, code, details)
  }
}

async function loadMethods(): Promise<Methods> {
  const service = (await loadDefinition())[ownServiceName]
  return new Map<string, GrpcMethod>(Object.entries(service ?? {}))
}

const unimplemented = 12

/** Each code that a refusal has, and the same one over HTTP. */
const statuses = new Map<number, { readonly name: string; readonly http: number }>([
  [statusOf.invalid.grpc, { name: 'INVALID_ARGUMENT', http: statusOf.invalid.http }],
  [statusOf['not-found'].grpc, { name: 'NOT_FOUND', http: statusOf['not-found'].http }],
  [7, { name: 'PERMISSION_DENIED', http: 403 }],
  [
    statusOf['rate-limited'].grpc,
    { name: 'RESOURCE_EXHAUSTED', http: statusOf['rate-limited'].http },
  ],
  [statusOf.unavailable.grpc, { name: 'UNAVAILABLE', http: statusOf.unavailable.http }],
  [statusOf.unauthenticated.grpc, { name: 'UNAUTHENTICATED', http: statusOf.unauthenticated.http }],
])
