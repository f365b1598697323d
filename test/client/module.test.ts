import { createServer } from 'node:http'
import { expect, it, onTestFinished } from 'vitest'
import {
  type ModuleFunction,
  moduleHandler,
  moduleListener,
  RegistryClient,
  serveModule,
} from '../../src/client/index.js'
import { InvalidOptionsError } from '../../src/core/errors.js'
import { serve } from '../core/servers.js'
import { RegistryDouble } from './double.js'

const weather: ModuleFunction = async (params) => ({ sky: 'clear', of: params })
const capabilities = {
  weather,
  nothing: () => undefined,
  broken: () => {
    throw new Error('no sky today\n  at secret.js')
  },
  odd: () => 1n,
}
const handle = moduleHandler({ name: 'sky', capabilities, maxBodyBytes: 1_000 })

const ask = async (path: string, init?: RequestInit) => {
  const response = await handle(new Request(`http://x${path}`, init))
  return [response.status, await response.json()]
}
const headers = { 'content-type': 'application/json; charset=utf-8' }
const invoke = (body: unknown) =>
  ask('/_module/invoke', {
    method: 'POST',
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })

it('says that it is well, and what it can do, below any path', async () => {
  expect(await ask('/_module/health')).toEqual([200, { status: 'healthy', app: 'sky' }])
  expect(await ask('/under/here//_module/capabilities/')).toEqual([
    200,
    { capabilities: ['weather', 'nothing', 'broken', 'odd'] },
  ])
})

it('does what it is asked, and answers with the result', async () => {
  const body = { capability: 'weather', params: { city: 'Oslo' } }
  expect(await invoke(body)).toEqual([200, { sky: 'clear', of: { city: 'Oslo' } }])
  expect(await invoke({ capability: 'nothing' })).toEqual([200, null])
})

it.each<[unknown, number, string]>([
  [{ capability: 'broken' }, 500, 'no sky today'],
  [{ capability: 'odd' }, 500, 'Do not know how to serialize a BigInt'],
  [{ capability: 'toString' }, 404, 'Unknown capability: toString'],
  [{ capability: '__proto__' }, 404, 'Unknown capability: __proto__'],
  [
    { capability: 7 },
    400,
    'Expected a JSON object such as { "capability": "weather", "params": {} }',
  ],
  ['{', 400, 'Expected a JSON object such as { "capability": "weather", "params": {} }'],
  ['', 400, 'Expected a JSON object such as { "capability": "weather", "params": {} }'],
  ['x'.repeat(1_001), 413, 'The body has more than 1000 bytes'],
])('refuses %j with %i', async (body, status, error) => {
  expect(await invoke(body)).toEqual([status, { error }])
})

it.each(['text/plain', 'application/x-www-form-urlencoded', undefined])(
  'does nothing that a page of another origin could send without asking: %s',
  async (type) => {
    const body = JSON.stringify({ capability: 'weather' })
    const sent = type === undefined ? {} : { 'content-type': type }
    expect(await ask('/_module/invoke', { method: 'POST', headers: sent, body })).toEqual([
      415,
      { error: 'Expected a body of type application/json' },
    ])
  },
)

it('knows no other path or method', async () => {
  expect(await ask('/_module/constructor')).toEqual([404, { error: 'Not found' }])
  expect(await ask('/health')).toEqual([404, { error: 'Not found' }])
  expect(await ask('/_module/invoke')).toEqual([405, { error: 'Method not allowed; use POST' }])
  expect(await ask('/_module/health', { method: 'PUT' })).toEqual([
    405,
    { error: 'Method not allowed; use GET' },
  ])
})

it.each([
  { name: '', capabilities: {} },
  { name: 'x', capabilities: { a: 7 } },
  { name: 'x', capabilities: undefined },
  { name: 'x', capabilities: {}, maxBodyBytes: 0 },
])('refuses options such as %j', (options) => {
  expect(() => moduleHandler(options as never)).toThrow(InvalidOptionsError)
})

it('listens under node:http, also to a body that is too long', async () => {
  const plain = await serve(moduleListener(handle))
  for (const base of [plain.url, `${plain.url}/below`]) {
    const health = await fetch(`${base}/_module/health`)
    expect(await health.json()).toEqual({ status: 'healthy', app: 'sky' })
    const done = await fetch(`${base}/_module/invoke`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ capability: 'weather', params: 1 }),
    })
    expect(await done.json()).toEqual({ sky: 'clear', of: 1 })
    const long = await fetch(`${base}/_module/invoke`, {
      method: 'POST',
      headers,
      body: 'x'.repeat(2_000),
    })
    expect(long.status).toBe(413)
  }
})

it('tells the work when the client has gone', async () => {
  let signal: AbortSignal | undefined
  const slow: ModuleFunction = (_, context) => {
    signal = context.signal
    return new Promise(() => {})
  }
  const { url } = await serve(
    moduleListener(moduleHandler({ name: 'slow', capabilities: { slow } })),
  )
  const stop = new AbortController()
  const asked = fetch(`${url}/_module/invoke`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ capability: 'slow' }),
    signal: stop.signal,
  })
  await expect.poll(() => signal?.aborted).toBe(false)
  stop.abort()
  await expect(asked).rejects.toThrow()
  await expect.poll(() => signal?.aborted).toBe(true)
})

it('serves: listens, registers, and deregisters before it listens no more', async () => {
  const double = await RegistryDouble.start()
  const registry = new RegistryClient({ url: double.url })
  onTestFinished(() => registry.close())
  const served = await serveModule({ name: 'sky', capabilities, registry, id: 'sky-1' })
  expect(double.services.get('sky-1')).toMatchObject({
    location: `http://127.0.0.1:${served.port}`,
    capabilities: ['weather', 'nothing', 'broken', 'odd'],
    mode: 'http',
  })
  expect((await fetch(`${served.location}/_module/health`)).status).toBe(200)
  await served.close()
  expect(double.services.size).toBe(0)
  await expect(fetch(`${served.location}/_module/health`)).rejects.toThrow()
})

it('listens no more when it could not be registered, and says why it cannot listen', async () => {
  const double = await RegistryDouble.start()
  double.token = 'needed'
  const registry = new RegistryClient({ url: double.url })
  onTestFinished(() => registry.close())
  const free = createServer()
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve))
  const address = free.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await expect(serveModule({ name: 'sky', capabilities, registry, port })).rejects.toThrow(
    /port: expected a port that is free on 127.0.0.1.*EADDRINUSE/,
  )
  await new Promise((resolve) => free.close(resolve))
  await expect(serveModule({ name: 'sky', capabilities, registry, port })).rejects.toMatchObject({
    status: 401,
  })
  await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow()
})
