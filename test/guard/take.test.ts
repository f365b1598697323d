import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { openStream, take } from '../../src/guard/take.js'
import { isThenable, lazyThenable } from '../../src/guard/thenable.js'
import { deferred, facts, type RigOptions, rig, watch } from './rig.js'

/** Begins its work at once, and parses only when asked, as the `openai` client's promises do. */
class LazyAnswer<T> extends Promise<T> {
  static parsed = 0
  readonly #work: Promise<T>

  constructor(work: Promise<T>) {
    super((resolve) => resolve(null as T))
    this.#work = work
  }

  readonly id = 'request-1'

  // biome-ignore lint/suspicious/noThenProperty: that is what it is about
  override then<A = T, B = never>(
    yes?: ((value: T) => A | PromiseLike<A>) | null,
    no?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    LazyAnswer.parsed += 1
    return this.#work.then(yes, no)
  }

  async withResponse(): Promise<{ data: T; status: number }> {
    return { data: await this.#work, status: 200 }
  }

  abort(): string {
    return 'aborted'
  }

  broken(): never {
    throw new Error('broken')
  }
}

/** Rejected before anybody could listen, without Node minding. */
function rejected(error: unknown): Promise<never> {
  const promise = Promise.reject(error)
  promise.catch(() => {})
  return promise
}

function run(work: () => unknown, options: RigOptions = {}) {
  const own = rig({ circuit: { timeoutMs: 1_000 }, ...options })
  const attempt = own.guard.begin(facts, [], own.clock.now())
  const result = take(attempt, work)
  const outcome = () => {
    const { successes, failures, neutral } = own.guard.stats()
    return { successes, failures, neutral, slots: own.guard.slots }
  }
  return { ...own, attempt, result, outcome }
}

const untold = { successes: 0, failures: 0, neutral: 0, slots: 1 }
const success = { ...untold, successes: 1, slots: 0 }
const failure = { ...untold, failures: 1, slots: 0 }
const neutral = { ...untold, neutral: 1, slots: 0 }

describe('what the work gives is what comes back', () => {
  it.each([undefined, null, 0, '', false, 'text', Symbol.iterator, 7n])(
    'a plain value stays one, at once: %o',
    (value) => {
      const { result, outcome } = run(() => value)
      expect(result).toBe(value)
      expect(outcome()).toEqual(success)
    },
  )

  it('objects are the very same', () => {
    for (const value of [{ a: 1 }, [1], new Map(), () => 1, new Date(), { data: 'no stream' }])
      expect(run(() => value).result).toBe(value)
  })

  it('a sync throw stays one', () => {
    const error = new Error('down')
    const own = rig()
    const attempt = own.guard.begin(facts, [], 0)
    expect(() =>
      take(attempt, () => {
        throw error
      }),
    ).toThrow(error)
    expect(own.guard.stats()).toMatchObject({ failures: 1 })
    expect(own.guard.slots).toBe(0)
  })

  it('a promise is followed, with whatever it gives', async () => {
    for (const value of [undefined, null, 'x']) {
      const { result, outcome } = run(() => Promise.resolve(value))
      expect(outcome()).toEqual(untold)
      expect(await result).toBe(value)
      expect(outcome()).toEqual(success)
    }
    const { result, outcome } = run(() => Promise.reject(new Error('down')))
    await expect(result).rejects.toThrow('down')
    expect(outcome()).toEqual(failure)
  })

  it('a promise that nobody awaits has its outcome all the same', async () => {
    const { outcome, clock } = run(() => Promise.resolve('unread'))
    await clock.advance(0)
    expect(outcome()).toEqual(success)
  })
})

describe('values that do not let themselves be looked at', () => {
  const boom = () => {
    throw new Error('not for you')
  }

  it('are handed on: the call went well', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const value of [
      Object.defineProperty({}, 'then', { get: boom }),
      Object.defineProperty({}, Symbol.asyncIterator, { get: boom }),
      Object.defineProperty({}, 'data', { get: boom, enumerable: true }),
      proxy,
    ]) {
      const { result, outcome } = run(() => value)
      expect(result).toBe(value)
      expect(outcome()).toEqual(success)
    }
  })

  it('also when a promise gave them', async () => {
    const value = Object.defineProperty({}, 'data', { get: boom, enumerable: true })
    const { result, outcome } = run(() => Promise.resolve(value))
    expect(await result).toBe(value)
    expect(outcome()).toEqual(success)
  })

  it('thenables whose then throws', async () => {
    // biome-ignore lint/suspicious/noThenProperty: that is what it is about
    const { result, outcome } = run(() => ({ then: boom }))
    await expect(result).rejects.toThrow('not for you')
    expect(outcome()).toEqual(failure)
  })

  it('thenables that answer twice', async () => {
    const { result, outcome } = run(() => ({
      // biome-ignore lint/suspicious/noThenProperty: that is what it is about
      then(yes: (value: unknown) => void, no: (error: unknown) => void) {
        yes('first')
        yes('second')
        no(new Error('third'))
      },
    }))
    expect(await result).toBe('first')
    expect(outcome()).toEqual(success)
  })
})

describe('lazy promises', () => {
  it('are not touched until somebody asks', async () => {
    LazyAnswer.parsed = 0
    const { result, outcome, clock } = run(() => new LazyAnswer(Promise.resolve('fine')))
    await clock.advance(500)
    expect(LazyAnswer.parsed).toBe(0)
    expect(outcome()).toEqual(untold)
    expect(await result).toBe('fine')
    expect(outcome()).toEqual(success)
  })

  it('awaited twice, parse once', async () => {
    LazyAnswer.parsed = 0
    const { result } = run(() => new LazyAnswer(Promise.resolve('fine')))
    expect(await Promise.all([result, result])).toEqual(['fine', 'fine'])
    expect(LazyAnswer.parsed).toBe(1)
  })

  it('what is asked first is the outcome', async () => {
    const { result, outcome, told } = run(() => new LazyAnswer(Promise.resolve('fine')))
    const answer = result as LazyAnswer<string>
    expect(await answer.withResponse()).toEqual({ data: 'fine', status: 200 })
    expect(outcome()).toEqual(success)
    expect(await answer).toBe('fine')
    expect(told).toHaveLength(1)
  })

  it('fail through whatever was asked', async () => {
    const error = new Error('down')
    const { result, outcome } = run(() => new LazyAnswer(rejected(error)))
    await expect((result as LazyAnswer<string>).withResponse()).rejects.toBe(error)
    expect(outcome()).toEqual(failure)
    await expect(result).rejects.toBe(error)
    const caught = run(() => new LazyAnswer(rejected(error)))
    expect(await (caught.result as Promise<unknown>).catch((seen) => seen)).toBe(error)
    expect(caught.outcome()).toEqual(failure)
    const last: string[] = []
    const ended = run(() => new LazyAnswer(Promise.resolve('fine')))
    await (ended.result as Promise<unknown>).finally(() => void last.push('last'))
    expect(last).toEqual(['last'])
    expect(ended.outcome()).toEqual(success)
  })

  it('time out from the beginning of the call', async () => {
    const { result, clock, causes } = run(() => new LazyAnswer(new Promise(() => {})))
    await clock.advance(400)
    const answer = watch(result)
    await clock.advance(599)
    expect(answer.state).toBe('pending')
    await clock.advance(1)
    expect(answer.state).toBe('rejected')
    expect(causes()).toEqual(['timeout'])
  })

  it('that nobody asks are dropped after timeoutMs: neutral, and the slot is free', async () => {
    const { outcome, clock, causes, deadlines } = run(() => new LazyAnswer(Promise.resolve(1)))
    await clock.advance(1_000)
    expect(outcome()).toEqual(neutral)
    expect(causes()).toEqual(['cancelled'])
    expect(deadlines.size).toBe(0)
  })

  it('asked after that, still give what they have', async () => {
    const { result, clock, outcome, deadlines } = run(() => new LazyAnswer(Promise.resolve('here')))
    await clock.advance(40_000)
    const answer = watch(result)
    await clock.advance(0)
    expect(answer).toEqual({ state: 'fulfilled', value: 'here' })
    expect(deadlines.size).toBe(0)
    expect(outcome()).toEqual(neutral)
    const failed = run(() => new LazyAnswer(rejected(new Error('down'))))
    await failed.clock.advance(40_000)
    await expect(failed.result).rejects.toThrow('down')
  })

  it('asked after their caller gave up, say why', async () => {
    const reason = new Error('enough')
    const { result, attempt, clock, guard } = run(() => new LazyAnswer(Promise.resolve('here')))
    attempt.cancel(reason)
    await expect(result).rejects.toBe(reason)
    await clock.advance(0)
    expect(guard.slots).toBe(0)
  })

  it('keep their class, their fields and their other methods', () => {
    const { result, outcome } = run(() => new LazyAnswer(Promise.resolve('fine')))
    const answer = result as LazyAnswer<string>
    expect(answer).toBeInstanceOf(LazyAnswer)
    expect(answer).toBeInstanceOf(Promise)
    expect(answer.constructor).toBe(LazyAnswer)
    expect(answer.id).toBe('request-1')
    expect(answer.abort()).toBe('aborted')
    expect(() => answer.broken()).toThrow('broken')
    expect(outcome()).toEqual(untold)
  })

  it('give streams that are watched', async () => {
    const words = async function* () {
      yield 'a'
    }
    const { result, outcome } = run(() => new LazyAnswer(Promise.resolve(words())))
    const stream = (await result) as AsyncIterable<string>
    expect(outcome()).toEqual(untold)
    for await (const word of stream) expect(word).toBe('a')
    expect(outcome()).toEqual(success)
  })

  it('of the official openai client: awaited, withResponse, asResponse', async () => {
    const body = { id: 'c', object: 'chat.completion', choices: [] }
    const fetch = async () =>
      new Response(JSON.stringify(body), { headers: { 'content-type': 'application/json' } })
    const client = new OpenAI({ apiKey: 'k', baseURL: 'http://llm.test/v1', fetch, maxRetries: 0 })
    const ask = () => client.chat.completions.create({ model: 'm', messages: [] })
    const plain = run(ask)
    expect(await plain.result).toEqual(body)
    expect(plain.outcome()).toEqual(success)
    const both = run(ask)
    const { data, response } = await (both.result as ReturnType<typeof ask>).withResponse()
    expect(data).toEqual(body)
    expect(response.status).toBe(200)
    expect(both.outcome()).toEqual(success)
    const raw = run(ask)
    expect((await (raw.result as ReturnType<typeof ask>).asResponse()).status).toBe(200)
    expect(raw.outcome()).toEqual(success)
  })
})

describe('lazyThenable without anything behind it yet', () => {
  it('takes every name for a method, but those of all objects and symbols', async () => {
    const asked: string[] = []
    const answer = { withResponse: async () => 'response', plain: 7 }
    const lazy = lazyThenable(undefined, async (ask) => {
      asked.push('asked')
      return ask(answer as never)
    }) as unknown as Record<PropertyKey, unknown> & PromiseLike<unknown>
    expect(lazy).toBeInstanceOf(Promise)
    expect(lazy[Symbol.toStringTag]).toBeUndefined()
    expect(lazy.toString).toBeUndefined()
    expect(asked).toEqual([])
    const ask = lazy.withResponse as () => Promise<unknown>
    expect(await ask()).toBe('response')
    const missing = lazy.plain as () => Promise<unknown>
    await expect(missing()).rejects.toThrow('plain is not a function')
    expect(await lazy).toBe(answer)
    expect(asked).toHaveLength(3)
  })
})

describe('lazyThenable', () => {
  it('a method that returns its receiver returns the stand-in, for it was not asked yet', async () => {
    const query = {
      where(): unknown {
        return query
      },
      // biome-ignore lint/suspicious/noThenProperty: that is what it is about
      then: (yes: (value: unknown) => void) => yes('rows'),
    }
    let driven = 0
    const lazy = lazyThenable(query as never, (ask) => {
      driven += 1
      return ask(query as never)
    }) as unknown as typeof query
    expect(lazy.where()).toBe(lazy)
    expect((lazy.where() as typeof query).where()).toBe(lazy)
    expect(await lazy).toBe('rows')
    expect(driven).toBe(4)
  })

  it('can be read as the stream that it may turn out to be', () => {
    const iterator = { next: async () => ({ done: true as const, value: undefined }) }
    const drive = () => Promise.resolve()
    const lazy = lazyThenable(undefined, drive, () => iterator)
    expect((lazy as never as AsyncIterable<unknown>)[Symbol.asyncIterator]()).toBe(iterator)
    expect(Symbol.asyncIterator in lazyThenable(undefined, drive)).toBe(false)
    const plain = lazyThenable(undefined, drive) as never as Partial<AsyncIterable<unknown>>
    expect(plain[Symbol.asyncIterator]).toBeUndefined()
  })
})

it('knows a thenable', () => {
  const then = () => {}
  for (const value of [Promise.resolve(), { then }, Object.assign(() => {}, { then })])
    expect(isThenable(value)).toBe(true)
  // biome-ignore lint/suspicious/noThenProperty: that is what it is about
  for (const value of [undefined, null, 1, 'x', {}, { then: 1 }, () => {}])
    expect(isThenable(value)).toBe(false)
})

it('finds a stream only in a plain object that names it data', async () => {
  const words = async function* () {
    yield 'a'
  }
  class Answer {
    data = words()
  }
  const { attempt } = run(() => new Promise(() => {}))
  const instance = new Answer()
  expect(openStream(attempt, instance)).toBe(instance)
  const other = { body: words() }
  expect(openStream(attempt, other)).toBe(other)
  const found = { data: words(), extra: 1 }
  const opened = openStream(attempt, found) as typeof found
  expect(opened).not.toBe(found)
  expect(opened.extra).toBe(1)
  expect(found.data).not.toBe(opened.data)
})

it('a promise of another kind is asked when its user asks', async () => {
  const work = deferred<string>()
  class Other<T> extends Promise<T> {}
  const { result, outcome } = run(() => Other.resolve(work.promise))
  work.resolve('fine')
  expect(await result).toBe('fine')
  expect(outcome()).toEqual(success)
})
