import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createAddressPolicy } from '../../../src/core/address.js'
import { closeIdleConnections } from '../../../src/core/connection.js'
import { InvalidOptionsError } from '../../../src/core/errors.js'
import { type EtcdOptions, etcd } from '../../../src/discovery/sources/etcd.js'
import { sourceConformance } from '../../../src/testing/index.js'
import { serve } from '../../core/servers.js'
import { needs } from '../../house/needs.js'
import { hasEtcd, noEtcd, startEtcd } from '../../real/etcd.js'
import type { RealServer } from '../../real/server.js'
import { relayTo } from './relay.js'
import { PatientClock, passing, watching } from './watching.js'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

/** What tests ask of a real etcd besides what the source asks. */
function clientOf(url: string, token?: string) {
  const post = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const headers = token === undefined ? {} : { authorization: token }
    const answer = await fetch(url + path, { method: 'POST', body: JSON.stringify(body), headers })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${path}: ${text}`)
    return JSON.parse(text)
  }
  return {
    post,
    put: (key: string, value: unknown, more: object = {}) =>
      post('/v3/kv/put', {
        key: base64(key),
        value: base64(typeof value === 'string' ? value : JSON.stringify(value)),
        ...more,
      }),
    remove: (key: string) => post('/v3/kv/deleterange', { key: base64(key) }),
  }
}

const record = (port: number) => ({ url: `http://10.7.0.3:${port}`, type: 'media' })

describe('with a real etcd', { timeout: 60_000 }, () => {
  let server: RealServer | undefined
  let url = ''
  let prefix = ''
  let count = 0

  beforeAll(async () => {
    if (!hasEtcd) return
    server = await startEtcd()
    url = server.url
  }, 60_000)

  afterAll(() => server?.stop())

  beforeEach((context) => {
    needs(context, hasEtcd, noEtcd)
    count += 1
    prefix = `/switchgear/test-${count}/`
  })

  const start = (options: Partial<EtcdOptions> = {}) => {
    const clock = new PatientClock()
    return { clock, watch: watching(etcd({ url, prefix, clock, ...options })) }
  }

  for (const { name, run } of sourceConformance(async () => {
    await clientOf(url).put(`${prefix}a`, record(1))
    return etcd({ url, prefix })
  }))
    it(name, run)

  it('sees what is there, and each put, change and delete', async () => {
    const { put, remove } = clientOf(url)
    await put(`${prefix}b`, record(2))
    await put(`${prefix.slice(0, -1)}-beside`, record(9))
    const { watch } = start()
    expect(await watch.next()).toMatchObject({
      authoritative: true,
      sightings: [{ name: 'media@b', service: 'media', address: 'http://10.7.0.3:2' }],
    })
    await put(`${prefix}a`, record(1))
    expect(await watch.names()).toEqual(['media@a', 'media@b'])
    await put(`${prefix}b`, { ...record(3), version: '2', capabilities: ['chat'] })
    expect((await watch.next())?.sightings[1]).toMatchObject({
      name: 'media@b',
      address: 'http://10.7.0.3:3',
      version: '2',
      capabilities: ['chat'],
    })
    await remove(`${prefix}a`)
    expect(await watch.names()).toEqual(['media@b'])
    await remove(`${prefix}b`)
    expect(await watch.next()).toEqual({ sightings: [], authoritative: true })
  })

  it('sees a provider go when its lease does', async () => {
    const { put, post } = clientOf(url)
    const { ID } = await post('/v3/lease/grant', { TTL: '600' })
    await put(`${prefix}a`, record(1), { lease: ID })
    const { watch } = start()
    expect(await watch.names()).toEqual(['media@a'])
    await post('/v3/lease/revoke', { ID })
    expect(await watch.names()).toEqual([])
  })

  it('takes a lost stream up at its revision, and misses nothing', async () => {
    const relay = await relayTo(server?.port ?? 0)
    const { put, remove } = clientOf(url)
    await put(`${prefix}a`, record(1))
    const { clock, watch } = start({ url: relay.url })
    await watch.next()
    await put(`${prefix}b`, record(2))
    await watch.until('media@a', 'media@b')
    await clock.advance(1_000) // since the stream was opened, so that it may be opened again
    const asked = watch.until('media@c')
    relay.cut()
    await put(`${prefix}c`, record(3))
    await remove(`${prefix}a`)
    await remove(`${prefix}b`)
    expect(await asked).toMatchObject([{ address: 'http://10.7.0.3:3' }])
  })

  it('lists anew when what it had not seen was compacted', async () => {
    const relay = await relayTo(server?.port ?? 0)
    const { put, remove, post } = clientOf(url)
    await put(`${prefix}a`, record(1))
    const { clock, watch } = start({ url: relay.url })
    await watch.next()
    await put(`${prefix}b`, record(2))
    await watch.until('media@a', 'media@b')
    await clock.advance(1_000) // since the stream was opened, so that it may be opened again
    const asked = watch.until('media@c')
    relay.cut()
    await put(`${prefix}c`, record(3))
    await remove(`${prefix}a`)
    const { header } = await remove(`${prefix}b`)
    const { revision } = header as { revision: string }
    await post('/v3/kv/compaction', { revision, physical: true })
    await asked
  })

  it('reads 1,200 keys page by page', async () => {
    const { post } = clientOf(url)
    const keys = Array.from({ length: 1_200 }, (_, at) => `${prefix}${String(at).padStart(4, '0')}`)
    for (let at = 0; at < keys.length; at += 100)
      await post('/v3/kv/txn', {
        success: keys.slice(at, at + 100).map((key) => ({
          request_put: { key: base64(key), value: base64(JSON.stringify(record(1))) },
        })),
      })
    const names = await start().watch.names()
    expect(names).toHaveLength(1_200)
    expect(names?.at(-1)).toBe('media@1199')
  })

  it('ends at once when it is aborted, and leaves no connection', async () => {
    const relay = await relayTo(server?.port ?? 0)
    const { watch } = start({ url: relay.url })
    await watch.next()
    const ended = watch.next()
    await expect.poll(() => relay.open.size).toBeGreaterThan(2) // the listing's, idle, and the watch
    watch.stop.abort()
    expect(await ended).toBeUndefined()
    closeIdleConnections()
    await expect.poll(() => relay.open.size).toBe(0)
  })
})

describe('with a real etcd that asks for a password', { timeout: 60_000 }, () => {
  let server: RealServer | undefined
  let url = ''
  const prefix = '/mine/'
  const password = 'hush-hush'

  beforeAll(async () => {
    if (!hasEtcd) return
    server = await startEtcd()
    url = server.url
    const { post, put } = clientOf(url)
    await put(`${prefix}a`, record(1))
    const range = { key: base64(prefix), range_end: base64('/mine0') }
    for (const name of ['root', 'reader', 'stranger']) {
      await post('/v3/auth/user/add', { name, password })
      await post('/v3/auth/role/add', { name })
      await post('/v3/auth/user/grant', { user: name, role: name })
    }
    await post('/v3/auth/role/grant', { name: 'reader', perm: { permType: 'READ', ...range } })
    await post('/v3/auth/enable', {})
  }, 60_000)

  afterAll(() => server?.stop())

  beforeEach((context) => needs(context, hasEtcd, noEtcd))

  const first = (options: Partial<EtcdOptions>) =>
    watching(etcd({ url, prefix, ...options })).next()

  it('reads as its user, and follows as it', async () => {
    const watch = watching(etcd({ url, prefix, user: 'reader', password }))
    expect(await watch.names()).toEqual(['media@a'])
    const { token } = await clientOf(url).post('/v3/auth/authenticate', { name: 'root', password })
    await clientOf(url, String(token)).put(`${prefix}b`, record(2))
    expect(await watch.names()).toEqual(['media@a', 'media@b'])
  })

  it.each<[string, Partial<EtcdOptions>, RegExp]>([
    ['no user', {}, /range answered with status 400: user and password are needed/],
    [
      'a wrong password',
      { user: 'reader', password: 'hush-wrong' },
      /authenticate answered with status 400: user and password were refused/,
    ],
    ['no right', { user: 'stranger', password }, /status 403: the user has no right to read/],
  ])('fails with %s, and says what to do, but no password', async (_, options, message) => {
    const error: unknown = await first(options).catch((thrown: unknown) => thrown)
    expect(String(error)).toMatch(message)
    expect(`${JSON.stringify(error)}${error}${(error as Error).cause}`).not.toContain('hush')
  })
})

type Post = (path: string, body: unknown, headers: Readonly<Record<string, unknown>>) => unknown

/** An etcd of a test's own making. A list is the lines of a stream that stays open, unless its last is `null`. */
async function double(answer: Post) {
  const asked: { path: string; body: Record<string, unknown>; token: unknown }[] = []
  const server = await serve(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const body = JSON.parse(text)
    const path = request.url ?? ''
    asked.push({ path, body, token: request.headers.authorization })
    const said = answer(path, body, request.headers)
    if (said === undefined) return
    if (typeof said === 'number') response.writeHead(said).end(text)
    else if (typeof said === 'string') response.end(said)
    else if (!Array.isArray(said)) response.end(JSON.stringify(said))
    else {
      response.flushHeaders()
      for (const line of said) if (line !== null) response.write(`${JSON.stringify(line)}\n`)
      if (said.at(-1) === null) response.end()
    }
  })
  return { ...server, asked }
}

const header = (revision: number) => ({
  cluster_id: '1',
  member_id: '2',
  revision: String(revision),
})
const pair = (key: string, value: unknown, revision = 1) => ({
  key: base64(key),
  mod_revision: String(revision),
  value: base64(typeof value === 'string' ? value : JSON.stringify(value)),
})
const range = (revision: number, ...kvs: readonly unknown[]) => ({ header: header(revision), kvs })
const created = (revision: number) => ({ result: { header: header(revision), created: true } })
const quiet: Post = (path) => (path === '/v3/kv/range' ? range(5) : [created(5)])

describe('etcd', () => {
  const start = (url: string, options: Partial<EtcdOptions> = {}) => {
    const clock = new PatientClock()
    return { clock, watch: watching(etcd({ url, prefix: '/s/', clock, ...options })) }
  }

  const seen = async (value: unknown, options?: Partial<EtcdOptions>) => {
    const { url } = await double(() => range(1, pair('/s/x', value)))
    return (await start(url, options).watch.next())?.sightings
  }

  it('asks for the prefix, and then for what comes after that revision', async () => {
    const { url, asked } = await double(quiet)
    const { watch } = start(url, { prefix: 'a\u00ff' })
    await watch.next()
    void watch.next()
    await expect.poll(() => asked.length).toBe(2)
    const key = base64('a\u00ff')
    const range_end = Buffer.from([0x61, 0xc3, 0xc0]).toString('base64')
    expect(asked.map(({ path, body }) => [path, body])).toEqual([
      ['/v3/kv/range', { key, range_end, limit: '500' }],
      ['/v3/watch', { create_request: { key, range_end, start_revision: '6' } }],
    ])
  })

  it('reads revisions that no number of JavaScript can hold', async () => {
    const { url, asked } = await double((path) =>
      path === '/v3/kv/range'
        ? { header: { revision: '9007199254740993' } }
        : [{ result: { header: { revision: '9007199254740993' }, created: true } }],
    )
    const { watch } = start(url)
    await watch.next()
    void watch.next()
    await expect
      .poll(() => asked[1]?.body)
      .toMatchObject({
        create_request: { start_revision: '9007199254740994' },
      })
  })

  it('takes a value that is a sighting as it is, and options for what it leaves out', async () => {
    const sighting = {
      service: 'llm',
      name: 'mine',
      address: 'https://x.lan',
      priority: 'high',
      models: ['m'],
      health: 'degraded',
      capabilities: ['chat'],
      registered_at: 'yesterday',
      connect: 'x',
    }
    expect(await seen(sighting, { handler: 'H', group: 3, capabilities: ['vision'] })).toEqual([
      {
        service: 'llm',
        name: 'mine',
        address: 'https://x.lan',
        priority: 'high',
        models: ['m'],
        health: 'degraded',
        capabilities: ['vision', 'chat'],
        handler: 'H',
        group: 3,
        strategy: undefined,
      },
    ])
    expect(await seen({ url: 'http://x' }, { service: 'llm' })).toMatchObject([
      { service: 'llm', name: 'llm@x', address: 'http://x' },
    ])
  })

  it.each([['no JSON'], ['7'], ['[]'], ['null'], ['']])(
    'passes %j on without a service, so that it is refused under the name of its key',
    async (value) => {
      expect(await seen(value)).toEqual([{ service: '', name: 'x' }])
    },
  )

  it('keeps keys that would pollute out', async () => {
    const value = '{"__proto__":{"x":1},"constructor":1,"type":"llm","metadata":{"a":1}}'
    expect(await seen(value)).toMatchObject([{ service: 'llm', metadata: { a: 1 } }])
    expect({}).not.toHaveProperty('x')
  })

  it('gives a name once, to the key that comes first', async () => {
    const named = (port: number) => ({ ...record(port), name: 'same' })
    const { url } = await double(() => range(1, pair('/s/b', named(2)), pair('/s/a', named(1))))
    expect((await start(url).watch.next())?.sightings).toMatchObject([
      { address: 'http://10.7.0.3:1' },
    ])
  })

  it('goes on after the last event, not after the revision of today', async () => {
    const old = { kv: pair('/s/a', record(1), 7) } // etcd sends a long history in parts
    const { url, asked } = await double((path) =>
      path === '/v3/kv/range'
        ? range(5)
        : [created(90), { result: { header: header(90), events: [old] } }, null],
    )
    const { clock, watch } = start(url)
    await watch.next()
    await watch.until('media@a')
    void watch.next().then(() => watch.next())
    await passing(clock, 1_000, () => asked.length >= 3)
    expect(asked[2]?.body).toMatchObject({ create_request: { start_revision: '8' } })
  })

  it('lists anew when the store is older than what it has seen', async () => {
    let revision = 50
    const { url, asked } = await double((path) =>
      path === '/v3/kv/range' ? range(revision, pair('/s/a', record(revision))) : [created(3)],
    )
    const { clock, watch } = start(url)
    await watch.next()
    revision = 3
    const second = watch.next()
    await passing(clock, 1_000, () => asked.length >= 3)
    expect((await second)?.sightings).toMatchObject([{ address: 'http://10.7.0.3:3' }])
  })

  it('asks anew after waitMs of silence, from where it was, and tells that all is as it was', async () => {
    const { url, asked, sockets } = await double(quiet)
    const { clock, watch } = start(url, { waitMs: 20_000 })
    await watch.next()
    const second = watch.next()
    await passing(clock, 20_000, () => asked.length >= 3)
    expect(await second).toEqual({ sightings: [], authoritative: true })
    expect(asked[2]?.body).toMatchObject({ create_request: { start_revision: '6' } })
    expect(sockets.length).toBeGreaterThan(1)
  })

  it('takes a new token when its own has expired, in a watch too', async () => {
    let tokens = 0
    const { url, asked } = await double((path, _, { authorization }) => {
      if (path === '/v3/auth/authenticate') {
        tokens += 1
        return { token: `t${tokens}` }
      }
      if (path === '/v3/kv/range') return authorization === 't1' ? 401 : range(5)
      if (authorization !== 't2') return [created(5)]
      const reason = 'rpc error: code = Unauthenticated desc = etcdserver: invalid auth token'
      return [
        { result: { header: header(5), created: true, canceled: true, cancel_reason: reason } },
      ]
    })
    const { clock, watch } = start(url, { user: 'u', password: 'p' })
    await watch.next()
    void watch.next().then(() => watch.next())
    await passing(clock, 1_000, () => asked.at(-1)?.path === '/v3/watch' && asked.length > 6)
    expect(asked.map(({ path, token }) => `${path.split('/').at(-1)} ${token ?? '-'}`)).toEqual([
      ...['authenticate -', 'range t1', 'authenticate -', 'range t2', 'watch t2'],
      ...['authenticate -', 'range t3', 'watch t3'],
    ])
  })

  it('asks nobody twice who wants a user that it does not have', async () => {
    const { url, asked } = await double(() => 401)
    await expect(start(url).watch.next()).rejects.toThrow(/status 401: the token was refused/)
    expect(asked.map(({ path }) => path)).toEqual(['/v3/kv/range'])
  })

  it.each<[string, Post, RegExp]>([
    ['HTML', () => '<html>', /range answered something else than a range of keys; check that/],
    ['another JSON', () => ({ header: {} }), /something else than a range of keys/],
    ['pages without end', () => ({ ...range(1), more: true }), /more under \/s\/ than is read/],
    ['404', () => 404, /status 404: it has no API of version 3/],
    ['503', () => 503, /status 503: etcd has no leader/],
  ])('fails on %s', async (_, answer, message) => {
    const { url } = await double(answer)
    await expect(start(url).watch.next()).rejects.toThrow(message)
  })

  it.each<[string, unknown, RegExp]>([
    ['garbage', ['x'], /watch answered something else than news of a watch/],
    ['an error', [{ error: { grpc_code: 14, message: 'hush' } }], /something else than news/],
    ['an end before it begins', [null], /something else than a watch that begins/],
    ['a status', 503, /answered with status 503 instead of a stream/],
    [
      'a refusal',
      [{ result: { header: header(5), canceled: true, cancel_reason: 'PermissionDenied hush' } }],
      /canceled the watch: the user has no right to read/,
    ],
  ])('fails when a watch says %s', async (_, said, message) => {
    const { url } = await double((path) => (path === '/v3/kv/range' ? range(5) : said))
    const { watch } = start(url)
    await watch.next()
    const error: unknown = await watch.next().catch((thrown: unknown) => thrown)
    expect(String(error)).toMatch(message)
    expect(String(error)).not.toContain('hush')
  })

  it('reads no line of more than 16 Mi characters', async () => {
    const { url, sockets, allClosed } = await serve((request, response) => {
      if (request.url === '/v3/kv/range') response.end(JSON.stringify(range(5)))
      else response.write('x'.repeat(17 * 2 ** 20))
    })
    const { watch } = start(url)
    await watch.next()
    await expect(watch.next()).rejects.toThrow(/sent a line of more than 16777216 characters/)
    closeIdleConnections()
    await allClosed()
    expect(sockets.length).toBeLessThanOrEqual(2)
  })

  it('waits for an answer no longer than timeoutMs', async () => {
    const { url, asked } = await double(() => undefined)
    const { clock, watch } = start(url, { timeoutMs: 700 })
    const failed = expect(watch.next()).rejects.toThrow(/did not answer completely within 700 ms/)
    await expect.poll(() => asked.length).toBe(1)
    await clock.advance(700)
    await failed
  })

  it('asks only where the policy lets it', async () => {
    const { url, asked } = await double(quiet)
    const policy = createAddressPolicy({ privateNetworks: false })
    await expect(start(url, { policy }).watch.next()).rejects.toThrow(/may not be asked/)
    expect(asked).toEqual([])
  })

  it.each<[Partial<EtcdOptions>, RegExp]>([
    [{ prefix: '' }, /prefix: expected the beginning of the keys/],
    [{ url: 'etcd' }, /url: expected an http or https URL/],
    [{ password: 'hush' }, /user: expected the user that the password belongs to/],
    [{ waitMs: -1 }, /waitMs: expected milliseconds above 0, got -1/],
  ])('refuses %j', (options, message) => {
    const make = () => etcd({ prefix: '/s/', ...options })
    expect(make).toThrow(InvalidOptionsError)
    expect(make).toThrow(message)
    expect(make).not.toThrow(/hush/)
  })
})
