import { expect, it } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { FakeClock } from '../../src/testing/index.js'

const one = { service: 'llm', name: 'one', provider: {}, address: 'http://one' }

function scene() {
  const clock = new FakeClock(1_000_000)
  const registry = new ServiceRegistry<Record<string, object>>({ clock })
  const heard: string[] = []
  for (const type of ['provider.added', 'provider.changed', 'provider.removed'] as const)
    registry.on(type, ({ provider }) => {
      heard.push(`${type} ${provider} ${registry.get(provider)?.lease?.facts.by ?? 'no lease'}`)
    })
  return { clock, registry, heard }
}

it('comes with its lease: no listener sees the one without the other', async () => {
  const { registry, heard, clock } = scene()
  registry.adopt(one, { forMs: 1_000, facts: { by: 'me' } })
  expect(heard).toEqual(['provider.added one me'])
  expect(registry.get('one')?.health).toBe('healthy')
  await clock.advance(1_000)
  expect(registry.get('one')?.health).toBe('unhealthy')
})

it('replaces what has this name, of whatever service, and what was known of its health', () => {
  const { registry, heard } = scene()
  registry.adopt(one)
  registry.updateFromHealth('one', { status: 'unhealthy' })
  registry.adopt({ ...one, version: '2.0.0' })
  expect(registry.get('one')).toMatchObject({ version: '2.0.0', health: 'unknown' })
  registry.adopt({ ...one, service: 'tts' })
  expect(registry.list().map(({ service }) => service)).toEqual(['tts'])
  expect(heard.map((line) => line.split(' ')[0])).toEqual([
    'provider.added',
    'provider.changed',
    'provider.removed',
    'provider.added',
  ])
})

it('replaces what code has registered', () => {
  const { registry } = scene()
  registry.register(one)
  registry.adopt({ ...one, service: 'tts' })
  expect(registry.list().map(({ service }) => service)).toEqual(['tts'])
})

it('changes nothing when it is refused', () => {
  const { registry, heard } = scene()
  registry.adopt(one)
  const before = JSON.stringify(registry.list())
  expect(() => registry.adopt({ ...one, service: '' })).toThrow('service')
  expect(() => registry.adopt({ ...one, service: 'tts' }, { forMs: -1 })).toThrow('forMs')
  expect([JSON.stringify(registry.list()), heard.length]).toEqual([before, 1])
})
