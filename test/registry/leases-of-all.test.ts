import { describe, expect, it, onTestFinished } from 'vitest'
import { settled } from '../../src/core/clock.js'
import { type RegistryEvent, ServiceRegistry } from '../../src/index.js'
import type { SavedLease } from '../../src/model/lease.js'
import type { Store } from '../../src/store/index.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'
import { type SharedMemory, sharedMemory } from '../store/shared-memory.js'

const forMs = 60_000

/** A store that ends leases for all, and can be cut off. */
function shared(place: SharedMemory) {
  const inner = place.open()
  let isDown = false
  let end = (): void => {}
  const store: Store = {
    ...inner,
    endsLeases: true,
    async *watch(signal, caughtUp) {
      if (isDown) throw new Error('it is not there')
      const stop = new AbortController()
      end = () => stop.abort()
      signal.addEventListener('abort', end, { once: true })
      caughtUp?.()
      yield* inner.watch?.(stop.signal) ?? []
    },
  }
  return {
    store,
    cutOff(down: boolean) {
      isDown = down
      if (down) end()
    },
  }
}

async function world() {
  const place = sharedMemory()
  const clock = new FakeClock(1_000_000)
  const { store, cutOff } = shared(place)
  const registry = new ServiceRegistry<Record<string, object>>({
    clock,
    random: seededRandom(1),
    store,
  })
  onTestFinished(() => registry.close().catch(() => {}))
  const told: string[] = []
  const note = (event: RegistryEvent): void => {
    if (event.type === 'lease.expired') told.push(`${event.provider} expired`)
    if (event.type === 'provider.removed') told.push(`${event.provider} removed`)
    if (event.type === 'provider.health-changed') told.push(`${event.provider} ${event.health}`)
  }
  for (const type of ['lease.expired', 'provider.removed', 'provider.health-changed'] as const)
    registry.on(type, note)
  await registry.start()
  const quiet = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await settled()
  }
  const adopt = (name: string): void =>
    registry.adopt({ service: 'llm', name, provider: {}, address: `http://${name}` }, { forMs })
  const lease = (provider: string, more: Partial<SavedLease> = {}): void =>
    place.write([
      {
        section: 'leases',
        key: provider,
        value: { provider, renewedAt: clock.wall(), forMs, facts: {}, ...more },
      },
    ])
  return { place, clock, registry, told, quiet, adopt, lease, cutOff }
}

describe('where a store ends leases for all', () => {
  it('no registry does, as long as it hears that store', async () => {
    const { clock, registry, quiet, adopt, told } = await world()
    adopt('a')
    await quiet()
    await clock.advance(20 * forMs)
    expect(registry.get('a')?.health).toBe('healthy')
    expect(told).toEqual(['a healthy'])
  })

  it('each tells once that it is over, and that its provider is gone', async () => {
    const { place, registry, quiet, adopt, lease, told } = await world()
    adopt('a')
    await quiet()
    const before = place.groups.length
    lease('a', { expired: true })
    lease('a', { expired: true })
    await quiet()
    place.write([
      { section: 'providers', key: 'a' },
      { section: 'leases', key: 'a' },
    ])
    await quiet()
    expect(told).toEqual(['a healthy', 'a expired', 'a unhealthy', 'a removed'])
    expect(registry.list()).toEqual([])
    expect(place.groups.length - before).toBe(3) // it has written nothing of its own
  })

  it('also one that is kept nowhere is removed with its lease', async () => {
    const { registry, quiet, lease, place } = await world()
    registry.register({ service: 'llm', name: 'local', provider: {} })
    registry.renew('local', { forMs })
    await quiet()
    lease('local', { expired: true })
    await quiet()
    place.write([{ section: 'leases', key: 'local' }])
    await quiet()
    expect(registry.get('local')).toBeUndefined()
  })

  it('what is known already is no renewal', async () => {
    const { registry, quiet, adopt, lease } = await world()
    adopt('a')
    await quiet()
    let renewals = 0
    registry.on('lease.renewed', () => {
      renewals += 1
    })
    lease('a')
    await quiet()
    expect(renewals).toBe(0)
    lease('a', { facts: { by: 'another' } })
    await quiet()
    expect(renewals).toBe(1)
  })

  it('one that was renewed is well again, by whatever clock', async () => {
    const { registry, quiet, adopt, lease, place } = await world()
    adopt('a')
    await quiet()
    lease('a', { expired: true })
    await quiet()
    expect(registry.get('a')?.health).toBe('unhealthy')
    lease('a', { renewedAt: 1, facts: { by: 'another' } })
    place.write([
      { section: 'health', key: 'a', value: { provider: 'a', status: 'healthy', checkedAt: 1 } },
    ])
    await quiet()
    expect(registry.get('a')).toMatchObject({
      health: 'healthy',
      lease: { renewedAt: 1, facts: { by: 'another' } },
    })
  })
})

describe('cut off from such a store, a registry', () => {
  it('takes for silent who last came to itself and no others, tells nobody, and doubts it later', async () => {
    const { place, clock, registry, quiet, adopt, lease, told, cutOff } = await world()
    adopt('a')
    adopt('b')
    await quiet()
    lease('b', { facts: { by: 'another' } })
    await quiet()
    const before = place.groups.length
    cutOff(true)
    await quiet()
    await clock.advance(forMs)
    expect(told).toEqual(['a healthy', 'b healthy', 'a expired', 'a unhealthy'])
    await clock.advance(20 * forMs)
    expect(registry.list().map(({ name, health }) => [name, health])).toEqual([
      ['a', 'unhealthy'],
      ['b', 'healthy'],
    ])
    expect(place.groups.length).toBe(before)
    cutOff(false)
    await clock.advance(30_000)
    expect(registry.get('a')?.health).toBe('healthy')
    await clock.advance(20 * forMs)
    expect(registry.get('a')?.health).toBe('healthy') // it is for the store to say
  })
})
