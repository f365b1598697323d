import type { Attempt, Caller } from '../guard/attempt.js'
import { isStream, withIterator } from '../guard/stream.js'
import { isContent } from './content.js'
import { inCall, type RunningCall } from './context.js'

/** The logical call behind a stream. */
export interface StreamCaller extends Caller {
  readonly running: RunningCall | undefined
}

/** More openings than this without content, and they are handed on as they are. */
const mostHeld = 64

/**
 * A watched stream that is replaced by the next provider's while nothing of it was handed on. After
 * its first content a failure is the reader's: text that was read cannot be taken back.
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
  #held: IteratorResult<unknown>[] = []
  #replaced = false
  /** A generator runs while it is read, so what it calls belongs to the call only in its scope. */
  readonly #context: RunningCall | undefined

  constructor(iterator: AsyncIterator<unknown>, attempt: Attempt, call: StreamCaller) {
    this.#iterator = iterator
    this.#attempt = attempt
    this.#call = call
    this.#context = call.running
  }

  async next(value?: unknown): Promise<IteratorResult<unknown>> {
    const held = this.#held.shift()
    if (held !== undefined) return held
    if (this.#replaced || this.#call.committed) return this.#read(value)
    try {
      this.#held.push(await this.#firstContent(value))
    } catch (error) {
      this.#held = []
      return this.#replace(error)
    }
    this.#call.committed = true
    return this.#held.shift() ?? this.#read(value)
  }

  /** Openings are held back until something follows that cannot be taken back. */
  async #firstContent(value: unknown): Promise<IteratorResult<unknown>> {
    for (;;) {
      const result = await this.#read(value)
      if (result.done || isContent(result.value) || this.#held.length === mostHeld) return result
      this.#held.push(result)
    }
  }

  #read(value: unknown): Promise<IteratorResult<unknown>> {
    return this.#inScope(() => this.#iterator.next(value))
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
    return this.#context === undefined ? fn() : inCall(this.#context, fn)
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
    this.#replaced = true
    return this.#iterator.next()
  }
}
