import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'

/** Stands in for ComfyUI's server: its routes, its queue, and a real WebSocket. What runs is for the test to say. */
export class ComfyUIDouble {
  url = ''
  /** Requests so far, as `METHOD path`. */
  readonly asked: string[] = []
  readonly bodies: unknown[] = []
  readonly origins: (string | undefined)[] = []
  readonly running: string[] = []
  readonly pending: string[] = []
  readonly entries = new Map<string, object>()
  readonly files = new Map<string, Buffer>()
  /** Called with each run that is asked for. */
  onPrompt: (id: string, clientId: string) => void = () => {}
  /** Answers `POST /prompt` instead. */
  refusal: { readonly status: number; readonly body: unknown } | undefined
  hasSocket = true
  readonly #sockets = new Map<string, Duplex>()
  readonly #connections = new Set<Socket>()
  readonly #waiting: { readonly what: string; readonly tell: () => void }[] = []

  async start(): Promise<this> {
    const server = createServer((request, response) => void this.#answer(request, response))
    server.on('connection', (socket: Socket) => this.#connections.add(socket))
    server.on('upgrade', (request, socket) => this.#upgrade(request, socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    onTestFinished(() => {
      for (const socket of this.#connections) socket.destroy()
      server.close()
    })
    return this
  }

  /** Resolves when this was asked: now, or once it is. */
  async seen(what: string): Promise<void> {
    if (this.asked.includes(what)) return
    await new Promise<void>((tell) => this.#waiting.push({ what, tell }))
  }

  /** Says something on the WebSocket of this client. */
  say(clientId: string, type: string, data: object): void {
    this.frame(clientId, 0x81, Buffer.from(JSON.stringify({ type, data })))
  }

  frame(clientId: string, first: number, payload: Buffer): void {
    const { length } = payload
    const long = length > 65_535
    const head = Buffer.alloc(length < 126 ? 2 : long ? 10 : 4)
    head[0] = first
    head[1] = length < 126 ? length : long ? 127 : 126
    if (long) head.writeBigUInt64BE(BigInt(length), 2)
    else if (length > 125) head.writeUInt16BE(length, 2)
    this.#sockets.get(clientId)?.write(Buffer.concat([head, payload]))
  }

  hangUp(clientId: string): void {
    this.#sockets.get(clientId)?.destroy()
  }

  /** Takes a run from the queue into the history. */
  finish(id: string, outputs: object, status: object = { status_str: 'success', completed: true }) {
    for (const list of [this.running, this.pending])
      if (list.includes(id)) list.splice(list.indexOf(id), 1)
    this.entries.set(id, { prompt: [], outputs, status, meta: {} })
  }

  #upgrade(request: IncomingMessage, socket: Duplex): void {
    this.#note(request)
    socket.on('error', () => {})
    if (!this.hasSocket) {
      socket.end('HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n')
      return
    }
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
    const accept = createHash('sha1').update(key).digest('base64')
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`,
    )
    const clientId = new URL(request.url ?? '', this.url).searchParams.get('clientId') ?? ''
    this.#sockets.set(clientId, socket)
    this.say(clientId, 'status', { status: { exec_info: { queue_remaining: 0 } }, sid: clientId })
  }

  #note({ method, url = '', headers }: IncomingMessage): void {
    const what = `${method} ${url.replace(/\?.*/, '')}`
    this.origins.push(headers.origin)
    this.asked.push(what)
    for (const waiting of this.#waiting.filter((one) => one.what === what)) waiting.tell()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const text = Buffer.concat(parts).toString()
    const isJson = request.headers['content-type'] === 'application/json'
    const body = isJson ? JSON.parse(text) : text
    if (text !== '') this.bodies.push(body)
    const url = new URL(request.url ?? '', this.url)
    this.#route(`${request.method} ${url.pathname}`, url, body, response)
    this.#note(request)
  }

  #route(what: string, { pathname, searchParams }: URL, body: unknown, to: ServerResponse): void {
    const json = (value: unknown, status = 200): void => {
      to.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    }
    if (what === 'POST /prompt') this.#prompt(body as Prompt, json)
    else if (what === 'GET /queue')
      json({ queue_running: this.running.map(entry), queue_pending: this.pending.map(entry) })
    else if (what === 'POST /queue') {
      for (const id of (body as { delete: string[] }).delete)
        if (this.pending.includes(id)) this.pending.splice(this.pending.indexOf(id), 1)
      to.end()
    } else if (what === 'POST /interrupt') to.end()
    else if (what === 'POST /upload/image') json({ name: 'cat.png', subfolder: '', type: 'input' })
    else if (pathname.startsWith('/history/')) {
      const id = pathname.slice('/history/'.length)
      json(this.entries.has(id) ? { [id]: this.entries.get(id) } : {})
    } else if (what === 'GET /view') {
      const file = this.files.get(searchParams.get('filename') ?? '')
      if (file === undefined) to.writeHead(404).end()
      else to.writeHead(200, { 'content-type': 'image/png' }).end(file)
    } else to.writeHead(404).end()
  }

  #prompt({ client_id, prompt_id }: Prompt, json: (value: unknown, status?: number) => void): void {
    if (this.refusal !== undefined) {
      json(this.refusal.body, this.refusal.status)
      return
    }
    this.pending.push(prompt_id)
    json({ prompt_id, number: 1, node_errors: {} })
    this.onPrompt(prompt_id, client_id)
  }
}

interface Prompt {
  readonly client_id: string
  readonly prompt_id: string
}

const entry = (id: string) => [1, id, {}, {}, []]
