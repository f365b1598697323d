import { CircuitOpenError, SaturatedError, UnavailableError } from 'switchgear'
import { describe, expect, it } from 'vitest'
import { deferred, scene, watch } from './scene.js'

/** One of each kind of method. */
const service = () => ({
  plain: (): number => 1,
  async later(): Promise<number> {
    return 1
  },
  promise: (): Promise<number> => Promise.resolve(1),
  lazy: (): Promise<number> & { withResponse(): Promise<number> } =>
    Object.assign({
      // biome-ignore lint/suspicious/noThenProperty: this is what the test is about
      then: (yes: never, no: never) => Promise.resolve(1).then(yes, no),
      withResponse: async () => 1,
    } as never),
  async *stream() {
    yield 1
  },
  iterable: (): AsyncIterable<number> => ({
    async *[Symbol.asyncIterator]() {
      yield 1
    },
  }),
  mixed: (cached: boolean): number | Promise<number> => (cached ? 1 : Promise.resolve(1)),
})

async function isolated() {
  const set = scene<{ s: ReturnType<typeof service> }>()
  set.registry.register({ service: 's', name: 'p', provider: service() })
  const guarded = await set.registry.requireService('s')
  const close = () => set.registry.circuit('p').isolate()
  return { ...set, guarded, close }
}

const refusal = "Circuit breaker 'p' is open, service unavailable"
const drain = async (stream: AsyncIterable<unknown>): Promise<void> => {
  for await (const _ of stream) expect.unreachable()
}

describe('a refused call', () => {
  it('throws if the method only ever answered plain values', async () => {
    const { guarded, close } = await isolated()
    guarded.plain()
    close()
    expect(() => guarded.plain()).toThrow(CircuitOpenError)
    expect(() => guarded.plain()).toThrow(refusal)
  })

  it('rejects if the method is async, called before or not', async () => {
    const { guarded, close } = await isolated()
    close()
    await expect(guarded.later()).rejects.toThrow(refusal)
  })

  it('rejects if the method ever gave a promise', async () => {
    const { guarded, close } = await isolated()
    await guarded.promise()
    close()
    await expect(guarded.promise()).rejects.toThrow(refusal)
  })

  it('rejects if the method gave a value first and a promise later', async () => {
    const { guarded, close } = await isolated()
    expect(guarded.mixed(true)).toBe(1)
    await guarded.mixed(false)
    expect(guarded.mixed(true)).toBe(1)
    close()
    await expect(Promise.resolve(guarded.mixed(true))).rejects.toThrow(refusal)
  })

  it('rejects if the method was never called before', async () => {
    const { guarded, close } = await isolated()
    close()
    const answer: unknown = guarded.plain()
    expect(answer).toBeInstanceOf(Promise)
    await expect(answer).rejects.toThrow(refusal)
  })

  it('never called before, is also a stream that fails and has the methods of any promise', async () => {
    const { guarded, close } = await isolated()
    close()
    await expect(drain(guarded.iterable())).rejects.toThrow(refusal)
    await expect(guarded.lazy().withResponse()).rejects.toThrow(refusal)
    const nothing = guarded.lazy() as unknown as { [name: string]: unknown } & Promise<unknown>
    expect(nothing.toJSON).toBeUndefined()
    expect(await nothing.catch((error: Error) => error.message)).toBe(refusal)
  })

  it('keeps the methods of a promise that had more', async () => {
    const { guarded, close } = await isolated()
    expect(await guarded.lazy().withResponse()).toBe(1)
    close()
    await expect(guarded.lazy().withResponse()).rejects.toThrow(refusal)
    await expect(guarded.lazy()).rejects.toThrow(refusal)
  })

  it.each(['stream', 'iterable'] as const)('gives a stream that fails: %s', async (method) => {
    const { guarded, close } = await isolated()
    for await (const _ of guarded[method]());
    close()
    const stream = guarded[method]()
    expect(stream).not.toBeInstanceOf(Promise)
    await expect(drain(stream)).rejects.toThrow(refusal)
  })

  it('is told once, and counts no call', async () => {
    const { guarded, close, calls, registry } = await isolated()
    guarded.plain()
    close()
    expect(() => guarded.plain()).toThrow()
    await expect(guarded.later()).rejects.toThrow()
    expect(calls()).toEqual(['call.succeeded p', 'call.refused p', 'call.refused p'])
    expect(registry.circuit('p').stats).toMatchObject({ calls: 1, refusals: 2, failures: 0 })
  })

  it('is known by kind to every view of a provider, fresh probe views too', async () => {
    const { registry, guarded, clock } = await isolated()
    guarded.plain()
    registry.circuit('p').trip(100)
    await clock.advance(100)
    const probe = await registry.requireService('s')
    expect(probe).not.toBe(guarded)
    registry.circuit('p').isolate()
    expect(() => probe.plain()).toThrow(refusal)
  })

  it('says that it is saturated, draining or gone', async () => {
    const work = deferred<number>()
    const { registry, told } = scene<{ s: { run(): Promise<number> } }>()
    const registration = registry.register({
      service: 's',
      name: 'p',
      concurrency: 1,
      provider: { run: () => work.promise },
    })
    const guarded = await registry.requireService('s')
    const first = guarded.run()
    await expect(guarded.run()).rejects.toBeInstanceOf(SaturatedError)
    registration.unregister()
    await expect(guarded.run()).rejects.toBeInstanceOf(UnavailableError)
    await expect(guarded.run()).rejects.toMatchObject({ reason: 'draining', provider: 'p' })
    work.resolve(5)
    expect(await first).toBe(5)
    expect(told('call.refused').map((event) => event.refusal.reason)).toEqual([
      'saturated',
      'draining',
      'draining',
    ])
  })
})

describe('a half-open provider', () => {
  const halfOpen = async () => {
    const set = scene<{ s: { run(): Promise<string>; other(): Promise<string> } }>({
      circuit: { recoveryTimeoutMs: 1_000, successThreshold: 2 },
    })
    const work: { end: () => Promise<string> } = { end: async () => 'ok' }
    set.registry.register({
      service: 's',
      name: 'p',
      provider: { run: () => work.end(), other: async () => 'other' },
    })
    const closed = await set.registry.requireService('s')
    set.registry.circuit('p').trip()
    await set.clock.advance(1_000)
    return { ...set, work, closed, circuit: set.registry.circuit('p') }
  }

  it('hands out a fresh view that carries the probe; the first call uses it', async () => {
    const { registry, closed, circuit } = await halfOpen()
    const view = await registry.requireService('s')
    expect(view).not.toBe(closed)
    expect(await registry.getService('s')).toBeUndefined()
    await expect(closed.run()).rejects.toBeInstanceOf(CircuitOpenError)
    expect(await view.run()).toBe('ok')
    expect(circuit.state).toBe('half-open')
    const second = await registry.requireService('s')
    expect(second).not.toBe(view)
    expect(await second.run()).toBe('ok')
    expect(circuit.state).toBe('closed')
    expect(await registry.getService('s')).toBe(closed)
  })

  it('takes the probe back from a view that nobody uses, neutrally, after 1,000 ms', async () => {
    const { registry, clock, circuit } = await halfOpen()
    const unused = await registry.requireService('s')
    await clock.advance(999)
    expect(await registry.getService('s')).toBeUndefined()
    await clock.advance(1)
    const next = await registry.requireService('s')
    expect(circuit.state).toBe('half-open')
    await expect(unused.run()).rejects.toBeInstanceOf(CircuitOpenError)
    expect(await next.run()).toBe('ok')
    expect(await unused.run()).toBe('ok')
    expect(circuit.state).toBe('closed')
  })

  it('calls after the first through the same view are admitted anew', async () => {
    const { registry, work } = await halfOpen()
    const pending = deferred<string>()
    work.end = () => pending.promise
    const view = await registry.requireService('s')
    const probe = view.run()
    await expect(view.other()).rejects.toMatchObject({ state: 'half-open' })
    pending.resolve('done')
    expect(await probe).toBe('done')
    expect(await view.other()).toBe('other')
  })

  it('counts a probe that never settles as failed when its lease ends', async () => {
    const { registry, work, clock, circuit } = await halfOpen()
    work.end = () => new Promise(() => {})
    const view = await registry.requireService('s')
    const probe = watch(view.run())
    await clock.advance(30_000)
    expect(circuit.state).toBe('open')
    expect(probe.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT' })
    expect(registry.get('p')?.inFlight).toBe(0)
  })
})
