import { describe, expect, it } from 'vitest'
import {
  type Candidate,
  type NonEmpty,
  type PickRequest,
  type Strategy,
  StrategyFailedError,
} from '../../src/index.js'
import { heardScene, outcome, picks, scene, tally } from '../registry/scene.js'

describe('tiers', () => {
  it('tries groups in ascending order, whatever their number', () => {
    const { registry } = scene()
    for (const group of [5, -32_768, 0, 32_767])
      registry.register({ service: 'llm', name: `g${group}`, provider: {}, group })
    const order: (string | undefined)[] = []
    for (let turn = 0; turn < 5; turn++) {
      const name = registry.resolve('llm')?.provider
      order.push(name)
      if (name !== undefined) registry.circuit(name).isolate()
    }
    expect(order).toEqual(['g-32768', 'g0', 'g5', 'g32767', undefined])
  })

  it('orders by priority within a group, then by registration', () => {
    const { registry } = scene()
    for (const priority of ['fallback', 'low', 'high', 'critical', 'normal', 'high'] as const)
      registry.register({
        service: 'llm',
        name: `${priority}-${Math.random()}`,
        provider: {},
        priority,
      })
    expect(
      registry.explain('llm').candidates.map(({ provider }) => provider.split('-')[0]),
    ).toEqual(['critical', 'high', 'high', 'normal', 'low', 'fallback'])
  })

  it('leaves a group only when nobody in it is admissible, and comes back', () => {
    const { registry } = scene()
    for (const [name, group] of [
      ['a', 0],
      ['b', 0],
      ['c', 1],
    ] as const)
      registry.register({ service: 'llm', name, provider: {}, group, strategy: 'round-robin' })
    expect(picks({ registry }, 3)).toEqual(['a', 'b', 'a'])
    registry.circuit('b').isolate()
    expect(picks({ registry }, 2)).toEqual(['a', 'a'])
    registry.circuit('a').isolate()
    expect(picks({ registry }, 2)).toEqual(['c', 'c'])
    registry.resetCircuits()
    expect(picks({ registry }, 2)).toEqual(['b', 'a'])
  })

  it('asks the global ones only when the handler has nobody, and never without leave', () => {
    const { registry } = scene()
    registry.register({
      service: 'llm',
      name: 'own',
      handler: 'A',
      provider: {},
      priority: 'fallback',
      group: 9,
    })
    registry.register({ service: 'llm', name: 'all', provider: {}, priority: 'critical' })
    const at = (handler?: string, fallbackToGlobal?: boolean): string | undefined =>
      registry.resolve('llm', { handler, fallbackToGlobal })?.provider
    expect([at('A'), at('B'), at('*'), at(), at('B', false), at('A', false)]).toEqual([
      'own',
      'all',
      'all',
      'all',
      undefined,
      'own',
    ])
    registry.circuit('own').isolate()
    expect([at('A'), at('A', true), at('A', false)]).toEqual(['all', 'all', undefined])
  })

  it('a provider of several handlers is one provider with one circuit', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'both', handler: ['A', 'B', 'A'], provider: {} })
    registry.circuit('both').isolate()
    expect(registry.resolve('llm', { handler: 'A' })).toBeUndefined()
    expect(registry.resolve('llm', { handler: 'B' })).toBeUndefined()
    registry.circuit('both').reset()
    expect(registry.resolve('llm', { handler: 'B' })?.provider).toBe('both')
    expect(registry.get('both')?.handlers).toEqual(['A', 'B'])
    expect(registry.unregister('both')).toBe(true)
    expect(registry.resolve('llm', { handler: 'A' })).toBeUndefined()
  })
})

describe('constraints', () => {
  const open = () => {
    const made = scene()
    for (const [name, metadata] of [
      ['a', { region: 'eu', tags: ['x', 'y'], limits: { rpm: 5 } }],
      ['b', { region: 'us', tags: ['x'], limits: { rpm: 5 }, none: null }],
    ] as const)
      made.registry.register({ service: 'llm', name, provider: {}, metadata })
    return made
  }

  it.each([
    [{ region: 'us' }, 'b'],
    [{ tags: ['x', 'y'] }, 'a'],
    [{ tags: ['y', 'x'] }, undefined],
    [{ limits: { rpm: 5 }, region: 'us' }, 'b'],
    [{ limits: { rpm: 6 } }, undefined],
    [{ none: null }, 'b'],
    [{ none: undefined }, 'a'],
    [{ nothing: undefined }, 'a'],
    [{ nothing: 1 }, undefined],
    [{ toString: 1 }, undefined],
    [{ constructor: undefined }, 'a'],
    [{}, 'a'],
  ])('where %o finds %s', (where, expected) => {
    expect(open().registry.resolve('llm', { where })?.provider).toBe(expected)
  })

  it('leaves out the excluded, and says which constraint it was', () => {
    const { registry } = open()
    expect(registry.resolve('llm', { exclude: ['a', 'nobody'] })?.provider).toBe('b')
    expect(
      registry.explain('llm', { exclude: ['a'], where: { region: 'eu' } }).candidates,
    ).toMatchObject([
      { provider: 'a', verdict: { reason: 'excluded', constraint: 'exclude' } },
      { provider: 'b', verdict: { reason: 'excluded', constraint: 'where.region' } },
    ])
  })

  it('is not relaxed when nobody is left, nor by the next group or scope', () => {
    const { registry } = open()
    registry.register({
      service: 'llm',
      name: 'c',
      provider: {},
      group: 1,
      metadata: { region: 'us' },
    })
    expect(registry.resolve('llm', { where: { region: 'eu' }, exclude: ['a'] })).toBeUndefined()
    expect(registry.resolve('llm', { where: { region: 'us' }, exclude: ['b'] })?.provider).toBe('c')
  })
})

describe('a key', () => {
  it('keeps its provider of a tier whatever the strategy, and moves only while that is away', () => {
    for (const strategy of ['fallback', 'round-robin', 'weighted', 'random', 'sticky'] as const) {
      const { registry } = scene()
      for (const name of ['a', 'b', 'c'])
        registry.register({ service: 'llm', name, provider: {}, strategy })
      registry.register({ service: 'llm', name: 'last', provider: {}, group: 1 })
      for (const key of ['ann', 'bob', '']) {
        const home = registry.resolve('llm', { key })?.provider as string
        expect(picks({ registry }, 5, { key })).toEqual(Array(5).fill(home))
        registry.circuit(home).isolate()
        const other = registry.resolve('llm', { key })?.provider
        expect(other).not.toBe(home)
        expect(other).not.toBe('last')
        registry.circuit(home).reset()
        expect(registry.resolve('llm', { key })?.provider).toBe(home)
      }
    }
  })

  it('uses all providers of the tier', () => {
    const { registry } = scene()
    for (const name of ['a', 'b', 'c']) registry.register({ service: 'llm', name, provider: {} })
    const homes = Array.from(
      { length: 300 },
      (_, at) => registry.resolve('llm', { key: `user-${at}` })?.provider,
    )
    expect(Math.min(...tally(homes).values())).toBeGreaterThan(70)
  })
})

describe('strategies in a registry', () => {
  it('weighted: shares hold, and explaining or filtering between look-ups changes nothing', () => {
    const open = () => {
      const { registry } = scene()
      for (const [name, weight] of [
        ['a', 5],
        ['b', 3],
        ['c', 2],
      ] as const)
        registry.register({ service: 'llm', name, provider: {}, weight, strategy: 'weighted' })
      return registry
    }
    const [plain, looked] = [open(), open()]
    const seen: (string | undefined)[][] = [[], []]
    for (let turn = 0; turn < 200; turn++) {
      seen[0]?.push(plain.resolve('llm')?.provider)
      looked.explain('llm', { exclude: [['a', 'b', 'c'][turn % 3] as string] })
      looked.explain('llm', { where: { region: 'nowhere' } })
      expect(looked.explain('llm').chosen).toBe(seen[0]?.at(-1))
      seen[1]?.push(looked.resolve('llm')?.provider)
    }
    expect(seen[1]).toEqual(seen[0])
    expect(tally(seen[0] ?? [])).toEqual(
      new Map([
        ['a', 100],
        ['b', 60],
        ['c', 40],
      ]),
    )
  })

  it('two-choices prefers the one with fewer calls in flight', async () => {
    const { registry } = scene()
    for (const name of ['a', 'b'])
      registry.register({ service: 'llm', name, provider: {}, strategy: 'two-choices' })
    const ends: (() => void)[] = []
    const called: string[] = []
    const calls = Array.from({ length: 20 }, () =>
      registry.call('llm', {}, (_, { provider }) => {
        called.push(provider)
        return new Promise<void>((resolve) => ends.push(resolve))
      }),
    )
    expect(tally(called)).toEqual(
      new Map([
        ['a', 10],
        ['b', 10],
      ]),
    )
    for (const end of ends) end()
    await Promise.all(calls)
  })

  it('fastest goes to the one that answers quickly, once each was tried', async () => {
    const { registry, clock } = scene()
    const tookMs: Record<string, number> = { slow: 50, quick: 5 }
    for (const name of ['slow', 'quick'])
      registry.register({ service: 'llm', name, provider: {}, strategy: 'fastest' })
    const called: string[] = []
    for (let turn = 0; turn < 10; turn++) {
      const call = registry.call('llm', {}, async (_, { provider }) => {
        called.push(provider)
        await clock.sleep(tookMs[provider] ?? 0)
      })
      await clock.advance(100)
      await call
    }
    expect(called.slice(0, 2)).toEqual(['slow', 'quick'])
    expect(new Set(called.slice(2))).toEqual(new Set(['quick']))
  })

  it('random uses everybody, and explain names nobody while it is left to chance', () => {
    const { registry } = scene()
    for (const name of ['a', 'b', 'c'])
      registry.register({ service: 'llm', name, provider: {}, strategy: 'random' })
    registry.register({ service: 'llm', name: 'later', provider: {}, group: 1 })
    expect([...tally(picks({ registry }, 300)).values()].every((count) => count > 70)).toBe(true)
    const { chosen, candidates } = registry.explain('llm')
    expect(chosen).toBeUndefined()
    expect(candidates.map(({ verdict }) => verdict)).toEqual(Array(4).fill('eligible'))
    expect(registry.explain('llm', { exclude: ['a', 'b'] }).chosen).toBe('c')
    expect(registry.explain('llm', { exclude: ['a', 'b', 'c'] }).chosen).toBe('later')
  })
})

describe('a strategy of the user', () => {
  const withStrategy = (strategy: Strategy, count = 3) => {
    const made = heardScene()
    for (let at = 0; at < count; at++)
      made.registry.register({
        service: 'llm',
        name: `p${at}`,
        provider: { name: `p${at}`, work: async () => `p${at}` },
        priority: at === 0 ? 'low' : 'high',
        weight: at + 1,
        metadata: { at },
        strategy,
      })
    return made
  }

  it('gets the admissible in order as frozen facts, and the request with its pool', () => {
    const offered: NonEmpty<Candidate>[] = []
    const requests: PickRequest[] = []
    const { registry } = withStrategy({
      name: 'mine',
      pick(candidates, request) {
        offered.push(candidates)
        requests.push(request)
        return candidates[candidates.length - 1] as Candidate
      },
    })
    registry.circuit('p1').isolate()
    registry.updateFromHealth('p2', { status: 'unknown', load: 0.5 })
    expect(registry.resolve('llm', { handler: 'H', tenant: 't' })?.provider).toBe('p0')
    registry.resolve('llm', { handler: 'H' })
    const [first, second] = offered
    expect(
      first?.map(
        ({
          provider,
          priority,
          group,
          weight,
          metadata,
          health,
          load,
          reportedLoad,
          latencyMs,
        }) => ({
          provider,
          priority,
          group,
          weight,
          metadata,
          health,
          load,
          reportedLoad,
          latencyMs,
        }),
      ),
    ).toEqual([
      {
        provider: 'p2',
        priority: 1,
        group: 0,
        weight: 3,
        metadata: { at: 2 },
        health: 'unknown',
        load: 0,
        reportedLoad: 0.5,
        latencyMs: 0,
      },
      {
        provider: 'p0',
        priority: 3,
        group: 0,
        weight: 1,
        metadata: { at: 0 },
        health: 'unknown',
        load: 0,
        reportedLoad: undefined,
        latencyMs: 0,
      },
    ])
    expect(second).toBe(first)
    expect(Object.isFrozen(first)).toBe(true)
    expect(Object.isFrozen(first?.[0])).toBe(true)
    expect(requests[0]).toMatchObject({ service: 'llm', handler: 'H', tenant: 't', key: undefined })
    expect(requests[1]?.pool).toBe(requests[0]?.pool)
    registry.circuit('p1').reset()
    registry.resolve('llm', { handler: 'H' })
    expect(offered[2]).not.toBe(first)
    expect(requests[2]?.pool).toBe(requests[0]?.pool)
  })

  const wrong: Record<string, (candidates: NonEmpty<Candidate>) => unknown> = {
    'gives nothing': () => undefined,
    'gives null': () => null,
    'gives a name': ([first]) => first.provider,
    'gives a copy': ([first]) => ({ ...first, provider: first.provider }),
    'gives a promise': async ([first]) => first,
    'gives the array': (candidates) => candidates,
    'gives a proxy': ([first]) => new Proxy(first, {}),
    'gives an heir': ([first]) => Object.create(first),
    throws: () => {
      throw new RangeError('mine')
    },
    'throws nothing useful': () => {
      throw null
    },
  }

  it.each(Object.entries(wrong))(
    'that %s fails the look-up and nothing else',
    async (what, pick) => {
      const { registry, events } = withStrategy({ name: 'odd', pick: pick as Strategy['pick'] })
      const before = registry.describe()
      expect(() => registry.resolve('llm')).toThrow(StrategyFailedError)
      for (const fn of [
        () => registry.getService('llm'),
        () => registry.requireService('llm'),
        () => registry.call('llm', {}, () => 1),
        () => (registry.client('llm') as { work(): Promise<unknown> }).work(),
      ]) {
        const error = await outcome(fn)
        expect(error).toBeInstanceOf(StrategyFailedError)
        expect((error as Error).message).toContain("'odd'")
        if (what === 'throws') expect((error as Error).cause).toBeInstanceOf(RangeError)
      }
      expect(registry.explain('llm').candidates).toHaveLength(3)
      expect(registry.describe()).toEqual(before)
      expect(events.filter(({ type }) => type.startsWith('call.'))).toEqual([])
    },
  )

  it('cannot choose one of another registry, or one that left', () => {
    const stolen: Candidate[] = []
    const thief: Strategy = {
      name: 'thief',
      pick(candidates) {
        stolen.push(candidates[0])
        return stolen[0] as Candidate
      },
    }
    const one = withStrategy(thief)
    const other = withStrategy(thief)
    one.registry.resolve('llm')
    expect(() => other.registry.resolve('llm')).toThrow(StrategyFailedError)
    one.registry.unregister(stolen[0]?.provider ?? '')
    expect(() => one.registry.resolve('llm')).toThrow(StrategyFailedError)
  })

  it('that changes the registry while it chooses gets what it chose, or is told', () => {
    const { registry } = withStrategy({
      name: 'meddler',
      pick(candidates) {
        registry.unregister(candidates[0].provider)
        return candidates[1] ?? candidates[0]
      },
    })
    expect(registry.resolve('llm')?.provider).toBe('p2')
    expect(registry.resolve('llm')?.provider).toBe('p0')
    expect(() => registry.resolve('llm')).toThrow(StrategyFailedError)
    expect(registry.list()).toEqual([])
  })

  it('that throws when it is asked to foresee makes explain fail, and no client', async () => {
    const { registry } = withStrategy({
      name: 'blind',
      pick: ([first]) => first,
      peek() {
        throw new Error('cannot see')
      },
    })
    expect(() => registry.explain('llm')).toThrow(StrategyFailedError)
    const client = registry.client('llm') as { work(): Promise<unknown> }
    expect(await client.work()).toBe('p1')
  })
})
