import { Server, ServerCredentials } from '@grpc/grpc-js'
import fc from 'fast-check'
import { HealthImplementation } from 'grpc-health-check'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { anyAccessOf } from '../../src/client/access.js'
import { ChangeReader, recordOf, recordsIn } from '../../src/client/grpc-messages.js'
import { RegistryClient, type RegistryClientOptions } from '../../src/client/index.js'
import { Mirror } from '../../src/client/mirror.js'
import { InvalidOptionsError } from '../../src/core/errors.js'
import { type GrpcServerOptions, startGrpc } from '../../src/server/grpc/server.js'
import type { Operations } from '../../src/server/operations.js'
import { FakeClock } from '../../src/testing/index.js'
import { createAuthority, hasOpenssl } from '../core/certificates.js'
import { needs } from '../house/needs.js'
import { operationsOf, service } from '../server/operations-of.js'
import { passing } from './double.js'
import { Line } from './line.js'

const forge = { id: 'forge-1', name: 'Forge', capabilities: ['image'] }

function connect(url: string, options: RegistryClientOptions = {}): RegistryClient {
  const client = new RegistryClient({ url, ...options })
  onTestFinished(() => client.close({ deregister: false }))
  return client
}

async function serve(options: GrpcServerOptions = {}, over?: (real: Operations) => Operations) {
  const { operations, registry } = operationsOf()
  const used = over === undefined ? operations : over(operations)
  const server = await startGrpc(used, { port: 0, graceMs: 100, ...options })
  onTestFinished(async () => {
    await server.close()
    operations.close()
    await registry.close()
  })
  return { server, operations }
}

describe('heartbeats of one client', () => {
  it('go out together, and each that was forgotten is registered again', async () => {
    const rounds: string[][] = []
    let open: string[] | undefined
    const counting = (real: Operations): Operations =>
      new Proxy(real, {
        get(target, key) {
          const value: unknown = Reflect.get(target, key, target)
          if (typeof value !== 'function') return value
          return (...given: unknown[]): unknown => {
            if (key === 'heartbeat') note(String(given[0]))
            return Reflect.apply(value, target, given)
          }
        },
      })
    const note = (id: string): void => {
      if (open === undefined) {
        open = []
        rounds.push(open)
        queueMicrotask(() => {
          open = undefined
        })
      }
      open.push(id)
    }
    const { server, operations } = await serve({}, counting)
    const clock = new FakeClock()
    const client = connect(server.url, { clock })
    const ids = Array.from({ length: 20 }, (_, at) => `agent-${at}`)
    for (const id of ids) await client.registerAgent({ ...forge, id })
    await passing(clock, 1_000, () => rounds.length === 2)
    expect(rounds).toEqual([ids, ids])
    for (const id of ids.slice(0, 12)) operations.deregister(id, {})
    await passing(clock, 1_000, () => operations.list().length === 20)
    await client.deregisterAgent('agent-7')
    const before = rounds.length
    await passing(clock, 1_000, () => rounds.length > before)
    expect(new Set(rounds.at(-1))).toEqual(new Set(ids.filter((id) => id !== 'agent-7')))
  })

  it('that are refused are told one by one, and go on', async () => {
    const { server, operations } = await serve()
    const clock = new FakeClock()
    const errors: string[] = []
    const told = (error: unknown) => errors.push(String(error))
    const client = connect(server.url, { clock, onError: told })
    await client.registerAgent(forge)
    await client.registerAgent({ ...forge, id: 'forge-2' })
    const heartbeat = vi.spyOn(operations, 'heartbeat').mockImplementation((id) => {
      if (id === 'forge-1') throw new Error('broken')
      return { status: 'healthy', lastSeenAt: 0 }
    })
    await passing(clock, 1_000, () => errors.length === 2)
    expect(errors[0]).toMatch(/could not send a heartbeat of "forge-1": it answered.*Internal/)
    expect(heartbeat.mock.calls.filter(([id]) => id === 'forge-2').length).toBeGreaterThan(1)
  })
})

it('goes on where its changes were cut, and is not told everything again', async () => {
  const { server, operations } = await serve()
  const line = await Line.to(server.port)
  const clock = new FakeClock()
  const client = connect(`grpc://127.0.0.1:${line.port}`, { clock })
  const ids = async () => (await client.discoverAgents()).map(({ id }) => id).join()
  await operations.register(service('a'), {})
  const list = vi.spyOn(operations, 'list')
  expect(await ids()).toBe('a')
  await operations.register(service('b'), {})
  await passing(clock, 0, async () => (await ids()) === 'a,b')
  const before = list.mock.calls.length
  for (const id of ['c', 'd']) {
    line.cut()
    await operations.register(service(id), {})
    await passing(clock, 500, async () => (await ids()).endsWith(id))
  }
  expect(await ids()).toBe('a,b,c,d')
  expect(list.mock.calls.length).toBe(before)
})

describe('TLS', () => {
  it('verifies who is there, by name and by a bare IP address', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const authority = createAuthority()
    onTestFinished(() => authority.remove())
    const byIp = await serve({
      tls: authority.issue('server', 'DNS:registry.test', 'IP:127.0.0.1'),
    })
    const byName = await serve({ tls: authority.issue('server', 'DNS:localhost') })
    const tls = { ca: authority.ca }
    const clock = new FakeClock()
    const list = async (url: string, options: RegistryClientOptions['tls']) => {
      let result: unknown
      const client = connect(url, { tls: options, clock })
      void client.list().then(
        () => {
          result = 'done'
        },
        ({ kind, message }) => {
          result = `${kind}: ${message}`
        },
      )
      await passing(clock, 500, () => result !== undefined)
      return result
    }
    expect(byIp.server.url).toMatch(/^grpcs:\/\/127\.0\.0\.1:/)
    expect(await list(byIp.server.url, tls)).toBe('done')
    expect(await list(byName.server.url.replace('127.0.0.1', 'localhost'), tls)).toBe('done')
    expect(await list(byName.server.url, { ...tls, servername: 'localhost' })).toBe('done')
    expect(await list(byName.server.url, tls)).toMatch(/^tls: .*could not be connected to: .*IP/)
    expect(await list(byIp.server.url, {})).toMatch(/^tls: .*certificate/)
    expect(await list(byIp.server.url.replace('grpcs', 'grpc'), undefined)).toMatch(/^reset: /)
  })

  it('shows a certificate where it is asked for one', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const authority = createAuthority()
    onTestFinished(() => authority.remove())
    const pair = authority.issue('server', 'IP:127.0.0.1')
    const { server } = await serve({ tls: { ...pair, clientCa: authority.ca } })
    const own = authority.issue('client')
    const client = connect(server.url, { tls: { ca: authority.ca, ...own } })
    expect(await client.list()).toEqual([])
    const clock = new FakeClock()
    const stranger = connect(server.url, { tls: { ca: authority.ca }, clock })
    let failure: unknown
    void stranger.list().catch((error: unknown) => {
      failure = error
    })
    await passing(clock, 500, () => failure !== undefined)
    expect(failure).toMatchObject({ name: 'HttpError' })
  })
})

describe('another server', () => {
  it('that speaks gRPC, but not ours, is told apart', async () => {
    const server = new Server()
    new HealthImplementation({ '': 'SERVING' }).addToServer(server)
    onTestFinished(() => server.forceShutdown())
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    await expect(connect(`grpc://127.0.0.1:${port}`).list()).rejects.toMatchObject({
      kind: 'protocol',
      message: expect.stringContaining('does not know switchgear.v1.Registry'),
    })
  })

  it('may tell whatever it likes: it is news or nothing', () => {
    const odd = fc.record({
      type: fc.oneof(fc.integer({ min: -1, max: 9 }), fc.jsonValue()),
      position: fc.string(),
      provider: fc.oneof(
        fc.jsonValue(),
        fc.record({
          id: fc.oneof(fc.string(), fc.constantFrom('a', 'b', '__proto__', '..')),
          status: fc.oneof(fc.integer(), fc.jsonValue()),
          metadata: fc.oneof(fc.json(), fc.string()),
          registered_at: fc.oneof(fc.double(), fc.integer(), fc.constant(9e15)),
          capabilities: fc.array(fc.jsonValue()),
        }),
      ),
      providers: fc.oneof(fc.jsonValue(), fc.array(fc.record({ id: fc.string() }))),
    })
    const mirror = new Mirror()
    const reader = new ChangeReader()
    fc.assert(
      fc.property(odd, (change) => {
        const news = reader.read(change)
        if (news !== undefined) mirror.take(news)
        for (const record of [recordOf(change.provider), ...recordsIn(change)])
          expect(record === undefined || Object.isFrozen(record)).toBe(true)
      }),
      { numRuns: 1_000, seed: 21 },
    )
    expect(mirror.records.length).toBeGreaterThan(0)
  })
})

describe('where it is', () => {
  afterEach(() => vi.unstubAllEnvs())
  const given = (env: Readonly<Record<string, string>>) => {
    const names = ['REGISTRY_URL', 'SERVICE_REGISTRY_HOST', 'SERVICE_REGISTRY_PORT']
    for (const name of names) vi.stubEnv(name, env[name])
    return anyAccessOf({}, 'test').url
  }

  it.each([
    [{}, 'http://localhost:5000'],
    [{ SERVICE_REGISTRY_HOST: 'registry' }, 'grpc://registry:50051'],
    [{ SERVICE_REGISTRY_PORT: '7000' }, 'grpc://localhost:7000'],
    [{ SERVICE_REGISTRY_HOST: '::1', SERVICE_REGISTRY_PORT: '7000' }, 'grpc://[::1]:7000'],
    [{ REGISTRY_URL: 'https://a.test', SERVICE_REGISTRY_HOST: 'b' }, 'https://a.test'],
    [{ REGISTRY_URL: 'grpcs://a.test:1' }, 'grpcs://a.test:1'],
  ])('is taken from the environment %j', (env, url) => {
    expect(given(env)).toBe(url)
  })

  it.each([
    'grpc://',
    'grpc://a/b',
    'grpc://a?x',
    'grpc://me:secret@a',
    'grpc://a b',
    'grpc://a:99999',
    'grpc://a:0',
    'grpcx://a',
  ])('is refused as %s, without showing what is secret', (url) => {
    const make = () => new RegistryClient({ url })
    expect(make).toThrow(InvalidOptionsError)
    expect(make).toThrow(/url: expected/)
    expect(make).not.toThrow(/secret/)
  })

  it('has port 50051 unless it says another', async () => {
    const client = connect('grpc://[::1]', { clock: new FakeClock(), timeoutMs: 1 })
    await expect(client.get('x', { signal: AbortSignal.abort() })).rejects.toMatchObject({
      url: 'grpc://[::1]',
      kind: 'aborted',
    })
  })
})

it('never connects to where nobody may', async () => {
  const client = connect('grpc://169.254.169.254:50051')
  await expect(client.list()).rejects.toMatchObject({ name: 'ForbiddenAddressError' })
})
