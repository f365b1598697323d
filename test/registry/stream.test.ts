import { getEventListeners } from 'node:events'
import { AllProvidersFailedError, NoProviderError, type StreamOptions } from 'switchgear'
import { describe, expect, it } from 'vitest'
import { deferred, httpError, idle, never, scene, watch } from '../resolve/scene.js'

type Source = (signal: AbortSignal) => AsyncIterable<string> | Promise<AsyncIterable<string>>

function streaming(options: Parameters<typeof scene<{ llm: Source }>>[0] = {}) {
  const set = scene<{ llm: Source }>(options)
  const add = (name: string, source: Source, more: object = {}) =>
    set.registry.register({ service: 'llm', name, provider: source, ...more })
  const open = (streamOptions: StreamOptions = {}) =>
    set.registry.stream('llm', {}, (llm, { signal }) => llm(signal), streamOptions)
  return { ...set, add, open }
}

/** Reads everything; what came and how it ended. */
async function collect(stream: AsyncIterable<string>) {
  const items: string[] = []
  try {
    for await (const item of stream) items.push(item)
    return { items }
  } catch (error) {
    return { items, error }
  }
}

const items = (...texts: string[]): Source =>
  async function* () {
    yield* texts
  }
const broken = (error: unknown, ...before: string[]): Source =>
  async function* () {
    yield* before
    throw error
  }

describe('a stream', () => {
  it('begins when it is first read, and succeeds when it ends', async () => {
    const { add, open, calls, registry } = streaming()
    let begun = 0
    add('a', () => {
      begun += 1
      return items('x', 'y')(new AbortController().signal)
    })
    const stream = open()
    expect(begun).toBe(0)
    const iterator = stream[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 'x' })
    expect(calls()).toEqual([])
    expect(registry.get('a')?.inFlight).toBe(1)
    await iterator.next()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(calls()).toEqual(['call.succeeded a'])
    expect(idle(registry as never)).toBe(true)
  })

  it('is read anew each time', async () => {
    const { add, open } = streaming()
    add('a', items('x'))
    const stream = open()
    expect(await collect(stream)).toEqual({ items: ['x'] })
    expect(await collect(stream)).toEqual({ items: ['x'] })
  })

  it('may be empty', async () => {
    const { add, open, calls } = streaming()
    add('a', items())
    expect(await collect(open())).toEqual({ items: [] })
    expect(calls()).toEqual(['call.succeeded a'])
  })

  it('may come by promise', async () => {
    const { add, open } = streaming()
    add('a', async (signal) => items('later')(signal) as AsyncIterable<string>)
    expect(await collect(open())).toEqual({ items: ['later'] })
  })

  it('may be a platform stream', async () => {
    const { add, open, calls, clock } = streaming()
    add('a', () => new Blob(['text']).stream().pipeThrough(new TextDecoderStream()) as never)
    expect(await collect(open())).toEqual({ items: ['text'] })
    await clock.advance(0)
    expect(calls()).toEqual(['call.succeeded a'])
  })

  it('fails when it throws before its first item, and another takes over', async () => {
    const { add, open, calls, told } = streaming()
    add('a', broken(httpError(500)))
    add('b', () => {
      throw httpError(500)
    })
    add('c', items('x', 'y'))
    expect(await collect(open())).toEqual({ items: ['x', 'y'] })
    expect(calls()).toEqual(['call.failed a', 'call.failed b', 'call.succeeded c'])
    expect(told('call.failed-over')).toHaveLength(2)
  })

  it('fails for its reader after its first item: nothing is ever said twice', async () => {
    const { add, open, calls } = streaming()
    const error = httpError(500)
    add('a', broken(error, 'The answer is '))
    add('b', items('The answer is 42.'))
    expect(await collect(open({ afterCommit: 'fail' }))).toEqual({
      items: ['The answer is '],
      error,
    })
    expect(calls()).toEqual(['call.failed a'])
  })

  it('that failed after its first item asks for no further attempt', async () => {
    const { add, open, told, registry } = streaming({ retryBudget: { perSecond: 0.1, ratio: 0 } })
    add('a', broken(httpError(500), 'x'))
    await collect(open({ attempts: 1 }))
    await collect(open())
    expect(told('call.failed').map(({ notRetried }) => notRetried)).toEqual([undefined, undefined])
    registry.unregister('a')
    add('b', broken(httpError(500)))
    add('c', items('c'))
    expect(await collect(open())).toEqual({ items: ['c'] })
  })

  it('reports all attempts when none begins', async () => {
    const { add, open } = streaming()
    for (const name of ['a', 'b']) add(name, broken(httpError(500)))
    const { error } = await collect(open({ attempts: 2 }))
    expect(error).toBeInstanceOf(AllProvidersFailedError)
    expect((error as AllProvidersFailedError).attempts).toHaveLength(2)
  })

  it('goes on with the only provider after its back-off', async () => {
    const { add, open, clock } = streaming()
    let asked = 0
    add('a', async function* () {
      asked += 1
      if (asked === 1) throw httpError(503)
      yield 'second'
    })
    const seen = watch(collect(open()))
    await clock.advance(200)
    expect(seen.value).toEqual({ items: ['second'] })
  })

  it('without a provider fails for its reader', async () => {
    const { open } = streaming()
    expect((await collect(open())).error).toBeInstanceOf(NoProviderError)
  })

  it('of something that is none says so', async () => {
    const { add, open, registry } = streaming()
    add('a', (async () => 42) as never)
    expect((await collect(open())).error).toBeInstanceOf(TypeError)
    expect(idle(registry as never)).toBe(true)
  })
})

describe('leaving a stream early', () => {
  it('is neutral and closes the source', async () => {
    const { add, open, registry, calls } = streaming()
    let closed = 0
    add('a', async function* () {
      try {
        yield 'x'
        yield 'y'
      } finally {
        closed += 1
      }
    })
    for await (const _ of open()) break
    expect(closed).toBe(1)
    expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, failures: 0, successes: 0 })
    expect(calls()).toEqual(['call.failed a'])
    expect(idle(registry as never)).toBe(true)
  })

  it('by an error of the reader is neutral too, and the error is the reader’s', async () => {
    const { add, open, registry } = streaming()
    add('a', items('x', 'y'))
    const mine = new Error('mine')
    await expect(
      (async () => {
        for await (const _ of open()) throw mine
      })(),
    ).rejects.toBe(mine)
    expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, failures: 0 })
  })

  it('by its signal, before the first item', async () => {
    const { add, open, registry, clock } = streaming()
    let aborted = false
    add('a', (signal) => {
      signal.addEventListener('abort', () => {
        aborted = true
      })
      return { [Symbol.asyncIterator]: () => ({ next: () => never }) }
    })
    add('b', items('never asked'))
    const stop = new AbortController()
    const seen = watch(collect(open({ signal: stop.signal })))
    await clock.advance(10)
    const reason = new Error('enough')
    stop.abort(reason)
    await clock.advance(0)
    expect(seen.value).toEqual({ items: [], error: reason })
    expect(aborted).toBe(true)
    expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, failures: 0 })
    expect(registry.circuit('b').stats.calls).toBe(0)
  })

  it('by its signal, in the middle, whether it came by promise or not', async () => {
    for (const promised of [true, false]) {
      const { add, open, registry, clock } = streaming()
      const more = deferred()
      const source = async function* () {
        yield 'x'
        await more.promise
        yield 'y'
      }
      add('a', promised ? async () => source() : source)
      const stop = new AbortController()
      const seen = watch(collect(open({ signal: stop.signal })))
      await clock.advance(10)
      stop.abort('enough')
      await clock.advance(0)
      expect(seen.value).toEqual({ items: ['x'], error: 'enough' })
      expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, failures: 0 })
      more.resolve()
      await clock.advance(0)
      expect(idle(registry as never)).toBe(true)
    }
  })
})

describe('what listens to the signal of a stream', () => {
  it.each([
    ['ended', items('x')],
    ['broke', broken(httpError(500), 'x')],
    ['was refused', broken(httpError(400))],
    ['was left', items('x', 'y')],
  ] as const)('is gone when it %s', async (how, source) => {
    const { add, open } = streaming()
    add('a', source)
    const { signal } = new AbortController()
    const stream = open({ signal })
    if (how === 'was left') for await (const _ of stream) break
    else await collect(stream)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('silence', () => {
  const stuck =
    (...before: string[]): Source =>
    () => {
      let at = 0
      return {
        [Symbol.asyncIterator]: () => ({
          next: () =>
            at < before.length
              ? Promise.resolve({ done: false, value: before[at++] as string })
              : never,
        }),
      }
    }

  it('before the first item is a failure after firstChunkTimeoutMs, and another takes over', async () => {
    const { add, open, clock, registry, told } = streaming()
    add('a', stuck())
    add('b', items('b'))
    const seen = watch(collect(open({ firstChunkTimeoutMs: 400 })))
    await clock.advance(399)
    expect(seen.state).toBe('pending')
    await clock.advance(1)
    expect(seen.value).toEqual({ items: ['b'] })
    expect(told('call.failed')).toMatchObject([{ cause: 'timeout', provider: 'a' }])
    expect(registry.circuit('a').stats.timeouts).toBe(1)
  })

  it('before the first item is a failure after the timeoutMs of the circuit by default', async () => {
    const { add, open, clock } = streaming({ circuit: { timeoutMs: 300 } })
    add('a', stuck())
    add('b', items('b'))
    const seen = watch(collect(open()))
    await clock.advance(299)
    expect(seen.state).toBe('pending')
    await clock.advance(1)
    expect(seen.value).toEqual({ items: ['b'] })
  })

  it('before the first item ends with the time of the call at the latest', async () => {
    const { add, open, clock } = streaming()
    add('a', stuck())
    const seen = watch(collect(open({ timeoutMs: 250 })))
    await clock.advance(250)
    expect(seen.value?.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT' })
  })

  it('between items is a failure after idleTimeoutMs, for the reader', async () => {
    const { add, open, clock, told } = streaming()
    add('a', stuck('x'))
    add('b', items('b'))
    const seen = watch(collect(open({ idleTimeoutMs: 500 })))
    await clock.advance(499)
    expect(seen.state).toBe('pending')
    await clock.advance(1)
    expect(seen.value).toMatchObject({ items: ['x'], error: { limit: 'idle' } })
    expect(told('call.failed')).toMatchObject([{ cause: 'timeout', provider: 'a' }])
  })

  it('between items is a failure after 30 s by default', async () => {
    const { add, open, clock } = streaming({ circuit: { timeoutMs: 1_000 } })
    add('a', stuck('x'))
    const seen = watch(collect(open()))
    await clock.advance(29_999)
    expect(seen.state).toBe('pending')
    await clock.advance(1)
    expect(seen.value?.items).toEqual(['x'])
  })

  it('of the reader is no silence: it may think as long as it likes', async () => {
    const { add, open, clock, calls } = streaming({ circuit: { timeoutMs: 100 } })
    add('a', items('x', 'y'))
    const iterator = open({ idleTimeoutMs: 50 })[Symbol.asyncIterator]()
    await iterator.next()
    await clock.advance(1_000_000)
    expect(await iterator.next()).toEqual({ done: false, value: 'y' })
    await clock.advance(1_000_000)
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(calls()).toEqual(['call.succeeded a'])
  })
})

describe('reading by hand', () => {
  it('asks ahead: every read gets its own answer', async () => {
    const { add, open } = streaming()
    add('a', items('x', 'y'))
    const iterator = open()[Symbol.asyncIterator]()
    const reads = await Promise.all([iterator.next(), iterator.next(), iterator.next()])
    expect(reads.map(({ value }) => value)).toEqual(['x', 'y', undefined])
  })

  it('of a client’s stream, asking ahead, survives a fail-over', async () => {
    const { add, registry } = streaming()
    add('a', broken(httpError(500)))
    add('b', items('x', 'y'))
    const client = registry.client('llm') as unknown as () => AsyncIterableIterator<string>
    const iterator = client()[Symbol.asyncIterator]()
    expect((await iterator.next()).value).toBe('x')
    const rest = await Promise.all([iterator.next(), iterator.next()])
    expect(rest.map(({ value }) => value)).toEqual(['y', undefined])
  })

  it('return before the first read never begins', async () => {
    const { add, open } = streaming()
    let begun = 0
    add('a', () => {
      begun += 1
      return items('x')(new AbortController().signal)
    })
    const iterator = open()[Symbol.asyncIterator]()
    expect(await iterator.return?.('left')).toEqual({ done: true, value: 'left' })
    expect(begun).toBe(0)
  })
})

describe('an iterable that nobody reads', () => {
  it('is a success after the timeoutMs, and gives its slot back', async () => {
    const { add, registry, clock, calls } = streaming({ circuit: { timeoutMs: 100 } })
    add('a', items('x'), { concurrency: 1 })
    const guarded = await registry.requireService('llm')
    const stream = await guarded(new AbortController().signal)
    expect(registry.resolve('llm')).toBeUndefined()
    await clock.advance(100)
    expect(calls()).toEqual(['call.succeeded a'])
    expect(registry.resolve('llm')?.provider).toBe('a')
    expect(await collect(stream)).toEqual({ items: ['x'] })
    expect(calls()).toEqual(['call.succeeded a'])
    expect(idle(registry as never)).toBe(true)
  })
})
