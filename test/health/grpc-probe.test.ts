import { type AddressInfo, createServer, type Server as TcpServer } from 'node:net'
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import fc from 'fast-check'
import { HealthImplementation } from 'grpc-health-check'
import { afterEach, describe, expect, it } from 'vitest'
import { optionalPackage } from '../../src/core/optional-package.js'
import { encodeHealthRequest, readServingStatus } from '../../src/health/probes/grpc-messages.js'
import {
  type CheckReport,
  createAddressPolicy,
  type GrpcProbeOptions,
  grpcProbe,
  MissingPeerError,
  type ProviderRecord,
  ServiceRegistry,
} from '../../src/index.js'
import { createAuthority, hasOpenssl } from '../core/certificates.js'
import { needs } from '../house/needs.js'

const cleanUp: (() => unknown)[] = []
afterEach(async () => {
  for (const one of cleanUp.splice(0)) await one()
})

async function listening(
  server: Server,
  credentials = ServerCredentials.createInsecure(),
  host = '127.0.0.1',
): Promise<number> {
  cleanUp.push(() => server.forceShutdown())
  return new Promise((resolve, reject) => {
    server.bindAsync(`${host}:0`, credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    )
  })
}

type Statuses = ConstructorParameters<typeof HealthImplementation>[0]

function healthServer(statuses: Statuses): { server: Server; health: HealthImplementation } {
  const server = new Server()
  const health = new HealthImplementation(statuses)
  health.addToServer(server)
  return { server, health }
}

type Handler = (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => void

/** A health service that answers as it is told to, byte for byte. */
function rawServer(check: Handler, path = '/grpc.health.v1.Health/Check'): Server {
  const server = new Server()
  const asIs = (bytes: Buffer): Buffer => bytes
  const definition = {
    path,
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  }
  server.addService({ Check: definition }, { Check: check })
  return server
}

async function ask(options: GrpcProbeOptions, address?: string): Promise<CheckReport> {
  const record = { address } as ProviderRecord
  const answer = await grpcProbe(options).check(record, AbortSignal.timeout(5_000))
  return answer as CheckReport
}

describe('grpcProbe', () => {
  it.each<[string, Statuses, string, string]>([
    ['', { '': 'SERVING' }, 'healthy', ''],
    ['', { '': 'NOT_SERVING' }, 'unhealthy', 'the server as a whole is not serving'],
    ['', { '': 'UNKNOWN' }, 'unknown', 'does not know yet'],
    ['shop.Orders', { '': 'NOT_SERVING', 'shop.Orders': 'SERVING' }, 'healthy', ''],
    ['shop.Orders', { 'shop.Orders': 'NOT_SERVING' }, 'unhealthy', '"shop.Orders" is not serving'],
    ['shop.Carts', { '': 'SERVING' }, 'unhealthy', 'knows nothing of "shop.Carts"'],
  ])('finds %j of a server with %j to be %s', async (service, statuses, status, message) => {
    const port = await listening(healthServer(statuses).server)
    const found = await ask({ service }, `grpc://127.0.0.1:${port}`)
    expect(found.status).toBe(status)
    expect(found.message ?? '').toContain(message)
  })

  it('takes the address with any scheme or none, or its own url', async () => {
    const port = await listening(healthServer({ '': 'SERVING' }).server)
    for (const address of [
      `127.0.0.1:${port}`,
      `http://127.0.0.1:${port}`,
      `grpc://localhost:${port}`,
    ])
      expect(await ask({}, address), address).toEqual({ status: 'healthy' })
    expect(await ask({ url: `grpc://127.0.0.1:${port}` })).toEqual({ status: 'healthy' })
    await expect(ask({})).rejects.toThrow('give grpcProbe a url')
    await expect(ask({}, 'grpc://127.0.0.1')).rejects.toThrow('names no port')
  })

  it('B-D5: reaches what listens on one family alone, whatever else the name leads to', async () => {
    const policy = createAddressPolicy({ resolve: async () => ['::1', '127.0.0.1'] })
    for (const host of ['127.0.0.1', '[::1]']) {
      const { server } = healthServer({ '': 'SERVING' })
      const port = await listening(server, undefined, host)
      expect(await ask({ policy }, `both.test:${port}`)).toEqual({ status: 'healthy' })
      expect(await ask({}, `${host}:${port}`)).toEqual({ status: 'healthy' })
    }
  })

  it('says so when nobody listens, or it is no gRPC, or has no health service', async () => {
    const closed = createServer()
    const port = await tcpPort(closed)
    await new Promise((resolve) => closed.close(resolve))
    expect(await ask({}, `127.0.0.1:${port}`)).toMatchObject({
      status: 'unhealthy',
      message: expect.stringMatching(/UNAVAILABLE.*ECONNREFUSED/),
    })
    const rude = createServer((socket) => socket.destroy())
    expect(await ask({}, `127.0.0.1:${await tcpPort(rude)}`)).toMatchObject({ status: 'unhealthy' })
    const other = await listening(rawServer(() => {}, '/other.Service/Do'))
    expect(await ask({}, `127.0.0.1:${other}`)).toEqual({
      status: 'unhealthy',
      message: 'it does not implement grpc.health.v1; use tcpProbe',
    })
  })

  it.each<[string, number[], string]>([
    ['an empty message', [], 'unknown'],
    [
      'other fields, and the last status',
      [0x08, 2, 0x12, 1, 65, 0x1d, 0, 0, 0, 0, 0x08, 1],
      'healthy',
    ],
    ['SERVICE_UNKNOWN', [0x08, 3], 'unhealthy'],
    ['a status of the future', [0x08, 42], 'unknown'],
    ['a status beyond all numbers', [0x08, ...Array(9).fill(0xff), 1], 'unknown'],
  ])('reads %s', async (_, bytes, status) => {
    const server = rawServer((_call, done) => done(null, Buffer.from(bytes)))
    expect(await ask({}, `127.0.0.1:${await listening(server)}`)).toMatchObject({ status })
  })

  it.each([[[0x08]], [[0x12, 200, 1]], [[0x0b]], [Array(11).fill(0xff)]])(
    'believes no message such as %j',
    async (bytes) => {
      const server = rawServer((_call, done) => done(null, Buffer.from(bytes)))
      const asked = ask({}, `127.0.0.1:${await listening(server)}`)
      await expect(asked).rejects.toThrow('a message that cannot be read')
    },
  )

  it('reads no large answer, and shows one line of what a server says', async () => {
    const large = rawServer((_call, done) => done(null, Buffer.alloc(1_000_000)))
    expect(await ask({}, `127.0.0.1:${await listening(large)}`)).toMatchObject({
      status: 'unhealthy',
      message: expect.stringContaining('RESOURCE_EXHAUSTED'),
    })
    const chatty = rawServer((_call, done) =>
      done({ code: 13, details: `first\nsecond${'x'.repeat(5_000)}` }),
    )
    const { message = '' } = await ask({}, `127.0.0.1:${await listening(chatty)}`)
    expect(message).toBe('answered INTERNAL: first')
  })

  it('connects to no address that its policy forbids, and only to those that were checked', async () => {
    let connections = 0
    const server = createServer(() => {
      connections += 1
    })
    const port = await tcpPort(server)
    const none = createAddressPolicy({ privateNetworks: false })
    await expect(ask({ policy: none }, `127.0.0.1:${port}`)).rejects.toThrow('127.0.0.1')
    await expect(ask({}, '169.254.169.254:80')).rejects.toThrow('169.254.169.254')
    const rebinding = createAddressPolicy({ resolve: async () => ['169.254.169.254'] })
    await expect(ask({ policy: rebinding }, 'inner.test:80')).rejects.toThrow('169.254.169.254')
    expect(connections).toBe(0)
    const good = await listening(healthServer({ '': 'SERVING' }).server)
    const pinned = createAddressPolicy({ resolve: async () => ['127.0.0.1'] })
    expect(await ask({ policy: pinned }, `nowhere.invalid:${good}`)).toEqual({ status: 'healthy' })
  })

  it('uses no proxy, whatever the environment says', async () => {
    let connections = 0
    const proxy = createServer(() => {
      connections += 1
    })
    const before = process.env.grpc_proxy
    process.env.grpc_proxy = `http://127.0.0.1:${await tcpPort(proxy)}`
    cleanUp.push(() => {
      if (before === undefined) delete process.env.grpc_proxy
      else process.env.grpc_proxy = before
    })
    const port = await listening(healthServer({ '': 'SERVING' }).server)
    expect(await ask({}, `127.0.0.1:${port}`)).toEqual({ status: 'healthy' })
    expect(connections).toBe(0)
  })

  it('ends with its time, and closes its connection', async () => {
    let cancelled = (): void => {}
    const given = new Promise<void>((resolve) => {
      cancelled = resolve
    })
    const silent = rawServer((call) => call.on('cancelled', cancelled))
    const address = `127.0.0.1:${await listening(silent)}`
    const registry = new ServiceRegistry<{ llm: object }>({ health: { timeoutMs: 200 } })
    const health = { probe: grpcProbe() }
    registry.register({ service: 'llm', name: 'a', provider: {}, address, health })
    expect(await registry.healthCheckAll()).toEqual({ '*.llm.a': false })
    await given
    await registry.close()
  })

  it('leaves nothing behind after 1,000 checks', async () => {
    const { server } = healthServer({ '': 'SERVING' })
    const port = await listening(server)
    const address = `127.0.0.1:${port}`
    const sockets = (): number =>
      process.getActiveResourcesInfo().filter((kind) => /^(?:TCP(?:Socket)?|HTTP2)/.test(kind))
        .length
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    expect(await ask({}, address)).toEqual({ status: 'healthy' })
    const before = { sockets: sockets(), timers: timers() }
    for (let i = 0; i < 100; i += 1) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask({}, address)))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(['healthy']))
    }
    await expect.poll(sockets).toBeLessThanOrEqual(before.sockets + 2)
    expect(timers()).toBeLessThanOrEqual(before.timers + 1)
  })

  it('encodes names of any length as protocol buffers have them', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20_000, minLength: 1 }), (service) => {
        const bytes = Buffer.from(encodeHealthRequest(service))
        const text = Buffer.from(service)
        const prefix = bytes.subarray(1, bytes.length - text.length)
        expect(bytes[0]).toBe(0x0a)
        expect(prefix.reduce((sum, byte, at) => sum + (byte & 127) * 128 ** at, 0)).toBe(
          text.length,
        )
        expect(bytes.subarray(-text.length).equals(Buffer.from(text))).toBe(true)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          expect(readServingStatus(bytes)).toMatch(/^[A-Z_]+$/)
        } catch (error) {
          expect(String(error)).toContain('cannot be read')
        }
      }),
    )
  })
})

describe('grpcProbe with TLS', () => {
  it('trusts what it is told to, by the name of the address', async (context) => {
    needs(context, hasOpenssl, 'openssl is not installed')
    const authority = createAuthority()
    cleanUp.push(() => authority.remove())
    const { key, cert } = authority.issue('grpc.test', 'DNS:grpc.test')
    const credentials = ServerCredentials.createSsl(null, [
      { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) },
    ])
    const port = await listening(healthServer({ '': 'SERVING' }).server, credentials)
    const policy = createAddressPolicy({ resolve: async () => ['127.0.0.1'] })
    const tls = { ca: authority.ca }
    expect(await ask({ policy, tls }, `grpc.test:${port}`)).toEqual({ status: 'healthy' })
    for (const wrong of [`other.test:${port}`, `127.0.0.1:${port}`])
      expect(await ask({ policy, tls }, wrong), wrong).toMatchObject({ status: 'unhealthy' })
    for (const strict of [`https://grpc.test:${port}`, `grpcs://grpc.test:${port}`])
      expect(await ask({ policy }, strict), strict).toMatchObject({
        status: 'unhealthy',
        message: expect.stringMatching(/certificate/),
      })
    expect(await ask({ policy, tls: false }, `https://grpc.test:${port}`)).toMatchObject({
      status: 'unhealthy',
    })
  })
})

describe('a package that is not installed', () => {
  const absent = (name: string): Error =>
    Object.assign(new Error(`Cannot find package '${name}' imported from x`), {
      code: 'ERR_MODULE_NOT_FOUND',
    })
  const load = (error: Error) =>
    optionalPackage('gRPC', '@grpc/grpc-js', '^1.14', () => Promise.reject(error))

  it('is named, with the command that installs it', async () => {
    const missing = load(absent('@grpc/grpc-js'))
    await expect(missing).rejects.toBeInstanceOf(MissingPeerError)
    await expect(missing).rejects.toThrow(
      'gRPC needs the package @grpc/grpc-js, which is not installed; run: npm install @grpc/grpc-js@^1.14',
    )
  })

  it('is not blamed for what it needs itself, or throws', async () => {
    for (const error of [absent('long'), new Error('broken')])
      await expect(load(error)).rejects.toBe(error)
  })
})

async function tcpPort(server: TcpServer): Promise<number> {
  cleanUp.push(() => server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}
