import type { Attempt, Caller } from '../guard/attempt.js'
import { isStream, withIterator } from '../guard/stream.js'
import { type RunningCall, running } from './context.js'

/** The logical call behind a stream. */
export interface StreamCaller extends Caller {
  readonly running: RunningCall | undefined
}

/**
 * A watched stream that is replaced by the next provider's while nothing of it was handed on. After
 * its first item a failure is the reader's: text that was read cannot be taken back.
 */
export function failingOver(opened: unknown, attempt: Attempt, call: StreamCaller): unknown {
  if (!isStream(opened)) return opened // wrapped in an answer with more to it
  return withIterator(opened, new FailoverIterator(opened[Symbol.asyncIterator](), attempt, call))
}

/** The result of a call that has not begun, for who reads it as a stream. */
export function streamOf(answer: Promise<unknown>): AsyncIterableIterator<unknown> {
  answer.catch(() => {}) // the reader is told, if there is one
  let source: Promise<AsyncIterator<unknown>> | undefined
  const begun = (): Promise<AsyncIterator<unknown>> => {
    source ??= answer.then(iteratorOf)
    return source
  }
  return {
    [Symbol.asyncIterator]() {
      return this
    },
    next: async (value?: unknown) => (await begun()).next(value),
    return: async (value?: unknown) =>
      (await (await begun()).return?.(value)) ?? { done: true, value },
    async throw(error?: unknown) {
      const iterator = await begun()
      if (iterator.throw) return iterator.throw(error)
      throw error
    },
  }
}

function iteratorOf(answer: unknown): AsyncIterator<unknown> {
  if (isStream(answer)) return answer[Symbol.asyncIterator]()
  throw new TypeError('the provider answered with something that is no stream')
}

class FailoverIterator implements AsyncIterator<unknown> {
  #iterator: AsyncIterator<unknown>
  #attempt: Attempt
  readonly #call: StreamCaller
  /** A generator runs while it is read, so what it calls belongs to the call only in its scope. */
  readonly #context: RunningCall | undefined

  constructor(iterator: AsyncIterator<unknown>, attempt: Attempt, call: StreamCaller) {
    this.#iterator = iterator
    this.#attempt = attempt
    this.#call = call
    this.#context = call.running
  }

  async next(value?: unknown): Promise<IteratorResult<unknown>> {
    try {
      const result = await this.#inScope(() => this.#iterator.next(value))
      this.#call.committed = true
      return result
    } catch (error) {
      if (this.#call.committed) throw error
      return this.#replace(error)
    }
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    const result = this.#inScope(async () => this.#iterator.return?.(value))
    return (await result) ?? { done: true, value }
  }

  async throw(error?: unknown): Promise<IteratorResult<unknown>> {
    return this.#inScope(async () => {
      if (this.#iterator.throw) return this.#iterator.throw(error)
      throw error
    })
  }

  #inScope<T>(fn: () => T): T {
    return this.#context === undefined ? fn() : running.run(this.#context, fn)
  }

  /** The next provider's stream fails over by itself, so it is only read on. */
  async #replace(error: unknown): Promise<IteratorResult<unknown>> {
    const next = this.#call.recover(this.#attempt)
    if (next === undefined) throw error
    const stream = await next
    if (!isStream(stream))
      throw new TypeError('the next provider answered with something that is no stream', {
        cause: error,
      })
    this.#iterator = stream[Symbol.asyncIterator]()
    return this.#iterator.next()
  }
}
