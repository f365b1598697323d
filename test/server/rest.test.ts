import { readFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { routes } from '../../src/wire/routes.js'
import { root } from '../house/sources.js'
import { ask, openEvents, withServer } from './rest-client.js'

const good = {
  id: 'hello',
  name: 'Hello',
  capabilities: ['greet'],
  location: 'http://127.0.0.1:9',
  mode: 'http',
}
const embedded = { id: 'in', name: 'In', capabilities: ['greet'], mode: 'embedded' }

const badLocation = 'location must be a valid localhost or private network URL'

/** Every 400 text of the contract, in its order. */
const refusals: readonly (readonly [string, unknown])[] = [
  ['Invalid JSON payload', {}],
  ['Invalid JSON payload', []],
  ['Invalid JSON payload', 0],
  ['Invalid JSON payload', false],
  ['Invalid JSON payload', null],
  ['Invalid JSON payload', [good]],
  ['Invalid JSON payload', 'id name capabilities location mode'],
  ['Missing required fields', { id: 'x' }],
  ['Missing required fields', { ...good, location: undefined }],
  ['Missing required fields', { ...embedded, mode: undefined }],
  ['Missing required fields', { ...embedded, capabilities: undefined }],
  ['id must be a non-empty string', { ...good, id: 5, name: 5 }],
  ['id must be a non-empty string', { ...good, id: ' ' }],
  [
    'id must be without "/" and control characters, and neither "." nor ".."',
    { ...good, id: 'a/b' },
  ],
  [
    'id must be without "/" and control characters, and neither "." nor ".."',
    { ...good, id: 'a\tb' },
  ],
  ['id must have at most 256 characters, and has 257', { ...good, id: 'x'.repeat(257) }],
  ['name must be a non-empty string', { ...good, name: '', capabilities: 'x' }],
  ['capabilities must be a list', { ...good, capabilities: 'greet', location: 5 }],
  ['All capabilities must be strings', { ...good, capabilities: ['x', 1], location: 5 }],
  ['location must be a non-empty string', { ...good, location: 5, mode: 'x' }],
  ['location must be a non-empty string', { ...good, location: '  ' }],
  ['location must be a non-empty string', { ...embedded, location: 5 }],
  [badLocation, { ...good, location: 'ftp://127.0.0.1', mode: 'x' }],
  ['mode must be one of: http, embedded, standalone', { ...good, mode: 'ipc' }],
  ['version must be a string', { ...good, version: 1 }],
  ['metadata must be an object', { ...good, metadata: ['x'] }],
]

describe('POST /api/register', () => {
  it.each(refusals)('%s', async (text, body) => {
    await withServer({}, async (url, { operations }) => {
      const raw = JSON.stringify(body)
      const { status, json } = await ask(url, '/api/register', { raw })
      expect([status, json.error, typeof json.code]).toEqual([400, text, 'string'])
      expect([operations.list(), operations.position]).toEqual([[], 0])
    })
  })

  it('says by its code what is wrong with a location', async () => {
    await withServer(
      { resolveName: async (name) => (name === 'public.test' ? ['8.8.8.8'] : []) },
      async (url) => {
        const codes: Record<string, string> = {}
        for (const location of [
          'http://169.254.169.254/latest',
          'http://0.0.0.0:80',
          'http://[::]:80',
          'http://[::ffff:127.0.0.1]:80',
          'http://224.0.0.1',
          'http://100.64.0.1',
          'http://8.8.8.8',
          'http://me@127.0.0.1',
          'http://127.0.0.1:99999',
          'http://public.test',
          'http://nowhere.test',
          'ws://127.0.0.1',
          'localhost:3000',
        ]) {
          const { status, json } = await ask(url, '/api/register', { body: { ...good, location } })
          expect([status, json.error]).toEqual([400, badLocation])
          codes[location] = json.code
        }
        expect(Object.values(codes)).toEqual([
          'LOCATION_METADATA',
          'LOCATION_UNSPECIFIED',
          'LOCATION_UNSPECIFIED',
          'LOCATION_EMBEDDED_IPV4',
          'LOCATION_MULTICAST',
          'LOCATION_NOT_LISTED',
          'LOCATION_NOT_LISTED',
          'LOCATION_USER_INFO',
          'LOCATION_NOT_A_URL',
          'LOCATION_NOT_LISTED',
          'LOCATION_UNRESOLVED',
          'LOCATION_SCHEME',
          'LOCATION_SCHEME',
        ])
      },
    )
  })

  it('looks no name up before it knows who asks, nor for what is refused anyway', async () => {
    const looked: string[] = []
    const resolveName = async (name: string) => {
      looked.push(name)
      return ['127.0.0.1']
    }
    await withServer({ token: 'boss', resolveName }, async (url) => {
      const codeOf = async (body: object, headers = {}) =>
        (await ask(url, '/api/register', { body, headers })).json.code
      const named = { ...good, location: 'http://app.test:3000' }
      const boss = { authorization: 'Bearer boss' }
      expect(await codeOf({ ...named, mode: 'ipc' })).toBe('INVALID_MODE')
      expect(await codeOf({ ...named, mode: 'ipc' }, boss)).toBe('INVALID_MODE')
      expect(await codeOf({ ...named, version: 1 })).toBe('INVALID_VERSION')
      expect(await codeOf({ ...good, location: 'http://8.8.8.8' })).toBe('LOCATION_NOT_LISTED')
      expect(await codeOf(named)).toBe('UNAUTHENTICATED')
      expect(looked).toEqual([])
      expect(await codeOf(named, boss)).toBeUndefined()
      expect(looked).not.toEqual([])
    })
  })

  it('answers with the record’s id and a token', async () => {
    await withServer({}, async (url) => {
      const { status, json } = await ask(url, '/api/register', {
        body: { ...embedded, id: ' in ' },
      })
      expect(status).toBe(201)
      expect(json).toEqual({
        status: 'registered',
        message: 'Service registered successfully',
        service_id: 'in',
        registration_token: expect.stringMatching(/^[\w-]{43}$/),
      })
    })
  })
})

describe('the other routes', () => {
  it('show, rotate, match and remove', async () => {
    await withServer({}, async (url) => {
      const metadata = { runtime: 'python', nested: { a: [1] } }
      await ask(url, '/api/register', { body: { ...embedded, metadata } })
      await ask(url, '/api/register', {
        body: { ...embedded, id: 'out', mode: 'standalone', location: 'anywhere' },
      })
      const { json: record } = await ask(url, '/api/services/in')
      expect(record).toEqual({
        id: 'in',
        name: 'In',
        service: 'In',
        version: '1.0.0',
        capabilities: ['greet'],
        location: '',
        mode: 'embedded',
        status: 'healthy',
        state: 'active',
        registered_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        last_seen: expect.stringMatching(/Z$/),
        failed_checks: 0,
        metadata,
      })
      expect((await ask(url, '/api/capabilities')).json).toEqual({
        capabilities: [{ capability: 'greet', providers: ['in', 'out'], count: 2 }],
        count: 1,
      })
      const turns = []
      for (let n = 0; n < 3; n += 1) turns.push((await ask(url, '/api/capabilities/greet')).json.id)
      expect(turns).toEqual(['in', 'out', 'in'])
      expect((await ask(url, '/api/discover', { body: {} })).json.count).toBe(2)
      const body = { capabilities: ['greet'], optional: ['x'] }
      expect((await ask(url, '/api/discover', { body })).json.matches[0]).toMatchObject({
        service: { id: 'in' },
        match_score: 1,
        provides_required: ['greet'],
        provides_optional: [],
      })
      expect((await ask(url, '/api/stats')).json).toEqual({
        total_services: 2,
        active_services: 2,
        inactive_services: 0,
        total_capabilities: 1,
        services_by_runtime: { python: 1, unknown: 1 },
      })
      expect((await ask(url, '/api/heartbeat/in', { method: 'POST' })).json).toEqual({
        message: 'Heartbeat received',
      })
      expect((await ask(url, '/api/services?capability=greet&status=active')).json.count).toBe(2)
      expect((await ask(url, '/api/services?status=unhealthy')).json.count).toBe(0)
      for (const path of ['/api/services/in', '/api/unregister/out'])
        expect((await ask(url, path, { method: 'DELETE' })).json).toEqual({
          status: 'unregistered',
          message: 'Service unregistered successfully',
        })
      expect((await ask(url, '/api/services/in')).json.error).toBe('Service not found')
      expect((await ask(url, '/api/capabilities/greet')).json.error).toBe('Capability not found')
    })
  })

  it('take telemetry with a sign of life, on both faces', async () => {
    await withServer({}, async (url, { operations }) => {
      await ask(url, '/api/register', { body: embedded })
      const telemetry = {
        success_rate: 0.2,
        avg_duration_ms: 150,
        total_executions: 100,
        failed_executions: 80,
      }
      const beat = (path: string, body?: unknown) => ask(url, path, { method: 'POST', body })
      expect((await beat('/api/heartbeat/in', { telemetry })).status).toBe(200)
      expect((await ask(url, '/api/services/in')).json.status).toBe('unhealthy')
      const better = { ...telemetry, success_rate: 0.4, last_execution_at: 1_795_000_000 }
      expect((await beat('/v1/heartbeats/in', { telemetry: better })).json).toEqual({
        status: 'degraded',
        lastSeenAt: expect.any(Number),
      })
      const kept = {
        successRate: 0.4,
        avgDurationMs: 150,
        totalExecutions: 100,
        failedExecutions: 80,
        lastExecutionAt: 1_795_000_000,
      }
      for (const body of [undefined, {}, { telemetry: null }, { other: 1 }])
        expect((await beat('/api/heartbeat/in', body)).status).toBe(200)
      expect((await ask(url, '/v1/providers/in')).json).toMatchObject({
        status: 'degraded',
        telemetry: kept,
      })
      const before = [operations.list(), operations.position]
      for (const body of [
        [],
        'telemetry',
        7,
        { telemetry: [] },
        { telemetry: 'good' },
        { telemetry: {} },
        { telemetry: { ...telemetry, success_rate: undefined } },
        { telemetry: { ...telemetry, success_rate: 1.01 } },
        { telemetry: { ...telemetry, success_rate: '0.5' } },
        { telemetry: { ...telemetry, avg_duration_ms: -1 } },
        { telemetry: { ...telemetry, total_executions: null } },
        { telemetry: { ...telemetry, failed_executions: true } },
        { telemetry: { ...telemetry, last_execution_at: 'now' } },
      ])
        for (const path of ['/api/heartbeat/in', '/v1/heartbeats/in'])
          expect((await beat(path, body)).status, JSON.stringify(body)).toBe(400)
      expect((await beat('/v1/heartbeats/none')).status).toBe(404)
      expect([operations.list(), operations.position]).toEqual(before)
    })
  })

  it('answer in the other dialect when told to', async () => {
    await withServer({ restDialect: 'code' }, async (url) => {
      await ask(url, '/api/register', { body: embedded })
      const { json } = await ask(url, '/api/services?status=healthy')
      expect(json.services[0]).toMatchObject({ status: 'active', state: 'healthy' })
      expect((await ask(url, '/api/services?status=ACTIVE')).json.count).toBe(1)
    })
  })

  it('track calls, and draw who calls whom', async () => {
    await withServer({}, async (url) => {
      await ask(url, '/api/register', { body: embedded })
      const body = { consumer_id: 'app', provider_id: 'in', capability: 'greet', success: true }
      expect((await ask(url, '/api/track/invocation', { body })).json).toEqual({
        message: 'Invocation tracked',
      })
      const refused = await ask(url, '/api/track/invocation', { body: { ...body, success: 1 } })
      expect(refused.status).toBe(400)
      expect((await ask(url, '/api/connections/in')).json).toEqual({
        service_id: 'in',
        service_name: 'In',
        consuming: [],
        providing: [
          { service_id: 'app', capability: 'greet', calls: 1, avg_latency_ms: 0, success_rate: 1 },
        ],
      })
      expect((await ask(url, '/api/graph')).json).toEqual({
        nodes: [{ id: 'in', name: 'In', status: 'healthy', capabilities: ['greet'] }],
        edges: [
          {
            from: 'app',
            to: 'in',
            capability: 'greet',
            weight: 1,
            avg_latency_ms: 0,
            success_rate: 1,
          },
        ],
      })
    })
  })

  it('serve entries and choices natively', async () => {
    await withServer({}, async (url) => {
      await ask(url, '/api/register', { body: { ...embedded, metadata: { region: 'eu' } } })
      const { json } = await ask(url, '/v1/providers?region=eu')
      const [entry] = json.providers
      expect([json.count, entry.id, entry.face, entry.service]).toEqual([1, 'in', 'rest', 'In'])
      expect((await ask(url, '/v1/providers?status=odd')).json.code).toBe('INVALID_STATUS')
      expect((await ask(url, '/v1/choose?capability=greet')).json.id).toBe('in')
      expect((await ask(url, '/v1/choose')).status).toBe(400)
      expect((await ask(url, '/v1/providers/none')).status).toBe(404)
    })
  })

  it('deliver notifications to an open stream', async () => {
    await withServer({}, async (url) => {
      await ask(url, '/api/register', { body: embedded })
      const body = { message: 'wake up', metadata: { why: 'now' } }
      const refused = await ask(url, '/v1/notices/in', { body })
      expect([refused.status, refused.json.code]).toEqual([503, 'NOT_DELIVERED'])
      const events = await openEvents(url, '/v1/notices/in')
      expect((await events.next()).data).toEqual({ type: 'connected' })
      expect((await ask(url, '/v1/notices/in', { body })).status).toBe(200)
      expect((await events.next()).data).toMatchObject({ type: 'INFO', message: 'wake up' })
      events.stop()
    })
  })

  it('B-N22: show the five figures of the README by their names', async () => {
    await withServer({}, async (url) => {
      await ask(url, '/api/register', { body: embedded })
      await ask(url, '/api/heartbeat/in', { method: 'POST' })
      await ask(url, '/v1/providers')
      const { text } = await ask(url, '/metrics')
      const types = text.match(/^# TYPE service_registry_.*$/gm)
      expect(types?.sort()).toEqual([
        '# TYPE service_registry_agents_total gauge',
        '# TYPE service_registry_discover_total counter',
        '# TYPE service_registry_heartbeat_total counter',
        '# TYPE service_registry_latency_seconds histogram',
        '# TYPE service_registry_register_total counter',
      ])
      expect(text).toContain('service_registry_heartbeat_total{result="ok"} 1')
    })
  })

  it('show figures and themselves', async () => {
    await withServer({}, async (url) => {
      await ask(url, '/api/register', { body: embedded })
      const { text, headers } = await ask(url, '/metrics')
      expect(headers['content-type']).toContain('text/plain')
      expect(text).toContain('service_registry_register_total{result="ok"} 1')
      for (const name of ['agents_total', 'heartbeat_total', 'discover_total', 'latency_seconds'])
        expect(text).toContain(`service_registry_${name}`)
      expect((await ask(url, '/health')).json).toMatchObject({
        status: 'healthy',
        service: 'modularity-registry',
        product: 'switchgear',
        timestamp: expect.stringMatching(/Z$/),
      })
    })
  })
})

describe('GET /openapi.json', () => {
  it('names every route that answers, and no other', async () => {
    await withServer({}, async (url) => {
      const { json } = await ask(url, '/openapi.json')
      expect(json.openapi).toBe('3.1.0')
      const named = Object.entries<object>(json.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
      )
      expect(named.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort())
      for (const { method, path, answer } of routes) {
        if (answer === 'events') continue
        const reply = await ask(url, path.replace(/\{\w+\}/, 'none'), { method })
        expect(reply.json?.code, `${method} ${path}`).not.toBe('ROUTE_NOT_FOUND')
        expect(Object.keys(json.paths[path][method.toLowerCase()].responses)).toContain(
          String(reply.status),
        )
      }
    })
  })

  it('has every route in docs/reference/rest.md', () => {
    const page = readFileSync(join(root, 'docs/reference/rest.md'), 'utf8')
    const missing = routes.filter(({ method, path }) => !page.includes(`\`${method} ${path}`))
    expect(missing.map(({ path }) => path)).toEqual([])
  })
})

describe('refusals', () => {
  it('are JSON with a code, whatever went wrong, and never HTML', async () => {
    await withServer({}, async (url) => {
      const big = JSON.stringify({ ...embedded, metadata: { x: 'y'.repeat(1_100_000) } })
      const replies = [
        await ask(url, '/nowhere'),
        await ask(url, '/api/register', { method: 'GET' }),
        await ask(url, '/api/services', { method: 'PUT', body: {} }),
        await ask(url, '/api/register', { raw: '{"id": ' }),
        await ask(url, '/api/register', { raw: 'x=1', headers: { 'content-type': 'text/plain' } }),
        await ask(url, '/api/register', { raw: big }),
        await ask(url, '/api/services/%zz'),
        await ask(url, '/api/register', { method: 'POST' }),
      ]
      expect(replies.map(({ status, json }) => [status, json?.code])).toEqual([
        [404, 'ROUTE_NOT_FOUND'],
        [405, 'METHOD_NOT_ALLOWED'],
        [405, 'METHOD_NOT_ALLOWED'],
        [400, 'INVALID_JSON'],
        [415, 'UNSUPPORTED_MEDIA_TYPE'],
        [413, 'BODY_TOO_LARGE'],
        [404, 'SERVICE_NOT_FOUND'],
        [400, 'INVALID_JSON'],
      ])
      for (const { headers, text } of replies) {
        expect(headers['content-type']).toContain('application/json')
        expect(headers['x-content-type-options']).toBe('nosniff')
        expect(text).not.toMatch(/<|stack/i)
      }
      expect(replies[1]?.headers.allow).toBe('POST')
    })
  })

  it('takes no bytes that are no UTF-8', async () => {
    await withServer({}, async (url, { operations }) => {
      const body = Buffer.from(JSON.stringify({ ...embedded, name: 'Bj\u00f6rk' }), 'latin1')
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${url}/api/register`, { method: 'POST', body, headers })
      expect([response.status, operations.list()]).toEqual([400, []])
    })
  })

  it('is JSON for what is not even HTTP', async () => {
    await withServer({}, async (url) => {
      const { port, hostname } = new URL(url)
      const socket = connect(Number(port), hostname)
      socket.end('complete nonsense\r\n\r\n')
      let text = ''
      for await (const part of socket.setEncoding('utf8')) text += part
      expect(text).toMatch(/^HTTP\/1.1 400 [\s\S]*application\/json[\s\S]*"code":"BAD_REQUEST"/)
    })
  })

  it('counts a body that does not say how long it is', async () => {
    await withServer({}, async (url) => {
      const body = new ReadableStream({
        start(controller) {
          for (let n = 0; n < 20; n += 1) controller.enqueue(new Uint8Array(100_000).fill(32))
          controller.close()
        },
      })
      const headers = { 'content-type': 'application/json' }
      const options = { method: 'POST', body, headers, duplex: 'half' } as RequestInit
      const response = await fetch(`${url}/api/register`, options)
      expect(response.status).toBe(413)
    })
  })

  it('answers only pages of allowed origins', async () => {
    await withServer({}, async (url) => {
      const from = (origin: string, method = 'GET') =>
        ask(url, '/api/stats', { method, headers: { origin } })
      const allowed = await from('http://localhost:3000')
      expect(allowed.headers['access-control-allow-origin']).toBe('http://localhost:3000')
      expect(allowed.headers.vary).toContain('Origin')
      const other = await from('http://evil.example')
      expect(other.headers['access-control-allow-origin']).toBeUndefined()
      const preflight = await from('http://localhost:8080', 'OPTIONS')
      expect([preflight.status, preflight.headers['access-control-allow-methods']]).toEqual([
        204,
        'GET, POST, DELETE, OPTIONS',
      ])
    })
  })

  it('limits what a client may ask, on this machine only when told to', async () => {
    await withServer({ rateLimit: 1 }, async (url) => {
      const statuses = []
      for (let n = 0; n < 4; n += 1) statuses.push((await ask(url, '/health')).status)
      expect(statuses).toContain(429)
    })
    await withServer({}, async (url) => {
      for (let n = 0; n < 210; n += 1) expect((await ask(url, '/health')).status).toBe(200)
    })
  })

  it('asks for a token where there is one', async () => {
    await withServer({ token: 'boss' }, async (url) => {
      const headers = { authorization: 'Bearer boss' }
      expect((await ask(url, '/health')).status).toBe(200)
      for (const { method, path, access } of routes) {
        if (access === 'open') continue
        const reply = await ask(url, path.replace(/\{\w+\}/, 'none'), { method })
        // A body that is none is refused before anybody asks who sent it.
        expect([401, 400, 404], `${method} ${path}`).toContain(reply.status)
      }
      const refused = await ask(url, '/api/register', { body: embedded })
      expect([refused.status, refused.headers['www-authenticate']]).toEqual([401, 'Bearer'])
      const { json } = await ask(url, '/api/register', { body: embedded, headers })
      const own = { authorization: `Bearer ${json.registration_token}` }
      expect((await ask(url, '/api/services/in', { headers: own })).status).toBe(401)
      for (const [method, path] of [
        ['DELETE', '/api/services/'],
        ['POST', '/api/heartbeat/'],
        ['GET', '/v1/notices/'],
        ['POST', '/v1/heartbeats/'],
      ] as const) {
        const [there, nowhere] = [`${path}in`, `${path}none`].map((at) => ask(url, at, { method }))
        expect((await there)?.text).toContain('UNAUTHENTICATED')
        expect((await nowhere)?.text).toBe((await there)?.text) // who shows no token is not told
      }
      const removed = await ask(url, '/api/services/in', { method: 'DELETE', headers: own })
      expect(removed.status).toBe(200)
    })
    await withServer({ token: 'boss', openReads: true }, async (url) => {
      expect((await ask(url, '/api/services')).status).toBe(200)
    })
  })

  it('makes a token up where others can connect', async () => {
    await withServer({ host: '0.0.0.0' }, async (_, server) => {
      expect(server.token).toMatch(/^[\w-]{43}$/)
    })
    await withServer({ host: '0.0.0.0', insecure: true }, async (_, server) => {
      expect(server.token).toBeUndefined()
    })
  })
})

describe('GET /api/events', () => {
  it('begins with connected, then tells each change with its id', async () => {
    await withServer({}, async (url) => {
      const events = await openEvents(url)
      expect(events.headers.get('content-type')).toBe('text/event-stream')
      expect((await events.next()).data).toMatchObject({ event: 'connected' })
      await ask(url, '/api/register', { body: embedded })
      await ask(url, '/api/heartbeat/in', { method: 'POST' })
      await ask(url, '/api/services/in', { method: 'DELETE' })
      const told = [await events.next(), await events.next(), await events.next()]
      expect(told.map(({ data }) => [data.event, (data.data as { id: string }).id])).toEqual([
        ['service.registered', 'in'],
        ['service.heartbeat', 'in'],
        ['service.unregistered', 'in'],
      ])
      events.stop()

      const again = await openEvents(url, '/api/events', { 'last-event-id': told[0]?.id ?? '' })
      await again.next()
      expect((await again.next()).data).toEqual(told[1]?.data)
      again.stop()
      const stale = await openEvents(url, '/api/events', { 'last-event-id': '0bad-7' })
      await stale.next()
      expect((await stale.next()).data).toMatchObject({ event: 'resync' })
      stale.stop()
    })
  })

  it('ends when the server closes', async () => {
    let events: Awaited<ReturnType<typeof openEvents>> | undefined
    await withServer({}, async (url) => {
      events = await openEvents(url)
      await events.next()
    })
    await expect(events?.next()).rejects.toThrow()
  })
})

describe('locations', () => {
  it('are asked at once, at the right path, and their redirects are not followed', async () => {
    const asked: string[] = []
    const module = createHttp((request, response) => {
      asked.push(request.url ?? '')
      const isMoved = request.url?.startsWith('/moved') === true
      response.writeHead(isMoved ? 302 : 200, isMoved ? { location: '/well' } : {}).end('{}')
    })
    await new Promise<void>((resolve) => module.listen(0, '127.0.0.1', resolve))
    const { port } = module.address() as AddressInfo
    try {
      await withServer({ healthCheckIntervalMs: 50 }, async (url) => {
        const at = (id: string, path: string) =>
          ask(url, '/api/register', {
            body: { ...good, id, location: `http://127.0.0.1:${port}${path}` },
          })
        await at('plain', '')
        await at('slashes', '//')
        await at('below', '/app/?x=1#y')
        await at('moved', '/moved')
        await expect
          .poll(async () => (await ask(url, '/api/services/moved')).json, { timeout: 10_000 })
          .toMatchObject({ status: 'unhealthy', state: 'inactive' })
        expect((await ask(url, '/api/services/slashes')).json).toMatchObject({
          status: 'healthy',
          failed_checks: 0,
        })
        expect([...new Set(asked)].sort()).toEqual([
          '/_module/health',
          '/app/_module/health',
          '/moved/_module/health',
        ])
        expect((await ask(url, '/api/heartbeat/moved', { method: 'POST' })).status).toBe(200)
      })
    } finally {
      module.closeAllConnections()
      await new Promise((resolve) => module.close(resolve))
    }
  })
})

describe('a page of others', () => {
  const post = { method: 'POST', body: embedded }

  it('reads and changes nothing through a name that leads to this machine', async () => {
    await withServer({}, async (url, { operations }) => {
      const by = async (host: string, path = '/api/services') => {
        const { status, json } = await ask(url, path, { headers: { host } })
        return json.code ?? status
      }
      for (const host of ['evil.example', 'evil.example:5000', '127.0.0.1.evil.example', 'a.b.'])
        expect(await by(host)).toBe('FOREIGN_HOST')
      for (const host of ['localhost', 'LOCALHOST:5000', 'localhost.', 'a.localhost:1', 'registry'])
        expect(await by(host)).toBe(200)
      for (const host of ['127.0.0.1', '127.0.0.1:5000', '[::1]:5000'])
        expect(await by(host)).toBe(200)
      expect(await by('evil.example', '/health')).toBe(200)
      const refused = await ask(url, '/api/register', {
        ...post,
        headers: { host: 'evil.example' },
      })
      expect([refused.status, operations.list()]).toEqual([403, []])
    })
  })

  it('is no matter where a token is asked for, or all may do anything', async () => {
    const headers = { host: 'registry.example', authorization: 'Bearer boss' }
    for (const options of [{ token: 'boss' }, { insecure: true }])
      await withServer(options, async (url) => {
        expect((await ask(url, '/api/services', { headers })).status).toBe(200)
      })
  })

  it('changes nothing, also where a browser would not ask beforehand', async () => {
    await withServer({ token: 'boss' }, async (url) => {
      const headers = { authorization: 'Bearer boss' }
      await ask(url, '/api/register', { ...post, headers })
      const beat = async (origin: string) => {
        const asked = { method: 'POST', headers: { ...headers, origin } }
        return (await ask(url, '/api/heartbeat/in', asked)).json.code
      }
      for (const origin of ['http://evil.example', 'null', 'http://localhost:3000.evil.example'])
        expect(await beat(origin)).toBe('FOREIGN_ORIGIN')
      expect(await beat('http://localhost:3000')).toBeUndefined()
    })
  })
})

describe('HTTP of all kinds', () => {
  const raw = async (url: string, text: string) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(text)
    let said = ''
    for await (const part of socket.setEncoding('utf8')) said += part
    return said
  }

  it('is answered: 1.0 without a host, and whatever is expected; 1.1 without a host is not', async () => {
    await withServer({}, async (url) => {
      expect(await raw(url, 'GET /health HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 200 .*"healthy"/s)
      expect(await raw(url, 'GET /health HTTP/1.1\r\nconnection: close\r\n\r\n')).toMatch(
        /^HTTP\/1.1 400 .*"code":"BAD_REQUEST"/s,
      )
      const expecting =
        'GET /health HTTP/1.1\r\nhost: x\r\nexpect: the-best\r\nconnection: close\r\n\r\n'
      expect(await raw(url, expecting)).toMatch(/^HTTP\/1.1 200 /)
    })
  })

  it('the head of a stream is all there is, and nothing goes on', async () => {
    await withServer({}, async (url, { operations }) => {
      const signals: AbortSignal[] = []
      const { watch } = operations
      vi.spyOn(operations, 'watch').mockImplementation((input, signal) => {
        signals.push(signal)
        return watch.call(operations, input, signal)
      })
      const { status, text } = await ask(url, '/api/events', { method: 'HEAD' })
      expect([status, text]).toEqual([200, ''])
      expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    })
  })
})
