import { describe, expect, it } from 'vitest'
import { Priority } from '../../src/index.js'
import { FakeProvider } from '../../src/testing/index.js'
import { heardScene, outcome, picks, scene } from './scene.js'

class Painter {}
const unnamed = () => new (class {})()

describe('defaults', () => {
  it('are priority normal, group 0, fallback, no capabilities and no metadata', () => {
    const { registry } = scene()
    const { name } = registry.register({ service: 'llm', provider: {} })
    expect(registry.get(name)).toMatchObject({
      handlers: ['*'],
      priority: 'normal',
      group: 0,
      strategy: 'fallback',
      capabilities: [],
      models: [],
      dependencies: [],
      metadata: {},
      weight: 1,
      health: 'unknown',
      origin: 'manual',
      inFlight: 0,
    })
  })

  it('of priorities are 0, 1, 2, 3 and 9, by name, number or constant', () => {
    expect(Priority).toEqual({ Critical: 0, High: 1, Normal: 2, Low: 3, Fallback: 9 })
    const { registry } = scene()
    for (const [name, level] of Object.entries(Priority)) {
      const word = name.toLowerCase()
      for (const priority of [level, word as 'high'])
        expect(
          registry.get(registry.register({ service: 'llm', provider: {}, priority }).name)
            ?.priority,
        ).toBe(word)
    }
  })
})

describe('handlers', () => {
  it('none, or "*", alone or in a list, means everybody', () => {
    const { registry } = scene()
    for (const handler of [undefined, '*', ['*'], ['A', '*']])
      expect(
        registry.get(registry.register({ service: 'llm', provider: {}, handler }).name)?.handlers,
      ).toEqual(['*'])
    expect(registry.explain('llm', { handler: 'Anyone' }).candidates).toHaveLength(4)
  })

  it('registerGlobal is for everybody whatever handler says', () => {
    const { registry } = scene()
    const { name } = registry.registerGlobal({ service: 'llm', provider: {}, handler: 'A' })
    expect(registry.get(name)?.handlers).toEqual(['*'])
    expect(Object.isFrozen(registry.get(name)?.handlers)).toBe(true)
  })
})

describe('names', () => {
  it('are made of the class, else the service, and are never used twice', () => {
    const { registry } = scene()
    const named = (provider: object): string =>
      registry.register({ service: 'image', provider }).name
    expect([named(new Painter()), named(new Painter())]).toEqual(['Painter-1', 'Painter-2'])
    expect([
      named({}),
      named(() => {}),
      named(async () => {}),
      named(unnamed()),
      named(Object.create(null)),
    ]).toEqual(['image-1', 'image-2', 'image-3', 'image-4', 'image-5'])
    expect(registry.register({ service: 'image', connect: () => ({}) }).name).toBe('image-6')
    registry.unregister('Painter-2')
    registry.clear()
    expect([named(new Painter()), named({})]).toEqual(['Painter-3', 'image-7'])
  })

  it('that were made step around those that were given', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'llm-1', provider: {} })
    registry.register({ service: 'llm', name: 'llm-3', provider: {} })
    const names = [1, 2, 3].map(() => registry.register({ service: 'llm', provider: {} }).name)
    expect(names).toEqual(['llm-2', 'llm-4', 'llm-5'])
  })

  it('that were given are free again once their provider left', () => {
    const { registry } = scene()
    const first = registry.register({ service: 'llm', name: 'a', provider: {} })
    first.unregister()
    registry.register({ service: 'memory', name: 'a', provider: {} })
    expect(first.unregister()).toBe(false)
    expect(registry.get('a')?.service).toBe('memory')
  })
})

describe('the strategy of a group', () => {
  it('is set by the first that names one, and inherited by all others', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {}, priority: 'low' })
    expect(registry.get('a')?.strategy).toBe('fallback')
    registry.register({ service: 'llm', name: 'b', provider: {}, strategy: 'round_robin' })
    registry.register({ service: 'llm', name: 'c', provider: {}, priority: 'critical' })
    expect(registry.list().map(({ strategy }) => strategy)).toEqual(Array(3).fill('round-robin'))
    expect(picks({ registry }, 3)).toEqual(['c', 'b', 'a'])
  })

  it('stays until its last provider leaves', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {}, strategy: 'sticky' })
    registry.register({ service: 'llm', name: 'b', provider: {} })
    registry.unregister('a')
    expect(registry.get('b')?.strategy).toBe('sticky')
    registry.unregister('b')
    registry.register({ service: 'llm', name: 'c', provider: {}, strategy: 'random' })
    expect(registry.get('c')?.strategy).toBe('random')
  })

  it('belongs to service, handler scope and number alone', () => {
    const { registry } = scene()
    for (const [at, more] of [
      {},
      { handler: 'A' },
      { group: 1 },
      { service: 'memory' },
    ].entries()) {
      const strategy = (['weighted', 'sticky', 'random', 'fastest'] as const)[at]
      const { name } = registry.register({ service: 'llm', provider: {}, strategy, ...more })
      expect(registry.get(name)?.strategy).toBe(strategy)
    }
  })

  it('survives a new priority, and a replacement that names none, of its only provider', () => {
    const { registry } = scene()
    registry.register({
      service: 'llm',
      name: 'a',
      handler: ['A', 'B'],
      provider: {},
      strategy: 'round-robin',
    })
    registry.setPriority('a', 'low')
    expect(registry.get('a')?.strategy).toBe('round-robin')
    registry.register({
      service: 'llm',
      name: 'a',
      handler: ['A', 'B'],
      provider: {},
      replace: true,
    })
    expect(registry.get('a')?.strategy).toBe('round-robin')
    registry.register({ service: 'llm', name: 'b', handler: 'B', provider: {} })
    expect(picks({ registry }, 4, { handler: 'B' })).toEqual(['a', 'b', 'a', 'b'])
  })

  it('is another one when the only provider is replaced by one that names it', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {}, strategy: 'round-robin' })
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      strategy: 'weighted',
      replace: true,
    })
    expect(registry.get('a')?.strategy).toBe('weighted')
    registry.register({ service: 'llm', name: 'a', group: 3, provider: {}, replace: true })
    expect(registry.get('a')?.strategy).toBe('fallback')
  })
})

describe('replacing', () => {
  it('updates in place: the same circuit and order, the new instance, record and settings', async () => {
    const { registry, clock } = scene()
    const [old, fresh] = [new FakeProvider({ name: 'old' }), new FakeProvider({ name: 'fresh' })]
    const handle = registry.register({
      service: 'llm',
      name: 'a',
      provider: old,
      capabilities: ['chat'],
      circuit: { failureThreshold: 2 },
    })
    registry.register({ service: 'llm', name: 'b', provider: new FakeProvider({ name: 'b' }) })
    registry.circuit('a').recordFailure()
    const { opossum } = registry.circuit('a')
    const view = (await registry.getService('llm')) as FakeProvider
    registry.register({
      service: 'llm',
      name: 'a',
      provider: fresh,
      capabilities: ['image'],
      circuit: { failureThreshold: 5, recoveryTimeoutMs: 7 },
      metadata: { new: true },
      replace: true,
    })
    expect(registry.get('a')).toMatchObject({
      metadata: { new: true },
      capabilities: [{ name: 'image' }],
    })
    expect(registry.circuit('a').stats.consecutiveFailures).toBe(1)
    expect(registry.circuit('a').opossum).toBe(opossum)
    expect(registry.list().map(({ name }) => name)).toEqual(['a', 'b'])
    expect(registry.resolve('llm', { requires: ['chat'] })).toBeUndefined()
    const now = (await registry.getService('llm')) as FakeProvider
    expect(now).not.toBe(view)
    await now.call()
    expect([old.calls.length, fresh.calls.length]).toEqual([0, 1])
    for (let at = 0; at < 5; at++) registry.circuit('a').recordFailure()
    expect(registry.circuit('a').state).toBe('open')
    await clock.advance(7)
    expect(registry.circuit('a').state).toBe('half-open')
    expect(handle.unregister()).toBe(true)
    expect(registry.get('a')).toBeUndefined()
  })

  it('an open circuit stays open', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {} })
    registry.circuit('a').isolate()
    registry.register({ service: 'llm', name: 'a', provider: {}, replace: true })
    expect(registry.circuit('a').state).toBe('open')
    expect(registry.resolve('llm')).toBeUndefined()
  })

  it('registers what is not there yet', () => {
    const { registry } = scene()
    expect(registry.register({ service: 'llm', name: 'a', provider: {}, replace: true }).name).toBe(
      'a',
    )
    expect(registry.register({ service: 'llm', provider: {}, replace: true }).name).toBe('llm-1')
  })

  it('moves it to other handlers and another group', () => {
    const { registry } = scene()
    registry.register({
      service: 'llm',
      name: 'a',
      handler: ['A', 'B'],
      provider: {},
      strategy: 'random',
    })
    registry.register({
      service: 'llm',
      name: 'a',
      handler: ['B', 'C'],
      group: 2,
      provider: {},
      replace: true,
    })
    const at = (handler: string) => registry.resolve('llm', { handler })?.provider
    expect([at('A'), at('B'), at('C')]).toEqual([undefined, 'a', 'a'])
    registry.register({ service: 'llm', name: 'x', handler: 'A', provider: {}, strategy: 'sticky' })
    expect(registry.get('x')?.strategy).toBe('sticky')
  })

  it('forgets what was known about the health of the one before', async () => {
    const { registry, events } = heardScene()
    registry.register({ service: 'llm', name: 'a', provider: { isHealthy: () => false } })
    expect(await registry.getService('llm')).toBeUndefined()
    registry.register({ service: 'llm', name: 'a', provider: {}, replace: true })
    expect(registry.get('a')?.health).toBe('unknown')
    expect(await registry.getService('llm')).toBeDefined()
    expect(events.filter(({ type }) => type === 'provider.health-changed')).toHaveLength(2)
  })

  it('a check of the one before that ends late says nothing about the new one', async () => {
    const { registry, clock } = scene()
    let answer: (well: boolean) => void = () => {}
    const slow = {
      isHealthy: () =>
        new Promise<boolean>((resolve) => {
          answer = resolve
        }),
    }
    let asked = 0
    registry.register({ service: 'llm', name: 'a', provider: slow })
    const first = registry.getService('llm')
    registry.register({
      service: 'llm',
      name: 'a',
      provider: { isHealthy: () => ++asked > 0 },
      replace: true,
    })
    answer(false)
    expect(await registry.getService('llm')).toBeDefined()
    expect(await first).toBeDefined()
    expect(asked).toBe(1)
    expect(registry.get('a')?.health).toBe('healthy')
    expect(registry.circuit('a').stats.consecutiveFailures).toBe(0)
    await clock.advance(10_000)
    expect(registry.get('a')?.health).toBe('healthy')
  })

  it('by another credential leaves the pauses of the first one', async () => {
    const { registry } = scene()
    const tooMany = Object.assign(new Error('429'), {
      status: 429,
      headers: { 'retry-after': '60' },
    })
    for (const name of ['a', 'b', 'c'])
      registry.register({ service: 'llm', name, provider: {}, credential: 'team' })
    registry.register({ service: 'llm', name: 'b', provider: {}, credential: 'own', replace: true })
    registry.register({ service: 'llm', name: 'c', provider: {}, replace: true })
    registry.resolve('llm')?.fail(tooMany)
    expect(registry.explain('llm').candidates.map(({ verdict }) => verdict)).toMatchObject([
      { reason: 'cooling' },
      'chosen',
      'eligible',
    ])
  })

  it('makes a provider with connect anew', async () => {
    const { registry } = scene()
    const made: string[] = []
    const connect = (name: string) => async () => {
      made.push(name)
      return { who: name }
    }
    registry.register({ service: 'llm', name: 'a', connect: connect('old') })
    expect(await registry.getService('llm')).toMatchObject({ who: 'old' })
    registry.register({ service: 'llm', name: 'a', connect: connect('new'), replace: true })
    expect(await registry.getService('llm')).toMatchObject({ who: 'new' })
    expect(made).toEqual(['old', 'new'])
  })

  it('while the one before is connecting connects the new one once', async () => {
    const { registry } = scene()
    let end: (instance: object) => void = () => {}
    let made = 0
    registry.register({
      service: 'llm',
      name: 'a',
      connect: () =>
        new Promise<object>((resolve) => {
          end = resolve
        }),
    })
    const waiting = registry.getService('llm')
    registry.register({
      service: 'llm',
      name: 'a',
      connect: async () => ({ made: ++made }),
      replace: true,
    })
    const again = registry.getService('llm')
    end({ made: 'too late' })
    expect(await again).toMatchObject({ made: 1 })
    await waiting
    expect(await registry.getService('llm')).toMatchObject({ made: 1 })
    expect(made).toBe(1)
  })
})

describe('setPriority', () => {
  it('reorders at once, keeps circuit and instance, and says whether it knows the name', async () => {
    const { registry, events } = heardScene()
    for (const name of ['a', 'b']) registry.register({ service: 'llm', name, provider: { name } })
    const before = await registry.getService('llm')
    registry.circuit('a').recordFailure()
    expect(registry.setPriority('b', 'high')).toBe(true)
    expect(registry.setPriority('b', Priority.High)).toBe(true)
    expect(registry.setPriority('nobody', 'high')).toBe(false)
    expect(registry.resolve('llm')?.provider).toBe('b')
    registry.setPriority('b', 'low')
    expect(await registry.getService('llm')).toBe(before)
    expect(registry.circuit('a').stats.consecutiveFailures).toBe(1)
    expect(events.filter(({ type }) => type === 'provider.changed')).toMatchObject([
      { view: { name: 'b', priority: 'high' }, previous: { priority: 'normal' } },
      { view: { name: 'b', priority: 'low' }, previous: { priority: 'high' } },
    ])
  })

  it('keeps what the error ratio looks back on', () => {
    const { registry } = scene()
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      circuit: { failureThreshold: 100, errorRatio: 0.5, windowSize: 4, minimumCalls: 4 },
    })
    const circuit = registry.circuit('a')
    for (const ok of [true, false, false]) ok ? circuit.recordSuccess() : circuit.recordFailure()
    registry.setPriority('a', 'low')
    circuit.recordSuccess()
    circuit.recordFailure()
    expect(circuit.state).toBe('open')
  })
})

describe('unregistering', () => {
  it('is true once, by handle, name or using', () => {
    const { registry } = scene()
    const handle = registry.register({ service: 'llm', name: 'a', provider: {} })
    expect([handle.unregister(), handle.unregister(), registry.unregister('a')]).toEqual([
      true,
      false,
      false,
    ])
    registry.register({ service: 'llm', name: 'b', provider: {} })
    expect([registry.unregister('b'), registry.unregister('b')]).toEqual([true, false])
    const disposed = registry.register({ service: 'llm', name: 'c', provider: {} })
    disposed[Symbol.dispose]()
    disposed[Symbol.dispose]()
    expect(registry.list()).toEqual([])
  })

  it('lets calls in flight finish and admits nothing new', async () => {
    const { registry } = scene()
    const provider = new FakeProvider({ name: 'a' }).stall()
    const handle = registry.register({ service: 'llm', name: 'a', provider })
    const view = (await registry.getService('llm')) as FakeProvider
    const [lease, unused] = [registry.resolve('llm'), registry.resolve('llm')]
    const calls = [view.call(1), lease?.run((instance) => (instance as FakeProvider).call(2))]
    handle.unregister()
    expect(await outcome(() => view.call())).toMatchObject({
      code: 'SWITCHGEAR_UNAVAILABLE',
      reason: 'draining',
    })
    expect(await outcome(() => unused?.run(() => 1))).toMatchObject({ reason: 'draining' })
    provider.release()
    expect(await Promise.all(calls)).toEqual(['a', 'a'])
    expect(provider.calls).toEqual([[1], [2]])
  })

  it('takes the circuit along: the same name later starts anew', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {} })
    const before = registry.circuit('a')
    before.isolate()
    registry.unregister('a')
    registry.register({ service: 'llm', name: 'a', provider: {} })
    expect(registry.circuit('a').state).toBe('closed')
    before.reset()
    before.trip()
    expect(registry.circuit('a').state).toBe('closed')
    expect(registry.circuit('a').opossum).not.toBe(before.opossum)
  })

  it('of one of two that share an instance leaves the other', async () => {
    const { registry } = scene()
    const shared = new FakeProvider({ name: 'shared' })
    registry.register({ service: 'llm', name: 'a', handler: 'A', provider: shared })
    registry.register({ service: 'llm', name: 'b', handler: 'B', provider: shared })
    registry.circuit('a').isolate()
    registry.unregister('a')
    expect(
      await ((await registry.getService('llm', { handler: 'B' })) as FakeProvider).call(),
    ).toBe('shared')
  })
})

describe('draining', () => {
  it('admits nothing new, waits for calls in flight, then unregisters', async () => {
    const { registry, clock } = scene()
    const provider = new FakeProvider({ name: 'a' }).stall()
    const handle = registry.register({ service: 'llm', name: 'a', provider })
    registry.register({ service: 'llm', name: 'b', provider: {} })
    const call = registry.call('llm', {}, (one) => (one as FakeProvider).call())
    await clock.advance(0)
    const drained = handle.drain()
    expect(registry.explain('llm').candidates).toMatchObject([
      { verdict: { reason: 'draining' } },
      { verdict: 'chosen' },
    ])
    expect(registry.resolve('llm')?.provider).toBe('b')
    expect(registry.get('a')?.inFlight).toBe(1)
    await clock.advance(1_000)
    expect(registry.get('a')).toBeDefined()
    provider.release()
    expect(await call).toBe('a')
    expect(await drained).toBe(true)
    expect(registry.get('a')).toBeUndefined()
    expect(handle.unregister()).toBe(false)
  })

  it('says false when they took longer, and unregisters all the same', async () => {
    const { registry, clock } = scene()
    const provider = new FakeProvider({ name: 'a' }).stall()
    const handle = registry.register({ service: 'llm', name: 'a', provider })
    const call = registry.call('llm', {}, (one) => (one as FakeProvider).call())
    await clock.advance(0)
    const drained = handle.drain(500)
    await clock.advance(499)
    expect(registry.get('a')).toBeDefined()
    await clock.advance(1)
    expect(await drained).toBe(false)
    expect(registry.get('a')).toBeUndefined()
    provider.release()
    expect(await call).toBe('a')
  })

  it('is done at once with nothing in flight, also with 0 ms or for ever', async () => {
    const { registry } = scene()
    for (const timeoutMs of [0, undefined, Number.POSITIVE_INFINITY]) {
      const handle = registry.register({ service: 'llm', provider: {} })
      expect(await handle.drain(timeoutMs)).toBe(true)
      expect(await handle.drain(timeoutMs)).toBe(true)
    }
    expect(registry.list()).toEqual([])
  })

  it('twice waits twice: each for its own time, both until the end', async () => {
    const { registry, clock } = scene()
    const provider = new FakeProvider({ name: 'a' }).stall()
    const handle = registry.register({ service: 'llm', name: 'a', provider })
    const call = registry.call('llm', {}, (one) => (one as FakeProvider).call())
    await clock.advance(0)
    const [long, short, longer] = [handle.drain(900), handle.drain(10), handle.drain(1_000)]
    await clock.advance(20)
    expect(await short).toBe(false)
    provider.release()
    await call
    expect(await Promise.all([long, longer])).toEqual([true, true])
  })
})

describe('clear', () => {
  it('removes all at once and leaves the registry usable', () => {
    const { registry, events } = heardScene()
    for (const name of ['a', 'b'])
      registry.register({ service: 'llm', name, provider: {}, strategy: 'sticky' })
    const seen: number[] = []
    registry.on('provider.removed', () => seen.push(registry.list().length))
    registry.clear()
    expect(seen).toEqual([0, 0])
    expect(registry.describe()).toEqual({ handlers: {}, globals: {}, circuits: {} })
    expect(events.filter(({ type }) => type === 'provider.removed')).toHaveLength(2)
    registry.register({ service: 'llm', name: 'a', provider: {}, strategy: 'random' })
    expect(registry.resolve('llm')?.provider).toBe('a')
  })
})
