/* Traps of the REST registry (pitfalls.md, B-M). B-M14 is about its clients, in shared-registry-clients.test.ts. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttp, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { serve } from '../../src/cli/commands/serve.js'
import { CorruptSnapshotError } from '../../src/core/errors.js'
import { createServer } from '../../src/server/index.js'
import { fileStore } from '../../src/store/index.js'
import { FakeClock } from '../../src/testing/index.js'
import { agent, operationsOf, service, take, telemetry } from '../server/operations-of.js'
import { ask, openEvents, withServer } from '../server/rest-client.js'

const good = {
  id: 'one',
  name: 'One',
  capabilities: ['sing'],
  location: 'http://127.0.0.1:9',
  mode: 'http',
}
const embedded = { id: 'in', name: 'In', capabilities: ['sing'], mode: 'embedded' }

async function module(listener: RequestListener): Promise<string> {
  const server = createHttp(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'switchgear-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const register = (url: string, body: object) => ask(url, '/api/register', { body })
const shown = async (url: string, id: string) => (await ask(url, `/api/services/${id}`)).json

it('B-M1: a service that lost a capability is not found by it', async () => {
  await withServer({}, async (url) => {
    await register(url, { ...embedded, capabilities: ['sing', 'dance'] })
    await register(url, { ...embedded, capabilities: ['dance'] })
    expect((await ask(url, '/api/capabilities/sing')).status).toBe(404)
    const body = { capabilities: ['sing'] }
    expect((await ask(url, '/api/discover', { body })).json.count).toBe(0)
    const { json } = await ask(url, '/api/capabilities')
    expect(json.capabilities.map((one: { capability: string }) => one.capability)).toEqual([
      'dance',
    ])
  })
})

it('B-M2: addresses that only this machine can reach are refused, and names are looked at', async () => {
  const resolveName = async (name: string) => (name === 'inside.test' ? ['10.0.0.5'] : ['1.1.1.1'])
  await withServer({ resolveName, healthCheckIntervalMs: 3_600_000 }, async (url) => {
    for (const host of [
      '169.254.169.254',
      '0.0.0.0',
      '[::ffff:169.254.169.254]',
      '[fe80::1]',
      'x.test',
    ])
      expect((await register(url, { ...good, location: `http://${host}` })).status).toBe(400)
    for (const host of ['localhost', 'inside.test', '[::1]', '192.168.0.1'])
      expect((await register(url, { ...good, location: `http://${host}` })).status).toBe(
        host === 'localhost' ? 400 : 201, // here it leads to 1.1.1.1
      )
  })
})

it('B-M2: the operator may allow more networks and names, and nothing else with them', async () => {
  const at = (location: string) => ({ ...good, location })
  await withServer({}, async (url) => {
    expect((await register(url, at('http://240.0.0.1'))).json.code).toBe('LOCATION_NOT_LISTED')
  })
  await withServer({ allowedLocations: ['240.0.0.0/8'] }, async (url) => {
    expect((await register(url, at('http://240.0.0.1'))).status).toBe(201)
    expect((await register(url, at('http://127.0.0.1:9'))).status).toBe(201)
    expect((await register(url, at('http://241.0.0.1'))).status).toBe(400)
    expect((await register(url, at('http://169.254.169.254'))).json.code).toBe('LOCATION_METADATA')
  })
})

it('B-M2: a redirect is a miss, and is not followed', async () => {
  let reached = 0
  const target = await module((_, response) => {
    reached += 1
    response.end('{}')
  })
  const location = await module((_, response) =>
    response.writeHead(302, { location: target }).end(),
  )
  await withServer({ healthCheckIntervalMs: 30 }, async (url) => {
    await register(url, { ...good, location })
    await expect.poll(async () => (await shown(url, 'one')).state).toBe('inactive')
    expect(reached).toBe(0)
  })
})

it('B-M3: with a token, nobody else overwrites or removes a service', async () => {
  await withServer({ token: 'boss', openReads: true }, async (url) => {
    const headers = { authorization: 'Bearer boss' }
    await ask(url, '/api/register', { body: embedded, headers })
    const hijack = await register(url, { ...embedded, name: 'Mine now' })
    const removal = await ask(url, '/api/services/in', { method: 'DELETE' })
    const life = await ask(url, '/api/heartbeat/in', { method: 'POST' })
    expect([hijack.status, removal.status, life.status]).toEqual([401, 401, 401])
    expect((await shown(url, 'in')).name).toBe('In')
  })
})

it('B-M4: fifty that hang hold up nobody, and the first check is at once', async () => {
  const hanging = await module(() => {})
  const well = await module((_, response) => response.end('{}'))
  await withServer({ healthCheckIntervalMs: 50 }, async (url) => {
    for (let n = 0; n < 50; n += 1) await register(url, { ...good, id: `h${n}`, location: hanging })
    await register(url, { ...good, id: 'dead', location: 'http://127.0.0.1:1' })
    await register(url, { ...good, id: 'well', location: well })
    await expect
      .poll(async () => (await shown(url, 'dead')).state, { timeout: 4_000 })
      .toBe('inactive')
    expect([(await shown(url, 'h0')).failed_checks, (await shown(url, 'well')).state]).toEqual([
      0, // still asked, for the first time
      'active',
    ])
  })
})

it('B-M5: a recovery is told, and what is known outlives the server', async () => {
  let status = 500
  const location = await module((_, response) => response.writeHead(status).end('{}'))
  const path = join(folder(), 'registry.json')
  const options = { port: 0, healthCheckIntervalMs: 30 }
  const first = await createServer({ ...options, store: fileStore(path) })
  const events = await openEvents(first.urls.rest)
  await register(first.urls.rest, { ...good, location })
  const statuses: unknown[] = []
  while (statuses.length < 2) {
    const { data } = await events.next()
    if (data.event !== 'service.status_changed') continue
    status = 200
    statuses.push(data.data)
  }
  expect(statuses).toEqual([
    { id: 'one', old_status: 'healthy', new_status: 'unhealthy' },
    { id: 'one', old_status: 'unhealthy', new_status: 'healthy' },
  ])
  status = 500
  await expect.poll(async () => (await shown(first.urls.rest, 'one')).state).toBe('inactive')
  await first.close()
  const second = await createServer({
    ...options,
    healthCheckIntervalMs: 3_600_000,
    store: fileStore(path),
  })
  expect((await shown(second.urls.rest, 'one')).state).toBe('inactive')
  await second.close()
})

it('B-M6: a damaged file is refused, and what is in it is kept', async () => {
  const place = folder()
  const path = join(place, 'registry.json')
  writeFileSync(path, '{"schemaVersion": "2.0", "prov')
  await expect(createServer({ port: 0, store: fileStore(path) })).rejects.toBeInstanceOf(
    CorruptSnapshotError,
  )
  const kept = readdirSync(place).map((name) => readFileSync(join(place, name), 'utf8'))
  expect(kept).toContain('{"schemaVersion": "2.0", "prov')
})

it('B-M7: the active take turns, and who falls silent is removed in the end', async () => {
  const { operations, clock } = operationsOf()
  for (const id of ['a', 'b']) await operations.register(service(id), {})
  expect([1, 2, 3].map(() => operations.choose('sing').id)).toEqual(['a', 'b', 'a'])
  operations.heartbeat('a', undefined, {})
  await clock.advance(60_000)
  expect([1, 2].map(() => operations.choose('sing').id)).toEqual(['b', 'b'])
  await clock.advance(240_000)
  expect(operations.list().map(({ id }) => id)).toEqual(['b'])
})

it('B-M8: an empty question matches all, and what is no list is refused', async () => {
  await withServer({}, async (url) => {
    await register(url, embedded)
    expect((await ask(url, '/api/discover', { body: {} })).json.count).toBe(1)
    expect((await register(url, [embedded])).json.error).toBe('Invalid JSON payload')
    expect((await ask(url, '/api/register', { raw: '"id name mode"' })).json.error).toBe(
      'Invalid JSON payload',
    )
    const texts = []
    for (const body of [
      { capabilities: 'sing' },
      { optional: 'sing' },
      { capabilities: [1] },
      { optional: [1] },
    ])
      texts.push((await ask(url, '/api/discover', { body })).json.error)
    expect(texts).toEqual([
      'capabilities must be a list',
      'optional must be a list',
      'All required capabilities must be strings',
      'All optional capabilities must be strings',
    ])
  })
})

it('B-M9: what was documented is there: flags, and both ways to unregister', async () => {
  expect(Object.keys(serve.flags)).toEqual(
    expect.arrayContaining(['host', 'port', 'debug', 'health-check-interval']),
  )
  await withServer({}, async (url) => {
    for (const path of ['/api/services/in', '/api/unregister/in']) {
      expect((await register(url, embedded)).json.status).toBe('registered')
      expect((await ask(url, path, { method: 'DELETE' })).json.status).toBe('unregistered')
    }
  })
})

it('B-M10: slashes, queries and fragments of a location do not matter', async () => {
  const asked = new Set<string | undefined>()
  let ids = 0
  let times = 0
  const base = await module((request, response) => {
    asked.add(request.url)
    times += 1
    response.end('{}')
  })
  await withServer({ healthCheckIntervalMs: 3_600_000 }, async (url) => {
    for (const tail of ['', '/', '//', '/?a=b', '/#c']) {
      await register(url, { ...good, id: `x${ids}`, location: base + tail })
      ids += 1
    }
    await expect.poll(() => times).toBe(5)
    expect([...asked]).toEqual(['/_module/health'])
  })
})

it('B-M11: ids are trimmed, and those that no path can name are refused', async () => {
  await withServer({}, async (url) => {
    await register(url, { ...embedded, id: '  my app ' })
    expect((await ask(url, '/api/services/my%20app')).json.id).toBe('my app')
    expect((await register(url, { ...embedded, id: 'a/b' })).json.code).toBe('INVALID_ID')
  })
})

it('B-M12: times are in UTC and say so', async () => {
  await withServer({}, async (url) => {
    await register(url, embedded)
    const { registered_at, last_seen } = await shown(url, 'in')
    const { timestamp } = (await ask(url, '/health')).json
    for (const time of [registered_at, last_seen, timestamp])
      expect(time).toBe(new Date(time).toISOString())
  })
})

it('B-M13: a reader that takes nothing is thrown out, and comes back where it was', async () => {
  const { operations } = operationsOf({ changesKept: 5 })
  const reader = operations.watch({}, new AbortController().signal)
  for (let n = 0; n < 6; n += 1) await operations.register(service(`s${n}`), {})
  await expect(reader.next()).rejects.toMatchObject({ reason: 'READER_TOO_SLOW' })
  const again = operations.watch({ after: 3 }, new AbortController().signal)
  expect((await take(again, 3)).map(({ seq }) => seq)).toEqual([4, 5, 6])
})

it('B-M13: a connection that is never read is closed, although it never says goodbye', async () => {
  await withServer({ changesKept: 200 }, async (url, { operations }) => {
    const { port, hostname } = new URL(url)
    const socket = connect(Number(port), hostname)
    onTestFinished(() => void socket.destroy())
    await new Promise<void>((resolve) => socket.once('connect', resolve))
    socket.write('GET /api/events HTTP/1.1\r\nhost: x\r\n\r\n')
    await new Promise<void>((resolve) => socket.once('readable', resolve))
    // From here on nothing is read; each change is as large as a record.
    const metadata = { text: 'x'.repeat(20_000) }
    for (let n = 0; n < 1_000; n += 1) await operations.register(service('s', { metadata }), {})
    const ended = new Promise<void>((resolve) => socket.once('end', resolve).once('close', resolve))
    socket.resume()
    await ended
    expect((await ask(url, '/health')).status).toBe(200)
  })
})

it('B-M15: what is embedded or stands alone needs no location', async () => {
  await withServer({}, async (url) => {
    expect((await register(url, embedded)).status).toBe(201)
    const body = { ...embedded, id: 'two', mode: 'standalone', location: 'C:\\apps\\two' }
    expect((await register(url, body)).status).toBe(201)
    expect((await shown(url, 'two')).location).toBe('C:\\apps\\two')
    expect((await ask(url, '/api/capabilities')).json.capabilities[0].count).toBe(2)
  })
})

it('one catalogue: an agent is a service, in its own words', async () => {
  await withServer({}, async (url, { operations }) => {
    await operations.register(agent('worker', { metadata: { endpoint: 'worker-1:8000' } }), {})
    operations.heartbeat('worker', telemetry(0.4), {})
    expect(await shown(url, 'worker')).toMatchObject({
      mode: 'grpc',
      location: 'worker-1:8000',
      state: 'active',
      metadata: { endpoint: 'worker-1:8000' },
    })
  })
})

it('takes what programs in Python send: None, fields of their manifests, tokens of others', async () => {
  await withServer({}, async (url) => {
    const headers = { authorization: 'Bearer of.another.registry', 'x-registry-token': 'another' }
    const manifest = { provides: { capabilities: ['sing'] }, author: 'Ada' }
    const body = { ...good, ...manifest, version: null, metadata: null }
    expect((await ask(url, '/api/register', { body, headers })).status).toBe(201)
    expect(await shown(url, 'one')).toMatchObject({ version: '1.0.0', metadata: {} })
    const spoken = { body: { status: 'ok', cpu: 3 }, headers }
    expect((await ask(url, '/api/heartbeat/one', spoken)).status).toBe(200)
    const call = { consumer_id: 'app', provider_id: 'one', capability: 'sing', success: true }
    const told = { body: { ...call, error: null, at: '2026' }, headers }
    expect((await ask(url, '/api/track/invocation', told)).status).toBe(200)
    const either = { body: { capabilities: ['sing'], optional: null }, headers }
    expect((await ask(url, '/api/discover', either)).json.count).toBe(1)
    expect((await ask(url, '/api/services?status=')).json.count).toBe(1)
  })
})

it('an event stream says something every 15 s, as its readers count on', async () => {
  const clock = new FakeClock(1_795_000_000_000)
  await withServer({ clock }, async (url) => {
    const stop = new AbortController()
    const answer = await fetch(`${url}/api/events`, { signal: stop.signal })
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toContain('"connected"')
    const next = reader?.read()
    await clock.advance(14_999)
    expect(await Promise.race([next, 'silent'])).toBe('silent')
    await clock.advance(1)
    expect((await next)?.value).toMatch(/^:.*\n\n$/)
    stop.abort()
  })
})
