import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createServer, type ServerOptions } from '../../src/server/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { service } from './operations-of.js'
import { ask, openEvents } from './rest-client.js'

/** A server whose time stands still: nothing that it waits for is over by itself. */
async function still(options: ServerOptions = {}) {
  const clock = new FakeClock(1_795_000_000_000)
  const server = await createServer({ port: 0, clock, ...options })
  onTestFinished(() => server.close().catch(() => {}))
  const { port } = new URL(server.urls.rest)
  const open = async (head = ''): Promise<Socket> => {
    const socket = connect(Number(port), '127.0.0.1')
    socket.on('error', () => {})
    onTestFinished(() => void socket.destroy())
    await once(socket, 'connect')
    socket.write(head)
    return socket
  }
  return { server, clock, url: server.urls.rest, open }
}

const body = { id: 'in', name: 'In', capabilities: ['greet'], mode: 'embedded' }

describe('closing', () => {
  it('ends streams first, whole, and waits for nobody who has asked for nothing', async () => {
    const { server, url, open } = await still()
    const response = await fetch(`${url}/api/events`)
    const changes = await openEvents(url, '/v1/changes')
    await changes.next()
    const silent = [await open(), await open('GET /hea'), await open()]
    await ask(url, '/health')
    await server.close() // with a clock that stands still
    expect(await response.text()).toMatch(/^data: .*connected.*\n\n$/)
    await expect(changes.next()).rejects.toThrow('the stream has ended')
    for (const socket of silent) if (!socket.closed) await once(socket, 'close')
  })

  it('finishes what is under way', async () => {
    const { server, open } = await still()
    const text = JSON.stringify(body)
    const head = 'POST /api/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json'
    const socket = await open(
      `${head}\r\ncontent-length: ${text.length}\r\n\r\n${text.slice(0, 9)}`,
    )
    await expect.poll(() => ask(server.urls.rest, '/health').then(({ status }) => status)).toBe(200)
    const closed = server.close()
    socket.write(text.slice(9))
    let answer = ''
    for await (const part of socket.setEncoding('utf8')) answer += part
    expect(answer).toMatch(/^HTTP\/1.1 201 /)
    await closed
  })

  it('sends an answer whole to who takes its time to read it', async () => {
    const { server, open } = await still()
    const metadata = { text: 'x'.repeat(900_000) }
    for (let n = 0; n < 40; n += 1)
      await server.operations.register(service(`s${n}`, { metadata }), {})
    const socket = await open('GET /api/services HTTP/1.1\r\nhost: x\r\n\r\n')
    await once(socket, 'readable') // the head, and what the buffers take
    const closed = server.close()
    let text = ''
    for await (const part of socket.setEncoding('utf8')) text += part
    const [head = '', rest = ''] = text.split('\r\n\r\n')
    expect(rest).toHaveLength(Number(/content-length: (\d+)/.exec(head)?.[1]))
    await closed
  })

  it('cuts off after 3 s who reads nothing, and who sends nothing', async () => {
    const { server, clock, open } = await still()
    const head = 'POST /api/register HTTP/1.1\r\nhost: x\r\ncontent-type: application/json'
    const socket = await open(`${head}\r\ncontent-length: 900\r\n\r\n{"id": `)
    await expect.poll(() => ask(server.urls.rest, '/health').then(({ status }) => status)).toBe(200)
    let isClosed = false
    const closed = server.close().then(() => {
      isClosed = true
    })
    await clock.advance(2_999)
    expect(isClosed).toBe(false)
    await clock.advance(1)
    await closed
    if (!socket.closed) await once(socket, 'close')
  })

  it('waits 1.5 s for a store that does not answer', async () => {
    const store: Store = { ...memoryStore(), name: 'frozen', apply: () => new Promise(() => {}) }
    const { server, clock, open } = await still({ store })
    const socket = await open()
    server.registry.register({ service: 'x', name: 'x', provider: {}, address: 'x:1' })
    const closed = expect(server.close()).rejects.toMatchObject({
      code: 'SWITCHGEAR_STORE_FAILED',
      message: expect.stringContaining('within 1500 ms'),
    })
    await expect.poll(() => socket.closed).toBe(true) // by then it waits for the store
    await clock.advance(1_500)
    await closed
  })
})
