/* Traps of the clients of both registries (pitfalls.md, B-M and B-N). */
import { expect, it, onTestFinished } from 'vitest'
import { RegistryClient, ServiceLocator, serveModule } from '../../src/client/index.js'
import { FakeClock } from '../../src/testing/index.js'
import { becomes, RegistryDouble } from '../client/double.js'

async function start() {
  const double = await RegistryDouble.start()
  const clock = new FakeClock()
  const client = new RegistryClient({ url: double.url, clock })
  onTestFinished(() => client.close({ deregister: false }))
  return { double, clock, client }
}
const capabilities = { weather: () => ({ sky: 'clear' }) }

it('B-M14: a dead provider is not used for a minute: another one does the work', async () => {
  const { double, client } = await start()
  const first = await serveModule({ name: 'one', capabilities, registry: client })
  const locator = new ServiceLocator({ registryUrl: double.url })
  expect(await locator.invoke('weather')).toEqual({ sky: 'clear' })
  const second = await serveModule({ name: 'two', capabilities, registry: client })
  onTestFinished(() => second.close())
  // It dies without a word: the registry and the cache still have it.
  const record = double.services.get(first.id)
  await first.close()
  if (record !== undefined) double.services.set(first.id, record)
  expect(await locator.invoke('weather')).toEqual({ sky: 'clear' })
  expect((await locator.locate('weather')).id).toBe(second.id)
})

it('B-M14: a provider sends heartbeats', async () => {
  const { double, clock, client } = await start()
  const served = await serveModule({ name: 'one', capabilities, registry: client, id: 'one' })
  onTestFinished(() => served.close())
  await clock.advance(20_000)
  await becomes(() => double.count('POST', '/api/heartbeat/one') === 1)
})

it('B-M14: it is registered where it listens, with the port it really has, and only then', async () => {
  const { double, client } = await start()
  let wasAlive: Promise<number> | undefined
  double.answerWith = ({ path, body }) => {
    if (path === '/api/register') {
      const { location } = JSON.parse(body) as { readonly location: string }
      wasAlive = fetch(`${location}/_module/health`).then(({ status }) => status)
    }
    return false
  }
  const served = await serveModule({ name: 'one', capabilities, registry: client })
  onTestFinished(() => served.close())
  expect(await wasAlive).toBe(200)
  expect(double.services.get(served.id)).toMatchObject({
    location: `http://127.0.0.1:${served.port}`,
  })
})

it('B-N24: what the caller gives is never changed', async () => {
  const { client } = await start()
  const freeze = <T extends object>(value: T): T => {
    for (const part of Object.values(value) as unknown[])
      if (typeof part === 'object' && part !== null) freeze(part)
    return Object.freeze(value)
  }
  const record = freeze({ name: 'a', capabilities: ['x'], metadata: { deep: { n: [1] } } })
  const request = freeze({ capabilities: ['x'], optional: ['y'], filters: { status: 'healthy' } })
  const id = await client.registerAgent(record)
  expect('id' in record).toBe(false)
  expect((await client.discoverAgents(request)).map((one) => one.id)).toEqual([id])
  await client.discoverAgents(freeze({ filters: {} }))
})

it('B-N24: what the caller changes afterwards is not sent', async () => {
  const { double, client } = await start()
  const record = { id: 'a', name: 'a', capabilities: ['x'], metadata: { rack: 'r1' } }
  await client.registerAgent(record)
  record.capabilities.push('y')
  record.metadata.rack = 'r2'
  double.services.clear()
  await client.updateHealth('a')
  expect(double.services.get('a')).toMatchObject({ capabilities: ['x'], metadata: { rack: 'r1' } })
})

it('B-N24: a sign of life says nothing that nobody knows, such as a rate of 0', async () => {
  const { double, client } = await start()
  await client.registerAgent({ id: 'a', name: 'a', capabilities: [] })
  await client.updateHealth('a')
  expect(double.asked.find(({ path }) => path === '/api/heartbeat/a')?.body).toBe('')
})

it('B-N24: heartbeat and deregistration reach the registry', async () => {
  const { double, client } = await start()
  await client.registerAgent({ id: 'a', name: 'a', capabilities: [] })
  await client.updateHealth('a')
  await client.deregisterAgent('a')
  expect(double.asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'POST /api/register',
    'POST /api/heartbeat/a',
    'DELETE /api/services/a',
  ])
})

it('B-N16: registering again after a lost answer makes no second agent', async () => {
  const { double, clock, client } = await start()
  let isLost = false
  double.answerWith = ({ path, body }, response) => {
    if (path !== '/api/register' || isLost) return false
    isLost = true
    double.add(JSON.parse(body))
    response.destroy()
    return true
  }
  let id: string | undefined
  void client.registerAgent({ name: 'a', capabilities: [] }).then((given) => {
    id = given
  })
  await expect
    .poll(async () => {
      await clock.advance(100)
      return id
    })
    .toBeDefined()
  expect([...double.services.keys()]).toEqual([id])
})
