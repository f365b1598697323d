import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expect, onTestFinished } from 'vitest'
import type { FakeClock } from '../../src/testing/index.js'

export type Service = Readonly<Record<string, unknown>> & { readonly id: string }

interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly token: string | undefined
  readonly lastEventId: string | undefined
  readonly body: string
}

type Answer = (asked: Asked, response: ServerResponse) => boolean

/** A registry as the wire contract has it, that can be killed, forget everything, and answer nonsense. */
export class RegistryDouble {
  readonly services = new Map<string, Service>()
  readonly asked: Asked[] = []
  token: string | undefined
  /** Answers first; true when it did. */
  answerWith: Answer = () => false
  port = 0
  #server: Server | undefined
  #sequence = 0
  readonly #sockets = new Set<Socket>()
  readonly #streams = new Set<ServerResponse>()

  static async start(): Promise<RegistryDouble> {
    const double = new RegistryDouble()
    await double.start()
    onTestFinished(() => double.kill())
    return double
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get streams(): number {
    return this.#streams.size
  }

  /** On the port it had before, if it had one. */
  async start(): Promise<void> {
    const server = createServer((request, response) => {
      void this.#take(request, response)
    })
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.port, '127.0.0.1', resolve)
    })
    this.#server = server
    this.port = (server.address() as AddressInfo).port
  }

  /** At once, with every connection. */
  async kill(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    this.#streams.clear()
    if (server === undefined) return
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  count(method: string, path: string): number {
    return this.asked.filter((one) => one.method === method && one.path === path).length
  }

  add(service: Partial<Service> & { readonly id: string }): void {
    this.services.set(service.id, { ...plain, name: service.id, ...service })
    this.tell('service.registered', this.services.get(service.id))
  }

  remove(id: string): boolean {
    const was = this.services.delete(id)
    if (was) this.tell('service.unregistered', { id })
    return was
  }

  setStatus(id: string, status: string): void {
    const service = this.services.get(id)
    if (service === undefined) throw new Error(`no ${id}`)
    this.services.set(id, { ...service, status })
    this.tell('service.status_changed', { id, new_status: status })
  }

  tell(event: string, data: unknown): void {
    this.#sequence += 1
    const text = JSON.stringify({ event, timestamp: '2026-01-01T00:00:00Z', data })
    for (const stream of this.#streams) stream.write(`id: ${this.#sequence}\ndata: ${text}\n\n`)
  }

  /** The streams end as for a client that was too slow. */
  cutStreams(): void {
    for (const stream of this.#streams) stream.end()
    this.#streams.clear()
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { pathname: path, searchParams: query } = new URL(request.url ?? '', 'http://x')
    const token = request.headers.authorization?.replace('Bearer ', '')
    const asked = {
      method: request.method ?? '',
      path,
      query,
      token,
      lastEventId: request.headers['last-event-id']?.toString(),
      body: Buffer.concat(chunks).toString(),
    }
    this.asked.push(asked)
    if (this.answerWith(asked, response)) return
    if (this.token !== undefined && token !== this.token && !token?.startsWith('own-'))
      json(response, 401, { error: `Who is ${token}?`, code: 'UNAUTHENTICATED' })
    else if (path === '/api/events') this.#stream(response)
    else this.#answer(asked, response)
  }

  #stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`data: ${JSON.stringify({ event: 'connected', data: {} })}\n\n`)
    this.#streams.add(response)
    response.once('close', () => this.#streams.delete(response))
  }

  #answer({ method, path, query, body }: Asked, response: ServerResponse): void {
    const [, , kind = '', id = ''] = path.split('/').map(decodeURIComponent)
    const service = this.services.get(id)
    if (method === 'POST' && kind === 'register') {
      const given = JSON.parse(body) as Service
      this.add(given)
      json(response, 201, { status: 'registered', registration_token: `own-${given.id}` })
    } else if (kind === 'services' && id === '') {
      const capability = query.get('capability')
      const services = [...this.services.values()].filter(
        ({ capabilities, status }) =>
          capability === null ||
          (Array.isArray(capabilities) &&
            capabilities.includes(capability) &&
            status === 'healthy'),
      )
      json(response, 200, { services, count: services.length })
    } else if (kind === 'capabilities') {
      const found = [...this.services.values()].find(
        ({ capabilities }) => Array.isArray(capabilities) && capabilities.includes(id),
      )
      if (found === undefined) json(response, 404, { error: 'Capability not found' })
      else json(response, 200, found)
    } else if (service === undefined) json(response, 404, { error: 'Service not found' })
    else if (kind === 'heartbeat') json(response, 200, { message: 'Heartbeat received' })
    else if (method === 'DELETE') {
      this.remove(id)
      json(response, 200, { status: 'unregistered' })
    } else json(response, 200, service)
  }
}

const plain = {
  version: '1.0.0',
  capabilities: [] as readonly string[],
  location: '',
  mode: 'standalone',
  status: 'healthy',
  state: 'active',
  registered_at: '2026-01-01T00:00:00.000Z',
  last_seen: '2026-01-01T00:00:00.000Z',
  failed_checks: 0,
  metadata: {},
}

export function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

/** Requests are real, and need a moment between two steps of a clock that is not. */
const soon = { timeout: 15_000, interval: 20 }

/** Moves the clock on by steps until something comes to be so. */
export async function passing(
  clock: FakeClock,
  stepMs: number,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  await expect
    .poll(async () => {
      if (await isSo()) return true
      await clock.advance(stepMs)
      return isSo()
    }, soon)
    .toBe(true)
}

export async function becomes(isSo: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(isSo, soon).toBe(true)
}
