import { describe, expect, it } from 'vitest'
import type { RegistryEvent } from '../../src/index.js'
import { FakeProvider } from '../../src/testing/index.js'
import { heardScene, outcome, scene } from './scene.js'

describe('events', () => {
  it('tell of providers and capabilities, after the change, with the wall time', () => {
    const { registry, clock, events } = heardScene()
    clock.setWall(1_700_000_000_000)
    const sizes: number[] = []
    registry.on('provider.added', () => sizes.push(registry.list().length))
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      capabilities: ['chat', 'image@1.2'],
    })
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      capabilities: ['image@1.3', 'chat'],
      replace: true,
    })
    registry.unregister('a')
    expect(sizes).toEqual([1])
    const placed = { provider: 'a', service: 'llm', at: 1_700_000_000_000 }
    expect(events).toMatchObject([
      { type: 'provider.added', view: { name: 'a' }, ...placed },
      { type: 'capability.added', capability: { name: 'chat' }, ...placed },
      { type: 'capability.added', capability: { name: 'image', version: '1.2' }, ...placed },
      {
        type: 'provider.changed',
        previous: { capabilities: [{ name: 'chat' }, { version: '1.2' }] },
        ...placed,
      },
      { type: 'capability.removed', capability: { name: 'image', version: '1.2' }, ...placed },
      { type: 'capability.added', capability: { name: 'image', version: '1.3' }, ...placed },
      { type: 'provider.removed', view: { name: 'a' }, ...placed },
      { type: 'capability.removed', capability: { name: 'image', version: '1.3' }, ...placed },
      { type: 'capability.removed', capability: { name: 'chat' }, ...placed },
    ])
    expect(events).toHaveLength(9)
  })

  it('tell of calls once each, whichever way in', async () => {
    const { registry, clock, events } = heardScene()
    const provider = {
      one: async () => 1,
      no: async () => {
        throw new Error('no')
      },
      sync: () => 2,
    }
    registry.register({ service: 'llm', name: 'a', provider, circuit: { failureThreshold: 100 } })
    const calls = () =>
      events
        .splice(0)
        .filter(({ type }) => type.startsWith('call.'))
        .map(({ type, ...rest }) => `${type} ${(rest as { method?: string }).method}`)
    const view = (await registry.getService('llm')) as typeof provider
    await view.one()
    view.sync()
    await outcome(() => view.no())
    expect(calls()).toEqual(['call.succeeded one', 'call.succeeded sync', 'call.failed no'])
    const client = registry.client('llm', {}, { attempts: 1 }) as typeof provider
    await client.one()
    await outcome(() => client.no())
    expect(calls()).toEqual(['call.succeeded one', 'call.failed no'])
    await registry.call('llm', {}, () => 1)
    registry.resolve('llm')?.run(() => 1)
    registry.resolve('llm')?.succeed()
    registry.resolve('llm')?.release()
    expect(calls()).toEqual([
      'call.succeeded undefined',
      'call.succeeded undefined',
      'call.succeeded undefined',
    ])
    registry.circuit('a').isolate()
    await outcome(() => view.one())
    expect(calls()).toEqual(['call.refused one'])
    await clock.advance(60_000)
    expect(calls()).toEqual([])
  })

  it('tell of circuits: opened with reason and wait, half-opened once before the first admission, closed', async () => {
    const { registry, clock, events } = heardScene({
      circuit: { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 100 },
    })
    registry.register({ service: 'llm', name: 'a', provider: new FakeProvider({ name: 'a' }) })
    const circuits = () => events.splice(0).filter(({ type }) => type.startsWith('circuit.'))
    registry.circuit('a').recordFailure()
    expect(circuits()).toMatchObject([
      { type: 'circuit.opened', provider: 'a', service: 'llm', retryAfterMs: 100 },
    ])
    await clock.advance(100)
    for (let look = 0; look < 3; look++) expect(registry.circuit('a').state).toBe('half-open')
    registry.describe()
    registry.explain('llm')
    expect(circuits()).toEqual([])
    const view = (await registry.getService('llm')) as FakeProvider
    expect(circuits()).toMatchObject([{ type: 'circuit.half-opened' }])
    await view.call()
    expect(circuits()).toMatchObject([{ type: 'circuit.closed' }])
    registry.circuit('a').isolate()
    expect(circuits()).toMatchObject([
      {
        type: 'circuit.opened',
        retryAfterMs: Number.POSITIVE_INFINITY,
        reason: 'isolated by hand',
      },
    ])
  })

  it('come in order, those of a change made by a listener behind the running one', () => {
    const { registry } = scene()
    const heard: string[] = []
    const note = (who: string) => (event: RegistryEvent) => {
      heard.push(`${who}: ${event.type} ${'provider' in event ? event.provider : ''}`)
    }
    registry.on('provider.added', (event) => {
      note('first')(event)
      if (event.provider !== 'a') return
      registry.register({ service: 'llm', name: 'b', provider: {} })
      expect(registry.get('b'), 'it applies at once').toBeDefined()
      registry.unregister('a')
    })
    registry.on('provider.added', note('second'))
    registry.on('provider.removed', note('third'))
    registry.register({ service: 'llm', name: 'a', provider: {} })
    expect(heard).toEqual([
      'first: provider.added a',
      'second: provider.added a',
      'first: provider.added b',
      'second: provider.added b',
      'third: provider.removed a',
    ])
    expect(registry.list().map(({ name }) => name)).toEqual(['b'])
  })

  it('are heard until unsubscribing, also when that happens while one is on its way', () => {
    const { registry } = scene()
    const heard: string[] = []
    const offs: (() => void)[] = []
    offs.push(
      registry.on('provider.added', () => {
        heard.push('first')
        for (const off of offs) off()
      }),
    )
    offs.push(registry.on('provider.added', () => heard.push('second')))
    registry.register({ service: 'llm', provider: {} })
    registry.register({ service: 'llm', provider: {} })
    expect(heard).toEqual(['first'])
  })

  it('the same listener twice is heard twice, and leaves once at a time', () => {
    const { registry } = scene()
    let heard = 0
    const listener = () => void heard++
    const off = registry.on('provider.added', listener)
    registry.on('provider.added', listener)
    registry.register({ service: 'llm', provider: {} })
    off()
    off()
    registry.register({ service: 'llm', provider: {} })
    expect(heard).toBe(3)
  })
})

describe('a listener', () => {
  it('that throws, or rejects, is reported and changes nothing', async () => {
    const { registry, clock } = scene()
    const failures: RegistryEvent[] = []
    const heard: string[] = []
    registry.on('provider.added', () => {
      throw new Error('sync')
    })
    registry.on('provider.added', async () => {
      throw new Error('async')
    })
    registry.on('call.succeeded', () => {
      throw new Error('call')
    })
    registry.on('circuit.opened', () => {
      throw new Error('circuit')
    })
    registry.on('provider.added', () => void heard.push('the next one'))
    registry.on('listener.failed', (event) => void failures.push(event))
    registry.register({ service: 'llm', name: 'a', provider: { one: async () => 1 } })
    expect(await ((await registry.getService('llm')) as { one(): Promise<number> }).one()).toBe(1)
    registry.circuit('a').isolate()
    await clock.advance(0)
    expect(registry.circuit('a').stats).toMatchObject({ state: 'open', successes: 1, failures: 0 })
    expect(heard).toEqual(['the next one'])
    expect(
      failures
        .map(
          (event) =>
            event.type === 'listener.failed' && `${event.event}: ${(event.error as Error).message}`,
        )
        .sort(),
    ).toEqual([
      'call.succeeded: call',
      'circuit.opened: circuit',
      'provider.added: async',
      'provider.added: sync',
    ])
  })

  it('of listener.failed that throws does not start a loop', () => {
    const lines: string[] = []
    const error = (message: string) => void lines.push(message)
    const { registry } = scene({ logger: { debug() {}, info() {}, warn() {}, error } })
    registry.on('listener.failed', () => {
      throw new Error('again')
    })
    registry.on('provider.added', () => {
      throw new Error('first')
    })
    registry.register({ service: 'llm', provider: {} })
    expect(lines).toEqual(['a listener failed', 'a listener failed'])
  })

  it('cannot change what it is told', () => {
    const { registry, events } = heardScene()
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      capabilities: ['chat'],
      metadata: { deep: { list: [1] }, apiKey: 'sk-secret' },
    })
    const added = events[0]
    if (added?.type !== 'provider.added') throw new Error('expected provider.added')
    expect(() => (added.view.capabilities as unknown[]).push('x')).toThrow(TypeError)
    expect(() => (added.view.metadata.deep as { list: unknown[] }).list.push(2)).toThrow(TypeError)
    expect(JSON.stringify(events)).not.toContain('sk-secret')
    expect(registry.get('a')?.capabilities).toHaveLength(1)
  })

  it('may unregister the provider whose call it hears of, and close the registry', async () => {
    const { registry } = scene()
    registry.on('call.succeeded', ({ provider }) => void registry.unregister(provider))
    registry.on('provider.removed', () => void registry.close())
    registry.register({ service: 'llm', name: 'a', provider: { one: async () => 1 } })
    expect(await (registry.client('llm') as { one(): Promise<number> }).one()).toBe(1)
    expect(registry.list()).toEqual([])
    expect(() => registry.resolve('llm')).toThrow(/closed/)
  })

  it('that registers again while the registry closes cannot outlive it', async () => {
    const { registry } = scene()
    const failures: unknown[] = []
    registry.on('listener.failed', ({ error }) => void failures.push(error))
    registry.on('provider.removed', () => void registry.register({ service: 'llm', provider: {} }))
    registry.register({ service: 'llm', provider: {} })
    await registry.close()
    expect(registry.list()).toEqual([])
    expect(failures).toMatchObject([{ code: 'SWITCHGEAR_REGISTRY_CLOSED' }])
  })
})

describe('events()', () => {
  it('iterates over everything from now on, until the registry closes', async () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'before', provider: {} })
    const seen: string[] = []
    const reading = (async () => {
      for await (const { type, ...rest } of registry.events())
        seen.push(`${type} ${(rest as { provider?: string }).provider}`)
    })()
    registry.register({ service: 'llm', name: 'a', provider: {} })
    registry.circuit('a').isolate()
    await registry.close()
    await reading
    expect(seen).toEqual([
      'provider.added a',
      'circuit.opened a',
      'provider.removed before',
      'provider.removed a',
    ])
  })

  it('ends with its signal, with break, and at once when either is over', async () => {
    const { registry } = scene()
    const stop = new AbortController()
    const events = registry.events(stop.signal)
    const waiting = events.next()
    stop.abort()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(await registry.events(stop.signal).next()).toEqual({ done: true, value: undefined })
    for (let at = 0; at < 3; at++) registry.register({ service: 'llm', provider: {} })
    const other = registry.events()
    registry.register({ service: 'llm', provider: {} })
    for await (const event of other) {
      expect(event.type).toBe('provider.added')
      break
    }
    expect(await other.next()).toEqual({ done: true, value: undefined })
  })

  it('forgets the oldest rather than growing without end', async () => {
    const { registry } = scene()
    const events = registry.events()
    registry.register({ service: 'llm', name: 'a', provider: {} })
    for (let at = 0; at < 66_000; at++) registry.setPriority('a', at % 2 === 0 ? 'low' : 'high')
    await registry.close()
    let count = 0
    for await (const _ of events) count++
    expect(count).toBe(65_536)
  })
})
