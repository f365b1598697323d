import { describe, expect, it } from 'vitest'
import { InvalidRequestError, type RegistryEvent } from '../../src/index.js'
import { memoryStore } from '../../src/store/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { scene } from './scene.js'

const forMs = 60_000

function world(options: Parameters<typeof scene>[0] = {}) {
  const s = scene(options)
  const told: string[] = []
  const note = (event: RegistryEvent): void => {
    if (event.type === 'lease.renewed') told.push(`renewed ${event.provider}`)
    else if (event.type === 'lease.expired') told.push(`expired ${event.provider}`)
    else if (event.type === 'provider.removed') told.push(`removed ${event.provider}`)
    else if (event.type === 'provider.health-changed')
      told.push(`${event.provider} is ${event.health}`)
  }
  for (const type of [
    'lease.renewed',
    'lease.expired',
    'provider.removed',
    'provider.health-changed',
  ] as const)
    s.registry.on(type, note)
  const add = (name: string) =>
    s.registry.register({ service: 'llm', name, address: `http://${name}`, provider: {} })
  return { ...s, add, told }
}

describe('a lease', () => {
  it('keeps a provider well as long as it is renewed', async () => {
    const { registry, clock, add, told } = world()
    add('a')
    for (let beat = 0; beat < 5; beat++) {
      expect(registry.renew('a', { forMs })).toBe(true)
      await clock.advance(forMs - 1)
    }
    expect(registry.get('a')?.health).toBe('healthy')
    expect(told.filter((line) => line.startsWith('renewed'))).toHaveLength(5)
    expect(told).not.toContain('expired a')
    await registry.close()
  })

  it('makes it unhealthy when it is over, and removes it at five times as long', async () => {
    const { registry, clock, add, told } = world()
    add('a')
    registry.renew('a', { forMs })
    await clock.advance(forMs - 1)
    expect(registry.resolve('llm')?.provider).toBe('a')
    await clock.advance(1)
    expect(registry.get('a')?.health).toBe('unhealthy')
    expect(registry.resolve('llm')).toBeUndefined()
    await clock.advance(4 * forMs - 1)
    expect(registry.get('a')).toBeDefined()
    await clock.advance(1)
    expect(registry.get('a')).toBeUndefined()
    expect(told).toEqual(['renewed a', 'a is healthy', 'expired a', 'a is unhealthy', 'removed a'])
    await registry.close()
  })

  it('brings it back with the next sign of life', async () => {
    const { registry, clock, add } = world()
    add('a')
    registry.renew('a', { forMs })
    await clock.advance(3 * forMs)
    expect(registry.get('a')?.health).toBe('unhealthy')
    registry.renew('a', { forMs })
    expect(registry.get('a')?.health).toBe('healthy')
    await clock.advance(forMs - 1)
    expect(registry.get('a')?.health).toBe('healthy')
    await registry.close()
  })

  it('carries what came with it, until something else does', async () => {
    const { registry, clock, add } = world()
    add('a')
    const facts = { telemetry: { success: 0.5 }, apiKey: 'secret' }
    registry.renew('a', { forMs, facts, status: 'degraded' })
    facts.telemetry.success = 1
    expect(registry.get('a')).toMatchObject({
      health: 'degraded',
      lease: { expiresAt: clock.wall() + forMs, facts: { telemetry: { success: 0.5 } } },
    })
    expect(JSON.stringify(registry.get('a'))).not.toContain('secret')
    registry.renew('a', { forMs })
    expect(registry.get('a')).toMatchObject({
      health: 'healthy',
      lease: { facts: { telemetry: { success: 0.5 } } },
    })
    await registry.close()
  })

  it('is nobody else’s: those without one live on, and one who left takes it along', async () => {
    const { registry, clock, add } = world()
    add('a')
    add('b')
    registry.renew('b', { forMs })
    registry.unregister('b')
    add('b')
    await clock.advance(10 * forMs)
    expect(registry.list().map(({ name, lease }) => [name, lease])).toEqual([
      ['a', undefined],
      ['b', undefined],
    ])
    await registry.close()
  })

  it('counts in full after a restart, with what came with it', async () => {
    const clock = new FakeClock(1_000_000)
    const store = memoryStore()
    const first = world({ store, clock })
    await first.registry.start()
    first.add('a')
    first.registry.renew('a', { forMs, facts: { runs: 3 } })
    await first.registry.flush()
    await first.registry.close()
    await clock.advance(10 * forMs)
    const { registry } = world({ store, clock })
    await registry.start()
    expect(registry.get('a')).toMatchObject({
      health: 'healthy',
      lease: { renewedAt: 1_000_000, facts: { runs: 3 } },
    })
    await clock.advance(forMs)
    expect(registry.get('a')?.health).toBe('unhealthy')
    await registry.close()
  })

  it('is part of a snapshot, and a newer one is not taken back by it', async () => {
    const { registry, clock, add } = world()
    add('a')
    registry.renew('a', { forMs, facts: { runs: 1 } })
    const before = registry.export({ secrets: true })
    expect(before.leases).toMatchObject([{ provider: 'a', forMs, facts: { runs: 1 } }])
    await clock.advance(10)
    registry.renew('a', { forMs, facts: { runs: 2 } })
    registry.import(before)
    expect(registry.get('a')?.lease?.facts).toEqual({ runs: 2 })
    await registry.close()
  })

  it.each([
    [{}],
    [{ forMs: 0 }],
    [{ forMs: Number.NaN }],
    [{ forMs: 1, facts: { f: () => 1 } }],
    [{ forMs: 1, status: 'fine' }],
    [{ forMs: 1, more: 1 }],
    [undefined],
  ])('refuses %j, and changes nothing', async (options) => {
    const { registry, add, told } = world()
    add('a')
    expect(() => registry.renew('a', options as never)).toThrow(InvalidRequestError)
    expect(registry.renew('nobody', { forMs })).toBe(false)
    expect(told).toEqual([])
    await registry.close()
  })

  it('of many providers ends for each in its own time, with one timer', async () => {
    const { registry, clock, add } = world()
    for (let i = 0; i < 1_000; i++) {
      add(`p${i}`)
      registry.renew(`p${i}`, { forMs: 1_000 + i })
    }
    await clock.advance(1_500)
    const unwell = registry.list().filter(({ health }) => health === 'unhealthy')
    expect(unwell).toHaveLength(501)
    await registry.close()
  })
})
