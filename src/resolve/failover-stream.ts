import type { Attempt, Caller } from '../guard/attempt.js'
import { isStream, withIterator } from '../guard/stream.js'

/**
 * A watched stream that is replaced by the next provider's while nothing of it was handed on. After
 * its first item a failure is the reader's: text that was read cannot be taken back.
 */
export function failingOver(opened: unknown, attempt: Attempt, call: Caller): unknown {
  if (!isStream(opened)) return opened // wrapped in an answer with more to it
  return withIterator(opened, new FailoverIterator(opened[Symbol.asyncIterator](), attempt, call))
}

class FailoverIterator implements AsyncIterator<unknown> {
  #iterator: AsyncIterator<unknown>
  #attempt: Attempt
  readonly #call: Caller

  constructor(iterator: AsyncIterator<unknown>, attempt: Attempt, call: Caller) {
    this.#iterator = iterator
    this.#attempt = attempt
    this.#call = call
  }

  async next(value?: unknown): Promise<IteratorResult<unknown>> {
    try {
      const result = await this.#iterator.next(value)
      this.#call.committed = true
      return result
    } catch (error) {
      if (this.#call.committed) throw error
      return this.#replace(error)
    }
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    return (await this.#iterator.return?.(value)) ?? { done: true, value }
  }

  async throw(error?: unknown): Promise<IteratorResult<unknown>> {
    if (this.#iterator.throw) return this.#iterator.throw(error)
    throw error
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
