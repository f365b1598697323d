import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import type { Wire } from './app.js'

export interface Listening {
  readonly port: number
  /** Stops accepting, and resolves when the last answer is sent; after `graceMs` the rest is cut off. */
  close(): Promise<void>
  /** Cuts off what is left. */
  cut(): void
}

/** Answers requests over HTTP. Rejects with what `listen` fails with, such as EADDRINUSE. */
export async function listen(
  answer: (request: Request, wire: Wire) => Promise<Response>,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const listener = getRequestListener(
    (request, { incoming }) =>
      answer(request, { remoteAddress: incoming.socket?.remoteAddress ?? '' }),
    { overrideGlobalObjects: false, errorHandler: broken },
  )
  const server = createServer(
    { requestTimeout: 30_000, headersTimeout: 10_000 },
    (request, response) => respond(listener, request, response),
  )
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
    close: () => closed(server),
    cut: () => server.closeAllConnections(),
  }
}

function respond(
  listener: ReturnType<typeof getRequestListener>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  response.on('error', () => {}) // a client that has gone has nothing to be told
  void listener(request, response)
}

const badRequest = JSON.stringify({ error: 'This is no request of HTTP', code: 'BAD_REQUEST' })

/** What is not even HTTP, or comes too slowly. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return
  const head = [
    'HTTP/1.1 400 Bad Request',
    'connection: close',
    'content-type: application/json',
    'x-content-type-options: nosniff',
    `content-length: ${Buffer.byteLength(badRequest)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${badRequest}`)
}

/** What does not even make a request, such as a Host that is none. */
const broken = (): Response =>
  new Response(badRequest, {
    status: 400,
    headers: { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' },
  })

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
