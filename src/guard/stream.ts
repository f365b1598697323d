import { finished, Readable } from 'node:stream'
import { CallTimeoutError } from '../core/errors.js'
import type { Attempt, StreamLimits, WatchedStream } from './attempt.js'
import { failureOf } from './cause.js'

/** While a read is pending, this much silence is a failure. */
const defaultIdleTimeoutMs = 30_000

type Source = AsyncIterable<unknown>

/** An object that does not let itself be asked is none, and is handed on as it is. */
export function isStream(value: unknown): value is Source {
  if (typeof value !== 'object' || value === null) return false
  try {
    return typeof (value as Partial<Source>)[Symbol.asyncIterator] === 'function'
  } catch {
    return false
  }
}

/**
 * A stream whose end, not whose beginning, is the outcome of the attempt: proper end, success; error
 * or silence, failure; the consumer stops early, neutral. Everything else about it is untouched.
 */
export function guardStream(attempt: Attempt, source: Source): Source {
  const { clock } = attempt.host.ports
  attempt.watch('unused', attempt.host.settings.timeoutMs, clock.now())
  if (source instanceof Readable || source instanceof ReadableStream) {
    observe(attempt, source)
    return source
  }
  return withIterator(source, new GuardedIterator(attempt, source, attempt.limits ?? {}))
}

/** Streams of the platform are recognised by what they are, so they are watched instead of wrapped. */
function observe(attempt: Attempt, source: Readable | ReadableStream): void {
  attempt.stream = {
    get inUse() {
      return Readable.isDisturbed(source as Readable) || isAttended(source)
    },
    stallError: () => new CallTimeoutError(attempt.host.name, defaultIdleTimeoutMs, 'idle'),
    stop(error) {
      if (source instanceof Readable) source.destroy(error as Error)
      else if (!source.locked) void source.cancel(error).catch(() => {})
      attempt.end()
    },
  }
  finished(source as Readable, { writable: false }, (error) => {
    if (!error) attempt.succeed(undefined)
    else if (error.name === 'AbortError' || wasLeft(source)) cancelled(attempt)
    else attempt.fail(error)
  })
}

/** Somebody waits for what it has to say, although it said nothing yet. */
const isAttended = (source: Readable | ReadableStream): boolean =>
  source instanceof Readable ? source.readableFlowing !== null : source.locked

/** Closed without an error before its end: its reader stopped. One that broke off has an error. */
const wasLeft = (source: Readable | ReadableStream): boolean =>
  source instanceof Readable && source.destroyed && !source.errored

function cancelled(attempt: Attempt): void {
  attempt.settle(failureOf('cancelled', undefined))
  attempt.end()
}

/** The same object to its user, but for the iterator it gives. Async generators are their own. */
export function withIterator(source: Source, iterator: AsyncIterator<unknown>): Source {
  let given = false
  const own: Record<PropertyKey, unknown> = {
    [Symbol.asyncIterator]() {
      if (isIterator(source)) return proxy
      if (given) return source[Symbol.asyncIterator]() // read once more: that is between those two
      given = true
      return iterator
    },
  }
  if (isIterator(source)) {
    for (const name of ['next', 'return', 'throw'] as const)
      own[name] = (value: unknown) => iterator[name]?.(value)
    own[Symbol.asyncDispose] = async () => void (await iterator.return?.())
  }
  const proxy: Source = new Proxy(source, {
    get(target, key) {
      if (Object.hasOwn(own, key)) return own[key]
      const value: unknown = Reflect.get(target, key, target)
      return typeof value === 'function' && key !== 'constructor' ? value.bind(target) : value
    },
  })
  return proxy
}

const isIterator = (value: object): boolean =>
  typeof (value as { next?: unknown }).next === 'function'

interface Read {
  resolve(result: IteratorResult<unknown>): void
  reject(error: unknown): void
}

const over: IteratorResult<unknown> = { done: true, value: undefined }

/** Counts time only while a read is pending: the consumer may think as long as it likes. */
class GuardedIterator implements AsyncIterator<unknown>, WatchedStream {
  readonly #attempt: Attempt
  readonly #source: Source
  readonly #firstMs: number
  readonly #idleMs: number
  #iterator: AsyncIterator<unknown> | undefined
  #reads: Read[] = []
  #begun = false
  /** The budget of the call ends before the limit of the stream. */
  #cut = false
  #closed = false

  constructor(attempt: Attempt, source: Source, limits: StreamLimits) {
    const { settings, ports } = attempt.host
    const spentMs = ports.clock.now() - attempt.startedAt
    this.#attempt = attempt
    this.#source = source
    this.#firstMs = limits.firstChunkTimeoutMs ?? Math.max(0, settings.timeoutMs - spentMs)
    this.#idleMs = limits.idleTimeoutMs ?? defaultIdleTimeoutMs
    attempt.stream = this
  }

  next(value?: unknown): Promise<IteratorResult<unknown>> {
    if (this.#closed) return Promise.resolve(over)
    return new Promise((resolve, reject) => {
      const read: Read = { resolve, reject }
      this.#reads.push(read)
      if (this.#reads.length === 1) this.#await()
      try {
        this.#iterator ??= this.#source[Symbol.asyncIterator]()
        Promise.resolve(this.#iterator.next(value)).then(
          (result) => this.#arrived(read, result),
          (error) => this.#failed(read, error),
        )
      } catch (error) {
        this.#failed(read, error)
      }
    })
  }

  /** The consumer stops early: nothing is wrong with the provider. */
  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    this.#close()
    cancelled(this.#attempt)
    if (isIterator(this.#source)) this.#iterator ??= this.#source[Symbol.asyncIterator]()
    await this.#iterator?.return?.(value)
    return { done: true, value }
  }

  async throw(error?: unknown): Promise<IteratorResult<unknown>> {
    this.#close()
    cancelled(this.#attempt)
    if (this.#iterator?.throw) return this.#iterator.throw(error)
    throw error
  }

  #await(): void {
    const { allowedMs, host, startedAt } = this.#attempt
    const now = host.ports.clock.now()
    const limitMs = this.#begun ? this.#idleMs : this.#firstMs
    const leftMs = startedAt + allowedMs - now
    this.#cut = leftMs < limitMs
    this.#attempt.watch('stream', Math.max(0, this.#cut ? leftMs : limitMs), now)
  }

  #arrived(read: Read, result: IteratorResult<unknown>): void {
    if (typeof result !== 'object' || result === null) {
      this.#failed(read, new TypeError(`Iterator result ${String(result)} is not an object`))
      return
    }
    if (!this.#answers(read)) return
    this.#begun = true
    if (result.done) {
      this.#closed = true
      this.#attempt.succeed(undefined)
    } else if (this.#reads.length > 0) this.#await()
    if (result.done || this.#reads.length === 0) this.#attempt.unwatch()
    read.resolve(result)
  }

  #failed(read: Read, error: unknown): void {
    if (!this.#answers(read)) return
    this.#closed = true
    this.#attempt.fail(error)
    this.#attempt.unwatch()
    read.reject(error)
  }

  /** Each read gets its own answer, in whatever order they come; false when it was told of a stall. */
  #answers(read: Read): boolean {
    const at = this.#reads.indexOf(read)
    if (at < 0) return false
    this.#reads.splice(at, 1)
    return true
  }

  get inUse(): boolean {
    return this.#iterator !== undefined
  }

  stallError(): CallTimeoutError {
    const { name } = this.#attempt.host
    if (this.#cut) return new CallTimeoutError(name, Math.round(this.#attempt.allowedMs), 'budget')
    return this.#begun
      ? new CallTimeoutError(name, this.#idleMs, 'idle')
      : new CallTimeoutError(name, this.#firstMs, 'first-chunk')
  }

  /** The reader hears why, the source is told to stop; how it does is its own affair. */
  stop(error: unknown): void {
    this.#reads.shift()?.reject(error)
    this.#close()
    const ended = (): void => this.#attempt.end()
    const stopped = async (): Promise<unknown> => this.#iterator?.return?.()
    stopped().then(ended, ended)
  }

  /** Reads behind the one that was told why find the stream over. */
  #close(): void {
    this.#closed = true
    for (const read of this.#reads.splice(0)) read.resolve(over)
  }
}
