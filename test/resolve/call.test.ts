import { getEventListeners } from 'node:events'
import {
  AllProvidersFailedError,
  CallTimeoutError,
  isSwitchgearError,
  NoProviderError,
  type RegistryOptions,
} from 'switchgear'
import { describe, expect, it } from 'vitest'
import { deferred, httpError, idle, never, scene, watch } from './scene.js'

type Fn = (attempt: number) => unknown
interface Services {
  llm: Fn
  mail: Fn
}

/** Providers are functions that say how they end; `log` has the order they were asked in. */
function calling(options: Partial<RegistryOptions<Services>> = {}) {
  const set = scene<Services>(options)
  const log: string[] = []
  const add = (name: string, run: Fn, more: object = {}, service: keyof Services = 'llm') =>
    set.registry.register({
      service,
      name,
      provider: (attempt: number) => {
        log.push(name)
        return run(attempt)
      },
      ...more,
    })
  const call = (callOptions: object = {}, service: keyof Services = 'llm', request: object = {}) =>
    set.registry.call(service, request, (fn, { attempt }) => fn(attempt), callOptions)
  return { ...set, log, add, call }
}

const fail =
  (error: unknown): Fn =>
  async () => {
    throw error
  }
const ok =
  (value: unknown = 'ok'): Fn =>
  async () =>
    value

describe('attempts', () => {
  it('stop at the first success: one winner, nobody else is asked', async () => {
    const { add, call, log, calls } = calling()
    add('a', ok('a'))
    add('b', ok('b'))
    expect(await call()).toBe('a')
    expect(log).toEqual(['a'])
    expect(calls()).toEqual(['call.succeeded a'])
  })

  it('are three by default, on different providers', async () => {
    const { add, call, log } = calling()
    for (const name of ['a', 'b', 'c', 'd']) add(name, fail(httpError(500)))
    await expect(call()).rejects.toBeInstanceOf(AllProvidersFailedError)
    expect(log).toEqual(['a', 'b', 'c'])
  })

  it.each([1, 2, 4])('are as many as the call allows: %d', async (attempts) => {
    const { add, call, log } = calling()
    for (const name of ['a', 'b', 'c', 'd', 'e']) add(name, fail(httpError(500)))
    await expect(call({ attempts })).rejects.toThrow()
    expect(log).toHaveLength(attempts)
    expect(new Set(log).size).toBe(attempts)
  })

  it('are numbered for the function and in the events', async () => {
    const { add, call, told } = calling()
    add('a', fail(httpError(500)))
    add('b', async (attempt) => attempt)
    expect(await call()).toBe(2)
    expect(told('call.failed')[0]?.attempt).toBe(1)
    expect(told('call.succeeded')[0]?.attempt).toBe(2)
  })

  it('go on with the same provider only after its back-off, when it is the only one', async () => {
    const { add, call, log, clock } = calling()
    let asked = 0
    add('only', async () => {
      asked += 1
      if (asked < 3) throw httpError(503)
      return asked
    })
    const seen = watch(call())
    await clock.advance(99)
    expect(log).toHaveLength(1)
    await clock.advance(101)
    expect(log).toHaveLength(2)
    await clock.advance(400)
    expect(seen.value).toBe(3)
    expect(log).toHaveLength(3)
  })

  it('honour Retry-After as a floor for a provider that is the only one', async () => {
    const { add, call, log, clock } = calling()
    let asked = 0
    add('only', async () => {
      asked += 1
      if (asked === 1) throw httpError(429, { 'retry-after': '7' })
      return 'later'
    })
    const seen = watch(call())
    await clock.advance(6_999)
    expect(log).toHaveLength(1)
    await clock.advance(1)
    expect(seen.value).toBe('later')
  })

  it('never wait for a Retry-After beyond their time', async () => {
    const { add, call, clock } = calling()
    const error = httpError(429, { 'retry-after': '7' })
    add('only', fail(error))
    const seen = watch(call({ timeoutMs: 5_000 }))
    await clock.advance(0)
    expect(seen.error).toBe(error)
    const long = httpError(429, { 'retry-after': '3600' })
    const other = calling()
    other.add('only', fail(long))
    const unlimited = watch(other.call())
    await other.clock.advance(0)
    expect(unlimited.error).toBe(long)
  })

  it('take the one that became eligible during the pause before the one that failed', async () => {
    const { add, call, log, clock, registry } = calling()
    add('a', fail(httpError(500)))
    add('b', ok('b'))
    registry.circuit('b').trip(50)
    const seen = watch(call({ attempts: 2 }))
    await clock.advance(200)
    expect(log).toEqual(['a', 'b'])
    expect(seen.value).toBe('b')
  })

  it('take one that was registered during the pause', async () => {
    const { add, call, log, clock } = calling()
    add('a', fail(httpError(500)))
    const seen = watch(call({ attempts: 2 }))
    await clock.advance(0)
    add('late', ok('late'))
    await clock.advance(200)
    expect(log).toEqual(['a', 'late'])
    expect(seen.value).toBe('late')
  })

  it('end with the failure when the only provider leaves during the pause', async () => {
    const { add, call, clock } = calling()
    const error = httpError(500)
    const only = add('a', fail(error))
    const seen = watch(call())
    await clock.advance(0)
    only.unregister()
    await clock.advance(1_000)
    expect(seen.error).toBe(error)
  })

  it('end with the failure when the circuit opened meanwhile', async () => {
    const { add, call, clock, log } = calling({ circuit: { failureThreshold: 1 } })
    const error = httpError(500)
    add('a', fail(error))
    const seen = watch(call())
    await clock.advance(0)
    expect(seen.error).toBe(error)
    expect(log).toEqual(['a'])
  })

  it('a function that throws at once is tried elsewhere as one that rejects', async () => {
    const { add, call, log } = calling()
    add('a', () => {
      throw httpError(500)
    })
    add('b', () => 'plain')
    expect(await call()).toBe('plain')
    expect(log).toEqual(['a', 'b'])
  })

  it('a function that throws at once waits for the only provider too', async () => {
    const { add, call, clock } = calling()
    let asked = 0
    add('a', () => {
      asked += 1
      if (asked === 1) throw httpError(500)
      return 'second'
    })
    const seen = watch(call())
    await clock.advance(200)
    expect(seen.value).toBe('second')
  })

  it('refused ones cost nothing: every provider but the last may be full', async () => {
    const { add, call, registry, calls } = calling({ circuit: { halfOpenPermits: 1 } })
    const work = deferred<string>()
    add('full', () => work.promise, { concurrency: 1 })
    add('b', ok('b'))
    const first = call({ attempts: 1 })
    expect(await call({ attempts: 1 })).toBe('b')
    work.resolve('full')
    expect(await first).toBe('full')
    expect(calls()).toEqual(['call.succeeded b', 'call.succeeded full'])
    expect(idle(registry as never)).toBe(true)
  })
})

describe('errors', () => {
  it('come out untouched: the same object', async () => {
    const { add, call } = calling()
    for (const thrown of [new Error('plain'), httpError(400), 'a text', 42, null, undefined]) {
      const name = add('a', fail(thrown))
      const caught = await call({ attempts: 1 }).then(
        () => 'no error',
        (error: unknown) => error,
      )
      expect(caught).toBe(thrown)
      name.unregister()
    }
    const frozen = Object.freeze(new Error('frozen'))
    add('frozen', fail(frozen))
    await expect(call({ attempts: 1 })).rejects.toBe(frozen)
  })

  it('of several attempts come together, with who, why and how long', async () => {
    const { add, call, clock } = calling()
    const first = httpError(500)
    const second = new TypeError('fetch failed')
    add('a', async () => {
      await clock.sleep(30)
      throw first
    })
    add('b', fail(second))
    const seen = watch(call({ attempts: 2 }))
    await clock.advance(30)
    const { error } = seen
    expect(error).toBeInstanceOf(AllProvidersFailedError)
    expect(error).toBeInstanceOf(AggregateError)
    expect(isSwitchgearError(error)).toBe(true)
    const all = error as AllProvidersFailedError
    expect(all.errors).toEqual([first, second])
    expect(all.errors[0]).toBe(first)
    expect(all.cause).toBe(second)
    expect(all.attempts).toEqual([
      { provider: 'a', cause: 'transient', durationMs: 30, error: first },
      { provider: 'b', cause: 'transient', durationMs: 0, error: second },
    ])
    expect(all).toMatchObject({ service: 'llm', code: 'SWITCHGEAR_ALL_PROVIDERS_FAILED' })
    expect(all.message).toContain('a transient after 30 ms (HTTP 500)')
    expect(Object.isFrozen(all.attempts)).toBe(true)
  })

  it('without any provider say why each was passed over', async () => {
    const { add, call, registry } = calling()
    await expect(call()).rejects.toThrow('none is registered')
    add('a', ok())
    registry.circuit('a').isolate()
    const error = await call().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(NoProviderError)
    expect((error as NoProviderError).refusals).toMatchObject([
      { provider: 'a', reason: 'circuit-open' },
    ])
  })

  it.each([400, 404, 409, 413, 422])('%d is not tried elsewhere', async (status) => {
    const { add, call, log, registry, told } = calling()
    const error = httpError(status)
    add('a', fail(error))
    add('b', ok())
    await expect(call()).rejects.toBe(error)
    expect(log).toEqual(['a'])
    expect(told('call.failed')).toMatchObject([{ cause: 'bad-request', notRetried: undefined }])
    expect(registry.circuit('a').stats).toMatchObject({ failures: 0, neutral: 1 })
  })

  it.each([401, 403])('%d trips the provider for long and goes elsewhere', async (status) => {
    const { add, call, log, registry, clock } = calling()
    add('a', fail(httpError(status)))
    add('b', ok('b'))
    expect(await call()).toBe('b')
    expect(registry.circuit('a').state).toBe('open')
    expect(registry.circuit('a').stats.reason).toContain('credentials')
    await clock.advance(599_999)
    expect(await call()).toBe('b')
    expect(log).toEqual(['a', 'b', 'b'])
    await clock.advance(1)
    expect(await call()).toBe('b')
    expect(log).toEqual(['a', 'b', 'b', 'a', 'b'])
  })

  it('429 cools whoever shares the credential, and no later answer shortens it', async () => {
    const { add, call, log, registry, clock } = calling()
    let wait = '10'
    add('a', () => Promise.reject(httpError(429, { 'retry-after': wait })), { credential: 'team' })
    add('a2', ok('a2'), { credential: 'team' })
    add('b', ok('b'))
    expect(await call()).toBe('b')
    expect(log).toEqual(['a', 'b'])
    expect(registry.explain('llm').candidates.map(({ verdict }) => verdict)).toEqual([
      { reason: 'cooling', retryAfterMs: 10_000 },
      { reason: 'cooling', retryAfterMs: 10_000 },
      'chosen',
    ])
    expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, failures: 0, state: 'closed' })
    wait = '1'
    await clock.advance(9_999)
    expect(await call()).toBe('b')
    await clock.advance(1)
    expect(await call()).toBe('b')
    expect(log).toEqual(['a', 'b', 'b', 'a', 'b'])
    await clock.advance(999)
    expect(registry.explain('llm').chosen).toBe('b')
    await clock.advance(1)
    expect(registry.explain('llm').chosen).toBe('a')
  })

  it('a long pause is not shortened by a call that was already on its way', async () => {
    const { add, call, registry, clock } = calling()
    const ends = [deferred<never>(), deferred<never>()]
    let asked = 0
    add('a', () => ends[asked++]?.promise)
    const first = watch(call({ attempts: 1 }))
    const second = watch(call({ attempts: 1 }))
    ends[0]?.reject(httpError(429, { 'retry-after': '60' }))
    await clock.advance(0)
    ends[1]?.reject(httpError(429, { 'retry-after': '1' }))
    await clock.advance(0)
    expect([first.state, second.state]).toEqual(['rejected', 'rejected'])
    expect(registry.explain('llm').candidates[0]?.verdict).toEqual({
      reason: 'cooling',
      retryAfterMs: 60_000,
    })
  })

  it('of a nested registry that refused cost the provider nothing', async () => {
    const inner = calling()
    const { add, call, registry } = calling()
    add('gateway', () => inner.call())
    add('direct', ok('direct'))
    expect(await call()).toBe('direct')
    expect(registry.circuit('gateway').stats).toMatchObject({ neutral: 1, failures: 0 })
  })

  it('asks the user first what an error means', async () => {
    const { add, call, log } = calling({
      classify: (error) => (error === 'mine' ? 'bad-request' : undefined),
    })
    add('a', fail('mine'))
    add('b', ok())
    await expect(call()).rejects.toBe('mine')
    expect(log).toEqual(['a'])
  })
})

describe('time', () => {
  it('a call past its circuit timeoutMs fails over, and its signal aborts', async () => {
    const { registry, clock, calls } = scene<{ llm: { ask(signal: AbortSignal): unknown } }>({
      circuit: { timeoutMs: 100 },
    })
    let aborted: unknown
    registry.register({
      service: 'llm',
      name: 'slow',
      provider: {
        ask: (signal) => {
          signal.addEventListener('abort', () => {
            aborted = signal.reason
          })
          return never
        },
      },
    })
    registry.register({ service: 'llm', name: 'b', provider: { ask: async () => 'b' } })
    const seen = watch(registry.call('llm', {}, (llm, { signal }) => llm.ask(signal)))
    await clock.advance(99)
    expect(seen.state).toBe('pending')
    await clock.advance(1)
    expect(seen.value).toBe('b')
    expect(aborted).toBeInstanceOf(CallTimeoutError)
    expect(calls()).toEqual(['call.failed slow', 'call.succeeded b'])
    expect(registry.circuit('slow').stats).toMatchObject({ timeouts: 1, failures: 1 })
  })

  it('timeoutMs is for all attempts together', async () => {
    const { add, call, clock, log, registry } = calling({ circuit: { timeoutMs: 100 } })
    for (const name of ['a', 'b', 'c']) add(name, () => never)
    const seen = watch(call({ timeoutMs: 150 }))
    await clock.advance(149)
    expect(log).toEqual(['a', 'b'])
    expect(seen.state).toBe('pending')
    await clock.advance(1)
    expect(seen.state).toBe('rejected')
    expect(log).toEqual(['a', 'b'])
    expect(registry.circuit('a').stats.failures).toBe(1)
    expect(registry.circuit('b').stats).toMatchObject({ failures: 0, neutral: 1 })
  })

  it('timeoutMs alone ends a call, as a failure of the provider', async () => {
    const { add, call, clock, told, registry } = calling()
    add('a', () => never)
    add('b', ok())
    const seen = watch(call({ timeoutMs: 500 }))
    await clock.advance(500)
    expect(seen.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT', limit: 'budget' })
    expect(told('call.failed')).toMatchObject([{ cause: 'timeout', notRetried: 'no-time-left' }])
    expect(registry.circuit('a').stats.timeouts).toBe(1)
  })

  it('ends a pause between attempts', async () => {
    const { add, call, clock, log } = calling()
    const error = httpError(503)
    add('a', fail(error))
    const seen = watch(call({ timeoutMs: 50 }))
    await clock.advance(50)
    expect(seen.error).toBe(error)
    expect(log).toEqual(['a'])
  })

  it('a call that answers late changes nothing any more', async () => {
    const { add, call, clock, registry, calls } = calling({ circuit: { timeoutMs: 100 } })
    const work = deferred<string>()
    add('a', () => work.promise)
    const seen = watch(call({ attempts: 1 }))
    await clock.advance(100)
    work.resolve('late')
    await clock.advance(0)
    expect(seen).toMatchObject({ state: 'rejected', settlements: 1 })
    expect(calls()).toEqual(['call.failed a'])
    expect(registry.circuit('a').stats).toMatchObject({ calls: 1, failures: 1, successes: 0 })
  })

  it('a timed-out call keeps its slot until it settles, at the latest ten time-outs', async () => {
    const { add, call, clock, registry } = calling({ circuit: { timeoutMs: 100 } })
    const work = deferred<string>()
    let hang = false
    add('a', () => (hang ? never : work.promise), { concurrency: 1 })
    const first = watch(call({ attempts: 1 }))
    await clock.advance(100)
    expect(first.state).toBe('rejected')
    await expect(call()).rejects.toBeInstanceOf(NoProviderError)
    work.resolve('late')
    await clock.advance(0)
    hang = true
    const second = watch(call({ attempts: 1 }))
    await clock.advance(999)
    expect(second.state).toBe('rejected')
    await expect(call()).rejects.toBeInstanceOf(NoProviderError)
    await clock.advance(1)
    hang = false
    expect(await call()).toBe('late')
    expect(idle(registry as never)).toBe(true)
  })

  it('without a limit nothing is timed out', async () => {
    const { add, call, clock } = calling({ circuit: { timeoutMs: Number.POSITIVE_INFINITY } })
    const work = deferred<string>()
    add('a', () => work.promise)
    const seen = watch(call())
    await clock.advance(1e9)
    expect(seen.state).toBe('pending')
    work.resolve('done')
    await clock.advance(0)
    expect(seen.value).toBe('done')
  })
})

describe('the signal', () => {
  it('aborted before: nobody is called, the reason comes out', async () => {
    const { add, call, log, registry } = calling()
    add('a', ok())
    const reason = new Error('never mind')
    await expect(call({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(log).toEqual([])
    expect(registry.circuit('a').stats.calls).toBe(0)
  })

  it('aborted during: the attempt ends neutrally, and nobody else is tried', async () => {
    const { add, call, log, registry, told, clock } = calling()
    add('a', () => never)
    add('b', ok())
    const stop = new AbortController()
    const seen = watch(call({ signal: stop.signal }))
    const reason = new Error('enough')
    stop.abort(reason)
    await clock.advance(0)
    expect(seen.error).toBe(reason)
    expect(log).toEqual(['a'])
    expect(told('call.failed')).toMatchObject([{ cause: 'aborted', notRetried: undefined }])
    expect(registry.circuit('a').stats).toMatchObject({ neutral: 1, failures: 0 })
  })

  it('reaches the work, one of its own for each attempt', async () => {
    const { registry, clock } = scene<{ llm: object }>({ circuit: { timeoutMs: 100 } })
    registry.register({ service: 'llm', name: 'a', provider: {} })
    registry.register({ service: 'llm', name: 'b', provider: {} })
    const signals: AbortSignal[] = []
    const stop = new AbortController()
    const seen = watch(
      registry.call(
        'llm',
        {},
        (_, { signal }) => {
          signals.push(signal)
          return never
        },
        { signal: stop.signal },
      ),
    )
    await clock.advance(100)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    stop.abort('stop')
    await clock.advance(0)
    expect(signals[1]?.reason).toBe('stop')
    expect(signals[0]?.reason).toBeInstanceOf(CallTimeoutError)
    expect(seen.error).toBe('stop')
  })

  it('aborted during a pause: the pause ends at once', async () => {
    const { add, call, log, clock } = calling()
    add('a', fail(httpError(503)))
    const stop = new AbortController()
    const seen = watch(call({ signal: stop.signal }))
    await clock.advance(10)
    stop.abort('stop')
    await clock.advance(0)
    expect(seen.error).toBe('stop')
    await clock.advance(10_000)
    expect(log).toEqual(['a'])
  })

  it('aborted after: nothing happens, and nothing listens any more', async () => {
    const { add, call, calls } = calling()
    add('a', ok('done'))
    add('sync', () => 'sync', {}, 'mail')
    const stop = new AbortController()
    const { signal } = stop
    const listeners = () => getEventListeners(signal, 'abort').length
    expect(await call({ signal })).toBe('done')
    expect(await call({ signal }, 'mail')).toBe('sync')
    expect(listeners()).toBe(0)
    stop.abort()
    expect(calls()).toEqual(['call.succeeded a', 'call.succeeded sync'])
  })

  it('leaves no listener behind, however the call ends', async () => {
    const { add, call, clock, registry } = calling()
    const { signal } = new AbortController()
    const listeners = () => getEventListeners(signal, 'abort').length
    await call({ signal }).catch(() => {})
    const a = add('a', fail(httpError(400)))
    await call({ signal }).catch(() => {})
    a.unregister()
    add('b', fail(httpError(500)))
    const seen = watch(call({ signal, attempts: 2 }))
    await clock.advance(10_000)
    expect(seen.state).toBe('rejected')
    registry.circuit('b').isolate()
    await call({ signal }).catch(() => {})
    expect(listeners()).toBe(0)
  })
})

describe('events of a call', () => {
  it('are exactly one for each attempt, and none for who was not asked', async () => {
    const { add, call, calls, registry } = calling()
    add('a', fail(httpError(500)))
    add('b', fail(httpError(429)))
    add('c', ok())
    add('d', ok())
    await call()
    expect(calls()).toEqual(['call.failed a', 'call.failed b', 'call.succeeded c'])
    for (const name of ['a', 'b', 'c']) expect(registry.circuit(name).stats.calls).toBe(1)
    expect(registry.circuit('d').stats.calls).toBe(0)
  })

  it('tell how long it took, and carry the error itself', async () => {
    const { add, call, told, clock } = calling()
    const error = httpError(500)
    add('a', async () => {
      await clock.sleep(5)
      throw error
    })
    add('b', async () => clock.sleep(7))
    const seen = watch(call())
    await clock.advance(20)
    expect(seen.state).toBe('fulfilled')
    expect(told('call.failed')).toMatchObject([{ durationMs: 5, provider: 'a', service: 'llm' }])
    expect(told('call.failed')[0]?.error).toBe(error)
    expect(told('call.succeeded')).toMatchObject([{ durationMs: 7, provider: 'b' }])
  })

  it('come once for a call of a guarded instance, a lease and a sync method', async () => {
    const { registry, calls } = scene<{ s: { now(): number; later(): Promise<number> } }>()
    registry.register({
      service: 's',
      name: 'p',
      provider: { now: () => 1, later: async () => 2 },
    })
    const guarded = await registry.requireService('s')
    guarded.now()
    await guarded.later()
    registry.resolve('s')?.run((s) => s.now())
    registry.client('s').now()
    expect(calls()).toEqual(Array.from({ length: 4 }, () => 'call.succeeded p'))
  })
})

describe('stand-ins', () => {
  const standing = (allowStandIns: boolean) => {
    const set = scene<{ llm: { ask(): Promise<string>; self(): unknown } }>({
      allowStandIns,
      services: {
        llm: {
          standIn: {
            ask: async () => 'mock',
            self() {
              return this
            },
          },
        },
      },
    })
    return set
  }

  it('answer only if they may and nobody else can, and are told', async () => {
    const { registry, told } = standing(true)
    const client = registry.client('llm')
    expect(await registry.call('llm', {}, (llm) => llm.ask())).toBe('mock')
    expect(await client.ask()).toBe('mock')
    expect(client.self()).toBe(client)
    expect(told('stand-in.used')).toHaveLength(3)
    registry.register({
      service: 'llm',
      name: 'real',
      provider: { ask: async () => 'real', self: () => 1 },
    })
    expect(await client.ask()).toBe('real')
    expect(told('stand-in.used')).toHaveLength(3)
    const refused = standing(false)
    await expect(refused.registry.client('llm').ask()).rejects.toBeInstanceOf(NoProviderError)
  })
})
