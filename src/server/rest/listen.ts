import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
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

/** What does not even make a request, such as a Host that is none. */
const broken = (): Response =>
  new Response(JSON.stringify({ error: 'Bad request', code: 'BAD_REQUEST' }), {
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
