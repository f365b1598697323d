import { describe, expect, it } from 'vitest'
import { DependencyCycleError } from '../../src/core/errors.js'
import { provider, World } from './declared.js'

describe('what a declared text means', () => {
  const memory = provider('memory-1', { service: 'memory', can: ['vectors@1.2', 'search'] })
  const others = [provider('disk', { service: 'files' }), provider('gpu', { can: ['cuda@12.0'] })]

  it.each([
    ['memory-1', true, 'the provider of that name'],
    ['memory', true, 'every provider of that service'],
    ['search', true, 'every provider with that capability'],
    ['vectors', true, 'whatever its version'],
    ['vectors@^1.1', true, 'in a range'],
    ['vectors@>=2', false, 'not outside the range'],
    ['search@1', false, 'an unversioned capability fits no range'],
    ['memory@1', false, 'services have no range'],
    ['Memory', false, 'letters count'],
    ['vectors@latest', false, 'what is no range is only a name'],
    ['__proto__', false, 'a name like others'],
  ])('%s: %s, %s', (text, isServed) => {
    const world = new World().add(...others, memory, provider('agent', { needs: [text] }))
    expect(world.affected('memory-1')).toEqual(isServed ? [`agent: ${text}`] : [])
    expect(world.dependencies.dependenciesOf('agent')).toEqual([isServed ? 'memory-1' : text])
    expect(world.loss('agent', 'memory-1')).toEqual(isServed ? [] : [`${text}: is not registered`])
  })

  it('is a name also where it reads like a range', () => {
    const world = new World().add(
      provider('llm@1.0.0.7'),
      provider('chat@1'),
      provider('x', { can: ['chat@1.5'] }),
      provider('agent', { needs: ['llm@1.0.0.7', 'chat@1'] }),
    )
    expect(world.dependencies.dependenciesOf('agent')).toEqual(['llm@1.0.0.7', 'chat@1', 'x'])
  })

  it('is all that apply at once', () => {
    const world = new World().add(
      provider('memory'),
      provider('b', { service: 'memory' }),
      provider('c', { can: ['memory'] }),
      provider('agent', { needs: ['memory'] }),
    )
    expect(world.dependencies.dependenciesOf('agent')).toEqual(['memory', 'b', 'c'])
  })

  it('never means the one who declared it', () => {
    const world = new World().add(
      provider('a', { service: 'llm', needs: ['llm', 'a', 'chat'], can: ['chat'] }),
    )
    expect(world.dependencies.cycleWith(world.get('a').provider)).toBeUndefined()
    expect(world.dependencies.dependenciesOf('a')).toEqual(['llm', 'a', 'chat'])
    expect(world.dependencies.dependentsOf('a')).toEqual([])
    expect(world.affected('a')).toEqual([])
    expect(world.loss('a', 'a')).toEqual([
      'llm: is served by nobody else',
      'a: is served by nobody else',
      'chat: is served by nobody else',
    ])
  })
})

describe('what is lost', () => {
  const world = new World().add(
    provider('m1', { service: 'memory' }),
    provider('m2', { service: 'memory' }),
    provider('m3', { service: 'memory' }),
    provider('m4', { service: 'memory' }),
    provider('m5', { service: 'memory' }),
    provider('agent', { needs: ['memory', 'disk', 'memory'] }),
    provider('modest', { needs: ['m1'] }),
  )

  it('is what nothing available serves, each once, with the reason', () => {
    expect(world.loss('agent', 'm4')).toEqual(['disk: is not registered'])
    expect(world.loss('agent')).toEqual([
      'memory: m1 is unhealthy, m2 is unhealthy, m3 is unhealthy, and 2 more',
      'disk: is not registered',
    ])
    expect(world.loss('modest', 'm2')).toEqual(['m1: m1 is unhealthy'])
    expect(world.loss('m1')).toEqual([])
  })

  it('follows who is available, though one that served is remembered', () => {
    expect(world.loss('agent', 'm2', 'm3')).toHaveLength(1)
    expect(world.loss('agent', 'm3')).toHaveLength(1)
    expect(world.loss('agent')).toHaveLength(2)
    expect(world.loss('agent', 'm1')).toHaveLength(1)
    world.remove('m1')
    expect(world.loss('agent', 'm1')).toHaveLength(2)
  })

  it('asks one candidate when that serves, however many there are', () => {
    const many = new World().add(
      ...Array.from({ length: 1_000 }, (_, at) => provider(`m${at}`, { service: 'memory' })),
      provider('agent', { needs: ['memory'] }),
    )
    let asked = 0
    const last = (member: { provider: { name: string } }): boolean => {
      asked += 1
      return member.provider.name === 'm999'
    }
    const loss = () => many.dependencies.lossOf(many.get('agent'), last, () => '')
    expect([loss(), asked]).toEqual([[], 1_000])
    expect([loss(), asked]).toEqual([[], 1_001])
  })
})

describe('circles', () => {
  const circle = (world: World, ...incoming: Parameters<typeof provider>) =>
    world.dependencies.cycleWith(provider(...incoming))

  it('are found through any kind of text', () => {
    const world = new World().add(
      provider('a', { needs: ['b'] }),
      provider('b', { service: 'llm', needs: ['vectors@^1'] }),
    )
    expect(circle(world, 'c', { can: ['vectors@1.1'], needs: ['a'] })).toEqual(['c', 'a', 'b'])
    expect(circle(world, 'c', { can: ['vectors@2.0'], needs: ['a'] })).toBeUndefined()
    expect(circle(world, 'vectors@^1', { needs: ['service'] })).toEqual(['vectors@^1', 'a', 'b'])
    expect(circle(world, 'c', { can: ['vectors@1.1'] })).toBeUndefined()
  })

  it('are none while another can serve', () => {
    const world = new World().add(
      provider('a', { needs: ['memory'] }),
      provider('m1', { service: 'memory' }),
    )
    expect(circle(world, 'm2', { service: 'memory', needs: ['a'] })).toBeUndefined()
    world.remove('m1')
    expect(circle(world, 'm2', { service: 'memory', needs: ['a'] })).toEqual(['m2', 'a'])
  })

  it('are the shortest of several', () => {
    const world = new World().add(
      provider('a', { needs: ['b', 'new'] }),
      provider('b', { needs: ['c'] }),
      provider('c', { needs: ['new'] }),
    )
    expect(circle(world, 'new', { needs: ['b', 'a'] })).toEqual(['new', 'a'])
  })

  it('change nothing when asked about', () => {
    const world = new World().add(provider('a', { needs: ['b'] }))
    const before = JSON.stringify([world.dependencies.startOrder(), world.loss('a')])
    circle(world, 'b', { needs: ['a'] })
    circle(world, 'a', { needs: ['c'] })
    expect(JSON.stringify([world.dependencies.startOrder(), world.loss('a')])).toBe(before)
    expect(world.dependencies.dependentsOf('c')).toEqual([])
    expect(world.dependencies.dependentsOf('b')).toEqual(['a'])
  })

  it('count a replaced provider as it will be', () => {
    const world = new World().add(provider('a', { needs: ['b'] }), provider('b'))
    expect(circle(world, 'b', { needs: ['a'] })).toEqual(['b', 'a'])
    expect(circle(world, 'b', { needs: ['c'] })).toBeUndefined()
    world.change(provider('a'))
    expect(circle(world, 'b', { needs: ['a'] })).toBeUndefined()
  })

  it('are found among several that come together', () => {
    const world = new World().add(provider('c'))
    const batch = [provider('a', { needs: ['b', 'c'] }), provider('b', { needs: ['a'] })]
    expect(world.dependencies.cycleWith(batch)).toEqual(['a', 'b'])
    expect(world.dependencies.cycleWith(batch.slice(0, 1))).toBeUndefined()
    expect(world.dependencies.cycleWith([])).toBeUndefined()
  })

  it('that are there already are not those of a newcomer behind them', () => {
    const world = new World()
      .add(
        provider('m1', { service: 'memory' }),
        provider('m2', { service: 'memory', needs: ['a'] }),
      )
      .add(provider('a', { needs: ['memory'] }))
      .remove('m1')
    expect(circle(world, 'new', { needs: ['a'] })).toBeUndefined()
    expect(circle(world, 'a', { needs: ['memory'] })).toEqual(['a', 'm2'])
    expect(world.dependencies.dependenciesOf('a')).toEqual(['m2'])
    expect(() => world.dependencies.startOrder()).toThrow(DependencyCycleError)
    expect(() => world.add(provider('x', { needs: ['a'] })).dependencies.startOrder()).toThrow(
      expect.objectContaining({ cycle: expect.arrayContaining(['a', 'm2']) }),
    )
    expect(() => world.dependencies.startOrder(['x'])).toThrow(DependencyCycleError)
    expect(world.dependencies.startOrder([])).toEqual([])
  })
})

describe('who depends on whom', () => {
  const world = new World().add(
    provider('ui', { needs: ['agent', 'metrics'] }),
    provider('agent', { needs: ['llm', 'memory'] }),
    provider('memory-1', { service: 'memory', needs: ['disk'] }),
    provider('llm-1', { service: 'llm' }),
    provider('llm-2', { service: 'llm', needs: ['gpu@>=12'] }),
    provider('disk'),
    provider('alone'),
  )
  const { dependencies } = world

  it('goes all the way, in the order in which they start, with what is missing last', () => {
    expect(dependencies.dependenciesOf('ui')).toEqual([
      'llm-1',
      'llm-2',
      'disk',
      'memory-1',
      'agent',
      'metrics',
      'gpu@>=12',
    ])
    expect(dependencies.dependenciesOf('alone')).toEqual([])
    expect(dependencies.dependenciesOf('nobody')).toEqual([])
  })

  it('goes the other way too, also for a name that is not registered', () => {
    expect(dependencies.dependentsOf('disk')).toEqual(['memory-1', 'agent', 'ui'])
    expect(dependencies.dependentsOf('llm-2')).toEqual(['agent', 'ui'])
    expect(dependencies.dependentsOf('ui')).toEqual([])
    expect(dependencies.dependentsOf('metrics')).toEqual(['ui'])
    expect(dependencies.dependentsOf('gpu@>=12')).toEqual(['llm-2', 'agent', 'ui'])
    expect(dependencies.dependentsOf('nobody')).toEqual([])
  })

  it('gives the order of start for all, and for some', () => {
    expect(dependencies.startOrder()).toEqual([
      'llm-1',
      'llm-2',
      'disk',
      'memory-1',
      'agent',
      'ui',
      'alone',
    ])
    expect(dependencies.startOrder(['ui', 'disk', 'nobody'])).toEqual(['disk', 'ui'])
  })

  it('starts all who serve before whom they serve, where these do not wait for it', () => {
    const both = new World().add(
      provider('m2', { service: 'memory', needs: ['a'] }),
      provider('a', { needs: ['memory'] }),
      provider('m1', { service: 'memory' }),
      provider('m3', { service: 'memory' }),
    )
    expect(both.dependencies.startOrder()).toEqual(['m1', 'm3', 'a', 'm2'])
  })

  it('is frozen', () => {
    for (const list of [
      dependencies.dependenciesOf('ui'),
      dependencies.dependentsOf('disk'),
      dependencies.startOrder(),
    ])
      expect(Object.isFrozen(list)).toBe(true)
  })
})

describe('what it costs', () => {
  it('is nothing while nobody declares a dependency', () => {
    const world = new World().add(provider('b'), provider('a'))
    expect(world.dependencies.inUse).toBe(false)
    expect(world.dependencies.size).toBe(0)
    expect(world.dependencies.cycleWith(provider('c'))).toBeUndefined()
    expect(world.dependencies.startOrder()).toEqual(['b', 'a'])
    expect(world.dependencies.startOrder(['a'])).toEqual(['a'])
    expect([world.affected('a'), world.loss('a')]).toEqual([[], []])
    expect(world.dependencies.dependentsOf('a')).toEqual([])
    expect(world.dependencies.size).toBe(0)

    world.add(provider('c', { needs: ['a'] }))
    expect(world.dependencies.size).toBe(3)
    expect(world.dependencies.startOrder()).toEqual(['b', 'a', 'c'])
    world.dependencies.clear()
    expect(world.dependencies.inUse).toBe(false)
  })

  it('does not grow with providers that a change does not concern', () => {
    let read = 0
    const counted = (at: number) =>
      Object.defineProperty(provider(`p${at}`), 'capabilities', {
        get() {
          read += 1
          return []
        },
      })
    const world = new World().add(
      ...Array.from({ length: 500 }, (_, at) => counted(at)),
      provider('a', { needs: ['b@1', 'c'] }),
    )
    read = 0
    world.add(provider('c')).change(provider('c', { needs: ['d'] }))
    world.dependencies.cycleWith(provider('d', { needs: ['e'] }))
    world.loss('a', 'c')
    world.dependencies.dependenciesOf('a')
    world.dependencies.dependentsOf('c')
    world.remove('c').remove('a')
    expect(read).toBe(0)
  })

  it('is small where many depend on many', () => {
    const world = new World().add(
      ...Array.from({ length: 2_000 }, (_, at) => provider(`m${at}`, { service: 'memory' })),
      ...Array.from({ length: 2_000 }, (_, at) => provider(`a${at}`, { needs: ['memory'] })),
    )
    expect(world.dependencies.startOrder()).toHaveLength(4_000)
    expect(world.dependencies.dependentsOf('m7')).toHaveLength(2_000)
  })

  it('keeps nothing of those who left', () => {
    const world = new World().add(provider('a', { needs: ['b'] }), provider('b'))
    expect(world.loss('a', 'b')).toEqual([])
    world.remove('a').remove('b')
    expect(world.dependencies.size).toBe(0)
    expect(world.dependencies.dependentsOf('b')).toEqual([])
    world.dependencies.remove({ provider: provider('b') })
    expect(world.remove('nobody').dependencies.size).toBe(0)
  })
})
