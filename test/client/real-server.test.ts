import { expect, it, onTestFinished } from 'vitest'
import {
  RegistryClient,
  type RegistryClientOptions,
  remoteRegistry,
  ServiceLocator,
  serveModule,
} from '../../src/client/index.js'
import { ServiceRegistry } from '../../src/index.js'
import { createServer, type ServerOptions } from '../../src/server/index.js'
import { FakeClock, sourceConformance } from '../../src/testing/index.js'
import { becomes, passing } from './double.js'

async function serveRegistry(options: ServerOptions = {}) {
  const server = await createServer({ port: 0, ...options })
  onTestFinished(() => server.close())
  return server
}

function connect(url: string, options: RegistryClientOptions = {}): RegistryClient {
  const client = new RegistryClient({ url, ...options })
  onTestFinished(() => client.close({ deregister: false }))
  return client
}

const forge = { id: 'forge-1', name: 'Forge', capabilities: ['image', 'upscale'] }

it('registers, beats, discovers, watches and deregisters', async () => {
  const { urls, operations } = await serveRegistry()
  const client = connect(urls.rest)
  const seen: string[] = []
  const stop = new AbortController()
  const watched = (async () => {
    for await (const { type, record } of client.watch(stop.signal))
      seen.push(`${type} ${record.id}`)
  })()
  expect(await client.discoverAgents()).toEqual([])
  await client.registerAgent({ ...forge, metadata: { service: 'media', region: 'eu' } })
  await client.updateHealth('forge-1')
  expect(operations.get('forge-1')?.service).toBe('media')
  const [found] = await client.discoverAgents({
    capabilities: ['image'],
    filters: { region: 'eu', status: 'healthy' },
  })
  expect(found).toMatchObject({
    id: 'forge-1',
    name: 'Forge',
    service: 'media',
    mode: 'standalone',
  })
  expect(await client.get('forge-1')).toMatchObject({ id: 'forge-1', status: 'healthy' })
  await becomes(() => seen.includes('added forge-1'))
  expect(await client.deregisterAgent('forge-1')).toBe(true)
  await becomes(() => seen.includes('removed forge-1'))
  expect(await client.get('forge-1')).toBeUndefined()
  stop.abort()
  await watched
})

it('says with what text the server refuses', async () => {
  const { urls } = await serveRegistry()
  const location = 'http://8.8.8.8/'
  await expect(connect(urls.rest).registerAgent({ ...forge, location })).rejects.toThrow(
    /could not register "forge-1": it answered with status 400: location must be a valid localhost/,
  )
})

it('is let in by the token of the server, and not without', async () => {
  const { urls } = await serveRegistry({ token: 'open-sesame-1' })
  const client = connect(urls.rest, { token: 'open-sesame-1' })
  await client.registerAgent(forge)
  expect(await client.discoverAgents()).toHaveLength(1)
  await expect(connect(urls.rest).discoverAgents()).rejects.toMatchObject({ status: 401 })
  await expect(connect(urls.rest).registerAgent(forge)).rejects.toMatchObject({ status: 401 })
})

it('a server that is stopped and comes back empty has everything again, and memory answers meanwhile', async () => {
  const first = await serveRegistry()
  const port = Number(new URL(first.urls.rest).port)
  const clock = new FakeClock()
  const client = connect(first.urls.rest, { clock })
  await client.registerAgent(forge)
  expect(await client.discoverAgents()).toHaveLength(1)
  await first.close()
  expect(await client.discoverAgents()).toHaveLength(1)
  const second = await serveRegistry({ port })
  expect(second.operations.list()).toEqual([])
  await passing(clock, 1_000, () => second.operations.get('forge-1') !== undefined)
  await passing(clock, 1_000, async () => (await client.discoverAgents()).length === 1)
})

it('an agent whose heartbeats come stays healthy, and one without becomes unhealthy', async () => {
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'))
  const { urls, operations } = await serveRegistry({ clock })
  const client = connect(urls.rest, { clock })
  await client.registerAgent(forge)
  await client.updateHealth('forge-1')
  const seenAt = () => operations.get('forge-1')?.lastSeenAt ?? 0
  const start = seenAt()
  await passing(clock, 1_000, () => seenAt() > start)
  expect(operations.get('forge-1')?.status).toBe('healthy')
  await client.close({ deregister: false })
  await passing(clock, 10_000, () => operations.get('forge-1')?.status === 'unhealthy')
})

it('a module that is served is located, invoked, and gone when it is closed', async () => {
  const { urls, operations } = await serveRegistry()
  const registry = connect(urls.rest)
  const weather = (params: unknown) => ({ sky: 'clear', of: params })
  const served = await serveModule({ name: 'sky', capabilities: { weather }, registry })
  const locator = new ServiceLocator({ registryUrl: urls.rest })
  expect((await locator.locate('weather')).location).toBe(served.location)
  expect(await locator.invoke('weather', { city: 'Oslo' })).toEqual({
    sky: 'clear',
    of: { city: 'Oslo' },
  })
  await served.close()
  expect(operations.list()).toEqual([])
})

for (const { name, run } of sourceConformance(async () => {
  const { urls } = await serveRegistry()
  await connect(urls.rest).registerAgent({ ...forge, location: 'http://127.0.0.1:9' })
  return remoteRegistry({ url: urls.rest })
}))
  it(`remoteRegistry ${name}`, run)

it('an embedded registry follows a server', async () => {
  const { urls } = await serveRegistry()
  const client = connect(urls.rest)
  await client.registerAgent({ ...forge, location: 'http://127.0.0.1:9' })
  const registry = new ServiceRegistry({
    sources: [remoteRegistry({ url: urls.rest })],
    health: { monitor: false },
  })
  onTestFinished(() => registry.close())
  await registry.start()
  await becomes(() => registry.get('forge-1') !== undefined)
  expect(registry.get('forge-1')).toMatchObject({
    service: 'Forge',
    address: 'http://127.0.0.1:9',
    metadata: { mode: 'http', displayName: 'Forge' },
  })
  await client.registerAgent({ id: 'forge-2', name: 'Forge', capabilities: [] })
  await becomes(() => registry.get('forge-2') !== undefined)
  await client.deregisterAgent('forge-2')
  await becomes(() => registry.get('forge-2')?.health === 'unhealthy')
})
