import { describe, expect, it } from 'vitest'
import { NoProviderError } from '../../src/index.js'
import { heardScene, outcome } from './scene.js'

const standIn = { who: async () => 'stand-in', isStandIn: true }
const open = (allowStandIns: boolean) =>
  heardScene({ services: { llm: { standIn } }, allowStandIns })
const used = (events: readonly { type: string }[]) =>
  events.filter(({ type }) => type === 'stand-in.used')

describe('stand-ins', () => {
  it('are not used unless that is allowed', async () => {
    const { registry, events } = open(false)
    expect(await registry.getService('llm')).toBeUndefined()
    expect(await outcome(() => registry.call('llm', {}, () => 1))).toBeInstanceOf(NoProviderError)
    expect(await outcome(() => (registry.client('llm') as typeof standIn).who())).toBeInstanceOf(
      NoProviderError,
    )
    expect(used(events)).toEqual([])
  })

  it('are used when nothing else is admissible, and every use is told', async () => {
    const { registry, events } = open(true)
    expect(await registry.getService('llm')).toBe(standIn)
    expect(await registry.requireService('llm')).toBe(standIn)
    expect(await registry.call('llm', {}, (one) => (one as typeof standIn).who())).toBe('stand-in')
    expect(await (registry.client('llm') as typeof standIn).who()).toBe('stand-in')
    expect(registry.resolve('llm')).toBeUndefined()
    expect(used(events)).toMatchObject([
      { service: 'llm', method: undefined },
      { service: 'llm', method: undefined },
      { service: 'llm', method: undefined },
      { service: 'llm', method: 'who' },
    ])
    expect(registry.metrics()).toMatchObject({ hits: 0 })
    expect(registry.list()).toEqual([])
  })

  it('step back as soon as a real one is admissible', async () => {
    const { registry, events } = open(true)
    registry.register({ service: 'llm', name: 'real', provider: { who: async () => 'real' } })
    const client = registry.client('llm') as typeof standIn
    expect(await client.who()).toBe('real')
    registry.circuit('real').isolate()
    expect(await client.who()).toBe('stand-in')
    registry.circuit('real').reset()
    expect(await client.who()).toBe('real')
    expect(used(events)).toHaveLength(1)
  })

  it('are for their own service alone, and never the answer to a failure', async () => {
    const { registry, events } = open(true)
    expect(await registry.getService('memory')).toBeUndefined()
    registry.register({
      service: 'llm',
      provider: {
        who: async () => {
          throw new Error('no')
        },
      },
    })
    expect(
      await outcome(() => (registry.client('llm', {}, { attempts: 1 }) as typeof standIn).who()),
    ).toMatchObject({ message: 'no' })
    expect(used(events)).toEqual([])
  })
})
