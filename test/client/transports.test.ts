import { describe, expect, it, onTestFinished } from 'vitest'
import {
  RegistryClient,
  type RegistryClientOptions,
  remoteRegistry,
  ServiceLocator,
  serveModule,
} from '../../src/client/index.js'
import { HttpError } from '../../src/core/errors.js'
import { ServiceRegistry } from '../../src/index.js'
import { createServer, type RegistryServer, type ServerOptions } from '../../src/server/index.js'
import { FakeClock, seededRandom, sourceConformance } from '../../src/testing/index.js'
import { watching } from '../discovery/sources/watching.js'
import { service } from '../server/operations-of.js'
import { becomes, passing } from './double.js'
import { Line } from './line.js'

const forge = { id: 'forge-1', name: 'Forge', capabilities: ['image', 'upscale'] }

/** What `RegistryClient` and `remoteRegistry` promise, whatever they speak. */
describe.each(['rest', 'grpc'] as const)('over %s', (speaks) => {
  const portOf = ({ urls }: RegistryServer): number => Number(new URL(urls[speaks] ?? '').port)

  async function serve(options: ServerOptions = {}): Promise<RegistryServer> {
    const server = await createServer({ port: 0, grpc: { port: 0 }, ...options })
    onTestFinished(() => server.close())
    return server
  }

  async function start(options: ServerOptions = {}) {
    const server = await serve(options)
    const line = await Line.to(portOf(server))
    const url = `${speaks === 'rest' ? 'http' : 'grpc'}://127.0.0.1:${line.port}`
    return { server, line, url, operations: server.operations }
  }

  function connect(url: string, options: RegistryClientOptions = {}) {
    const clock = new FakeClock()
    const errors: unknown[] = []
    const client = new RegistryClient({
      url,
      clock,
      random: seededRandom(7),
      heartbeatTimeoutMs: 6_000, // few steps of the clock
      onError: (error) => errors.push(error),
      ...options,
    })
    onTestFinished(() => client.close({ deregister: false }))
    return { client, clock, errors }
  }

  const ids = async (client: RegistryClient, ...capabilities: readonly string[]) =>
    (await client.discoverAgents({ capabilities })).map(({ id }) => id)

  it('registers, is found with all it said, and is gone when it is deregistered', async () => {
    const { url } = await start()
    const { client } = connect(url)
    const metadata = { service: 'media', deep: [{ a: 1 }] }
    const location = 'http://127.0.0.1:9'
    expect(await client.registerAgent({ ...forge, version: '2', location, metadata })).toBe(
      'forge-1',
    )
    expect(client.registrationToken('forge-1')).toMatch(/^\S{40,}$/)
    const [found] = await client.discoverAgents({ capabilities: ['image'] })
    expect(found).toEqual({
      ...forge,
      service: 'media',
      version: '2',
      location,
      mode: 'http',
      status: 'healthy',
      metadata,
      registeredAt: expect.stringMatching(/^\d{4}-.*Z$/),
      lastSeen: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    expect(Object.isFrozen(found?.metadata.deep)).toBe(true)
    expect(await client.get('forge-1')).toEqual(found)
    expect(await client.list()).toEqual([found])
    expect(await client.deregisterAgent('forge-1')).toBe(true)
    expect(await client.deregisterAgent('forge-1')).toBe(false)
    expect(await ids(client)).toEqual([])
    expect(await client.get('forge-1')).toBeUndefined()
  })

  it('sends heartbeats in time until it is deregistered', async () => {
    const { url, operations } = await start()
    const { client, clock } = connect(url)
    await client.registerAgent(forge)
    const before = operations.position
    await clock.advance(1_599)
    expect(operations.position).toBe(before)
    await clock.advance(401)
    await becomes(() => operations.position === before + 1)
    await passing(clock, 500, () => operations.position >= before + 3)
    expect(clock.nowMs).toBeLessThanOrEqual(8_500)
    await client.deregisterAgent('forge-1')
    const after = operations.position
    await clock.advance(200_000)
    await client.list()
    expect(operations.position).toBe(after)
  })

  it('tells of its work with a sign of life, and nothing that was not told', async () => {
    const { url, operations } = await start()
    const { client } = connect(url)
    await client.registerAgent(forge)
    const telemetry = { successRate: 0.4, totalExecutions: 10, avgDurationMs: 1.5 }
    await client.updateHealth('forge-1', { telemetry })
    const kept = { ...telemetry, failedExecutions: 0, lastExecutionAt: 0 }
    expect(operations.get('forge-1')).toMatchObject({ status: 'degraded', telemetry: kept })
    await client.updateHealth('forge-1')
    expect(operations.get('forge-1')?.telemetry).toEqual(kept)
    operations.deregister('forge-1', {})
    await client.updateHealth('forge-1', { telemetry })
    expect(operations.get('forge-1')).toMatchObject({ status: 'degraded', telemetry: kept })
    const before = operations.position
    for (const wrong of [{ totalExecutions: 1 }, { ...telemetry, successRate: Number.NaN }, 7]) {
      const refused = client.updateHealth('forge-1', { telemetry: wrong as never })
      await expect(refused).rejects.toMatchObject({ name: 'InvalidRequestError' })
    }
    expect(operations.position).toBe(before)
  })

  it('registers again what the registry has forgotten, as it was', async () => {
    const { url, operations } = await start()
    const { client, clock, errors } = connect(url)
    await client.registerAgent({ ...forge, metadata: { rack: 'r7' } })
    await client.registerAgent({ ...forge, id: 'forge-2' })
    operations.deregister('forge-1', {})
    await passing(clock, 1_000, () => operations.get('forge-1') !== undefined)
    expect(operations.get('forge-1')).toMatchObject({ metadata: { rack: 'r7' } })
    operations.deregister('forge-1', {})
    await client.updateHealth('forge-1')
    expect(operations.get('forge-1')).toBeDefined()
    expect(errors).toEqual([])
    await expect(client.updateHealth('stranger')).rejects.toMatchObject({
      name: 'HttpError',
      kind: 'status',
      status: 404,
      message: expect.stringMatching(/heartbeat of "stranger".*Service not found; check the id/),
    })
  })

  it('answers from memory while the registry is gone, and fills one that comes back empty', async () => {
    const { url, line, server } = await start()
    const { client, clock, errors } = connect(url)
    await client.registerAgent(forge)
    expect(await ids(client, 'image')).toEqual(['forge-1'])
    line.lead(undefined)
    await server.close()
    await passing(clock, 1_000, () => errors.length > 1)
    expect(await ids(client, 'image')).toEqual(['forge-1'])
    for (const error of errors) expect(error).toBeInstanceOf(HttpError)
    const second = await serve()
    line.lead(portOf(second))
    await passing(clock, 1_000, () => second.operations.get('forge-1') !== undefined)
    await passing(clock, 1_000, async () => (await ids(client)).join() === 'forge-1')
  })

  it('keeps its memory true by what changes, and asks no more', async () => {
    const { url, operations } = await start()
    const { client } = connect(url)
    const other = connect(url).client
    expect(await ids(client)).toEqual([])
    await other.registerAgent(forge)
    await becomes(async () => (await ids(client, 'image')).join() === 'forge-1')
    const bad = { successRate: 0.1, totalExecutions: 9 }
    const rest = { avgDurationMs: 1, failedExecutions: 8, lastExecutionAt: 0 }
    operations.heartbeat('forge-1', { ...bad, ...rest }, {})
    await becomes(async () => (await ids(client)).length === 0)
    operations.heartbeat('forge-1', { ...bad, ...rest, successRate: 1 }, {})
    await becomes(async () => (await ids(client)).length === 1)
    await other.deregisterAgent('forge-1')
    await becomes(async () => (await ids(client)).length === 0)
  })

  it('loses nothing of what changes while its connection is cut', async () => {
    const { url, line, operations } = await start()
    const { client, clock } = connect(url)
    const seen: string[] = []
    const stop = new AbortController()
    const watched = (async () => {
      for await (const { type, record } of client.watch(stop.signal))
        seen.push(`${type} ${record.id}`)
    })()
    await operations.register(service('forge-1'), {})
    await becomes(() => seen.join() === 'added forge-1')
    line.cut()
    await operations.register(service('forge-2'), {})
    operations.deregister('forge-1', {})
    await passing(clock, 500, () => seen.includes('removed forge-1') && seen.length === 3)
    expect([...seen].sort()).toEqual(['added forge-1', 'added forge-2', 'removed forge-1'])
    stop.abort()
    await watched
  })

  it('says why the registry refuses, and never a token', async () => {
    const { url } = await start({ token: 'open-sesame-1' })
    const { client } = connect(url, { token: 'open-sesame-1' })
    await client.registerAgent(forge)
    expect(await ids(client)).toEqual(['forge-1'])
    const location = 'http://8.8.8.8/'
    await expect(client.registerAgent({ ...forge, location })).rejects.toMatchObject({
      status: 400,
      message: expect.stringMatching(/could not register "forge-1": .* location must be a valid/),
    })
    const stranger = connect(url, { token: 'wrong-token-7' }).client
    for (const asked of [
      () => stranger.discoverAgents(),
      () => stranger.registerAgent({ ...forge, id: 'other' }),
      () => stranger.updateHealth('forge-1'),
      () => stranger.deregisterAgent('forge-1'),
    ]) {
      const refused = asked()
      await expect(refused).rejects.toMatchObject({ name: 'HttpError', status: 401 })
      await expect(refused).rejects.not.toThrow(/wrong-token-7|open-sesame/)
    }
  })

  it('deregisters on close, unless it is told not to, and lets go of every connection', async () => {
    const { url, line, operations } = await start()
    const { client } = connect(url)
    await client.registerAgent(forge)
    await ids(client)
    await client.close()
    expect(operations.list()).toEqual([])
    await expect(client.list()).rejects.toThrow(/this client was closed; make a new/)
    const leaving = connect(url).client
    await leaving.registerAgent(forge)
    await ids(leaving)
    await leaving.close({ deregister: false })
    expect(operations.get('forge-1')).toBeDefined()
    if (speaks === 'grpc') await becomes(() => line.connections === 0)
  })

  it('ends everything when its signal aborts', async () => {
    const stop = new AbortController()
    const { url, operations } = await start()
    const { client, clock } = connect(url, { signal: stop.signal })
    await client.registerAgent(forge)
    await ids(client)
    const watched = client.watch()
    await watched.next()
    const position = operations.position
    stop.abort()
    expect((await watched.next()).done).toBe(true)
    await clock.advance(300_000)
    await expect(client.list()).rejects.toMatchObject({ kind: 'aborted' })
    expect(operations.position).toBe(position)
  })

  it('gives up when the caller does, and after its time', async () => {
    const { url, line } = await start()
    const { client, clock } = connect(url, { timeoutMs: 300 })
    await client.list()
    line.freeze()
    const stop = new AbortController()
    const given = client.list({ signal: stop.signal })
    stop.abort()
    await expect(given).rejects.toMatchObject({ name: 'HttpError', kind: 'aborted' })
    let failure: unknown
    void client.list().catch((error: unknown) => {
      failure = error
    })
    await passing(clock, 100, () => failure !== undefined)
    expect(failure).toMatchObject({ name: 'HttpError', kind: 'timeout' })
    await expect(connect('grpc://127.0.0.1:1').client.get('')).rejects.toThrow(/expected a text/)
  })

  it('says that nobody is there', async () => {
    const { url, line } = await start()
    line.lead(undefined)
    const { client, clock } = connect(url.replace(/\d+$/, '1'))
    let failure: unknown
    void client.list().catch((error: unknown) => {
      failure = error
    })
    await passing(clock, 500, () => failure !== undefined)
    expect(failure).toMatchObject({ name: 'HttpError', kind: 'refused', retryable: true })
  })

  it('hears messages, also after its stream was cut and it was forgotten', async () => {
    const { url, line, operations } = await start({ token: 'open-sesame-1' })
    const operator = connect(url, { token: 'open-sesame-1' })
    await operator.client.registerAgent(forge)
    const notices = operator.client.notices('forge-1')
    const first = notices.next()
    const send = (message: string) =>
      operator.client.notify('forge-1', { message, type: 'ALERT', metadata: { until: 'noon' } })
    await becomes(() =>
      send('one').then(
        () => true,
        () => false,
      ),
    )
    expect((await first).value).toEqual({
      type: 'ALERT',
      message: 'one',
      metadata: { until: 'noon' },
      at: expect.any(Number),
    })
    line.cut()
    const second = notices.next()
    await passing(operator.clock, 500, () =>
      send('two').then(
        () => true,
        () => false,
      ),
    )
    expect((await second).value).toMatchObject({ message: 'two' })
    await operator.client.close({ deregister: false })
    expect((await notices.next()).done).toBe(true)
    expect(operations.get('forge-1')).toBeDefined()
  })

  it('says why a message was not delivered, or cannot be heard', async () => {
    const { url } = await start()
    const { client, clock } = connect(url)
    await client.registerAgent(forge)
    await expect(client.notify('forge-1', { message: 'x' })).rejects.toMatchObject({
      status: 503,
      message: expect.stringMatching(/could not notify "forge-1".*no open stream and no endpoint/),
    })
    await expect(client.notify('other', { message: 'x' })).rejects.toMatchObject({ status: 404 })
    await expect(client.notify('forge-1', { message: 1 } as never)).rejects.toThrow(/a message/)
    await expect(client.notices('other').next()).rejects.toThrow(/404|NOT_FOUND/)
    await client.close()
    await expect(client.notices('forge-1').next()).rejects.toThrow(/was closed/)
    expect(clock.nowMs).toBe(0)
  })

  it('a frozen registry delays nobody who resolves, and no answer from memory', async () => {
    const { url, line } = await start()
    const { client } = connect(url)
    await client.registerAgent({ ...forge, location: 'http://127.0.0.1:9' })
    await ids(client)
    await ids(client)
    const clock = new FakeClock()
    const registry = new ServiceRegistry({
      sources: [remoteRegistry({ url, clock })],
      clock,
      health: { monitor: false },
    })
    onTestFinished(() => registry.close())
    await registry.start()
    await becomes(() => registry.resolve('Forge') !== undefined)
    line.freeze()
    // No time passes: the clocks stand still.
    expect(await ids(client, 'image')).toEqual(['forge-1'])
    expect(registry.resolve('Forge')?.provider).toBe('forge-1')
    line.thaw()
  })

  it('what sends heartbeats stays healthy, and what sends none any more does not', async () => {
    const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'))
    const { url, operations } = await start({ clock })
    const { client } = connect(url, { clock })
    await client.registerAgent(forge)
    await client.updateHealth('forge-1')
    const seenAt = () => operations.get('forge-1')?.lastSeenAt ?? 0
    const begun = seenAt()
    await passing(clock, 1_000, () => seenAt() > begun)
    expect(operations.get('forge-1')?.status).toBe('healthy')
    await client.close({ deregister: false })
    await passing(clock, 10_000, () => operations.get('forge-1')?.status === 'unhealthy')
  })

  it('a module is located and invoked by who asks for its capability', async () => {
    const { url } = await start()
    const { client } = connect(url)
    const weather = (params: unknown) => ({ sky: 'clear', of: params })
    const served = await serveModule({ name: 'sky', capabilities: { weather }, registry: client })
    const locator = new ServiceLocator({ registryUrl: url })
    onTestFinished(() => locator.close())
    expect(await locator.invoke('weather', { city: 'Oslo' })).toEqual({
      sky: 'clear',
      of: { city: 'Oslo' },
    })
    locator.close()
    locator.clearCache()
    expect((await locator.locate('weather')).location).toBe(served.location)
    await expect(locator.locate('snow')).rejects.toMatchObject({ status: 404 })
    await served.close()
  })

  for (const { name, run } of sourceConformance(async () => {
    const { url } = await start()
    await connect(url).client.registerAgent({ ...forge, location: 'http://127.0.0.1:9' })
    return remoteRegistry({ url })
  }))
    it(`remoteRegistry ${name}`, run)

  it('an embedded registry follows, and goes on while the server is gone', async () => {
    const { url, line, server } = await start()
    const { client } = connect(url)
    await client.registerAgent({ ...forge, location: 'http://127.0.0.1:9' })
    const clock = new FakeClock()
    const failed: string[] = []
    const registry = new ServiceRegistry({
      sources: [remoteRegistry({ url, clock })],
      clock,
      health: { monitor: false },
    })
    registry.on('source.failed', ({ source }) => failed.push(source))
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh()
    expect(registry.get('forge-1')).toMatchObject({
      service: 'Forge',
      address: 'http://127.0.0.1:9',
      metadata: { mode: 'http', displayName: 'Forge' },
    })
    await client.close({ deregister: false })
    line.lead(undefined)
    await server.close()
    await passing(clock, 2_000, () => failed.length > 1)
    expect(registry.list().map(({ name }) => name)).toEqual(['forge-1'])
    const second = await serve()
    const other = connect(url).client
    line.lead(portOf(second))
    await other.registerAgent({ ...forge, id: 'forge-2', location: 'http://127.0.0.1:9' })
    await passing(clock, 1_000, () => registry.get('forge-2') !== undefined)
    await passing(clock, 1_000, () => registry.get('forge-1') === undefined)
  })

  it('views end with the one who watches, and so does the connection', async () => {
    const { url, line } = await start()
    const views = watching(remoteRegistry({ url }))
    expect(await views.names()).toEqual([])
    views.stop.abort()
    if (speaks === 'grpc') await becomes(() => line.connections === 0)
    expect(await views.next()).toBeUndefined()
  })
})
