import { describe, expect, it } from 'vitest'
import {
  connectHttp,
  type HttpBackend,
  type HttpConnectOptions,
} from '../../../src/discovery/index.js'
import {
  createAddressPolicy,
  ForbiddenAddressError,
  HttpError,
  InvalidOptionsError,
  InvalidRegistrationError,
  ServiceRegistry,
} from '../../../src/index.js'
import { serve } from '../../core/servers.js'
import { recordAt } from './record.js'

const never = new AbortController().signal
const connected = async (url: string | undefined, options?: HttpConnectOptions) =>
  connectHttp(options)(recordAt(url), never)

/** Says what it was asked. */
const echo = () =>
  serve((request, response) => {
    let body = ''
    request.on('data', (part) => {
      body += part
    })
    request.on('end', () => {
      const { method, url, headers } = request
      response.end(JSON.stringify({ method, url, headers, body }))
    })
  })

const answering = (status: number, headers: Record<string, string>, body: string) =>
  serve((_, response) => response.writeHead(status, headers).end(body))

describe('connectHttp', () => {
  it('asks below the address, with its headers, query and body', async () => {
    const { url } = await echo()
    const backend = await connected(`${url}/base/`, { headers: { 'x-key': 'one' } })
    const answer = await backend.post(
      '/do',
      { a: 1 },
      { query: { b: 2, c: undefined }, headers: { d: '3' } },
    )
    expect(answer.json()).toMatchObject({
      method: 'POST',
      url: '/base/do?b=2',
      headers: { 'x-key': 'one', d: '3', 'content-type': 'application/json' },
      body: '{"a":1}',
    })
    expect((await backend.get('x')).json()).toMatchObject({ method: 'GET', url: '/base/x' })
    expect((await backend.request('x', { method: 'DELETE' })).json()).toMatchObject({
      method: 'DELETE',
    })
  })

  it('never asks another host, or above its address', async () => {
    const { url } = await echo()
    const backend = await connected(`${url}/base`)
    expect((await backend.get('//evil.example/x')).json()).toMatchObject({
      url: '/base/evil.example/x',
    })
    for (const path of ['../up', '/%2e%2e/up', '..\\up'])
      await expect(backend.get(path), path).rejects.toThrow(InvalidOptionsError)
  })

  it('gives different providers different headers', async () => {
    const { url } = await echo()
    const connect = connectHttp({ headers: ({ metadata }) => ({ 'x-key': String(metadata.key) }) })
    for (const key of ['one', 'two']) {
      const backend = await connect(recordAt(url, { key }), never)
      expect((await backend.get('/')).json()).toMatchObject({ headers: { 'x-key': key } })
    }
  })

  it('rejects an answer that is not 2xx, with status, reason and Retry-After, and without keys', async () => {
    const { url } = await answering(
      429,
      { 'retry-after': '7', 'set-cookie': 'secret' },
      '{"error":{"message":"key sk-12345 asks too much"}}',
    )
    const backend = await connected(url, { headers: { authorization: 'Bearer sk-12345' } })
    const error = await backend.get('/x?token=1').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ kind: 'status', status: 429, headers: { 'retry-after': '7' } })
    expect((error as Error).message).toBe(
      `${url}/x answered with status 429: key *** asks too much`,
    )
    expect(JSON.stringify(error)).not.toContain('secret')
  })

  it('is paused by the registry for as long as Retry-After says', async () => {
    const { url } = await answering(429, { 'retry-after': '7' }, '')
    const registry = new ServiceRegistry<{ media: HttpBackend }>()
    registry.register({ service: 'media', name: 'a', address: url, connect: connectHttp() })
    await expect(registry.client('media', {}, { attempts: 1 }).get('/')).rejects.toThrow(/429/)
    expect(registry.get('a')?.circuit).toMatchObject({ failures: 0, neutral: 1 })
    expect(await registry.getService('media')).toBeUndefined()
    await registry.close()
  })

  it('follows no redirect', async () => {
    const { url } = await answering(302, { location: 'http://169.254.169.254/' }, '')
    await expect((await connected(url)).get('/')).rejects.toMatchObject({ status: 302 })
  })

  it('reads no more than it may, and waits no longer', async () => {
    const { url } = await answering(200, {}, 'x'.repeat(2_000))
    const small = await connected(url, { maxBytes: 1_000 })
    await expect(small.get('/')).rejects.toMatchObject({ kind: 'too-large' })
    await expect(small.get('/', { maxBytes: 3_000 })).resolves.toMatchObject({ status: 200 })
    const silent = await serve(() => {})
    const hasty = await connected(silent.url, { timeoutMs: 20 })
    await expect(hasty.get('/')).rejects.toMatchObject({ kind: 'timeout' })
  })

  it('stops when the caller gives up, which is no failure of the provider', async () => {
    const server = await serve(() => {})
    const backend = await connected(server.url)
    const giveUp = new AbortController()
    const call = backend.get('/', { signal: giveUp.signal })
    giveUp.abort(new Error('enough'))
    await expect(call).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'enough' } })
    await server.allClosed()
  })

  it('gets the signal of a call that times out, without being told how', async () => {
    const server = await serve(() => {})
    const registry = new ServiceRegistry<{ media: HttpBackend }>()
    registry.register({
      service: 'media',
      address: server.url,
      connect: connectHttp(),
      circuit: { timeoutMs: 30 },
    })
    await expect(registry.client('media').get('/')).rejects.toMatchObject({ timeoutMs: 30 })
    await server.allClosed()
    await registry.close()
  })

  it('streams lines', async () => {
    const { url } = await answering(200, {}, '{"a":1}\n{"a":2}\n')
    const lines: string[] = []
    for await (const line of (await connected(url)).lines('/')) lines.push(line)
    expect(lines).toEqual(['{"a":1}', '{"a":2}'])
  })

  it('fails over to another provider', async () => {
    const broken = await answering(500, {}, '<html>')
    const whole = await answering(200, {}, '{"ok":true}')
    const registry = new ServiceRegistry<{ llm: HttpBackend }>({
      services: { llm: { connect: connectHttp() } },
    })
    registry.register({ service: 'llm', name: 'a', address: broken.url, connect: connectHttp() })
    registry.register({ service: 'llm', name: 'b', address: whole.url, connect: connectHttp() })
    expect((await registry.client('llm').get('/')).json()).toEqual({ ok: true })
    expect(registry.get('a')?.circuit.failures).toBe(1)
    await registry.close()
  })

  it('says what is wrong with an address', async () => {
    await expect(connected(undefined)).rejects.toThrow(InvalidRegistrationError)
    await expect(connected(undefined)).rejects.toThrow(/provider 'a' has none.*give one such as/)
    for (const address of ['ftp://127.0.0.1', 'http://', 'http://me:secret@127.0.0.1:1', 'a b:1'])
      await expect(connected(address), address).rejects.toThrow(ForbiddenAddressError)
    await expect(connected('http://169.254.169.254')).rejects.toThrow(ForbiddenAddressError)
    const none = createAddressPolicy({ privateNetworks: false })
    await expect(connected('127.0.0.1:80', { policy: none })).rejects.toThrow(/allow/)
  })
})
