import { currentCall } from 'switchgear'
import { describe, expect, it } from 'vitest'
import { deferred, httpError, never, scene, watch } from './scene.js'

describe('the current call', () => {
  it('is known to everything the function runs, and to nothing else', async () => {
    const { registry, clock } = scene<{ llm: object }>()
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      metadata: { region: 'eu' },
      models: ['m'],
    })
    expect(currentCall()).toBeUndefined()
    const deep = async () => {
      await clock.sleep(5)
      return currentCall()
    }
    const call = registry.call(
      'llm',
      {},
      async (_, context) => {
        const before = currentCall()
        const later = await deep()
        return { before, later, context }
      },
      { timeoutMs: 100 },
    )
    expect(currentCall()).toBeUndefined()
    const seen = watch(call)
    await clock.advance(5)
    const { before, later, context } = seen.value as Awaited<typeof call>
    expect(before).toBe(context)
    expect(later).toBe(context)
    expect(context).toMatchObject({ provider: 'a', attempt: 1, deadline: 1_100, models: ['m'] })
    expect(context.metadata).toEqual({ region: 'eu' })
    expect(context.signal.aborted).toBe(false)
    expect(currentCall()).toBeUndefined()
  })

  it('has no deadline unless somebody set one', async () => {
    const { registry } = scene<{ llm: object }>()
    registry.register({ service: 'llm', provider: {} })
    const deadline = await registry.call('llm', {}, (_, context) => context.deadline)
    expect(deadline).toBe(Number.POSITIVE_INFINITY)
  })

  it('is there for clients and streams, and not for guarded instances or leases', async () => {
    interface Probe {
      now(): string | undefined
      later(): Promise<string | undefined>
      stream(): AsyncIterable<string | undefined>
    }
    const { registry } = scene<{ llm: Probe }>()
    const provider: Probe = {
      now: () => currentCall()?.provider,
      async later() {
        await Promise.resolve()
        return currentCall()?.provider
      },
      async *stream() {
        yield currentCall()?.provider
        await Promise.resolve()
        yield currentCall()?.provider
      },
    }
    registry.register({ service: 'llm', name: 'a', provider })
    const client = registry.client('llm')
    expect(client.now()).toBe('a')
    expect(await client.later()).toBe('a')
    for await (const item of client.stream()) expect(item).toBe('a')
    const stream = registry.stream('llm', {}, (llm) => llm.stream())
    for await (const item of stream) expect(item).toBe('a')
    const guarded = await registry.requireService('llm')
    expect(guarded.now()).toBeUndefined()
    expect(await guarded.later()).toBeUndefined()
    expect(registry.resolve('llm')?.run((llm) => llm.now())).toBeUndefined()
  })

  it('is each its own, side by side', async () => {
    const { registry, clock } = scene<{ llm: object }>()
    for (const name of ['a', 'b'])
      registry.register({ service: 'llm', name, provider: {}, strategy: 'round-robin' })
    const names = Promise.all(
      Array.from({ length: 6 }, (_, call) =>
        registry.call('llm', {}, async (_llm, { provider }) => {
          await clock.sleep(6 - call)
          return [provider, currentCall()?.provider]
        }),
      ),
    )
    const seen = watch(names)
    await clock.advance(10)
    for (const [given, current] of seen.value ?? []) expect(current).toBe(given)
    expect(seen.value).toHaveLength(6)
  })
})

describe('nested calls', () => {
  /** Three services, each of which calls the next; the last one fails. */
  const nested = () => {
    type Layer = () => Promise<unknown>
    const set = scene<{ top: Layer; middle: Layer; bottom: Layer }>({
      circuit: { failureThreshold: 1_000 },
      services: {
        top: { idempotent: true },
        middle: { idempotent: true },
        bottom: { idempotent: true },
      },
    })
    const { registry } = set
    const asked = { top: 0, middle: 0, bottom: 0 }
    const below = { top: 'middle', middle: 'bottom' } as const
    for (const service of ['top', 'middle', 'bottom'] as const)
      for (const name of ['a', 'b', 'c', 'd'])
        registry.register({
          service,
          name: `${service}-${name}`,
          provider: async () => {
            asked[service] += 1
            if (service === 'bottom') throw httpError(500)
            return registry.call(below[service], {}, (next) => next())
          },
        })
    return { ...set, asked }
  }

  it('share one budget: three layers, everything failing, three attempts in all', async () => {
    const { registry, asked, clock } = nested()
    const seen = watch(registry.call('top', {}, (top) => top(), { attempts: 3 }))
    await clock.advance(60_000)
    expect(seen.state).toBe('rejected')
    expect(asked.bottom).toBe(3)
    expect(asked.top + asked.middle).toBeLessThanOrEqual(6)
  })

  it.each([1, 2, 5])('with %d attempts at the top ask the bottom as often', async (attempts) => {
    const { registry, asked, clock } = nested()
    const seen = watch(registry.call('top', {}, (top) => top(), { attempts }))
    await clock.advance(60_000)
    expect(seen.state).toBe('rejected')
    expect(asked.bottom).toBe(attempts)
  })

  it('always get their first attempt', async () => {
    const { registry } = scene<{ llm: () => Promise<string> }>()
    registry.register({ service: 'llm', provider: async () => 'fine' })
    const answer = await registry.call(
      'llm',
      {},
      async () => [
        await registry.call('llm', {}, (llm) => llm()),
        await registry.client('llm')(),
        await registry.call('llm', {}, (llm) => llm()),
      ],
      { attempts: 1 },
    )
    expect(answer).toEqual(['fine', 'fine', 'fine'])
  })

  it('inherit the deadline, and cannot push it out', async () => {
    const { registry, clock } = scene<{ llm: () => Promise<string> }>()
    registry.register({ service: 'llm', name: 'a', provider: () => never })
    let inner: ReturnType<typeof watch> | undefined
    const outer = watch(
      registry.call(
        'llm',
        {},
        async () => {
          const call = registry.call('llm', {}, (llm) => llm(), { timeoutMs: 10_000 })
          inner = watch(call)
          return call
        },
        { timeoutMs: 300, attempts: 1 },
      ),
    )
    await clock.advance(299)
    expect([outer.state, inner?.state]).toEqual(['pending', 'pending'])
    await clock.advance(1)
    expect([outer.state, inner?.state]).toEqual(['rejected', 'rejected'])
    expect(inner?.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT' })
  })

  it('running out of the time of an outer call says nothing about their provider', async () => {
    const { registry, clock } = scene<{ outer: object; inner: () => Promise<string> }>()
    registry.register({ service: 'outer', provider: {} })
    registry.register({ service: 'inner', name: 'a', provider: () => never })
    const seen = watch(
      registry.call('outer', {}, () => registry.call('inner', {}, (fn) => fn()), {
        timeoutMs: 100,
      }),
    )
    await clock.advance(100)
    expect(seen.state).toBe('rejected')
    expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, failures: 0 })
  })

  it('inherit the signal: of the caller', async () => {
    const { registry, clock, told } = scene<{ llm: () => Promise<string> }>()
    registry.register({ service: 'llm', name: 'a', provider: () => never })
    const stop = new AbortController()
    const own = new AbortController()
    const seen = watch(
      registry.call(
        'llm',
        {},
        () => registry.call('llm', {}, (llm) => llm(), { signal: own.signal }),
        { signal: stop.signal },
      ),
    )
    await clock.advance(0)
    stop.abort('stop')
    await clock.advance(0)
    expect(seen.error).toBe('stop')
    expect(told('call.failed').map(({ cause }) => cause)).toEqual(['aborted', 'aborted'])
  })

  it('inherit the signal: of an attempt that timed out, so that nothing goes on behind it', async () => {
    const { registry, clock } = scene<{ outer: object; inner: () => Promise<string> }>({
      circuit: { timeoutMs: 100 },
    })
    registry.register({ service: 'outer', provider: {}, name: 'outer' })
    let asked = 0
    registry.register({
      service: 'inner',
      name: 'inner',
      circuit: { timeoutMs: 10_000 },
      provider: () => {
        asked += 1
        return never
      },
    })
    let inner: ReturnType<typeof watch> | undefined
    const seen = watch(
      registry.call('outer', {}, () => {
        const call = registry.call('inner', {}, (fn) => fn(), { idempotent: true })
        inner = watch(call)
        return call
      }),
    )
    await clock.advance(100)
    expect(seen.state).toBe('rejected')
    expect(inner?.state).toBe('rejected')
    await clock.advance(60_000)
    expect(asked).toBe(1)
    expect(registry.circuit('inner').stats).toMatchObject({ failures: 0, neutral: 1 })
  })

  it('in the background of a call that succeeded are on their own', async () => {
    const { registry, clock } = scene<{ llm: () => Promise<string> }>()
    registry.register({ service: 'llm', name: 'a', provider: async () => 'fine' })
    const goOn = deferred()
    let background: Promise<string> | undefined
    await registry.call(
      'llm',
      {},
      () => {
        background = goOn.promise.then(() => registry.call('llm', {}, (llm) => llm()))
        return 'answered'
      },
      { timeoutMs: 10 },
    )
    await clock.advance(1_000)
    goOn.resolve()
    expect(await background).toBe('fine')
  })

  it('begun after the time of the outer call is over do not begin', async () => {
    const { registry, clock } = scene<{ llm: () => Promise<string> }>()
    let asked = 0
    registry.register({
      service: 'llm',
      name: 'a',
      provider: async () => {
        asked += 1
        return 'fine'
      },
    })
    const goOn = deferred()
    let late: ReturnType<typeof watch> | undefined
    const outer = watch(
      registry.call(
        'llm',
        {},
        async () => {
          await goOn.promise
          late = watch(registry.call('llm', {}, (llm) => llm()))
        },
        { timeoutMs: 10 },
      ),
    )
    await clock.advance(20)
    expect(outer.state).toBe('rejected')
    goOn.resolve()
    await clock.advance(0)
    expect(late?.state).toBe('rejected')
    expect(asked).toBe(0)
  })

  it('of a stream keep to its time as well', async () => {
    const { registry, clock } = scene<{ llm: object; tool: () => Promise<string> }>()
    registry.register({ service: 'llm', provider: {} })
    let asked = 0
    registry.register({
      service: 'tool',
      provider: async () => {
        asked += 1
        return 'done'
      },
    })
    const stream = registry.stream(
      'llm',
      {},
      async function* () {
        yield await registry.call('tool', {}, (tool) => tool())
        yield await registry.call('tool', {}, (tool) => tool())
      },
      { timeoutMs: 100 },
    )
    const iterator = stream[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: false, value: 'done' })
    await clock.advance(100)
    await expect(iterator.next()).rejects.toMatchObject({ limit: 'budget' })
    expect(asked).toBe(1)
  })

  it('of a stream count to the call of the stream', async () => {
    const { registry } = scene<{ llm: object; tool: () => Promise<string> }>({
      services: { tool: { idempotent: true } },
    })
    registry.register({ service: 'llm', provider: {} })
    let asked = 0
    for (const name of ['x', 'y', 'z'])
      registry.register({
        service: 'tool',
        name,
        provider: async () => {
          asked += 1
          throw httpError(500)
        },
      })
    const stream = registry.stream(
      'llm',
      {},
      async function* () {
        yield 'thinking'
        yield await registry.call('tool', {}, (tool) => tool())
      },
      { attempts: 2 },
    )
    const items: unknown[] = []
    await expect(
      (async () => {
        for await (const item of stream) items.push(item)
      })(),
    ).rejects.toThrow()
    expect(items).toEqual(['thinking'])
    expect(asked).toBe(2)
  })
})
