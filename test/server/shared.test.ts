import { expect, it, onTestFinished } from 'vitest'
import { settled } from '../../src/core/clock.js'
import { ServiceRegistry } from '../../src/registry/registry.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { sharedMemory } from '../store/shared-memory.js'
import { agent, operationsOf, service, take } from './operations-of.js'

const nobody = {}

/** Two nodes with one store between them. */
async function pair() {
  const place = sharedMemory()
  const node = async () => {
    const clock = new FakeClock(1_795_000_000_000)
    const registry = new ServiceRegistry({ clock, store: place.open() })
    await registry.start()
    onTestFinished(() => registry.close())
    return { ...operationsOf({ clock, registry }), clock, registry }
  }
  const quiet = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await settled()
  }
  return { place, quiet, a: await node(), b: await node() }
}

it('a deregistration through another node is not undone', async () => {
  const { a, b, quiet } = await pair()
  await a.operations.register(service('one'), nobody)
  await quiet()
  expect(b.operations.deregister('one', nobody)).toBe(true)
  await quiet()
  expect([a.operations.list(), b.operations.list()]).toEqual([[], []])
})

it('a registration through another node counts, also with another service', async () => {
  const { a, b, quiet } = await pair()
  await a.operations.register(service('one'), nobody)
  await quiet()
  await b.operations.register(service('one', { name: 'New', capabilities: ['paint'] }), nobody)
  await quiet()
  for (const { operations } of [a, b])
    expect(operations.list()).toMatchObject([{ id: 'one', name: 'New', capabilities: ['paint'] }])
})

it('an agent comes with its lease, in one change', async () => {
  const { place, a, b, quiet } = await pair()
  const leases: unknown[] = []
  for (const { registry } of [a, b])
    registry.on('provider.added', ({ provider }) => void leases.push(registry.get(provider)?.lease))
  const changes = b.operations.watch({}, new AbortController().signal)
  await a.operations.register(agent('one'), nobody)
  await quiet()
  const [group] = place.groups
  expect(group?.changes.map(({ section }) => section).sort()).toEqual([
    'health',
    'leases',
    'providers',
  ])
  expect(leases).toEqual([
    expect.objectContaining({ facts: { beats: 0 } }),
    expect.objectContaining({ facts: { beats: 0 } }),
  ])
  const [told] = await take(changes, 1)
  expect(told).toMatchObject({ type: 'registered', entry: { id: 'one', status: 'healthy' } })
  await b.clock.advance(60_000)
  expect(b.operations.get('one')?.status).toBe('unhealthy')
})

it('who registers anew is well again, whatever was read of it', async () => {
  const { a, b, quiet } = await pair()
  await a.operations.register(service('one'), nobody)
  a.registry.updateFromHealth('one', { status: 'unhealthy' })
  await quiet()
  expect(b.operations.get('one')?.status).toBe('unhealthy')
  await b.operations.register(service('one'), nobody)
  await quiet()
  for (const { operations } of [a, b]) expect(operations.get('one')?.status).toBe('healthy')
})
