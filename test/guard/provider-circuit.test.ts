import { describe, expect, it } from 'vitest'
import { type CircuitOptions, type SavedCircuit, ServiceRegistry } from '../../src/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { watch } from './rig.js'

type Llm = { ask(): Promise<string>; peek(): string }

/** Rules 3.5, 3.7 and 3.9 as the user of a registry meets them. */
function make(circuit: CircuitOptions = {}, names = ['alpha']) {
  const clock = new FakeClock()
  const registry = new ServiceRegistry<{ llm: Llm }>({ clock, circuit })
  const down = new Set<string>()
  for (const name of names)
    registry.register({
      service: 'llm',
      name,
      provider: {
        async ask() {
          if (down.has(name)) throw new Error('down')
          return name
        },
        peek: () => name,
      },
    })
  return { clock, registry, down, handle: registry.circuit(names[0] as string) }
}

describe('3.5 look-ups', () => {
  it('in a closed circuit every look-up returns the same guarded object', async () => {
    const { registry, handle } = make()
    const first = await registry.requireService('llm')
    expect(await registry.requireService('llm')).toBe(first)
    await first.ask()
    expect(await registry.getService('llm')).toBe(first)
    handle.trip(100)
    handle.reset()
    expect(await registry.getService('llm')).toBe(first)
  })

  it('of a half-open one reserves a probe and returns a fresh view that carries it', async () => {
    const { registry, handle, clock } = make({ successThreshold: 2 })
    const closed = await registry.requireService('llm')
    handle.trip(100)
    await clock.advance(100)
    const view = await registry.requireService('llm')
    expect(view).not.toBe(closed)
    expect(await registry.getService('llm')).toBeUndefined()
    await expect(closed.ask()).rejects.toThrow('is half-open')
    expect(await view.ask()).toBe('alpha')
    expect(handle.stats.halfOpenSuccesses).toBe(1)
    // Its probe is used: the next call of the same view needs admission like any other.
    const other = await registry.requireService('llm')
    await expect(view.ask()).rejects.toThrow('is half-open')
    expect(await other.ask()).toBe('alpha')
    expect(handle.state).toBe('closed')
  })

  it('unused, the lease expires neutrally after 1,000 ms', async () => {
    const { registry, handle, clock } = make()
    handle.trip(100)
    await clock.advance(100)
    const unused = await registry.requireService('llm')
    await clock.advance(999)
    expect(await registry.getService('llm')).toBeUndefined()
    await clock.advance(1)
    const next = await registry.getService('llm')
    expect(next).toBeDefined()
    expect(handle.stats).toMatchObject({ state: 'half-open', failures: 0, trips: 1 })
    await expect(unused.ask()).rejects.toThrow('is half-open')
  })

  it('a refusal says how long the lease remains', async () => {
    const { registry, handle, clock } = make()
    handle.trip(100)
    await clock.advance(100)
    await registry.requireService('llm')
    await clock.advance(300)
    const refused = await registry.requireService('llm').catch((error: unknown) => error)
    expect(refused).toMatchObject({
      refusals: [{ provider: 'alpha', reason: 'circuit-open', retryAfterMs: 700 }],
      retryAfterMs: 700,
    })
  })
})

describe('3.7 manual control', () => {
  it('check throws what a call would be refused with, and changes nothing', async () => {
    const { handle, clock, registry } = make()
    expect(handle.check()).toBeUndefined()
    handle.trip(100)
    expect(() => handle.check()).toThrow("Circuit breaker 'alpha' is open, service unavailable")
    await clock.advance(100)
    for (let turn = 0; turn < 10; turn++) expect(() => handle.check()).not.toThrow()
    await registry.getService('llm')
    expect(() => handle.check()).toThrow(
      "Circuit breaker 'alpha' is half-open, service unavailable",
    )
    try {
      handle.check()
    } catch (error) {
      expect(error).toMatchObject({ name: 'CircuitOpenError', retryAfterMs: 1_000 })
    }
  })

  it('trip opens for the recovery time, or for as long as is said, with a reason', async () => {
    const { handle, clock } = make({ recoveryTimeoutMs: 700 })
    handle.trip()
    expect(handle.stats).toMatchObject({ retryAfterMs: 700, reason: 'tripped by hand' })
    handle.reset()
    handle.trip(40, 'maintenance')
    expect(handle.stats).toMatchObject({ retryAfterMs: 40, reason: 'maintenance' })
    await clock.advance(40)
    expect(handle.state).toBe('half-open')
    for (const wrong of [-1, Number.NaN, '5' as never])
      expect(() => handle.trip(wrong)).toThrow('forMs')
    expect(handle.state).toBe('half-open')
  })

  it('isolation lasts until reset, through trips, outcomes, export and restart', async () => {
    const { handle, clock, registry } = make()
    handle.isolate()
    handle.trip(5)
    handle.recordSuccess()
    await clock.advance(1e9)
    expect(handle.stats).toMatchObject({
      state: 'open',
      reason: 'isolated by hand',
      retryAfterMs: Number.POSITIVE_INFINITY,
    })
    expect(await registry.getService('llm')).toBeUndefined()
    const next = make()
    next.handle.restore(JSON.parse(JSON.stringify(handle.export())) as SavedCircuit)
    await next.clock.advance(1e9)
    expect(await next.registry.getService('llm')).toBeUndefined()
    next.handle.reset()
    expect(await next.registry.getService('llm')).toBeDefined()
  })

  it('outcomes known from outside a call', () => {
    const { handle } = make({ failureThreshold: 2 })
    handle.recordFailure(new Error('seen elsewhere'))
    handle.recordSuccess()
    handle.recordFailure()
    expect(handle.state).toBe('closed')
    handle.recordFailure()
    expect(handle.state).toBe('open')
    expect(handle.stats).toMatchObject({ calls: 4, successes: 1, failures: 3 })
  })

  it('resetCircuits closes every one, and makes none', async () => {
    const { registry } = make({}, ['a', 'b', 'c'])
    registry.circuit('a').trip(1e6)
    registry.circuit('b').isolate()
    registry.resetCircuits()
    expect(['a', 'b', 'c'].map((name) => registry.circuit(name).state)).toEqual(
      Array(3).fill('closed'),
    )
    expect(registry.metrics()).toMatchObject({ closedCircuits: 3, openCircuits: 0 })
  })

  it('reset ends a pause the provider asked for, for all who share the credential', async () => {
    const clock = new FakeClock()
    const registry = new ServiceRegistry<{ llm: Llm }>({ clock })
    const limited = Object.assign(new Error('slow down'), {
      status: 429,
      headers: { 'retry-after': '60' },
    })
    for (const name of ['a', 'b'])
      registry.register({
        service: 'llm',
        name,
        credential: 'team',
        provider: { ask: () => Promise.reject(limited), peek: () => name },
      })
    const llm = await registry.requireService('llm')
    await expect(llm.ask()).rejects.toBe(limited)
    expect(await registry.getService('llm')).toBeUndefined()
    registry.circuit('a').reset()
    expect(registry.explain('llm').candidates.map(({ verdict }) => verdict)).toEqual([
      'chosen',
      'eligible',
    ])
    expect(await registry.getService('llm', { exclude: ['a'] })).toBeDefined()
  })

  it('a listener that isolates it at the half-opening is obeyed at once', async () => {
    const { registry, handle, clock } = make()
    registry.on('circuit.half-opened', () => handle.isolate('not yet'))
    handle.trip(100)
    await clock.advance(100)
    expect(await registry.getService('llm')).toBeUndefined()
    expect(handle.stats).toMatchObject({ state: 'open', reason: 'not yet', calls: 0 })
  })
})

describe('3.8 one breaker per used provider', () => {
  it('is made on first use, and stays the same', async () => {
    const { registry, handle } = make({}, ['a', 'b'])
    const { opossum } = handle
    expect(opossum.name).toBe('a')
    expect(handle.opossum).toBe(opossum)
    expect(registry.circuit('a').opossum).toBe(opossum)
    expect(registry.circuit('b').opossum).not.toBe(opossum)
    const llm = await registry.requireService('llm')
    await llm.ask()
    expect(llm.peek()).toBe('a')
    expect(opossum.stats).toMatchObject({ fires: 2, successes: 2 })
  })
})

describe('1.3 and 3: a change of the provider', () => {
  it('keeps its circuit, and what its ratio has seen', async () => {
    const clock = new FakeClock()
    const circuit = { failureThreshold: 100, errorRatio: 1, minimumCalls: 2 }
    const registry = new ServiceRegistry<{ llm: Llm }>({ clock, circuit })
    const provider: Llm = { ask: () => Promise.reject(new Error('down')), peek: () => 'a' }
    registry.register({ service: 'llm', name: 'alpha', provider })
    const fail = async () => {
      const llm = await registry.requireService('llm')
      await expect(llm.ask()).rejects.toThrow('down')
    }
    await fail()
    registry.setPriority('alpha', 'high')
    await fail()
    expect(registry.circuit('alpha').state).toBe('open')
  })
})

describe('3.6 in the registry', () => {
  it('timed out by its provider, a guarded method rejects and the next call is another one', async () => {
    const clock = new FakeClock()
    const registry = new ServiceRegistry<{ llm: Llm }>({ clock, circuit: { timeoutMs: 50 } })
    let hang = true
    registry.register({
      service: 'llm',
      name: 'alpha',
      provider: {
        ask: () => (hang ? new Promise(() => {}) : Promise.resolve('back')),
        peek: () => '',
      },
    })
    const llm = await registry.requireService('llm')
    const slow = watch(llm.ask())
    await clock.advance(50)
    expect(slow.value).toMatchObject({ name: 'CallTimeoutError', timeoutMs: 50 })
    hang = false
    expect(await llm.ask()).toBe('back')
  })

  it('a caller who aborts while the work begins hears so at once', async () => {
    const clock = new FakeClock()
    const registry = new ServiceRegistry<{ llm: Llm }>({ clock })
    registry.register({ service: 'llm', provider: { ask: async () => '', peek: () => '' } })
    const stop = new AbortController()
    const reason = new Error('at once')
    const call = watch(
      registry.call(
        'llm',
        {},
        () => {
          stop.abort(reason)
          return new Promise(() => {})
        },
        { signal: stop.signal },
      ),
    )
    await clock.advance(0)
    expect(call).toEqual({ state: 'rejected', value: reason })
  })
})
