import { describe, expect, it } from 'vitest'
import { DependencyCycleError, InvalidRegistrationError } from '../../src/index.js'
import { heardScene } from './scene.js'

const spec = { service: 's', name: 'a', provider: {}, capabilities: ['x@1.0', 'y'] } as const

describe('update', () => {
  it('changes what is given, in one turn, and keeps the rest', async () => {
    const { registry, events } = heardScene()
    registry.register({ ...spec, version: '1.0', metadata: { region: 'eu' } })
    const instance = await registry.getService('s')
    registry.circuit('a').recordFailure()
    events.length = 0
    expect(registry.update('a', { capabilities: ['x@1.1', 'y'], version: '2.0' })).toBe(true)
    expect(registry.get('a')).toMatchObject({
      version: '2.0',
      capabilities: [{ name: 'x', version: '1.1' }, { name: 'y' }],
      metadata: { region: 'eu' },
      circuit: { consecutiveFailures: 1 },
    })
    expect(await registry.getService('s')).toBe(instance)
    expect(events.map(({ type }) => type)).toEqual([
      'provider.changed',
      'capability.removed',
      'capability.added',
    ])
  })

  it('counts at once for look-ups', () => {
    const { registry } = heardScene()
    registry.register(spec)
    const request = { requires: ['x@>=1.1'] }
    expect(registry.resolve('s', request)).toBeUndefined()
    registry.update('a', { capabilities: ['x@1.10'] })
    expect(registry.resolve('s', request)?.provider).toBe('a')
    expect(registry.list({ capability: 'y' })).toEqual([])
  })

  it('tells nothing when nothing differs, and says so of an unknown name', () => {
    const { registry, events } = heardScene()
    registry.register(spec)
    events.length = 0
    expect(registry.update('a', { capabilities: ['x@1.0', 'y'] })).toBe(true)
    expect(registry.update('a', {})).toBe(true)
    expect(registry.update('b', {})).toBe(false)
    expect(events).toEqual([])
  })

  it.each<[string, unknown, RegExp]>([
    ['a field that cannot change', { handler: 'x' }, /handler: cannot be changed here/],
    ['the service', { service: 'other' }, /service: cannot be changed here/],
    ['the name', { name: 'b' }, /name: cannot be changed here/],
    ['an unknown field', { colour: 'red' }, /colour: is not a known field/],
    ['a wrong value', { weight: 0 }, /weight: .*got 0/],
    ['the same capability twice', { capabilities: ['x', 'x'] }, /expected each capability once/],
    ['no object', undefined, /expected an object/],
  ])('refuses %s and changes nothing', (_, changes, message) => {
    const { registry, events } = heardScene()
    registry.register(spec)
    const before = registry.export()
    events.length = 0
    expect(() => registry.update('a', changes as object)).toThrow(InvalidRegistrationError)
    expect(() => registry.update('a', changes as object)).toThrow(message)
    expect(registry.export()).toEqual(before)
    expect(events).toEqual([])
  })

  it('refuses a circle', () => {
    const { registry } = heardScene()
    registry.register(spec)
    registry.register({ ...spec, name: 'b', dependencies: ['a'] })
    expect(() => registry.update('a', { dependencies: ['b'] })).toThrow(DependencyCycleError)
    expect(registry.get('a')?.dependencies).toEqual([])
  })
})
