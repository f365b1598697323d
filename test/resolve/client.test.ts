import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { AllProvidersFailedError, NoProviderError } from 'switchgear'
import { FakeProvider } from 'switchgear/testing'
import { describe, expect, it } from 'vitest'
import { deferred, httpError, idle, never, scene, watch } from './scene.js'

interface Llm {
  chat(text: string): Promise<string>
}

const answering = (name: string): Llm => ({ chat: async (text) => `${name}: ${text}` })
const failing = (error: unknown): Llm => ({
  chat: async () => {
    throw error
  },
})

describe('a client', () => {
  it('finds a provider anew at each call', async () => {
    const { registry } = scene<{ llm: Llm }>()
    for (const name of ['a', 'b'])
      registry.register({
        service: 'llm',
        name,
        provider: answering(name),
        strategy: 'round-robin',
      })
    const client = registry.client('llm')
    const answers = [await client.chat('1'), await client.chat('2'), await client.chat('3')]
    expect(answers).toEqual(['a: 1', 'b: 2', 'a: 3'])
  })

  it('fails over, in order, and tells it', async () => {
    const { registry, events, calls } = scene<{ llm: Llm }>()
    registry.register({ service: 'llm', name: 'a', provider: failing(httpError(500)) })
    registry.register({ service: 'llm', name: 'b', provider: answering('b') })
    expect(await registry.client('llm').chat('hi')).toBe('b: hi')
    expect(calls()).toEqual(['call.failed a', 'call.succeeded b'])
    expect(events.find(({ type }) => type === 'call.failed-over')).toMatchObject({
      provider: 'a',
      to: 'b',
      cause: 'transient',
      method: 'chat',
      attempt: 1,
    })
    expect(idle(registry as never)).toBe(true)
  })

  it('rejects with NoProviderError while nobody is there, and works once somebody is', async () => {
    const { registry } = scene<{ llm: Llm & { deep: { chat(text: string): Promise<string> } } }>()
    const client = registry.client('llm')
    const { chat } = client
    await expect(client.chat('hi')).rejects.toBeInstanceOf(NoProviderError)
    await expect(client.deep.chat('hi')).rejects.toBeInstanceOf(NoProviderError)
    registry.register({
      service: 'llm',
      provider: { ...answering('late'), deep: answering('deep') },
    })
    expect(await client.chat('hi')).toBe('late: hi')
    expect(await chat('hi')).toBe('late: hi')
    expect(await client.deep.chat('hi')).toBe('deep: hi')
  })

  it('without a provider is neither a promise nor an accident', async () => {
    const { registry } = scene<{ llm: Llm }>()
    const client = registry.client('llm')
    expect(await client).toBe(client)
    expect(JSON.stringify({ client })).toBe('{}')
    expect(`${client}`).toMatch(/^\[object \w+\]$/)
    expect(() => inspect(client)).not.toThrow()
    expect(Object.keys(client)).toEqual([])
    expect('chat' in client).toBe(false)
  })

  it('gives every refused shape: a promise, more than a promise, a stream', async () => {
    interface Odd {
      create(): Promise<string> & { withResponse(): Promise<unknown> }
      stream(): AsyncIterable<string>
    }
    const { registry } = scene<{ llm: Odd }>()
    const client = registry.client('llm')
    await expect(client.create().withResponse()).rejects.toBeInstanceOf(NoProviderError)
    const read = async (): Promise<void> => {
      for await (const _ of client.stream()) expect.unreachable()
    }
    await expect(read()).rejects.toBeInstanceOf(NoProviderError)
    registry.register({
      service: 'llm',
      name: 'p',
      provider: {
        create: () => Object.assign(Promise.resolve('x'), { withResponse: async () => 1 }),
        async *stream() {
          yield 'x'
        },
      },
    })
    registry.circuit('p').isolate()
    await expect(registry.client('llm').create().withResponse()).rejects.toThrow(NoProviderError)
    await expect(read()).rejects.toBeInstanceOf(NoProviderError)
    const guarded = registry.resolve('llm')
    expect(guarded).toBeUndefined()
  })

  it('answers property reads from the best provider of the moment', async () => {
    class Model {
      readonly #size: number
      constructor(size: number) {
        this.#size = size
      }
      get size(): number {
        return this.#size
      }
      readonly tags = ['x']
    }
    const { registry } = scene<{ model: Model }>()
    const client = registry.client('model')
    registry.register({ service: 'model', name: 'small', provider: new Model(1), priority: 'low' })
    expect(client.size).toBe(1)
    registry.register({ service: 'model', name: 'large', provider: new Model(9), priority: 'high' })
    expect(client.size).toBe(9)
    expect(client).toBeInstanceOf(Model)
    expect(client.tags).toEqual(['x'])
    expect(Object.keys(client)).toEqual(['tags'])
    expect('size' in client).toBe(true)
    registry.circuit('large').isolate()
    expect(client.size).toBe(1)
    expect(registry.circuit('small').stats.calls).toBe(0)
    expect(() => {
      ;(client as { tags: unknown }).tags = []
    }).toThrow(TypeError)
  })

  it('reading properties turns no wheel', () => {
    const { registry } = scene<{ llm: { id: string } }>()
    for (const id of ['a', 'b'])
      registry.register({ service: 'llm', name: id, provider: { id }, strategy: 'round-robin' })
    const client = registry.client('llm')
    const before = registry.metrics().lookups
    expect([client.id, client.id, client.id]).toEqual(['a', 'a', 'a'])
    expect(registry.metrics().lookups).toBe(before)
  })

  it('keeps the identity of methods and nested objects', () => {
    const { registry } = scene<{ llm: Llm & { deep: Llm } }>()
    const client = registry.client('llm')
    registry.register({
      service: 'llm',
      provider: { ...answering('a'), deep: answering('b') },
    })
    expect(client.chat).toBe(client.chat)
    expect(client.deep).toBe(client.deep)
    expect(client.deep.chat).toBe(client.deep.chat)
  })

  it('tells apart what each call names: options of the method, not of the client', async () => {
    const { registry, told } = scene<{ llm: { deep: Llm } }>()
    registry.register({ service: 'llm', provider: { deep: answering('a') } })
    await registry.client('llm').deep.chat('x')
    expect(told('call.succeeded').map(({ method }) => method)).toEqual(['deep.chat'])
  })

  it('tries the next provider where one lacks the method', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    registry.register({ service: 'llm', name: 'old', provider: {} as Llm })
    registry.register({ service: 'llm', name: 'new', provider: answering('new') })
    const client = registry.client('llm', {}, { attempts: 2 })
    registry.circuit('old').isolate()
    const { chat } = client
    registry.circuit('old').reset()
    expect(await chat('x')).toBe('new: x')
    registry.unregister('new')
    const seen = watch(chat('x'))
    await clock.advance(60_000)
    expect(String(seen.error)).toContain("provider 'old' has no method chat")
  })

  it('runs methods under symbols, and getters that throw throw', async () => {
    const send = Symbol('send')
    const { registry, told } = scene<{
      s: { [send](text: string): Promise<string>; readonly broken: number }
    }>()
    registry.register({
      service: 's',
      provider: {
        [send]: async (text: string) => text,
        get broken(): number {
          throw new RangeError('broken')
        },
      },
    })
    const client = registry.client('s')
    expect(await client[send]('x')).toBe('x')
    expect(() => client.broken).toThrow(new RangeError('broken'))
    expect(told('call.succeeded')[0]?.method).toBe('Symbol(send)')
  })
})

describe('sync services', () => {
  interface Sums {
    add(a: number, b: number): number
  }

  it('stay sync and fail over', () => {
    const { registry, calls } = scene<{ sums: Sums }>({ services: { sums: { idempotent: true } } })
    const broken = new Error('broken')
    let asked = 0
    registry.register({
      service: 'sums',
      name: 'a',
      provider: {
        add(a, b) {
          asked += 1
          if (asked > 1) throw broken
          return a + b
        },
      },
    })
    registry.register({ service: 'sums', name: 'b', provider: { add: (a, b) => a + b } })
    const client = registry.client('sums')
    expect(client.add(1, 2)).toBe(3)
    expect(client.add(3, 4)).toBe(7)
    expect(calls()).toEqual(['call.succeeded a', 'call.failed a', 'call.succeeded b'])
    registry.unregister('b')
    expect(() => client.add(1, 1)).toThrow(broken)
  })

  it('throw what was thrown, without waiting for another try', () => {
    const { registry } = scene<{ sums: Sums }>({ services: { sums: { idempotent: true } } })
    const broken = new Error('broken')
    let fail = false
    registry.register({
      service: 'sums',
      name: 'a',
      provider: {
        add: () => {
          if (fail) throw broken
          return 1
        },
      },
    })
    const client = registry.client('sums')
    expect(client.add(1, 1)).toBe(1)
    fail = true
    expect(() => client.add(1, 1)).toThrow(broken)
    registry.circuit('a').isolate()
    expect(() => client.add(1, 1)).toThrow(NoProviderError)
  })

  it('are asked about their health behind the call, not before it', async () => {
    const { registry, clock } = scene<{ sums: Sums & { isHealthy(): boolean } }>()
    let healthy = true
    registry.register({
      service: 'sums',
      name: 'a',
      provider: { add: (a, b) => a + b, isHealthy: () => healthy },
    })
    const client = registry.client('sums')
    await client.add(1, 1)
    await clock.advance(6_000)
    healthy = false
    expect(client.add(2, 2)).toBe(4)
    await clock.advance(0)
    expect(() => client.add(2, 2)).toThrow(NoProviderError)
  })
})

describe('function services and chaining', () => {
  it('are called as functions, with what functions have', async () => {
    type Ask = ((text: string) => Promise<string>) & { version: number; stop(): string }
    const { registry, calls } = scene<{ ask: Ask }>({ services: { ask: { idempotent: true } } })
    const early = registry.client('ask')
    const make = (name: string, fails: boolean): Ask =>
      Object.assign(
        async (text: string) => {
          if (fails) throw httpError(503)
          return `${name}: ${text}`
        },
        { version: 3, stop: () => `${name} stopped` },
      )
    registry.register({ service: 'ask', name: 'a', provider: make('a', true) })
    registry.register({ service: 'ask', name: 'b', provider: make('b', false) })
    const client = registry.client('ask')
    expect(await client('x')).toBe('b: x')
    expect(await early('y')).toBe('b: y')
    expect(await client.call(undefined, 'z')).toBe('b: z')
    expect(client.version).toBe(3)
    expect(client.stop()).toBe('a stopped')
    expect(calls().filter((call) => call === 'call.failed a')).toHaveLength(3)
    expect(typeof client).toBe('function')
  })

  it('a method that gives its receiver gives the client, nested or later too', async () => {
    class Builder {
      readonly inner = {
        touched: 0,
        touch() {
          this.touched += 1
          return this
        },
      }
      set(): this {
        return this
      }
      async connect(): Promise<this> {
        return this
      }
    }
    const { registry } = scene<{ builder: Builder }>()
    registry.register({ service: 'builder', provider: new Builder() })
    const client = registry.client('builder')
    expect(client.set()).toBe(client)
    expect(await client.connect()).toBe(client)
    expect(client.inner.touch()).toBe(client.inner)
    expect(client.inner.touch().touch().touched).toBe(3)
  })

  it('an emitter listens on the best provider and chains the client', () => {
    const { registry, calls } = scene<{ bus: EventEmitter }>()
    registry.register({ service: 'bus', name: 'a', provider: new EventEmitter() })
    const client = registry.client('bus')
    const heard: unknown[] = []
    expect(client.on('x', (value) => heard.push(value))).toBe(client)
    expect(client.on).toBe(client.on)
    client.emit('x', 1)
    expect(heard).toEqual([1])
    expect(calls()).toEqual([])
    registry.register({
      service: 'bus',
      name: 'b',
      provider: new EventEmitter(),
      priority: 'critical',
    })
    client.emit('x', 2)
    expect(heard).toEqual([1])
  })

  it('a class as a property is a class', () => {
    class Thing {
      static readonly made = 'here'
      readonly size = 1
    }
    const { registry } = scene<{ lib: { Thing: typeof Thing } }>()
    registry.register({ service: 'lib', name: 'lib', provider: { Thing } })
    const client = registry.client('lib')
    expect(new client.Thing()).toBeInstanceOf(Thing)
    expect(client.Thing.made).toBe('here')
    expect(registry.circuit('lib').stats.failures).toBe(0)
  })
})

describe('promises with more methods', () => {
  /** As `openai`'s APIPromise: the work goes out at once, what is asked decides how it is read. */
  class Reply extends Promise<string> {
    readonly #work: Promise<string>
    constructor(work: Promise<string>) {
      super((resolve) => resolve('unused'))
      this.#work = work
    }
    static override get [Symbol.species]() {
      return Promise
    }
    // biome-ignore lint/suspicious/noThenProperty: this is what the test is about
    override then<A = string, B = never>(
      yes?: ((value: string) => A | PromiseLike<A>) | null,
      no?: ((error: unknown) => B | PromiseLike<B>) | null,
    ): Promise<A | B> {
      return this.#work.then(yes, no)
    }
    async withResponse(): Promise<{ data: string; status: number }> {
      return { data: await this.#work, status: 200 }
    }
    async asResponse(): Promise<{ status: number }> {
      await this.#work
      return { status: 200 }
    }
    cancel(): string {
      return 'cancelled'
    }
  }
  interface Completions {
    create(text: string): Reply
  }
  const replies = (run: (text: string) => Promise<string>): Completions => ({
    create: (text) => new Reply(run(text)),
  })
  const two = () => {
    const set = scene<{ llm: Completions }>()
    const { registry } = set
    registry.register({
      service: 'llm',
      name: 'a',
      provider: replies(async () => {
        throw httpError(500)
      }),
    })
    registry.register({ service: 'llm', name: 'b', provider: replies(async (t) => `b: ${t}`) })
    return { ...set, client: registry.client('llm') }
  }

  it('replays what was asked on the winning attempt', async () => {
    const { client, calls, registry } = two()
    expect(await client.create('1')).toBe('b: 1')
    expect(await client.create('2').withResponse()).toEqual({ data: 'b: 2', status: 200 })
    expect(await client.create('3').asResponse()).toEqual({ status: 200 })
    expect(calls()).toEqual([1, 2, 3].flatMap(() => ['call.failed a', 'call.succeeded b']))
    expect(idle(registry as never)).toBe(true)
  })

  it('asked several times, answers each from the same winner', async () => {
    const { client, calls } = two()
    const reply = client.create('1')
    const [data, both, response, again] = await Promise.all([
      reply,
      reply.withResponse(),
      reply.asResponse(),
      reply,
    ])
    expect([data, both, response, again]).toEqual([
      'b: 1',
      { data: 'b: 1', status: 200 },
      { status: 200 },
      'b: 1',
    ])
    expect(calls()).toEqual(['call.failed a', 'call.succeeded b'])
  })

  it('catch and finally work as on a promise', async () => {
    const { registry, client } = two()
    registry.unregister('b')
    registry.circuit('a').isolate()
    let last = 0
    const caught = await client
      .create('1')
      .finally(() => {
        last += 1
      })
      .catch((error: unknown) => error)
    expect(caught).toBeInstanceOf(NoProviderError)
    expect(last).toBe(1)
    registry.circuit('a').reset()
    registry.register({ service: 'llm', name: 'c', provider: replies(async () => 'c') })
    const reply = client.create('1')
    expect(reply).toBeInstanceOf(Promise)
    expect(await reply).toBe('c')
  })

  it('a side question decides nothing', async () => {
    const { registry, calls } = scene<{ llm: Completions }>()
    registry.register({ service: 'llm', name: 'a', provider: replies(async (text) => text) })
    const reply = registry.client('llm').create('1')
    expect(reply.cancel()).toBe('cancelled')
    expect(calls()).toEqual([])
    expect(await reply).toBe('1')
    expect(calls()).toEqual(['call.succeeded a'])
  })

  it('survives a next provider whose promise has no such method', async () => {
    const { registry, clock } = scene<{ llm: Completions }>()
    registry.register({
      service: 'llm',
      name: 'a',
      provider: replies(async () => {
        throw httpError(500)
      }),
    })
    registry.register({
      service: 'llm',
      name: 'plain',
      provider: { create: async () => 'plain' } as never,
    })
    const seen = watch(
      registry.client('llm', {}, { attempts: 2 }).create('1').withResponse() as Promise<unknown>,
    )
    await clock.advance(10_000)
    expect(seen.state).toBe('rejected')
    expect(idle(registry as never)).toBe(true)
  })

  it('is dropped as neutral when nobody ever asks', async () => {
    const { registry, clock, told } = scene<{ llm: Completions }>()
    registry.register({ service: 'llm', name: 'a', provider: replies(async (text) => text) })
    const reply = registry.client('llm').create('1')
    await clock.advance(30_000)
    expect(told('call.failed')).toMatchObject([{ cause: 'cancelled' }])
    expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, failures: 0 })
    expect(idle(registry as never)).toBe(true)
    expect(await reply).toBe('1')
  })

  it('keeps its methods while a health check is in the way', async () => {
    const { registry, client } = two()
    registry.unregister('a')
    registry.register({
      service: 'llm',
      name: 'checked',
      priority: 'high',
      provider: replies(async (text) => `checked: ${text}`),
      health: { check: async () => true },
    })
    expect(await client.create('1').withResponse()).toEqual({ data: 'checked: 1', status: 200 })
  })

  it('keeps its methods while connect is in the way', async () => {
    const { registry } = scene<{ llm: Completions }>()
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: async () => replies(async (text) => `lazy: ${text}`),
    })
    const client = registry.client('llm')
    expect(await client.create('1').withResponse()).toEqual({ data: 'lazy: 1', status: 200 })
    expect(await client.create('2')).toBe('lazy: 2')
  })
})

describe('streams of a client', () => {
  interface Streaming {
    read(text: string): AsyncIterable<string>
    later(text: string): Promise<AsyncIterable<string>>
  }
  const streaming = (
    name: string,
    fail: { readonly after: number; readonly error: unknown } | undefined,
  ): Streaming => {
    async function* read(text: string) {
      for (let item = 0; item < 3; item++) {
        if (item === fail?.after) throw fail.error
        yield `${name}${item} ${text}`
      }
    }
    return { read, later: async (text) => read(text) }
  }
  const collect = async (stream: AsyncIterable<string>) => {
    const items: string[] = []
    try {
      for await (const item of stream) items.push(item)
      return { items }
    } catch (error) {
      return { items, error }
    }
  }

  it.each(['read', 'later'] as const)('%s fails over before its first item', async (method) => {
    const { registry, calls } = scene<{ llm: Streaming }>()
    const error = httpError(500)
    registry.register({
      service: 'llm',
      name: 'a',
      provider: streaming('a', { after: 0, error }),
    })
    registry.register({ service: 'llm', name: 'b', provider: streaming('b', undefined) })
    const client = registry.client('llm')
    expect(await collect(await client[method]('x'))).toEqual({ items: ['b0 x', 'b1 x', 'b2 x'] })
    expect(calls()).toEqual(['call.failed a', 'call.succeeded b'])
    expect(idle(registry as never)).toBe(true)
  })

  it.each(['read', 'later'] as const)('%s never says anything twice', async (method) => {
    const { registry, calls } = scene<{ llm: Streaming }>()
    const error = httpError(500)
    registry.register({
      service: 'llm',
      name: 'a',
      provider: streaming('a', { after: 1, error }),
    })
    registry.register({ service: 'llm', name: 'b', provider: streaming('b', undefined) })
    const client = registry.client('llm')
    expect(await collect(await client[method]('x'))).toEqual({ items: ['a0 x'], error })
    expect(calls()).toEqual(['call.failed a'])
    expect(idle(registry as never)).toBe(true)
  })

  it('fails with everything that was tried when nobody begins', async () => {
    const { registry, clock } = scene<{ llm: Streaming }>()
    for (const name of ['a', 'b', 'c'])
      registry.register({
        service: 'llm',
        name,
        provider: streaming(name, { after: 0, error: httpError(500) }),
      })
    const seen = watch(collect(registry.client('llm').read('x')))
    await clock.advance(0)
    expect(seen.value?.error).toBeInstanceOf(AllProvidersFailedError)
    expect(seen.value).toMatchObject({ error: { errors: [{}, {}, {}] } })
    expect(idle(registry as never)).toBe(true)
  })

  it('is a stream while connect or a health check is in the way', async () => {
    const { registry } = scene<{ llm: Streaming }>()
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: async () => streaming('lazy', undefined),
    })
    const client = registry.client('llm')
    expect((await collect(client.read('x'))).items).toHaveLength(3)
    expect((await collect(await client.later('x'))).items).toHaveLength(3)
    registry.register({
      service: 'llm',
      name: 'checked',
      priority: 'high',
      provider: streaming('checked', undefined),
      health: { check: async () => true },
    })
    expect((await collect(client.read('y'))).items[0]).toBe('checked0 y')
  })

  it('is a stream too where the only provider throws at once and is tried again', async () => {
    const { registry, clock } = scene<{ llm: { read(): AsyncIterable<string> } }>()
    let asked = 0
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {
        read() {
          asked += 1
          if (asked === 2) throw httpError(503)
          return streaming('a', undefined).read('x')
        },
      },
    })
    const client = registry.client('llm')
    expect((await collect(client.read())).items).toHaveLength(3)
    const seen = watch(collect(client.read()))
    await clock.advance(200)
    expect(seen.value).toEqual({ items: ['a0 x', 'a1 x', 'a2 x'] })
  })

  it('left early closes the source, neutrally', async () => {
    let closed = 0
    const { registry } = scene<{ llm: { read(): AsyncIterable<number> } }>()
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {
        async *read() {
          try {
            yield 1
            yield 2
          } finally {
            closed += 1
          }
        },
      },
    })
    for await (const _ of registry.client('llm').read()) break
    expect(closed).toBe(1)
    expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, successes: 0, failures: 0 })
    expect(registry.get('a')?.inFlight).toBe(0)
  })
})

describe('what gets in the way of a client', () => {
  it('waits for a due health check and leaves out who fails it', async () => {
    const { registry } = scene<{ llm: FakeProvider }>()
    const sick = new FakeProvider({ name: 'sick' })
    sick.healthy = false
    registry.register({ service: 'llm', name: 'sick', provider: sick })
    registry.register({
      service: 'llm',
      name: 'well',
      provider: new FakeProvider({ name: 'well' }),
    })
    expect(await registry.client('llm').call()).toBe('well')
    expect(sick.calls).toEqual([])
  })

  it('is not kept longer than its own time by a check that hangs', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    registry.register({
      service: 'llm',
      name: 'a',
      provider: answering('a'),
      health: { check: () => never },
    })
    const seen = watch(registry.client('llm', {}, { timeoutMs: 500 }).chat('x'))
    await clock.advance(499)
    expect(seen.state).toBe('pending')
    await clock.advance(1)
    expect(seen.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT', limit: 'budget' })
  })

  it('is not kept by a check after its caller gave up, and then does not call', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const check = deferred<boolean>()
    let called = 0
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {
        chat: async () => {
          called += 1
          return ''
        },
      },
      health: { check: () => check.promise },
    })
    const stop = new AbortController()
    const seen = watch(registry.client('llm', {}, { signal: stop.signal }).chat('x'))
    await clock.advance(1)
    const reason = new Error('enough')
    stop.abort(reason)
    await clock.advance(0)
    expect(seen.error).toBe(reason)
    check.resolve(true)
    await clock.advance(0)
    expect(called).toBe(0)
    expect(seen.settlements).toBe(1)
  })

  it('goes elsewhere when its provider leaves during the check or the call', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const check = deferred<boolean>()
    const gone = registry.register({
      service: 'llm',
      name: 'gone',
      provider: answering('gone'),
      priority: 'high',
      health: { check: () => check.promise },
    })
    registry.register({ service: 'llm', name: 'here', provider: answering('here') })
    const client = registry.client('llm')
    const first = watch(client.chat('1'))
    await clock.advance(0)
    gone.unregister()
    check.resolve(true)
    await clock.advance(0)
    expect(first.value).toBe('here: 1')

    const work = deferred<string>()
    const busy = registry.register({
      service: 'llm',
      name: 'busy',
      provider: { chat: () => work.promise },
      priority: 'high',
    })
    const second = watch(client.chat('2'))
    const third = watch(client.chat('3'))
    busy.unregister()
    work.reject(httpError(500))
    await clock.advance(0)
    expect([second.value, third.value]).toEqual(['here: 2', 'here: 3'])
  })
})
