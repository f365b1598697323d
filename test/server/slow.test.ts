import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServer } from '../../src/server/index.js'
import { listen } from '../../src/server/rest/listen.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { service } from './operations-of.js'
import { ask, openEvents } from './rest-client.js'

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

async function allOf(socket: Socket): Promise<string> {
  let text = ''
  for await (const part of socket.setEncoding('utf8')) text += part
  return text
}

describe('a client that takes too long', () => {
  /** Sends a byte whenever there is time for it, and never comes to an end. */
  function drip(socket: Socket): void {
    const timer = setInterval(() => socket.write('x'), 5)
    onTestFinished(() => clearInterval(timer))
    socket.on('close', () => clearInterval(timer))
  }

  const impatient = {
    headersTimeout: 60,
    requestTimeout: 120,
    connectionsCheckingInterval: 20,
    stillTimeout: 60_000,
  }

  it.each([
    ['the head of a request', 'GET /health HTTP/1.1\r\nhost: x\r\nx-slow: '],
    [
      'its body',
      'POST /api/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999\r\n\r\n',
    ],
  ])('for %s is told so, and disconnected', async (_, begin) => {
    const read: Promise<string>[] = []
    const answer = async (request: Request): Promise<Response> => {
      read.push(request.text().catch(() => 'cut off'))
      return new Response(await read[0])
    }
    const listening = await listen(answer, { host: '127.0.0.1', port: 0, limits: impatient })
    onTestFinished(() => listening.cut())
    const socket = await connected(listening.port)
    socket.write(begin)
    drip(socket)
    expect(await allOf(socket)).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"REQUEST_TIMEOUT"/)
    expect(await Promise.all(read)).toEqual(read.map(() => 'cut off'))
    await listening.close()
  })
})

it('a client that takes nothing of its answer is hung up on', async () => {
  let letGo = (): void => {}
  const over = new Promise<void>((resolve) => {
    letGo = resolve
  })
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
    cancel: () => letGo(),
  })
  const limits = {
    headersTimeout: 10_000,
    requestTimeout: 30_000,
    connectionsCheckingInterval: 5_000,
    stillTimeout: 50,
  }
  const listening = await listen(async () => new Response(endless), {
    host: '127.0.0.1',
    port: 0,
    limits,
  })
  const socket = await connected(listening.port)
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  await once(socket, 'readable') // and never again
  await over
  await listening.close()
})

it('a client that goes in the midst of a body is no failure of the server', async () => {
  const said: unknown[] = []
  const quiet = { debug() {}, info() {}, warn() {} }
  const logger = { ...quiet, error: (...words: unknown[]) => void said.push(words) }
  const server = await createServer({ port: 0, logger })
  onTestFinished(() => server.close())
  const socket = await connected(Number(new URL(server.urls.rest).port))
  socket.write('POST /api/register HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{"id"')
  const others = () => ask(server.urls.rest, '/health')
  await others().then(others)
  socket.resetAndDestroy()
  await once(socket, 'close')
  await others().then(others)
  expect([said, server.operations.list()]).toEqual([[], []])
})

describe('a watcher', () => {
  it('that reads nothing is disconnected, and costs nobody else anything', async () => {
    const clock = new FakeClock(1_795_000_000_000)
    const server = await createServer({ port: 0, clock, changesKept: 1_000_000 })
    onTestFinished(() => server.close())
    const socket = await connected(Number(new URL(server.urls.rest).port))
    socket.write('GET /v1/changes HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'readable') // and never again
    socket.pause()
    const other = await openEvents(server.urls.rest, '/v1/changes')
    await other.next()
    // More than the buffers of both ends take.
    const metadata = { text: 'x'.repeat(200_000) }
    for (let n = 0; n < 60; n += 1)
      await server.operations.register(service(`s${n}`, { metadata }), {})
    for (let n = 0; n < 60; n += 1)
      expect((await other.next()).data).toMatchObject({
        type: 'registered',
        entry: { id: `s${n}` },
      })
    for (let quarter = 0; quarter < 6; quarter += 1) await clock.advance(15_000)
    await server.operations.register(service('last'), {})
    expect((await other.next()).data).toMatchObject({ entry: { id: 'last' } })
    expect((await ask(server.urls.rest, '/health')).status).toBe(200)
    await server.close() // with a clock that stands still: nobody is left to wait for
  })
})
