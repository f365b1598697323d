import { expect, it, onTestFinished } from 'vitest'
import {
  type RegistryChange,
  RegistryClient,
  type RegistryClientOptions,
} from '../../src/client/index.js'
import {
  HttpError,
  InvalidOptionsError,
  InvalidRegistrationError,
  InvalidRequestError,
} from '../../src/core/errors.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'
import { becomes, json, passing, RegistryDouble } from './double.js'

async function start(options: RegistryClientOptions = {}) {
  const double = await RegistryDouble.start()
  const clock = new FakeClock()
  const errors: unknown[] = []
  const client = new RegistryClient({
    url: double.url,
    clock,
    random: seededRandom(7),
    onError: (error) => errors.push(error),
    ...options,
  })
  onTestFinished(() => client.close({ deregister: false }))
  return { double, clock, client, errors }
}

const names = async (client: RegistryClient, ...capabilities: readonly string[]) =>
  (await client.discoverAgents({ capabilities })).map(({ id }) => id)

const forge = { id: 'forge-1', name: 'Forge', capabilities: ['image', 'upscale'] }

it('registers, and what it registered is discovered at once', async () => {
  const { double, client } = await start()
  await names(client)
  const id = await client.registerAgent({ ...forge, location: 'http://127.0.0.1:9', version: '2' })
  expect(id).toBe('forge-1')
  expect(JSON.parse(double.asked.find(({ path }) => path === '/api/register')?.body ?? '')).toEqual(
    {
      ...forge,
      location: 'http://127.0.0.1:9',
      mode: 'http',
      version: '2',
    },
  )
  expect(await names(client, 'image')).toEqual(['forge-1'])
  expect(await client.get('forge-1')).toMatchObject({ id: 'forge-1', version: '2', mode: 'http' })
  expect((await client.list()).map((one) => one.id)).toEqual(['forge-1'])
  expect(await client.deregisterAgent('forge-1')).toBe(true)
  expect(await client.deregisterAgent('forge-1')).toBe(false)
  expect(await names(client)).toEqual([])
  expect(await client.get('forge-1')).toBeUndefined()
})

it('makes an id where none is given, and is standalone without a location', async () => {
  const { double, client } = await start()
  const id = await client.registerAgent({ name: 'x', capabilities: [] })
  expect(id).toMatch(/^[0-9a-f-]{36}$/)
  expect(double.services.get(id)).toMatchObject({ mode: 'standalone' })
})

it('tells the token of what it has registered, and of nothing else', async () => {
  const { client } = await start()
  await client.registerAgent(forge)
  expect(client.registrationToken('forge-1')).toBe('own-forge-1')
  expect(client.registrationToken('other')).toBeUndefined()
  expect(() => client.registrationToken('')).toThrow(InvalidRequestError)
  await client.deregisterAgent('forge-1')
  expect(client.registrationToken('forge-1')).toBeUndefined()
})

it('sends a heartbeat before each third of the time-out has passed, until it is deregistered', async () => {
  const { double, clock, client } = await start({ heartbeatTimeoutMs: 60_000 })
  await client.registerAgent(forge)
  const beats = () => double.count('POST', '/api/heartbeat/forge-1')
  await clock.advance(15_999)
  expect(beats()).toBe(0)
  await clock.advance(4_001)
  await becomes(() => beats() === 1)
  await passing(clock, 1_000, () => beats() >= 4)
  expect(clock.nowMs).toBeLessThanOrEqual(85_000)
  await client.deregisterAgent('forge-1')
  const before = beats()
  await clock.advance(200_000)
  expect(beats()).toBe(before)
})

it('sends heartbeats earlier by chance, so that those who began together do not stay together', async () => {
  const { double, clock, client } = await start({ heartbeatTimeoutMs: 60_000, random: () => 0.5 })
  await client.registerAgent(forge)
  const beats = () => double.count('POST', '/api/heartbeat/forge-1')
  await clock.advance(17_999)
  expect(beats()).toBe(0)
  await clock.advance(1)
  await becomes(() => beats() === 1)
})

it('registers again when the registry has forgotten it', async () => {
  const { double, clock, client, errors } = await start()
  await client.registerAgent({ ...forge, metadata: { rack: 'r7' } })
  double.services.clear()
  await passing(clock, 1_000, () => double.services.has('forge-1'))
  expect(double.services.get('forge-1')).toMatchObject({ metadata: { rack: 'r7' } })
  expect(errors).toEqual([])
  double.services.clear()
  await client.updateHealth('forge-1')
  expect(double.services.has('forge-1')).toBe(true)
})

it('says so when somebody else is unknown, and does not register them', async () => {
  const { double, client } = await start()
  await expect(client.updateHealth('stranger')).rejects.toMatchObject({
    name: 'HttpError',
    kind: 'status',
    status: 404,
    message: expect.stringMatching(/heartbeat of "stranger".*404: Service not found; check the id/),
  })
  expect(double.services.size).toBe(0)
})

it('survives that the registry is killed and comes back empty', async () => {
  const { double, clock, client, errors } = await start()
  double.add({ id: 'other', capabilities: ['image'] })
  await client.registerAgent(forge)
  expect(await names(client, 'image')).toEqual(['other', 'forge-1'])
  await becomes(() => double.streams === 1)

  await double.kill()
  await becomes(async () => (await names(client, 'image')).length === 2)
  await passing(clock, 1_000, () => errors.length > 0)
  expect(await names(client, 'image')).toEqual(['other', 'forge-1'])
  for (const error of errors) expect(error).toBeInstanceOf(HttpError)

  double.services.clear()
  await double.start()
  await passing(clock, 1_000, () => double.services.has('forge-1') && double.streams === 1)
  await passing(clock, 1_000, async () => (await names(client)).join() === 'forge-1')
})

it('answers from memory, kept true by events, and asks for the list once', async () => {
  const { double, client } = await start()
  double.add({ id: 'a', capabilities: ['image'] })
  expect(await names(client, 'image')).toEqual(['a'])
  await becomes(() => double.streams === 1)
  double.add({ id: 'b', capabilities: ['image'] })
  await becomes(async () => (await names(client, 'image')).join() === 'a,b')
  double.setStatus('a', 'unhealthy')
  await becomes(async () => (await names(client, 'image')).join() === 'b')
  double.setStatus('a', 'active')
  await becomes(async () => (await names(client, 'image')).join() === 'a,b')
  double.remove('b')
  await becomes(async () => (await names(client, 'image')).join() === 'a')
  // Once for the first answer, once for the events.
  expect(double.count('GET', '/api/services')).toBe(2)
})

it('asks a registry that is silent once at most, and goes on from memory', async () => {
  const { double, clock, client } = await start()
  double.add({ id: 'a' })
  await names(client)
  await becomes(() => double.streams === 1)
  await client.updateHealth('a')
  double.answerWith = () => true
  const before = double.asked.length
  let found: readonly string[] | undefined
  void names(client).then((ids) => {
    found = ids
  })
  await passing(clock, 500, () => found !== undefined)
  expect(found).toEqual(['a'])
  expect(await names(client)).toEqual(['a'])
  expect(double.asked.slice(before).filter(({ path }) => path === '/api/services')).toHaveLength(1)
})

it('looks at the list again for an event that does not say enough', async () => {
  const { double, client } = await start()
  await names(client)
  await becomes(() => double.streams === 1)
  double.services.set('quiet', { id: 'quiet', capabilities: [], status: 'healthy' })
  double.tell('resync', {})
  await becomes(async () => (await names(client)).join() === 'quiet')
  double.services.delete('quiet')
  double.tell('service.unregistered', { nothing: true })
  await becomes(async () => (await names(client)).length === 0)
})

it('takes up the events where it left them, and closes the gap with the list', async () => {
  const { double, clock, client } = await start()
  await names(client)
  await becomes(() => double.streams === 1)
  double.add({ id: 'a' })
  await becomes(async () => (await names(client)).length === 1)
  double.cutStreams()
  double.add({ id: 'missed' })
  await passing(clock, 500, () => double.streams === 1)
  await becomes(async () => (await names(client)).join() === 'a,missed')
  expect(double.asked.filter(({ path }) => path === '/api/events').at(-1)?.lastEventId).toBe('1')
})

it('polls a registry that has no events', async () => {
  const { double, clock, client } = await start()
  double.answerWith = ({ path }, response) => {
    if (path === '/api/events') json(response, 404, { error: 'Not found' })
    return path === '/api/events'
  }
  expect(await names(client)).toEqual([])
  double.services.set('later', { id: 'later', capabilities: [], status: 'active' })
  await passing(clock, 10_000, async () => (await names(client)).join() === 'later')
})

it('finds by what is required, optional and filtered, best first', async () => {
  const { double, client } = await start()
  double.add({ id: 'one', capabilities: ['a', 'b'], metadata: { region: 'eu', gpu: 2 } })
  double.add({ id: 'two', capabilities: ['a', 'b', 'c'], version: '2.0.0' })
  double.add({ id: 'bad', capabilities: ['a', 'c'], status: 'inactive', state: 'unhealthy' })
  const ids = async (request: Parameters<RegistryClient['discoverAgents']>[0]) =>
    (await client.discoverAgents(request)).map(({ id }) => id)
  expect(await ids({ capabilities: ['a'], optional: ['c', 'c'] })).toEqual(['two', 'one'])
  expect(await ids({ capabilities: ['a', 'c'] })).toEqual(['two'])
  expect(await ids({ filters: { region: 'eu', gpu: '2' } })).toEqual(['one'])
  expect(await ids({ filters: { version: '2.0.0' } })).toEqual(['two'])
  expect(await ids({ filters: { status: 'HEALTHY' } })).toEqual(['one', 'two'])
  expect(await ids({ filters: { status: 'unhealthy' } })).toEqual(['bad'])
  expect(await ids({ filters: { constructor: 'x', toString: 'y' } })).toEqual([])
})

it.each<[unknown, string]>([
  [null, 'it: expected an object'],
  [{ capabilities: 'chat' }, 'capabilities: expected a list of names'],
  [{ optional: [1] }, 'optional: expected a list of names'],
  [{ filters: { region: 1 } }, 'filters.region: expected a text, not number'],
  [{ filters: { status: 'fine' } }, 'filters.status: expected one of healthy'],
])('refuses to discover %j', async (request, message) => {
  const { double, client } = await start()
  const asked = client.discoverAgents(request as never)
  await expect(asked).rejects.toThrow(InvalidRequestError)
  await expect(asked).rejects.toThrow(message)
  expect(double.asked).toEqual([])
})

it.each<[unknown, string]>([
  [undefined, 'expected a record'],
  [{ name: '', capabilities: [] }, 'name: expected a text of one line'],
  [{ name: 'x' }, 'capabilities: expected a list'],
  [{ name: 'x', capabilities: [], id: 'a/b' }, 'id: expected'],
  [{ name: 'x', capabilities: [], id: '..' }, 'id: expected'],
  [{ name: 'x', capabilities: [], mode: 'http' }, 'location: mode http needs one'],
  [{ name: 'x', capabilities: [], metadata: { n: 1n } }, 'metadata: expected plain JSON'],
])('refuses to register %s', async (record, message) => {
  const { double, client } = await start()
  const asked = client.registerAgent(record as never)
  await expect(asked).rejects.toThrow(InvalidRegistrationError)
  await expect(asked).rejects.toThrow(message)
  expect(double.asked).toEqual([])
})

it.each([
  { url: 'ftp://x' },
  { url: 'http://me:secret@localhost' },
  { token: 'with space' },
  { timeoutMs: 0 },
  { heartbeatTimeoutMs: -1 },
])('refuses options such as %j, without showing what is secret', (options) => {
  expect(() => new RegistryClient(options)).toThrow(InvalidOptionsError)
  expect(() => new RegistryClient(options)).not.toThrow(/secret|with space/)
})

it('shows its token to the registry, and never says it', async () => {
  const { double, client } = await start({ token: 'hunter2hunter2' })
  double.token = 'hunter2hunter2'
  await client.registerAgent(forge)
  double.token = 'another'
  const refused = client.list()
  await expect(refused).rejects.toMatchObject({ status: 401 })
  await expect(refused).rejects.toThrow(/Who is \*\*\*\?; give the token of the registry/)
})

it('shows the token of the registration, where it has no other', async () => {
  const { double, client } = await start()
  await client.registerAgent(forge)
  await client.updateHealth('forge-1')
  await client.deregisterAgent('forge-1')
  expect(double.asked.map(({ token }) => token)).toEqual([undefined, 'own-forge-1', 'own-forge-1'])
})

it('registers the same id anew with the token of before, and sends the heartbeats of one only', async () => {
  const { double, clock, client } = await start()
  await client.registerAgent(forge)
  await client.registerAgent({ ...forge, capabilities: ['image'] })
  expect(double.asked.map(({ token }) => token)).toEqual([undefined, 'own-forge-1'])
  await clock.advance(20_000)
  await becomes(() => double.count('POST', '/api/heartbeat/forge-1') === 1)
  double.services.clear()
  await passing(clock, 1_000, () => double.services.has('forge-1'))
  expect(double.services.get('forge-1')).toMatchObject({ capabilities: ['image'] })
})

it('goes on with what was registered when the next registration is refused', async () => {
  const { double, clock, client } = await start()
  await client.registerAgent(forge)
  double.answerWith = ({ path }, response) => {
    if (path === '/api/register') json(response, 400, { error: 'mode must be one of: http' })
    return path === '/api/register'
  }
  await expect(client.registerAgent({ ...forge, name: 'Other' })).rejects.toThrow(
    'could not register "forge-1": it answered with status 400: mode must be one of: http',
  )
  await passing(clock, 1_000, () => double.count('POST', '/api/heartbeat/forge-1') > 0)
})

it('tries again when the registry is busy, and gives up after three times', async () => {
  const { double, clock, client } = await start()
  let left = 2
  double.answerWith = (_, response) => {
    left -= 1
    if (left >= 0) json(response, 503, { error: 'not yet' })
    return left >= 0
  }
  const listed = client.list()
  await passing(clock, 100, () => double.asked.length === 3)
  expect(await listed).toEqual([])
  left = 10
  const refused = client.list()
  void refused.catch(() => {})
  await passing(clock, 100, () => double.asked.length === 6)
  await expect(refused).rejects.toMatchObject({ status: 503 })
  expect(double.asked.length).toBe(6)
})

it('gives up when the caller does, also between two attempts', async () => {
  const { double, client } = await start()
  double.answerWith = (_, response) => {
    json(response, 503, {})
    return true
  }
  const stop = new AbortController()
  const listed = client.list({ signal: stop.signal })
  void listed.catch(() => {})
  await becomes(() => double.asked.length === 1)
  stop.abort()
  await expect(listed).rejects.toMatchObject({ name: 'HttpError', kind: 'aborted' })
})

it('waits for a slow registry no longer than it is told', async () => {
  const { double, clock, client } = await start({ timeoutMs: 300 })
  double.answerWith = () => true
  let failure: unknown
  void client.list().catch((error: unknown) => {
    failure = error
  })
  await passing(clock, 100, () => failure !== undefined)
  expect(failure).toMatchObject({ name: 'HttpError', kind: 'timeout' })
})

it.each(['', 'null', '[]', '<html>', '{"services":{}}', '{"services":"x"}'])(
  'reads garbage such as %j as an error that says what to check',
  async (text) => {
    const { double, client } = await start()
    double.answerWith = (_, response) => {
      response.end(text)
      return true
    }
    await expect(client.discoverAgents()).rejects.toThrow(/check that it is a registry/)
  },
)

it('passes over records that are none, and reads the rest without belief', async () => {
  const { double, client } = await start()
  const services = [
    7,
    null,
    { id: '' },
    { id: '../x' },
    { id: 'thin' },
    JSON.parse(
      '{"id":"odd","capabilities":[1,"a","a"],"metadata":{"__proto__":{"x":1},"d":{"e":[]}}}',
    ),
  ]
  double.answerWith = ({ path }, response) => {
    if (path === '/api/services') json(response, 200, { services })
    return path === '/api/services'
  }
  const listed = await client.list()
  expect(listed.map(({ id }) => id)).toEqual(['thin', 'odd'])
  expect(listed[0]).toMatchObject({ name: 'thin', capabilities: [], status: 'unhealthy' })
  expect(listed[1]?.capabilities).toEqual(['a'])
  const inner = listed[1]?.metadata.d
  expect(Object.isFrozen(inner)).toBe(true)
  expect(({} as { x?: unknown }).x).toBeUndefined()
})

it('watches: first everything, then each change, until it is closed', async () => {
  const { double, client } = await start()
  double.add({ id: 'a', capabilities: ['x'] })
  const seen: string[] = []
  const watched = (async () => {
    for await (const { type, record } of client.watch()) seen.push(`${type} ${record.id}`)
  })()
  await becomes(() => seen.join() === 'added a')
  double.tell('service.heartbeat', { id: 'a', status: 'healthy' })
  double.add({ id: 'a', capabilities: ['x'], last_seen: '2026-02-02T00:00:00.000Z' })
  double.add({ id: 'b' })
  await becomes(() => seen.length === 2)
  double.setStatus('b', 'unhealthy')
  await becomes(() => seen.length === 3)
  double.remove('a')
  await becomes(() => seen.length === 4)
  expect(seen).toEqual(['added a', 'added b', 'changed b', 'removed a'])
  await client.close()
  await watched
})

it('shows who reads slowly the newest state, and keeps no queue', async () => {
  const { double, client } = await start()
  const stop = new AbortController()
  const changes = client.watch(stop.signal)
  double.add({ id: 'a' })
  const first = await changes.next()
  expect(first.value).toMatchObject({ type: 'added', record: { id: 'a' } })
  await names(client)
  for (let n = 0; n < 50; n += 1) double.setStatus('a', n % 2 === 0 ? 'unhealthy' : 'healthy')
  double.add({ id: 'a', version: '9' })
  await becomes(async () => (await client.discoverAgents())[0]?.version === '9')
  const next: IteratorResult<RegistryChange, void> = await changes.next()
  expect(next.value).toMatchObject({ type: 'changed', record: { version: '9' } })
  stop.abort()
  expect(await changes.next()).toEqual({ done: true, value: undefined })
})

it('deregisters on close what it registered, unless it is told not to', async () => {
  const { double, client } = await start()
  double.add({ id: 'other' })
  await client.registerAgent(forge)
  await client.close()
  expect([...double.services.keys()]).toEqual(['other'])
  await expect(client.list()).rejects.toThrow(/this client was closed; make a new RegistryClient/)
  await client.close()

  const leaving = new RegistryClient({ url: double.url })
  await leaving.registerAgent(forge)
  await leaving.close({ deregister: false })
  expect(double.services.has('forge-1')).toBe(true)
})

it('close resolves while the registry is gone, and tells what could not be done', async () => {
  const { double, clock, client, errors } = await start()
  await client.registerAgent(forge)
  await double.kill()
  let isClosed = false
  void client.close().then(() => {
    isClosed = true
  })
  await passing(clock, 500, () => isClosed)
  expect(errors.at(-1)).toMatchObject({
    name: 'HttpError',
    kind: 'refused',
  })
})

it('ends everything when its signal aborts', async () => {
  const stop = new AbortController()
  const { double, clock, client } = await start({ signal: stop.signal })
  await client.registerAgent(forge)
  await names(client)
  await becomes(() => double.streams === 1)
  stop.abort()
  await becomes(() => double.streams === 0)
  const before = double.asked.length
  await clock.advance(300_000)
  expect(double.asked.length).toBe(before)
  expect(double.services.has('forge-1')).toBe(true)
})

it('a listener that throws does no harm', async () => {
  const { double, clock, client } = await start({
    onError: () => {
      throw new Error('mine')
    },
  })
  await client.registerAgent(forge)
  await double.kill()
  await clock.advance(60_000)
  await double.start()
  double.services.clear()
  await passing(clock, 1_000, () => double.services.has('forge-1'))
})
