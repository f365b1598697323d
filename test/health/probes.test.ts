import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import {
  type AddressInfo,
  createServer as createTcpServer,
  type Server as TcpServer,
} from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import {
  createAddressPolicy,
  functionProbe,
  httpProbe,
  InvalidRegistrationError,
  type Probe,
  ServiceRegistry,
  tcpProbe,
  webSocketProbe,
} from '../../src/index.js'

const servers: (Server | TcpServer)[] = []
afterEach(() => {
  for (const server of servers.splice(0)) {
    if ('closeAllConnections' in server) server.closeAllConnections()
    server.close()
  }
})

async function listening<T extends Server | TcpServer>(
  server: T,
  host = '127.0.0.1',
): Promise<number> {
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return (server.address() as AddressInfo).port
}

async function closedPort(): Promise<number> {
  const server = createTcpServer()
  const port = await listening(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** How a registry finds a provider at this address, asked by this probe. */
async function health(probe: Probe, address?: string, timeoutMs = 2_000): Promise<unknown> {
  const registry = new ServiceRegistry<{ llm: object }>()
  let problem: unknown
  const told: Probe = {
    name: probe.name,
    async check(provider, signal) {
      try {
        return await probe.check(provider, signal)
      } catch (error) {
        problem = error
        throw error
      }
    },
  }
  registry.register({
    service: 'llm',
    name: 'a',
    provider: {},
    address,
    health: { probe: told, timeoutMs },
  })
  await registry.healthCheckAll()
  const found = registry.get('a')?.health
  await registry.close()
  return problem instanceof Error ? problem.message : found
}

/** A server for WebSockets by hand, so that it can be wrong. */
function socketServer(accept: (key: string) => string, seen: IncomingMessage[] = []): Server {
  const server = createServer((request, response) => {
    seen.push(request)
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
  })
  server.on('upgrade', (request, socket) => {
    seen.push(request)
    socket.on('error', () => {})
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n' +
        `sec-websocket-accept: ${accept(request.headers['sec-websocket-key'] ?? '')}\r\n\r\n`,
    )
  })
  return server
}

const right = (key: string): string =>
  createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')

describe('tcpProbe', () => {
  it('is well when something accepts, by the address or by host and port', async () => {
    const port = await listening(createTcpServer())
    expect(await health(tcpProbe(), `http://127.0.0.1:${port}/path`)).toBe('healthy')
    expect(await health(tcpProbe(), `127.0.0.1:${port}`)).toBe('healthy')
    expect(await health(tcpProbe({ host: '127.0.0.1', port }))).toBe('healthy')
    expect(await health(tcpProbe({ port }), 'http://127.0.0.1:1')).toBe('healthy')
  })

  it('B-D5: reaches what listens on IPv6 alone', async () => {
    const port = await listening(createTcpServer(), '::1')
    expect(await health(tcpProbe(), `http://[::1]:${port}`)).toBe('healthy')
  })

  it('sends nothing', async () => {
    const received: Buffer[] = []
    const closed = new Promise<void>((resolve) => {
      const server = createTcpServer((socket) => {
        socket.on('data', (data) => received.push(data))
        socket.on('close', resolve)
      })
      void listening(server).then((port) => health(tcpProbe({ host: '127.0.0.1', port })))
    })
    await closed
    expect(received).toEqual([])
  })

  it('is not well where nobody listens, without an address, or with one that cannot be read', async () => {
    expect(await health(tcpProbe(), `127.0.0.1:${await closedPort()}`)).toContain('ECONNREFUSED')
    expect(await health(tcpProbe())).toBe(
      'it has no address to probe: give tcpProbe a host and a port',
    )
    expect(await health(tcpProbe(), 'http://')).toContain('cannot be read')
    expect(await health(tcpProbe(), '127.0.0.1')).toBe('its address names no port to probe')
  })
})

describe('tcpProbe and webSocketProbe', () => {
  it('connect to no address that their policy forbids, and by default to none that is public', async () => {
    let reached = 0
    const server = createTcpServer(() => {
      reached += 1
    })
    const port = await listening(server)
    const policy = createAddressPolicy({ privateNetworks: false })
    const address = `http://127.0.0.1:${port}`
    for (const probe of [tcpProbe({ policy }), webSocketProbe({ policy })])
      expect(await health(probe, address)).toMatch(/127\.0\.0\.1/)
    for (const probe of [tcpProbe(), webSocketProbe()])
      for (const forbidden of [
        'http://169.254.169.254:80',
        'http://192.0.2.1:80',
        'http://0.0.0.0:80',
      ])
        expect(await health(probe, forbidden), forbidden).not.toBe('healthy')
    const rebinding = createAddressPolicy({ resolve: async () => ['169.254.169.254'] })
    for (const probe of [tcpProbe({ policy: rebinding }), webSocketProbe({ policy: rebinding })])
      expect(await health(probe, 'http://metadata.internal:80')).toContain('169.254.169.254')
    expect(reached).toBe(0)
  })

  it('connect to the address that was checked, whatever the name leads to', async () => {
    const port = await listening(createTcpServer())
    const policy = createAddressPolicy({ resolve: async () => ['127.0.0.1'] })
    expect(await health(tcpProbe({ policy }), `http://nowhere.invalid:${port}`)).toBe('healthy')
  })
})

describe('httpProbe', () => {
  /** Answers each path with the status it names, and a body. */
  const statusServer = (seen: IncomingMessage[] = []): Server =>
    createServer((request, response) => {
      seen.push(request)
      const status = Number(request.url?.slice(1)) || 200
      response.writeHead(status, { location: '/200', 'content-type': 'application/json' })
      response.end(JSON.stringify({ loaded: false, version: '0.3' }))
    })

  it.each<[string, number[] | undefined, string]>([
    ['/200', undefined, 'healthy'],
    ['/204', undefined, 'healthy'],
    ['/302', undefined, 'unhealthy'],
    ['/404', undefined, 'unhealthy'],
    ['/503', undefined, 'unhealthy'],
    ['/401', [200, 401], 'healthy'],
    ['/204', [200], 'unhealthy'],
  ])('finds %s with %j expected %s', async (path, expect_, found) => {
    const address = `http://127.0.0.1:${await listening(statusServer())}`
    expect(await health(httpProbe({ path, expect: expect_ }), address)).toBe(found)
    expect(await health(httpProbe({ expect: expect_ }), `${address}${path}`)).toBe(found)
    expect(await health(httpProbe({ url: `${address}${path}`, expect: expect_ }))).toBe(found)
  })

  it('reads the body where it is asked to, and sends its headers', async () => {
    const seen: IncomingMessage[] = []
    const port = await listening(statusServer(seen))
    const probe = httpProbe({
      headers: { authorization: 'Bearer x' },
      read: (body) => ({ status: (body as { loaded: boolean }).loaded ? 'healthy' : 'loading' }),
    })
    expect(await health(probe, `http://127.0.0.1:${port}/200`)).toBe('loading')
    expect(await health(probe, `http://127.0.0.1:${port}/500`)).toBe('unhealthy')
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer x' })
    expect(seen[0]?.headers.origin).toBeUndefined()
  })

  it('follows no redirect', async () => {
    const seen: IncomingMessage[] = []
    const port = await listening(statusServer(seen))
    expect(await health(httpProbe(), `http://127.0.0.1:${port}/302`)).toBe('unhealthy')
    expect(seen.map(({ url }) => url)).toEqual(['/302'])
  })

  it('is not well where nobody answers, and asks no address that its policy forbids', async () => {
    expect(await health(httpProbe(), `http://127.0.0.1:${await closedPort()}`)).toContain(
      '127.0.0.1',
    )
    expect(await health(httpProbe(), 'http://169.254.169.254/latest')).toContain('169.254')
    const policy = createAddressPolicy({ privateNetworks: false })
    const port = await listening(statusServer())
    expect(await health(httpProbe({ policy }), `http://127.0.0.1:${port}`)).not.toBe('healthy')
    expect(await health(httpProbe())).toContain('give httpProbe a url')
  })
})

describe('webSocketProbe', () => {
  it('is well when the handshake succeeds, says goodbye and never sends an origin', async () => {
    const seen: IncomingMessage[] = []
    const port = await listening(socketServer(right, seen))
    const headers = { Origin: 'https://example.org', authorization: 'Bearer x', Upgrade: 'h2c' }
    const probe = webSocketProbe({ path: '/ws?client=1', headers })
    expect(await health(probe, `http://127.0.0.1:${port}`)).toBe('healthy')
    expect(await health(webSocketProbe(), `ws://127.0.0.1:${port}/own`)).toBe('healthy')
    expect(await health(webSocketProbe({ url: `ws://127.0.0.1:${port}/x` }))).toBe('healthy')
    expect(seen.map(({ url }) => url)).toEqual(['/ws?client=1', '/own', '/x'])
    expect(seen[0]?.headers).toMatchObject({ authorization: 'Bearer x', upgrade: 'websocket' })
    expect(
      seen.flatMap(({ rawHeaders }) => rawHeaders.map((one) => one.toLowerCase())),
    ).not.toContain('origin')
  })

  it('is not well when the key is wrong, or it is no WebSocket', async () => {
    const wrong = await listening(socketServer(() => 'bm8='))
    expect(await health(webSocketProbe(), `http://127.0.0.1:${wrong}`)).toContain('wrong key')
    const page = createServer((_, response) => response.end('<html>'))
    expect(await health(webSocketProbe(), `http://127.0.0.1:${await listening(page)}`)).toBe(
      'answered with status 200, not as a WebSocket',
    )
    const gone = createTcpServer((socket) => socket.destroy())
    const address = `http://127.0.0.1:${await listening(gone)}`
    expect(await health(webSocketProbe(), address)).toMatch(/ECONNRESET|socket hang up/)
    expect(await health(webSocketProbe())).toContain('give webSocketProbe a url')
  })

  it('ends with its time', async () => {
    const closed = new Promise<void>((resolve) => {
      const server = createTcpServer((socket) => {
        socket.on('error', () => {})
        socket.on('close', () => resolve())
        socket.resume() // who does not read does not see that the other side has gone
      })
      void listening(server).then((port) =>
        health(webSocketProbe(), `http://127.0.0.1:${port}`, 50),
      )
    })
    await closed
  })
})

describe('a probe', () => {
  it('row 49: asks with GET or not at all, so it costs nothing', async () => {
    const seen: IncomingMessage[] = []
    const port = await listening(socketServer(right, seen))
    for (const probe of [tcpProbe(), webSocketProbe(), httpProbe({ path: '/health' })])
      expect(await health(probe, `http://127.0.0.1:${port}`)).toBe('healthy')
    expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET'])
    expect(seen[0]?.headers['content-length']).toBeUndefined()
  })

  it('can be a function, which gets the record and a signal', async () => {
    const seen: unknown[] = []
    const probe = functionProbe(({ address }, signal) => {
      seen.push(address, signal.aborted)
      return { status: 'degraded' }
    })
    expect(await health(probe, 'http://a')).toBe('degraded')
    expect(seen).toEqual(['http://a', false])
    expect(functionProbe(() => true, 'mine').name).toBe('mine')
  })

  it('goes before isHealthy, and is asked with the record as it is now', async () => {
    const registry = new ServiceRegistry<{ llm: object }>()
    const seen: unknown[] = []
    const probe = functionProbe(({ version }) => seen.push(version) > 0)
    const provider = { isHealthy: () => false }
    registry.register({ service: 'llm', name: 'a', provider, version: '1', health: { probe } })
    await registry.healthCheckAll()
    registry.update('a', { version: '2' })
    await registry.healthCheckAll()
    expect(seen).toEqual(['1', '2'])
    await registry.close()
  })

  it.each<[object, string]>([
    [{ check: () => true, probe: tcpProbe() }, 'health.probe: expected either check or probe'],
    [{ probe: () => true }, 'health.probe: expected a probe, with a name and a check function'],
    [{ probe: { name: 'x' } }, 'health.probe: expected a probe'],
    [{ intervalMs: 0 }, 'health.intervalMs'],
    [{ timeoutMs: -1 }, 'health.timeoutMs'],
    [{ rise: 0 }, 'health.rise'],
    [{ fall: 1.5 }, 'health.fall'],
    [{ slowMs: Number.NaN }, 'health.slowMs'],
    [{ every: 1 }, 'health.every'],
  ])('%j is refused', (given, message) => {
    const registry = new ServiceRegistry()
    const register = () => registry.register({ service: 'llm', provider: {}, health: given })
    expect(register).toThrow(InvalidRegistrationError)
    expect(register).toThrow(message)
    expect(registry.list()).toEqual([])
  })

  it.each([{ concurrency: 0 }, { monitor: 'yes' }, { rise: 0 }, { fall: -1 }, { slowMs: 0 }])(
    'a registry refuses %j',
    (health) => {
      expect(() => new ServiceRegistry({ health: health as object })).toThrow('health.')
    },
  )
})
