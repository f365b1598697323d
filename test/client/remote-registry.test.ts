import { expect, it, onTestFinished } from 'vitest'
import { remoteRegistry } from '../../src/client/index.js'
import type { HttpBackend } from '../../src/discovery/index.js'
import { ServiceRegistry } from '../../src/index.js'
import { FakeClock, sourceConformance } from '../../src/testing/index.js'
import { serve } from '../core/servers.js'
import { watching } from '../discovery/sources/watching.js'
import { becomes, json, passing, RegistryDouble } from './double.js'

for (const { name, run } of sourceConformance(async () => {
  const double = await RegistryDouble.start()
  double.add({ id: 'a', capabilities: ['x'] })
  return remoteRegistry({ url: double.url })
}))
  it(name, run)

it('yields what is registered, and each change of it', async () => {
  const double = await RegistryDouble.start()
  double.add({ id: 'a', capabilities: ['x', 'y@1.2'] })
  const source = remoteRegistry({ url: double.url, group: 2 })
  expect(source.name).toBe(`registry:127.0.0.1:${double.port}`)
  const views = watching(source)
  expect(await views.next()).toEqual({
    sightings: [
      {
        name: 'a',
        service: 'a',
        handler: undefined,
        group: 2,
        strategy: undefined,
        capabilities: ['x', 'y@1.2'],
        version: '1.0.0',
        health: 'healthy',
        metadata: { mode: 'standalone', displayName: 'a' },
      },
    ],
    authoritative: true,
  })
  double.add({
    id: 'b',
    name: 'B',
    location: 'http://127.0.0.1:9',
    mode: 'http',
    metadata: { service: 'media', 'switchgear.registration': { proof: 'x' } },
  })
  const sightings = await views.until('a', 'b')
  expect(sightings[1]).toMatchObject({ service: 'media', address: 'http://127.0.0.1:9' })
  expect(sightings[1]?.metadata).toEqual({ mode: 'http', displayName: 'B', service: 'media' })
  expect(typeof sightings[1]?.connect).toBe('function')
  double.setStatus('b', 'unhealthy')
  expect((await views.next())?.sightings[1]?.health).toBe('unhealthy')
  double.remove('a')
  await views.until('b')
})

it('makes no view for heartbeats, and one for a crowd of changes', async () => {
  const double = await RegistryDouble.start()
  double.add({ id: 'a' })
  const views = watching(remoteRegistry({ url: double.url }))
  await views.next()
  for (let n = 0; n < 100; n += 1) double.tell('service.heartbeat', { id: 'a', status: 'healthy' })
  for (let n = 0; n < 100; n += 1) double.add({ id: `x${n}` })
  let made = 0
  for (let seen = 1; seen < 101; made += 1) seen = (await views.names())?.length ?? 0
  expect(made).toBeLessThan(100)
})

it('leaves out what is not accepted', async () => {
  const double = await RegistryDouble.start()
  double.add({ id: 'a', capabilities: ['x'] })
  double.add({ id: 'b' })
  const accept = ({ capabilities }: { readonly capabilities: readonly string[] }): boolean =>
    capabilities.includes('x')
  expect(await watching(remoteRegistry({ url: double.url, accept })).names()).toEqual(['a'])
})

it('an embedded registry calls what is registered, and goes on while the registry is gone', async () => {
  const backend = await serve((_, response) => json(response, 200, { fine: true }))
  const double = await RegistryDouble.start()
  double.add({
    id: 'forge-1',
    name: 'forge',
    capabilities: ['image'],
    location: backend.url,
    mode: 'http',
  })
  const clock = new FakeClock()
  const failed: string[] = []
  const registry = new ServiceRegistry<{ forge: HttpBackend }>({
    sources: [remoteRegistry({ url: double.url, clock })],
    clock,
    health: { monitor: false },
  })
  registry.on('source.failed', ({ source }) => failed.push(source))
  onTestFinished(() => registry.close())
  await registry.start()
  await registry.refresh()
  const ask = async () => (await registry.client('forge').get('/status')).json()
  expect(await ask()).toEqual({ fine: true })

  await double.kill()
  await passing(clock, 500, () => failed.length > 1)
  expect(await ask()).toEqual({ fine: true })
  expect(registry.list().map(({ name }) => name)).toEqual(['forge-1'])

  double.services.clear()
  double.add({ id: 'forge-2', name: 'forge', location: backend.url, mode: 'http' })
  await double.start()
  await passing(clock, 1_000, () => registry.get('forge-2') !== undefined)
  await passing(clock, 1_000, () => registry.get('forge-1') === undefined)
  expect(await ask()).toEqual({ fine: true })
})

it('throws when the registry cannot be listed, and comes back when it is asked again', async () => {
  const double = await RegistryDouble.start()
  double.answerWith = (_, response) => {
    json(response, 500, { error: 'broken' })
    return true
  }
  const source = remoteRegistry({ url: double.url })
  await expect(watching(source).next()).rejects.toThrow(/could not list.*500: broken/)
  double.answerWith = () => false
  double.add({ id: 'a' })
  const views = watching(source)
  expect(await views.names()).toEqual(['a'])
  views.stop.abort()
  await becomes(() => double.streams === 0)
})
