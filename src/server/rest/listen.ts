import type { OutgoingHttpHeaders, RequestListener, Server } from 'node:http'
import { createServer as createHttp } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { Server as NetServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { getRequestListener } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import type { ServerTls } from '../tls.js'
import type { Wire } from './app.js'
import { Connections } from './connections.js'

export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** Plain HTTP when left out. */
  readonly tls?: ServerTls | undefined
  /** How long a client may take, in milliseconds. */
  readonly limits?: Limits
}

export interface Limits {
  /** For the head of a request. */
  readonly headersTimeout: number
  /** For all of a request. */
  readonly requestTimeout: number
  /** How often is looked whose time is over. */
  readonly connectionsCheckingInterval: number
  /** Without a byte that comes or goes, such as while it takes nothing of its answer. */
  readonly stillTimeout: number
}

export interface Listening {
  readonly port: number
  /** Stops accepting, and resolves when the last answer is sent. */
  close(): Promise<void>
  /** Cuts off who is left. */
  cut(): void
}

const usualLimits: Limits = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
  stillTimeout: 60_000, // streams say something every 15 s
}

/** Answers requests over HTTP. Rejects with what `listen` fails with, such as EADDRINUSE. */
export async function listen(
  answer: (request: Request, wire: Wire) => Promise<Response>,
  { host, port, tls, limits = usualLimits }: ListenOptions,
): Promise<Listening> {
  const listener = getRequestListener(
    (request, { incoming, outgoing }) => answer(request, wireOf(incoming, outgoing, tls)),
    { overrideGlobalObjects: false, errorHandler: broken },
  )
  const connections = new Connections()
  const take: RequestListener = (request, response) => {
    if (request.httpVersion === '1.0') request.headers.host ??= 'localhost' // it had none yet
    connections.answer(request.socket, response)
    response.on('error', () => {}) // a client that has gone has nothing to be told
    void listener(request, response)
  }
  const server = serverFor(tls, limits, take)
  server.timeout = limits.stillTimeout // and then it is hung up on
  server.on('checkExpectation', take) // whatever is expected, the answer says what came of it
  server.on('connection', (socket) => connections.accept(socket))
  server.on('clientError', refuseGarbage)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    port: portOf(server),
    async close() {
      NetServer.prototype.close.call(server) // that of HTTP also drops what is written, but not sent
      await connections.drain()
      server.close()
    },
    cut: () => connections.cut(),
  }
}

function serverFor(tls: ServerTls | undefined, limits: Limits, answer: RequestListener): Server {
  // Of those who went away without a word nothing is kept.
  // Who does not say which host it means is told so by us, in JSON.
  const options = {
    ...limits,
    requireHostHeader: false,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  }
  if (tls === undefined) return createHttp(options, answer)
  const { cert, key, clientCa } = tls
  const secured = {
    ...options,
    cert,
    key,
    ca: clientCa,
    handshakeTimeout: limits.headersTimeout,
    requestCert: clientCa !== undefined,
    // Without one they are told so in words, and may still ask for /health.
    rejectUnauthorized: false,
  }
  return createHttps(secured, answer)
}

interface Incoming {
  readonly socket: Socket
  readonly headers: NodeJS.Dict<string | string[]>
  iterator(options: { readonly destroyOnReturn: boolean }): AsyncIterable<Uint8Array>
}

interface Outgoing {
  writeHead(status: number, headers: OutgoingHttpHeaders): unknown
  end(body: string): unknown
}

function wireOf(incoming: Incoming, outgoing: Outgoing, tls: ServerTls | undefined): Wire {
  const { socket } = incoming
  const isCertified = socket instanceof TLSSocket && socket.authorized
  return {
    remoteAddress: socket.remoteAddress ?? '',
    isTrusted: tls?.clientCa === undefined || isCertified,
    header(name) {
      const value = incoming.headers[name]
      return typeof value === 'string' ? value : value?.join(', ')
    },
    // Who is refused in the middle of a body still has to be told so.
    get body() {
      return incoming.iterator({ destroyOnReturn: false })
    },
    send(status, headers, body) {
      const length = body !== '' && { 'content-length': Buffer.byteLength(body) }
      outgoing.writeHead(status, { ...headers, ...length })
      outgoing.end(body)
      return RESPONSE_ALREADY_SENT
    },
    hangUp: () => void socket.destroy(),
  }
}

interface Refusal {
  readonly status: string
  readonly body: string
}

const refusal = (status: string, code: string, error: string): Refusal => ({
  status,
  body: JSON.stringify({ error, code }),
})

const noRequest = refusal('400 Bad Request', 'BAD_REQUEST', 'This is no request of HTTP')
const refusals: ReadonlyMap<string | undefined, Refusal> = new Map([
  [
    'ERR_HTTP_REQUEST_TIMEOUT',
    refusal('408 Request Timeout', 'REQUEST_TIMEOUT', 'The request did not come in time'),
  ],
  [
    'HPE_HEADER_OVERFLOW',
    refusal(
      '431 Request Header Fields Too Large',
      'HEADERS_TOO_LARGE',
      'The head of a request has at most 16 KiB',
    ),
  ],
])

/** What is not even HTTP, or comes too slowly. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, body } = refusals.get(error.code) ?? noRequest
  const head = [
    `HTTP/1.1 ${status}`,
    'connection: close',
    'content-type: application/json',
    'x-content-type-options: nosniff',
    `content-length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** What does not even make a request, such as a Host that is none. */
const broken = (): Response =>
  new Response(noRequest.body, {
    status: 400,
    headers: { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' },
  })

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
