import { Duplex, Readable, Transform } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { CallTimeoutError } from '../../src/core/errors.js'
import type { StreamLimits } from '../../src/guard/attempt.js'
import { isStream, withIterator } from '../../src/guard/stream.js'
import { take } from '../../src/guard/take.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { deferred, facts, type RigOptions, rig, watch } from './rig.js'

/** A source to feed by hand, that knows what was done to it. */
class Feed implements AsyncIterableIterator<string> {
  readonly done: string[] = []
  readonly #reads: ReturnType<typeof deferred<IteratorResult<string>>>[] = []

  next(): Promise<IteratorResult<string>> {
    this.done.push('next')
    const read = deferred<IteratorResult<string>>()
    this.#reads.push(read)
    return read.promise
  }

  [Symbol.asyncIterator](): this {
    this.done.push('iterate')
    return this
  }

  async return(): Promise<IteratorResult<string>> {
    this.done.push('return')
    return { done: true, value: undefined }
  }

  /** Answers the oldest read. */
  give(value: string): void {
    this.#reads.shift()?.resolve({ done: false, value })
  }

  /** Answers the youngest read. */
  giveLast(value: string): void {
    this.#reads.pop()?.resolve({ done: false, value })
  }

  end(): void {
    this.#reads.shift()?.resolve({ done: true, value: undefined })
  }

  fail(error: unknown): void {
    this.#reads.shift()?.reject(error)
  }
}

const once = (feed: Feed): AsyncIterable<string> => ({ [Symbol.asyncIterator]: () => feed })

function open(source: unknown, options: RigOptions = {}, limits?: StreamLimits) {
  const clock = new FakeClock(50_000)
  const own = rig({ circuit: { timeoutMs: 1_000 }, clock, ...options })
  const attempt = own.guard.begin(facts, [], own.clock.now())
  attempt.limits = limits
  const stream = take(attempt, () => source) as AsyncIterableIterator<unknown>
  const outcome = () => {
    const { successes, failures, neutral } = own.guard.stats()
    return { successes, failures, neutral, slots: own.guard.slots }
  }
  return { ...own, attempt, stream, outcome }
}

const untold = { successes: 0, failures: 0, neutral: 0, slots: 1 }
const success = { ...untold, successes: 1, slots: 0 }
const failure = { ...untold, failures: 1, slots: 0 }
const neutral = { ...untold, neutral: 1, slots: 0 }

async function* words(...all: string[]): AsyncGenerator<string> {
  for (const word of all) yield word
}

async function collect(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const seen: unknown[] = []
  for await (const one of stream) seen.push(one)
  return seen
}

describe('its end is the outcome', () => {
  const kinds: [string, () => AsyncIterable<unknown>][] = [
    ['an async generator', () => words('a', 'b')],
    [
      'a custom async iterable',
      () => ({ [Symbol.asyncIterator]: () => words('a', 'b')[Symbol.asyncIterator]() }),
    ],
    ['a Node Readable', () => Readable.from(['a', 'b'])],
    ['a web ReadableStream', () => ReadableStream.from(['a', 'b']) as AsyncIterable<unknown>],
  ]

  it.each(kinds)('%s read to its end is a success, and not before', async (_, make) => {
    const { stream, outcome, clock } = open(make())
    expect(outcome()).toEqual(untold)
    expect(await collect(stream)).toEqual(['a', 'b'])
    await clock.advance(0)
    expect(outcome()).toEqual(success)
  })

  it.each(kinds)('%s that a promise gave, too', async (_, make) => {
    const { stream, outcome, clock } = open(Promise.resolve(make()))
    const given = (await stream) as unknown as AsyncIterable<unknown>
    expect(outcome()).toEqual(untold)
    expect(await collect(given)).toEqual(['a', 'b'])
    await clock.advance(0)
    expect(outcome()).toEqual(success)
  })

  it.each(kinds)('%s in { data, response }, too', async (_, make) => {
    const response = { status: 200 }
    const { stream, outcome, clock } = open(Promise.resolve({ data: make(), response }))
    const answer = (await stream) as unknown as { data: AsyncIterable<unknown>; response: object }
    expect(answer.response).toBe(response)
    expect(outcome()).toEqual(untold)
    expect(await collect(answer.data)).toEqual(['a', 'b'])
    await clock.advance(0)
    expect(outcome()).toEqual(success)
  })

  it.each<[string, (error: Error) => AsyncIterable<unknown>]>([
    [
      'an async generator',
      async function* (error) {
        yield 'a'
        throw error
      },
    ],
    [
      'a Node Readable',
      (error) =>
        Readable.from(
          (async function* () {
            yield 'a'
            throw error
          })(),
        ),
    ],
    [
      'a web ReadableStream',
      (error) =>
        new ReadableStream({
          start: (controller) => controller.enqueue('a'),
          pull: (controller) => controller.error(error),
        }),
    ],
  ])('%s that throws is a failure, and its error comes out untouched', async (_, make) => {
    const error = new Error('broke off')
    const { stream, outcome, clock, told } = open(make(error))
    await expect(collect(stream)).rejects.toBe(error)
    await clock.advance(0)
    expect(outcome()).toEqual(failure)
    expect(told.at(-1)).toMatchObject({ failure: { cause: 'transient', error } })
  })

  it.each([...kinds.slice(0, 3)])('%s left early is neutral and closed', async (_, make) => {
    const { stream, outcome, clock } = open(make())
    for await (const word of stream) {
      expect(word).toBe('a')
      break
    }
    await clock.advance(0)
    expect(outcome()).toEqual(neutral)
  })

  it('leaving early closes the source, once', async () => {
    const feed = new Feed()
    const { stream, outcome } = open(once(feed))
    const reading = stream[Symbol.asyncIterator]()
    const read = reading.next()
    feed.give('a')
    expect(await read).toEqual({ done: false, value: 'a' })
    expect(await reading.return?.('bye')).toEqual({ done: true, value: 'bye' })
    expect(feed.done).toEqual(['next', 'return'])
    expect(outcome()).toEqual(neutral)
    expect(await reading.next()).toEqual({ done: true, value: undefined })
  })

  it('a stream that nobody began to read is closed all the same when it is left', async () => {
    const feed = new Feed()
    const { stream, outcome } = open(feed)
    await stream.return?.()
    expect(feed.done).toContain('return')
    expect(outcome()).toEqual(neutral)
  })

  it('what nobody began to iterate is not begun to be left', async () => {
    const feed = new Feed()
    const { stream, outcome } = open(once(feed))
    await stream[Symbol.asyncIterator]().return?.()
    expect(feed.done).toEqual([])
    expect(outcome()).toEqual(neutral)
  })

  it('a source without a return is left without one', async () => {
    const iterator = { next: async () => ({ done: false, value: 1 }) }
    const { stream, outcome } = open({ [Symbol.asyncIterator]: () => iterator })
    for await (const one of stream) {
      expect(one).toBe(1)
      break
    }
    expect(outcome()).toEqual(neutral)
  })

  it('after its end or its failure the source is not asked again', async () => {
    for (const last of ['end', 'fail'] as const) {
      const feed = new Feed()
      const { stream } = open(once(feed))
      const reading = stream[Symbol.asyncIterator]()
      const read = reading.next().catch(() => {})
      feed[last](new Error('down'))
      await read
      expect(await reading.next()).toEqual({ done: true, value: undefined })
      expect(feed.done).toEqual(['next'])
    }
  })

  it('throwing into it is neutral, and reaches the source', async () => {
    const caught: unknown[] = []
    const source = (async function* () {
      try {
        yield 'a'
        yield 'b'
      } catch (error) {
        caught.push(error)
        throw error
      }
    })()
    const { stream, outcome } = open(source)
    await stream.next()
    const error = new Error('from the reader')
    await expect(stream.throw?.(error)).rejects.toBe(error)
    expect(caught).toEqual([error])
    expect(outcome()).toEqual(neutral)
    const without = open(once(new Feed()))
    await expect(without.stream[Symbol.asyncIterator]().throw?.(error)).rejects.toBe(error)
    expect(without.outcome()).toEqual(neutral)
  })

  it('disposing of a generator is leaving it', async () => {
    const { stream, outcome } = open(words('a', 'b'))
    await stream.next()
    await (stream as unknown as AsyncDisposable)[Symbol.asyncDispose]()
    expect(outcome()).toEqual(neutral)
    expect(await stream.next()).toEqual({ done: true, value: undefined })
  })
})

describe('limits', () => {
  it('nothing before timeoutMs is a failure, and both sides hear of it', async () => {
    const feed = new Feed()
    const { stream, outcome, clock, attempt, causes } = open(once(feed))
    const { signal } = attempt
    const read = watch(stream[Symbol.asyncIterator]().next())
    await clock.advance(999)
    expect(read.state).toBe('pending')
    await clock.advance(1)
    expect(read.state).toBe('rejected')
    expect(read.value).toMatchObject({ limit: 'first-chunk', timeoutMs: 1_000 })
    expect(read.value).toBeInstanceOf(CallTimeoutError)
    expect(signal.reason).toBe(read.value)
    expect(feed.done).toEqual(['next', 'return'])
    expect(causes()).toEqual(['timeout'])
    expect(outcome()).toEqual(failure)
  })

  it('what the promise took is gone from the time to the first content', async () => {
    const feed = new Feed()
    const work = deferred()
    const { stream, clock } = open(work.promise)
    await clock.advance(400)
    work.resolve(once(feed))
    await clock.advance(0)
    const given = (await stream) as unknown as AsyncIterable<unknown>
    await clock.advance(300) // thinking
    const read = watch(given[Symbol.asyncIterator]().next())
    await clock.advance(599)
    expect(read.state).toBe('pending')
    await clock.advance(1)
    expect(read.value).toMatchObject({ limit: 'first-chunk', timeoutMs: 600 })
  })

  it('silence of idleTimeoutMs, 30,000 by default, is a failure after the first content', async () => {
    const feed = new Feed()
    const { stream, outcome, clock } = open(once(feed))
    const reading = stream[Symbol.asyncIterator]()
    const first = reading.next()
    feed.give('a')
    await first
    const second = watch(reading.next())
    await clock.advance(29_999)
    expect(second.state).toBe('pending')
    await clock.advance(1)
    expect(second.value).toMatchObject({ limit: 'idle', timeoutMs: 30_000 })
    expect(outcome()).toEqual(failure)
    expect(await reading.next()).toEqual({ done: true, value: undefined })
  })

  it('both can be set for one call', async () => {
    const feed = new Feed()
    const limits = { firstChunkTimeoutMs: 5_000, idleTimeoutMs: 50 }
    const { stream, clock } = open(once(feed), {}, limits)
    const reading = stream[Symbol.asyncIterator]()
    const first = watch(reading.next())
    await clock.advance(4_999)
    feed.give('a')
    await clock.advance(0)
    expect(first.state).toBe('fulfilled')
    const second = watch(reading.next())
    await clock.advance(50)
    expect(second.value).toMatchObject({ limit: 'idle', timeoutMs: 50 })
  })

  it('each item begins the silence anew', async () => {
    const feed = new Feed()
    const { stream, outcome, clock } = open(once(feed), {}, { idleTimeoutMs: 50 })
    const reading = stream[Symbol.asyncIterator]()
    for (let turn = 0; turn < 20; turn++) {
      const read = reading.next()
      await clock.advance(49)
      feed.give('a')
      expect(await read).toEqual({ done: false, value: 'a' })
    }
    const last = reading.next()
    feed.end()
    expect(await last).toEqual({ done: true, value: undefined })
    expect(outcome()).toEqual(success)
  })

  it("the consumer's own thinking time does not count", async () => {
    const feed = new Feed()
    const { stream, outcome, clock, deadlines } = open(once(feed), {}, { idleTimeoutMs: 50 })
    const reading = stream[Symbol.asyncIterator]()
    const first = reading.next()
    feed.give('a')
    await first
    expect(deadlines.size).toBe(0)
    await clock.advance(86_400_000)
    expect(outcome()).toEqual(untold)
    const second = reading.next()
    feed.give('b')
    expect(await second).toEqual({ done: false, value: 'b' })
  })

  it('a stream that nobody reads is a success after timeoutMs, and frees its slot', async () => {
    for (const source of [once(new Feed()), words('a'), Readable.from(['a'])]) {
      const { outcome, clock, deadlines } = open(source)
      await clock.advance(999)
      expect(outcome()).toEqual(untold)
      await clock.advance(1)
      expect(outcome()).toEqual(success)
      expect(deadlines.size).toBe(0)
    }
  })

  it('read after that, it works and is still watched, and its end leaves no deadline', async () => {
    const feed = new Feed()
    const { stream, outcome, clock, deadlines, attempt } = open(once(feed))
    const { signal } = attempt
    await clock.advance(5_000)
    const reading = stream[Symbol.asyncIterator]()
    const first = reading.next()
    feed.give('a')
    expect(await first).toEqual({ done: false, value: 'a' })
    const last = reading.next()
    feed.end()
    await last
    expect(deadlines.size).toBe(0)
    await clock.advance(60_000)
    expect(signal.aborted).toBe(false)
    expect(feed.done).toEqual(['next', 'next'])
    expect(outcome()).toEqual(success)
    const stalled = open(once(new Feed()))
    await stalled.clock.advance(5_000)
    const read = watch(stalled.stream[Symbol.asyncIterator]().next())
    await stalled.clock.advance(1_000)
    expect(read.state).toBe('rejected')
    expect(stalled.outcome()).toEqual(success)
    expect(stalled.deadlines.size).toBe(0)
  })

  it('read after that, its failure leaves no deadline either', async () => {
    const feed = new Feed()
    const { stream, clock, deadlines } = open(once(feed))
    await clock.advance(5_000)
    const read = watch(stream[Symbol.asyncIterator]().next())
    feed.fail(new Error('late'))
    await clock.advance(0)
    expect(read.state).toBe('rejected')
    expect(deadlines.size).toBe(0)
  })

  it("the budget of the call ends it too, and that is nobody's fault", async () => {
    const { attempt, stream, clock, causes, outcome } = open(once(new Feed()))
    attempt.allowedMs = 300
    await clock.advance(100)
    const read = watch(stream[Symbol.asyncIterator]().next())
    await clock.advance(199)
    expect(read.state).toBe('pending')
    await clock.advance(1)
    expect(read.value).toMatchObject({ limit: 'budget', timeoutMs: 300 })
    expect(causes()).toEqual(['aborted'])
    expect(outcome()).toEqual(neutral)
  })

  it('a budget that ends with the limit of the stream takes nothing from it', async () => {
    const { attempt, stream, clock, causes } = open(once(new Feed()))
    attempt.allowedMs = 1_000
    const read = watch(stream[Symbol.asyncIterator]().next())
    await clock.advance(1_000)
    expect(read.value).toMatchObject({ limit: 'first-chunk' })
    expect(causes()).toEqual(['timeout'])
  })

  it('a second read does not give the first more time', async () => {
    const { stream, clock } = open(once(new Feed()))
    const reading = stream[Symbol.asyncIterator]()
    const read = watch(reading.next())
    await clock.advance(600)
    watch(reading.next())
    await clock.advance(400)
    expect(read.state).toBe('rejected')
  })

  it('the caller aborts what nobody reads yet', async () => {
    const feed = new Feed()
    const { outcome, clock, attempt } = open(once(feed))
    attempt.cancel(new Error('enough'))
    await clock.advance(0)
    expect(feed.done).toEqual([])
    expect(outcome()).toEqual(neutral)
  })

  it('the caller aborts: the reader hears why, the source is closed, nothing is decided', async () => {
    const feed = new Feed()
    const { stream, outcome, clock, attempt } = open(once(feed))
    const read = watch(stream[Symbol.asyncIterator]().next())
    const reason = new Error('enough')
    attempt.cancel(reason)
    await clock.advance(0)
    expect(read).toEqual({ state: 'rejected', value: reason })
    expect(feed.done).toEqual(['next', 'return'])
    expect(outcome()).toEqual(neutral)
  })

  it('the caller aborts a platform stream: it is destroyed', async () => {
    const readable = new Readable({ read() {} })
    const own = open(readable)
    own.attempt.cancel(new Error('enough'))
    await own.clock.advance(0)
    expect(readable.destroyed).toBe(true)
    expect(own.outcome()).toEqual(neutral)
    let cancelled: unknown
    const web = new ReadableStream({
      cancel(reason) {
        cancelled = reason
      },
    })
    const other = open(web)
    other.attempt.cancel('enough')
    await other.clock.advance(0)
    expect(cancelled).toBe('enough')
    expect(other.outcome()).toEqual(neutral)
    const locked = open(new ReadableStream())
    ;(locked.stream as unknown as ReadableStream).getReader()
    locked.attempt.cancel('enough')
    expect(locked.outcome()).toEqual(neutral)
  })

  it('a source that never lets itself be closed keeps its slot for ten time-outs at most', async () => {
    const never = { next: () => new Promise(() => {}), return: () => new Promise(() => {}) }
    const { stream, guard, clock } = open({ [Symbol.asyncIterator]: () => never })
    watch(stream[Symbol.asyncIterator]().next())
    await clock.advance(1_000)
    expect(guard.inFlight).toBe(0)
    expect(guard.slots).toBe(1)
    await clock.advance(9_000)
    expect(guard.slots).toBe(0)
  })
})

describe('hostile sources', () => {
  const iterable = (iterator: object) =>
    ({ [Symbol.asyncIterator]: () => iterator }) as AsyncIterable<unknown>
  const boom = new Error('boom')
  const throwing = () => {
    throw boom
  }

  it('next throws instead of rejecting: a failure at once', async () => {
    const { stream, outcome } = open(iterable({ next: throwing }))
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toBe(boom)
    expect(outcome()).toEqual(failure)
  })

  it('it cannot be iterated: a failure at once', async () => {
    const { stream, outcome } = open({ [Symbol.asyncIterator]: throwing })
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toBe(boom)
    expect(outcome()).toEqual(failure)
  })

  it('return throws at a stall: the reader hears of the stall, other deadlines go on', async () => {
    const iterator = { next: () => new Promise(() => {}), return: throwing }
    const { stream, outcome, clock, call } = open(iterable(iterator))
    const other = watch(call(() => new Promise(() => {})))
    const read = watch(stream[Symbol.asyncIterator]().next())
    await clock.advance(1_000)
    expect(read.value).toMatchObject({ limit: 'first-chunk' })
    expect(other.state).toBe('rejected')
    expect(outcome()).toEqual({ ...failure, failures: 2, slots: 1 })
  })

  it('return rejects when it is left: so does leaving it', async () => {
    const iterator = {
      next: async () => ({ done: false, value: 1 }),
      return: async () => throwing(),
    }
    const { stream, outcome } = open(iterable(iterator))
    const reading = stream[Symbol.asyncIterator]()
    await reading.next()
    await expect(reading.return?.()).rejects.toBe(boom)
    expect(outcome()).toEqual(neutral)
  })

  it('it answers with what is no result', async () => {
    for (const answer of [undefined, null, 7]) {
      const { stream, outcome } = open(iterable({ next: async () => answer }))
      await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow(
        `Iterator result ${answer} is not an object`,
      )
      expect(outcome()).toEqual(failure)
    }
  })

  it('it answers at once instead of promising', async () => {
    let left = 2
    const next = () => ({ done: left-- === 0, value: 'sync' })
    const { stream, outcome } = open(iterable({ next }))
    expect(await collect(stream)).toEqual(['sync', 'sync'])
    expect(outcome()).toEqual(success)
  })

  it('it has no return', async () => {
    const { stream, outcome, clock } = open(iterable({ next: () => new Promise(() => {}) }))
    const read = watch(stream[Symbol.asyncIterator]().next())
    await clock.advance(1_000)
    expect(read.state).toBe('rejected')
    expect(outcome()).toEqual(failure)
  })
})

describe('several reads at once', () => {
  it('each gets its own answer, in whatever order they come', async () => {
    const feed = new Feed()
    const { stream } = open(once(feed))
    const reading = stream[Symbol.asyncIterator]()
    const [first, second] = [reading.next(), reading.next()]
    feed.giveLast('second')
    feed.give('first')
    expect(await first).toEqual({ done: false, value: 'first' })
    expect(await second).toEqual({ done: false, value: 'second' })
  })

  it('silence counts until the last of them is answered', async () => {
    const feed = new Feed()
    const { stream, clock, outcome } = open(once(feed), {}, { idleTimeoutMs: 100 })
    const reading = stream[Symbol.asyncIterator]()
    const reads = [reading.next(), reading.next(), reading.next()].map(watch)
    feed.give('a')
    await clock.advance(99)
    feed.give('b')
    await clock.advance(99)
    expect(reads.map(({ state }) => state)).toEqual(['fulfilled', 'fulfilled', 'pending'])
    await clock.advance(1)
    expect(reads[2]?.value).toMatchObject({ limit: 'idle' })
    expect(outcome()).toEqual(failure)
  })

  it('at a stall the first hears why, and the others that it is over', async () => {
    const { stream, clock } = open(once(new Feed()))
    const reading = stream[Symbol.asyncIterator]()
    const reads = [reading.next(), reading.next()].map(watch)
    await clock.advance(1_000)
    expect(reads[0]?.value).toBeInstanceOf(CallTimeoutError)
    expect(reads[1]).toEqual({ state: 'fulfilled', value: { done: true, value: undefined } })
  })

  it('what the source says after a stall is not heard', async () => {
    const feed = new Feed()
    const { stream, clock, outcome } = open(once(feed))
    const read = watch(stream[Symbol.asyncIterator]().next())
    await clock.advance(1_000)
    feed.give('late')
    await clock.advance(0)
    expect(read.state).toBe('rejected')
    expect(outcome()).toEqual(failure)
    const other = open(once(feed))
    watch(other.stream[Symbol.asyncIterator]().next())
    await other.clock.advance(1_000)
    feed.fail(new Error('late'))
    await other.clock.advance(0)
    expect(other.outcome()).toEqual(failure)
  })

  it('reads behind the end get what the source has for them', async () => {
    const { stream, outcome } = open(words('a'))
    const results = await Promise.all([stream.next(), stream.next(), stream.next()])
    expect(results.map(({ done }) => done)).toEqual([false, true, true])
    expect(outcome()).toEqual(success)
  })
})

describe('it is the same object to its user', () => {
  it('a platform stream is the very same', () => {
    const readable = Readable.from(['a'])
    expect(open(readable).stream).toBe(readable)
    const web = new ReadableStream()
    expect(open(web).stream).toBe(web)
  })

  it('class, members and private fields stay', async () => {
    class Chunks {
      readonly #words = ['a', 'b']
      readonly controller = new AbortController()
      count(): number {
        return this.#words.length
      }
      async *[Symbol.asyncIterator]() {
        yield* this.#words
      }
    }
    const source = new Chunks()
    const stream = open(source).stream as unknown as Chunks
    expect(stream).toBeInstanceOf(Chunks)
    expect(stream.constructor).toBe(Chunks)
    expect(stream.controller).toBe(source.controller)
    expect(stream.count()).toBe(2)
    expect('next' in stream).toBe(false)
    expect((stream as unknown as { next?: unknown }).next).toBeUndefined()
    expect(await collect(stream)).toEqual(['a', 'b'])
  })

  it('what can be read twice can be read twice; the first time is the outcome', async () => {
    const source = { [Symbol.asyncIterator]: () => words('a', 'b') }
    const { stream, outcome } = open(source)
    expect(await collect(stream)).toEqual(['a', 'b'])
    expect(await collect(stream)).toEqual(['a', 'b'])
    expect(outcome()).toEqual(success)
  })

  it('an async generator is its own iterator, and takes what is sent', async () => {
    const sent: unknown[] = []
    const source = (async function* () {
      sent.push(yield 'a')
    })()
    const { stream } = open(source)
    expect(stream[Symbol.asyncIterator]()).toBe(stream)
    await stream.next()
    await (stream as AsyncGenerator).next('hello')
    expect(sent).toEqual(['hello'])
  })

  it('withIterator works without a return or a throw', async () => {
    const bare = { next: async () => ({ done: true as const, value: undefined }) }
    const stream = withIterator(words('a'), bare) as AsyncGenerator
    expect(await stream.return(undefined)).toBeUndefined()
    expect(await stream.throw('x')).toBeUndefined()
    await stream[Symbol.asyncDispose]()
    expect(await collect(stream)).toEqual([])
  })

  it('streams are what has an async iterator', () => {
    expect(isStream(words())).toBe(true)
    expect(isStream(Readable.from([]))).toBe(true)
    for (const value of [undefined, null, 'text', 7, [], {}, { [Symbol.asyncIterator]: 1 }])
      expect(isStream(value)).toBe(false)
  })
})

describe('platform streams', () => {
  it('a Readable that its source breaks off with an error is a failure, whatever its code', async () => {
    const readable = new Readable({ read() {} })
    const { outcome, clock } = open(readable)
    readable.push('a')
    const cut = Object.assign(new Error('Premature close'), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
    readable.destroy(cut)
    await clock.advance(0)
    expect(outcome()).toEqual(failure)
  })

  it('one that its reader destroys is left', async () => {
    const readable = new Readable({ read() {} })
    const { outcome, clock, causes } = open(readable)
    readable.push('a')
    readable.destroy()
    await clock.advance(0)
    expect(causes()).toEqual(['cancelled'])
    expect(outcome()).toEqual(neutral)
  })

  it('of one that stays writable only the readable side counts', async () => {
    const duplex = new Duplex({ read() {}, write: (_, __, done) => done(), allowHalfOpen: true })
    const { outcome, clock } = open(duplex)
    duplex.resume()
    duplex.push(null)
    await clock.advance(0)
    expect(outcome()).toEqual(success)
    expect(duplex.writable).toBe(true)
  })

  it('one that its reader aborts is neutral', async () => {
    const readable = new Readable({ read() {} })
    const { outcome, clock, causes } = open(readable)
    readable.destroy(Object.assign(new Error('stop'), { name: 'AbortError' }))
    await clock.advance(0)
    expect(causes()).toEqual(['cancelled'])
    expect(outcome()).toEqual(neutral)
  })

  it('one that is read when timeoutMs comes goes on to its end', async () => {
    const readable = new Readable({ read() {} })
    const { outcome, clock } = open(readable)
    readable.on('data', () => {})
    readable.push('a')
    await clock.advance(5_000)
    expect(outcome()).toEqual(untold)
    readable.push(null)
    await clock.advance(0)
    expect(outcome()).toEqual(success)
  })

  it.each<[string, (begin: () => unknown) => void]>([
    ['a Readable with a data listener', (go) => void (go() as Readable).on('data', () => {})],
    [
      'a Readable with a readable listener',
      (go) => void (go() as Readable).on('readable', () => {}),
    ],
    ['a Readable in a loop', (go) => void collect(go() as Readable).catch(() => {})],
    ['a web stream with a reader', (go) => void (go() as ReadableStream).getReader().read()],
  ])('%s that says nothing by timeoutMs is waited for: that is no success', async (name, read) => {
    const source = name.includes('web') ? new ReadableStream() : new Readable({ read() {} })
    const { stream, outcome, clock } = open(source)
    read(() => stream)
    await clock.advance(5_000)
    expect(outcome()).toEqual(untold)
  })

  it('of a duplex only the readable side counts', async () => {
    const upper = new Transform({
      transform: (chunk, _, done) => done(null, String(chunk).toUpperCase()),
    })
    const { outcome, clock } = open(upper)
    upper.end('a')
    expect((await collect(upper)).join('')).toBe('A')
    await clock.advance(0)
    expect(outcome()).toEqual(success)
  })

  it('a web stream that is read with a reader', async () => {
    const { stream, outcome, clock } = open(ReadableStream.from(['a']))
    const reader = (stream as unknown as ReadableStream).getReader()
    expect(await reader.read()).toEqual({ done: false, value: 'a' })
    expect(outcome()).toEqual(untold)
    expect((await reader.read()).done).toBe(true)
    await clock.advance(0)
    expect(outcome()).toEqual(success)
  })
})
