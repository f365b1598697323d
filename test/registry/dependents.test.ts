import { describe, expect, it } from 'vitest'
import { DependencyCycleError, type RegistryEvent } from '../../src/index.js'
import { type Scene, scene } from './scene.js'

const told = ({ registry }: Scene): string[] => {
  const seen: string[] = []
  const note = (event: RegistryEvent): void => {
    if (!('provider' in event)) return
    if (event.type === 'dependency.lost')
      seen.push(`${event.provider} lost ${event.dependency}: ${event.reason}`)
    else if (event.type === 'dependency.restored')
      seen.push(`${event.provider} has ${event.dependency}`)
    else if (event.type === 'provider.health-changed')
      seen.push(`${event.provider} is ${event.health}`)
    else seen.push(`${event.type} ${event.provider}`)
  }
  for (const type of [
    'dependency.lost',
    'dependency.restored',
    'provider.health-changed',
    'provider.added',
    'provider.removed',
  ] as const)
    registry.on(type, note)
  return seen
}

const add = ({ registry }: Scene, name: string, rest: object = {}) =>
  registry.register({ service: name, name, provider: {}, ...rest })

describe('a registry with dependencies', () => {
  it('marks a dependent degraded with the reason while what it needs is lost', () => {
    const s = scene()
    const seen = told(s)
    const memory = add(s, 'memory')
    add(s, 'agent', { dependencies: ['memory'] })
    expect(s.registry.get('agent')).toMatchObject({ health: 'unknown', lostDependencies: [] })
    memory.unregister()
    expect(s.registry.get('agent')).toMatchObject({
      health: 'degraded',
      lostDependencies: [{ dependency: 'memory', reason: 'is not registered' }],
    })
    add(s, 'memory')
    expect(s.registry.get('agent')).toMatchObject({ health: 'unknown', lostDependencies: [] })
    expect(seen).toEqual([
      'provider.added memory',
      'provider.added agent',
      'provider.removed memory',
      'agent is degraded',
      'agent lost memory: is not registered',
      'provider.added memory',
      'agent is unknown',
      'agent has memory',
    ])
  })

  it('is degraded from the start when what it needs is not there', () => {
    const s = scene()
    const seen = told(s)
    add(s, 'agent', { dependencies: ['memory', 'vision@>=2'] })
    expect(s.registry.get('agent')?.lostDependencies).toEqual([
      { dependency: 'memory', reason: 'is not registered' },
      { dependency: 'vision@>=2', reason: 'is not registered' },
    ])
    add(s, 'eye', { capabilities: ['vision@2.1'] })
    expect(s.registry.get('agent')?.lostDependencies.map(({ dependency }) => dependency)).toEqual([
      'memory',
    ])
    expect(seen).toContain('agent has vision@>=2')
  })

  it('follows the circuit of what it needs: open is lost, closed is back, half-open is not yet', async () => {
    const s = scene()
    add(s, 'memory', { circuit: { successThreshold: 1 } })
    add(s, 'agent', { dependencies: ['memory'] })
    s.registry.circuit('memory').trip(1_000)
    expect(s.registry.get('agent')?.lostDependencies).toEqual([
      { dependency: 'memory', reason: 'memory has a circuit that is open' },
    ])
    await s.clock.advance(1_000)
    expect(s.registry.get('agent')?.health).toBe('degraded')
    s.registry.circuit('memory').recordSuccess()
    expect(s.registry.circuit('memory').state).toBe('closed')
    expect(s.registry.get('agent')?.health).toBe('unknown')
  })

  it('follows the health of what it needs', async () => {
    const s = scene()
    let well = false
    add(s, 'memory', { health: { check: () => well } })
    add(s, 'agent', { dependencies: ['memory'] })
    await s.registry.healthCheckAll()
    expect(s.registry.get('agent')?.lostDependencies).toEqual([
      { dependency: 'memory', reason: 'memory is unhealthy' },
    ])
    well = true
    await s.registry.healthCheckAll()
    expect(s.registry.get('agent')?.health).toBe('unknown')
  })

  it('loses nothing while another one can serve', () => {
    const s = scene()
    const seen = told(s)
    const one = add(s, 'one', { service: 'memory' })
    add(s, 'two', { service: 'memory' })
    add(s, 'agent', { dependencies: ['memory'] })
    one.unregister()
    expect(s.registry.get('agent')?.health).toBe('unknown')
    expect(seen.filter((line) => line.startsWith('agent'))).toEqual([])
  })

  it('keeps a degraded one admissible, and what it finds out about itself goes before', async () => {
    const s = scene()
    add(s, 'agent', { dependencies: ['memory'], health: { check: () => false } })
    expect(s.registry.resolve('agent')?.provider).toBe('agent')
    await s.registry.healthCheckAll()
    expect(s.registry.get('agent')?.health).toBe('unhealthy')
  })

  it('refuses a circle, changes nothing, and names it', () => {
    const s = scene()
    add(s, 'a', { dependencies: ['b'] })
    add(s, 'b', { dependencies: ['c'] })
    const seen = told(s)
    expect(() => add(s, 'c', { dependencies: ['a'] })).toThrow(DependencyCycleError)
    expect(() => add(s, 'c', { dependencies: ['a'] })).toThrow(/c -> a -> b -> c/)
    expect([s.registry.get('c'), seen]).toEqual([undefined, []])
    add(s, 'c')
    expect(() => add(s, 'c', { dependencies: ['a'], replace: true })).toThrow(DependencyCycleError)
    expect(s.registry.get('c')?.dependencies).toEqual([])
  })

  it('does not blame a circle that is there already on a change that has nothing to do with it', () => {
    const s = scene()
    const broke = add(s, 'm1', { service: 'memory' })
    add(s, 'a', { dependencies: ['memory'] })
    add(s, 'm2', { service: 'memory', dependencies: ['a'] })
    broke.unregister()
    expect(() => s.registry.startOrder()).toThrow(DependencyCycleError)
    expect(s.registry.update('m2', { version: '2.0' })).toBe(true)
    add(s, 'm2', { service: 'memory', dependencies: ['a'], version: '3.0', replace: true })
    expect(s.registry.get('m2')?.version).toBe('3.0')
    expect(() => s.registry.update('a', { dependencies: ['m2'] })).toThrow(DependencyCycleError)
  })

  it('answers transitively, and gives an order to start and to stop', () => {
    const s = scene()
    add(s, 'agent', { dependencies: ['llm', 'memory'] })
    add(s, 'memory', { dependencies: ['disk'] })
    add(s, 'llm')
    add(s, 'disk')
    expect(s.registry.dependencies('agent')).toEqual(['llm', 'disk', 'memory'])
    expect(s.registry.dependents('disk')).toEqual(['memory', 'agent'])
    expect(s.registry.startOrder()).toEqual(['llm', 'disk', 'memory', 'agent'])
    expect(s.registry.stopOrder()).toEqual(['agent', 'memory', 'disk', 'llm'])
    expect(s.registry.dependencies('nobody')).toEqual([])
  })

  it('looks at dependents once after an import, however its entries are ordered', () => {
    const first = scene()
    add(first, 'memory')
    add(first, 'agent', { dependencies: ['memory'] })
    const snapshot = first.registry.export()
    const second = scene()
    const seen = told(second)
    second.registry.import({ ...snapshot, providers: [...snapshot.providers].reverse() })
    // Neither can be called here, so only registration counts.
    expect(seen).toEqual(['provider.added agent', 'provider.added memory'])
  })

  it('forgets everybody with clear', () => {
    const s = scene()
    add(s, 'memory')
    add(s, 'agent', { dependencies: ['memory'] })
    s.registry.clear()
    expect(s.registry.dependents('memory')).toEqual([])
    expect(s.registry.startOrder()).toEqual([])
  })
})
