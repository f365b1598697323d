import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createAddressPolicy } from '../../src/core/address.js'
import { settled } from '../../src/core/clock.js'
import { closeIdleConnections, connections, waits } from '../../src/core/connection.js'
import { HttpError } from '../../src/core/errors.js'
import { type FetchOptions, fetchAnswer, streamLines } from '../../src/core/http.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { needs } from '../house/needs.js'
import { deferred, serve, serveRaw } from './servers.js'

/** How it failed; the test fails if it did not, or said nothing. */
async function failure(asked: Promise<unknown>): Promise<HttpError> {
  const error: unknown = await asked.then(
    (answer) => expect.fail(`answered ${JSON.stringify(answer)}`),
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof HttpError)) throw error
  expect(error.message.length).toBeGreaterThan(error.url.length + 10)
  expect(error.message).not.toContain('undefined')
  return error
}

const kindOf = async (url: string, options?: FetchOptions): Promise<string> =>
  (await failure(fetchAnswer(url, options))).kind

/** A server whose answers are `text`, byte for byte, and that then hangs up. */
const saying = (text: string | Buffer) => serveRaw((socket) => socket.end(text))

const ok = (body: string, headers = ''): string =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`

describe('an answer', () => {
  it('has status, headers, text and JSON', async () => {
    const { url } = await serve((_, response) => {
      response.setHeader('X-Many', ['a', 'b'])
      response.statusCode = 503
      response.end('{"status":"loading"}')
    })
    const answer = await fetchAnswer(`${url}/health`)
    expect(answer).toMatchObject({ status: 503, text: '{"status":"loading"}' })
    expect(answer.headers['x-many']).toBe('a, b')
    expect(answer.json()).toEqual({ status: 'loading' })
  })

  it('comes to a request that says no more than it must', async () => {
    const seen: unknown[] = []
    const { url, port } = await serve((request, response) => {
      seen.push(request.method, request.url, request.headers)
      response.end()
    })
    await fetchAnswer(`${url}/a%20b?c=1#d`, {
      headers: { Origin: 'http://evil', HOST: 'evil', 'X-Key': 'k', 'Accept-Encoding': 'gzip' },
    })
    expect(seen).toEqual([
      'GET',
      '/a%20b?c=1',
      {
        host: `127.0.0.1:${port}`,
        connection: 'keep-alive',
        accept: 'application/json',
        'user-agent': 'switchgear',
        'x-key': 'k',
        'accept-encoding': 'identity',
      },
    ])
  })

  it('comes to a posted JSON body', async () => {
    const { url } = await serve((request, response) => {
      response.setHeader('content-type', request.headers['content-type'] ?? '')
      response.setHeader('x-method', request.method ?? '')
      request.pipe(response)
    })
    const answer = await fetchAnswer(url, { body: { a: 'ü' } })
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json',
      'x-method': 'POST',
    })
    expect(answer.json()).toEqual({ a: 'ü' })
  })

  it.each([
    ['[1,2]', 'text/html', [1, 2]],
    ['\ufeff{"a":1}', 'image/png', { a: 1 }],
    ['null', 'text/plain', null],
    ['<!doctype html><p>{"a":1}', 'application/json', undefined],
    ['{"a":', 'application/json', undefined],
    ['', 'application/json', undefined],
    ['NaN', 'application/json', undefined],
    [`${'['.repeat(200_000)}`, 'application/json', undefined],
  ])('%.20j as %s is read as JSON if it is JSON', async (body, type, expected) => {
    const { url } = await saying(ok(body, `content-type: ${type}\r\n`))
    expect((await fetchAnswer(url)).json()).toEqual(expected)
  })

  it('keeps keys that would pollute to itself', async () => {
    const { url } = await saying(ok('{"__proto__":{"x":1}}', '__proto__: y\r\n'))
    const { headers, json } = await fetchAnswer(url)
    expect(Object.hasOwn(headers, '__proto__')).toBe(true)
    expect(Object.keys(json() ?? {})).toEqual(['__proto__'])
    expect({}).not.toHaveProperty('x')
  })

  it('is a redirect as it stands, even to a metadata address', async () => {
    const { url, sockets } = await saying(
      'HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n',
    )
    const answer = await fetchAnswer(url)
    expect([answer.status, answer.headers.location]).toEqual([302, 'http://169.254.169.254/latest'])
    expect(sockets).toHaveLength(1)
  })

  it('may be only a head, when the body is not wanted', async () => {
    const { url, allClosed } = await serve((_, response) => {
      response.writeHead(404, { 'content-type': 'text/html' })
      response.write('x'.repeat(100_000)) // and never ends
    })
    const answer = await fetchAnswer(url, { wants: ({ status }) => status === 200 })
    expect([answer.status, answer.text]).toEqual([404, ''])
    await allClosed()
  })

  it('does not go through a proxy, whatever the environment says', async () => {
    const proxy = await serve((_, response) => response.end('proxied'))
    const { url } = await serve((_, response) => response.end('direct'))
    const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']
    const before = names.map((name) => [name, process.env[name]] as const)
    onTestFinished(() => {
      for (const [name, value] of before)
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
    })
    for (const name of names) process.env[name] = name.startsWith('NODE') ? '1' : proxy.url
    expect((await fetchAnswer(url)).text).toBe('direct')
    expect(proxy.sockets).toHaveLength(0)
  })

  it('is found on ::1 by address and by name (B-D5)', async (context) => {
    const server = await serve((_, response) => response.end('six'), '::1').catch(() => undefined)
    needs(context, server !== undefined, 'this machine has no ::1')
    const { url = '', port = 0 } = server ?? {}
    expect((await fetchAnswer(url)).text).toBe('six')
    const policy = createAddressPolicy({ resolve: async () => ['127.0.0.1', '::1'] })
    expect((await fetchAnswer(`http://localhost:${port}`, { policy })).text).toBe('six')
  })
})

describe('a failure says what kind it is', () => {
  it.each([
    ['garbage', 'SSH-2.0-OpenSSH_9.6\r\n', 'protocol'],
    ['a broken status', 'HTTP/1.1 abc\r\n\r\n', 'protocol'],
    ['nothing', '', 'reset'],
    ['an end within the headers', 'HTTP/1.1 200 OK\r\nx: y', 'reset'],
    ['an end within the body', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc', 'reset'],
    [
      'an end within a chunk',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab',
      'reset',
    ],
    [
      'a bad chunk',
      'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n',
      'protocol',
    ],
    ['huge headers', `HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, 'too-large'],
    ['a coding nobody asked for', ok('xx', 'content-encoding: gzip\r\n'), 'protocol'],
  ])('for %s', async (_, text, kind) => {
    const { url, allClosed } = await saying(text)
    expect(await kindOf(url, { timeoutMs: 5_000 })).toBe(kind)
    await allClosed()
  })

  it('for a port where nobody listens, also by a name with several addresses (B-D7)', async () => {
    const { port, url } = await serve(() => {})
    const policy = createAddressPolicy({ resolve: async () => ['::1', '127.0.0.2'] })
    const asked = fetchAnswer(`http://localhost:${port}/x`, { policy })
    const { kind, message } = await failure(asked)
    expect([kind, message]).toEqual([
      'refused',
      `http://localhost:${port}/x refused the connection or cannot be reached; check that it runs there (ECONNREFUSED)`,
    ])
    expect(url).toContain(String(port))
  })

  it.each([
    ['http://169.254.169.254/', 'forbidden'],
    ['http://8.8.8.8/', 'forbidden'],
    ['http://127.0.0.1:0/', 'forbidden'],
    ['http://127.0.0.1:-1/', 'forbidden'],
    ['http://127.0.0.1:70000/', 'forbidden'],
    ['http://127.0.0.1:http/', 'forbidden'],
    ['http://u:p@127.0.0.1/', 'forbidden'],
    ['nonsense', 'forbidden'],
    ['ws://127.0.0.1:1/', 'protocol'],
  ])('for %s', async (url, kind) => {
    expect(await kindOf(url)).toBe(kind)
  })

  it('for names that lead nowhere, or where they may not', async () => {
    const to = (...addresses: string[]) => ({
      policy: createAddressPolicy({ resolve: async () => addresses }),
    })
    expect(await failure(fetchAnswer('http://gpu-1/x', to()))).toMatchObject({
      kind: 'dns',
      url: 'http://gpu-1/x',
      message: 'http://gpu-1/x has a name that could not be resolved; check the name (no address)',
    })
    expect(await kindOf('http://gpu-1/', to('127.0.0.1', '169.254.169.254'))).toBe('forbidden')
  })

  it('for TLS where none is spoken', async () => {
    const { port } = await serve((_, response) => response.end())
    expect(await kindOf(`https://127.0.0.1:${port}/`)).toBe('tls')
  })

  it('without what may be secret', async () => {
    const { port } = await serve(() => {})
    const error = await failure(fetchAnswer(`https://127.0.0.1:${port}/a?key=secret`))
    expect(`${error.message} ${error.url}`).not.toContain('secret')
    expect(error.url).toBe(`https://127.0.0.1:${port}/a`)
  })

  it('for a header that cannot be sent', async () => {
    const { url } = await serve((_, response) => response.end())
    expect(await kindOf(url, { headers: { 'x-a': 'b\r\nx-evil: 1' } })).toBe('protocol')
  })
})

describe('limits', () => {
  it('stop an endless body at maxBytes, and close the connection', async () => {
    let sent = 0
    const { url, allClosed } = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      const more = (): void => {
        sent += 65_536
        if (!socket.destroyed) socket.write(Buffer.alloc(65_536), more)
      }
      more()
    })
    const error = await failure(fetchAnswer(url, { maxBytes: 300_000 }))
    expect([error.kind, error.status]).toEqual(['too-large', 200])
    await allClosed()
    expect(sent).toBeLessThan(100_000_000)
  })

  it('let a body of exactly maxBytes through', async () => {
    const { url } = await saying(ok('x'.repeat(1_000)))
    expect((await fetchAnswer(url, { maxBytes: 1_000 })).text).toHaveLength(1_000)
    expect(await kindOf(url, { maxBytes: 999 })).toBe('too-large')
  })

  it.each([
    ['never answers', ''],
    ['drips its headers', 'HTTP/1.1 200 OK\r\nx-a: '],
    ['drips its body', 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc'],
  ])('end a request whose server %s', async (_, text) => {
    const clock = new FakeClock()
    const asked = deferred<void>()
    const { url, allClosed } = await serveRaw((socket) => {
      socket.write(text, () => asked.resolve())
    })
    const failed = failure(fetchAnswer(url, { clock, timeoutMs: 900 }))
    await asked.promise
    await clock.advance(899)
    await clock.advance(1)
    const { kind, message } = await failed
    expect([kind, message]).toEqual(['timeout', `${url}/ did not answer completely within 900 ms`])
    await allClosed()
  })

  it('end a name resolution that hangs, and nobody connects afterwards', async () => {
    const clock = new FakeClock()
    const { port, sockets } = await serve((_, response) => response.end())
    const [called, late] = [deferred<void>(), deferred<string[]>()]
    const policy = createAddressPolicy({
      resolve: () => {
        called.resolve()
        return late.promise
      },
    })
    const url = `http://gpu-1:${port}/`
    const failed = failure(fetchAnswer(url, { clock, policy, connectTimeoutMs: 50 }))
    await called.promise
    await clock.advance(50)
    expect((await failed).message).toBe(`${url} could not be connected to within 50 ms`)
    late.resolve(['127.0.0.1'])
    for (let turn = 0; turn < 20; turn += 1) await settled()
    expect(sockets).toHaveLength(0)
  })

  it('of connecting end when the connection is there', async () => {
    const clock = new FakeClock()
    const hold = deferred<() => void>()
    const { url } = await serve((_, response) => hold.resolve(() => response.end('slow')))
    const asked = fetchAnswer(url, { clock, connectTimeoutMs: 50, timeoutMs: 1_000 })
    const answer = await hold.promise
    await clock.advance(500)
    answer()
    expect((await asked).text).toBe('slow')
  })
})

describe('a signal', () => {
  it('that is aborted already sends nothing', async () => {
    const { url, sockets } = await serve((_, response) => response.end())
    const reason = new Error('no need')
    const error = await failure(fetchAnswer(url, { signal: AbortSignal.abort(reason) }))
    expect([error.kind, error.cause]).toEqual(['aborted', reason])
    expect(sockets).toHaveLength(0)
  })

  it.each([
    ['waiting', ''],
    ['reading', 'HTTP/1.1 200 OK\r\n\r\nabc'],
  ])('ends a request that is %s', async (_, text) => {
    const controller = new AbortController()
    const { url, allClosed } = await serveRaw((socket) => {
      socket.write(text, () => controller.abort())
    })
    expect(await kindOf(url, { signal: controller.signal })).toBe('aborted')
    await allClosed()
  })

  it('ends it while undici is loaded or the connection made', async () => {
    const { url } = await serve((_, response) => response.end())
    for (let turns = 0; turns < 8; turns += 1) {
      const controller = new AbortController()
      const failed = failure(fetchAnswer(url, { signal: controller.signal }))
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve()
      controller.abort()
      expect((await failed).kind).toBe('aborted')
    }
  })
})

describe('the policy', () => {
  it('decides at each connection, and the name is not resolved behind its back', async () => {
    const { port, sockets } = await serve((_, response) => {
      response.setHeader('connection', 'close')
      response.end('mine')
    })
    const answers = [['127.0.0.1'], ['169.254.169.254']]
    let asked = 0
    const policy = createAddressPolicy({ resolve: async () => answers[asked++] ?? [] })
    const url = `http://rebind.example:${port}/`
    expect((await fetchAnswer(url, { policy })).text).toBe('mine')
    expect(asked).toBe(1)
    expect(await kindOf(url, { policy })).toBe('forbidden')
    expect(asked).toBe(2)
    expect(sockets).toHaveLength(1)
  })

  it('of one caller does not open connections for another', async () => {
    const { url } = await serve((_, response) => response.end('mine'))
    expect((await fetchAnswer(url)).text).toBe('mine')
    const policy = createAddressPolicy({ privateNetworks: false })
    expect(await kindOf(url, { policy })).toBe('forbidden')
  })

  it('sees user-info although a connection to that origin is idle', async () => {
    const { url, port } = await serve((_, response) => response.end('mine'))
    await fetchAnswer(url)
    expect(await kindOf(`http://u:p@127.0.0.1:${port}/`)).toBe('forbidden')
  })
})

describe('connections', () => {
  beforeEach(() => {
    closeIdleConnections()
  })

  it('serve one request after the other', async () => {
    const { url, sockets } = await serve((_, response) => response.end('x'))
    for (let i = 0; i < 5; i += 1) await fetchAnswer(url)
    expect(sockets).toHaveLength(1)
    await failure(fetchAnswer(url, { maxBytes: 0 }))
    await fetchAnswer(url)
    expect(sockets).toHaveLength(2)
  })

  it('are few when idle, and all gone when closed: 200 at once', async () => {
    const { url, sockets, allClosed } = await serve((request, response) => {
      response.end(request.url)
    })
    const paths = Array.from({ length: 200 }, (_, at) => `/${at}`)
    const answers = await Promise.all(
      paths.map((path) => fetchAnswer(url + path, { timeoutMs: 20_000, connectTimeoutMs: 20_000 })),
    )
    expect(answers.map(({ text }) => text)).toEqual(paths)
    const closed = closeIdleConnections()
    expect(closed).toBeGreaterThan(0)
    expect(closed).toBeLessThanOrEqual(32)
    expect(sockets.length).toBeLessThanOrEqual(200)
    await allClosed()
  })

  it('that the server closed while idle are not used again', async () => {
    const { url, sockets } = await serve((_, response) => response.end('x'))
    await fetchAnswer(url)
    sockets[0]?.destroy()
    expect((await fetchAnswer(url)).text).toBe('x')
    expect(sockets).toHaveLength(2)
  })

  it('that the server closes as the next request comes are replaced once', async () => {
    let requests = 0
    const { url, sockets } = await serveRaw((socket) => {
      requests += 1
      if (requests === 2) socket.destroy()
      else socket.write(ok('x'))
    })
    await fetchAnswer(url)
    expect((await fetchAnswer(url)).text).toBe('x')
    expect([requests, sockets.length]).toEqual([3, 2])
  })

  it('do not repeat what may have done something', async () => {
    let requests = 0
    const { url } = await serveRaw((socket) => {
      requests += 1
      if (requests === 2) socket.destroy()
      else socket.write(ok('x'))
    })
    await fetchAnswer(url)
    expect(await kindOf(url, { body: {} })).toBe('reset')
    expect(requests).toBe(2)
  })
})

describe('many at once', () => {
  /** Fills the process with exchanges that end when told. */
  async function crowd(count: number) {
    const held: (() => void)[] = []
    const { url, sockets } = await serve((_, response) => {
      held.push(() => response.end('x'))
    })
    const stops = Array.from({ length: count }, () => new AbortController())
    const asked = stops.map(({ signal }) =>
      fetchAnswer(url, { signal, timeoutMs: 60_000, connectTimeoutMs: 60_000 }),
    )
    onTestFinished(async () => {
      for (const stop of stops) stop.abort()
      await Promise.allSettled(asked)
    })
    await expect.poll(() => held.length, { timeout: 20_000 }).toBe(Math.min(count, 256))
    return { url, sockets, held, asked }
  }

  it('are no more than 256 connections; the others wait, in order', async () => {
    const { sockets, held, asked } = await crowd(258)
    for (let turn = 0; turn < 20; turn += 1) await settled()
    expect([sockets.length, connections.waiting]).toEqual([256, 2])
    held[0]?.()
    await asked[0]
    await expect.poll(() => held.length).toBe(257)
    expect(connections.waiting).toBe(1)
    held[1]?.()
    await expect.poll(() => held.length).toBe(258)
  })

  it('wait within their own time, and leave the queue when it is over or they are aborted', async () => {
    const { url, held } = await crowd(256)
    const clock = new FakeClock()
    const controller = new AbortController()
    const late = failure(fetchAnswer(url, { clock, timeoutMs: 900 }))
    const aborted = failure(fetchAnswer(url, { signal: controller.signal }))
    await settled()
    expect(connections.waiting).toBe(2)
    controller.abort()
    expect((await aborted).kind).toBe('aborted')
    expect(connections.waiting).toBe(1)
    await clock.advance(900)
    expect((await late).message).toBe(`${url}/ did not answer completely within 900 ms`)
    expect([connections.waiting, held.length]).toEqual([0, 256])
  })

  it('do not count the calls of others, and do not hold them up', async () => {
    await crowd(257)
    const { url } = await serve((_, response) => response.end('x'))
    expect((await fetchAnswer(url, { use: 'call' })).text).toBe('x')
    expect(connections.waiting).toBe(1)
  })

  it('leave room for whoever is in a hurry, when they are waits in the background', async () => {
    const held: (() => void)[] = []
    const { url } = await serve((request, response) => {
      if (request.url === '/now') response.end('x')
      else held.push(() => response.end('x'))
    })
    const stops = Array.from({ length: 300 }, () => new AbortController())
    const waiting = stops.map(({ signal }) =>
      fetchAnswer(url, { signal, use: 'wait', timeoutMs: 60_000, connectTimeoutMs: 60_000 }),
    )
    onTestFinished(async () => {
      for (const stop of stops) stop.abort()
      await Promise.allSettled(waiting)
    })
    await expect.poll(() => held.length, { timeout: 20_000 }).toBe(128)
    expect((await fetchAnswer(`${url}/now`)).text).toBe('x')
    expect([held.length, waits.waiting, connections.waiting]).toEqual([128, 172, 0])
  })
})

describe('lines', () => {
  const collect = async (lines: AsyncIterable<string>): Promise<string[]> => {
    const all: string[] = []
    for await (const line of lines) all.push(line)
    return all
  }

  it('are cut wherever the chunks are', async () => {
    const text = '{"a":"ü€😀"}\n\r\ndata: x\r\n\nlast'
    for (const size of [1, 2, 3, 7, 100]) {
      const { url } = await serve(async (_, response) => {
        const bytes = Buffer.from(text)
        for (let at = 0; at < bytes.length; at += size) {
          response.write(bytes.subarray(at, at + size))
          await settled()
        }
        response.end()
      })
      expect(await collect(streamLines(url))).toEqual(['{"a":"ü€😀"}', '', 'data: x', '', 'last'])
    }
  })

  it('are counted each by itself', async () => {
    const { url } = await serve((_, response) => response.end('0123456789\n'.repeat(100)))
    expect(await collect(streamLines(url, { maxLineLength: 10 }))).toHaveLength(100)
  })

  it('of an answer that is none are an error with its status', async () => {
    const { url, allClosed } = await saying('HTTP/1.1 410 Gone\r\ncontent-length: 1\r\n\r\nx')
    const error = await failure(collect(streamLines(url)))
    expect([error.kind, error.status]).toEqual(['status', 410])
    await allClosed()
  })

  it('are no longer than allowed, in one chunk or many', async () => {
    const { url, allClosed } = await serve((_, response) => {
      response.write(`short\n${'x'.repeat(101)}`)
    })
    const seen: string[] = []
    const read = async (): Promise<void> => {
      for await (const line of streamLines(url, { maxLineLength: 100 })) seen.push(line)
    }
    expect((await failure(read())).kind).toBe('too-large')
    expect(seen).toEqual(['short'])
    await allClosed()
  })

  it('may keep one waiting for idleTimeoutMs, the time of the reader aside', async () => {
    const clock = new FakeClock()
    const hold = deferred<() => void>()
    const { url, allClosed } = await serve((_, response) => {
      response.write('one\n')
      hold.resolve(() => response.write('two\n'))
    })
    const lines = streamLines(url, { clock, timeoutMs: 100, idleTimeoutMs: 1_000 })
    expect(await lines.next()).toMatchObject({ value: 'one' })
    await clock.advance(10_000)
    const two = lines.next()
    await clock.advance(999)
    const send = await hold.promise
    send()
    expect(await two).toMatchObject({ value: 'two' })
    const failed = failure(lines.next())
    await clock.advance(1_000)
    expect((await failed).message).toBe(`${url}/ sent nothing more within 1000 ms`)
    await allClosed()
  })

  it('end with the signal', async () => {
    const controller = new AbortController()
    const { url, allClosed } = await serve((_, response) => response.write('one\n'))
    const lines = streamLines(url, { signal: controller.signal })
    expect(await lines.next()).toMatchObject({ value: 'one' })
    const failed = failure(lines.next())
    controller.abort()
    expect((await failed).kind).toBe('aborted')
    await allClosed()
  })

  it('are given up by a break, which closes the connection', async () => {
    const { url, allClosed } = await serve((_, response) => response.write('one\ntwo\n'))
    for await (const line of streamLines(url)) {
      expect(line).toBe('one')
      break
    }
    await allClosed()
  })

  it('end with an error when the connection does before the answer', async () => {
    const { url } = await serveRaw((socket) => {
      socket.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\none\n\r\n')
    })
    const seen: string[] = []
    const read = async (): Promise<void> => {
      for await (const line of streamLines(url)) seen.push(line)
    }
    expect((await failure(read())).kind).toBe('reset')
    expect(seen).toEqual(['one'])
  })
})
