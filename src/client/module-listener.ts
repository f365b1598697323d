import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ModuleHandler } from './module-handler.js'

/** The handler as a listener for `node:http`, and for what is built on it, such as Express. */
export function moduleListener(handler: ModuleHandler): RequestListener {
  return (incoming, response) => {
    void answer(handler, incoming, response)
  }
}

async function answer(
  handler: ModuleHandler,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  try {
    const { status, headers, body } = await handler(requestOf(incoming, gone.signal))
    response.writeHead(status, Object.fromEntries(headers))
    if (!incoming.complete) response.shouldKeepAlive = false
    response.end(body === null ? undefined : Buffer.from(await new Response(body).arrayBuffer()))
  } catch {
    // The client is gone, or sent what is no request; nobody is there to be told.
    if (!response.headersSent) response.writeHead(400)
    response.end()
  }
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request {
  const { method = 'GET', url = '/', headers } = incoming
  const given = Object.entries(headers).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return new Request(new URL(url.replace(/^\/+/, '/'), 'http://module'), {
    method,
    signal,
    headers: given,
    ...(hasBody && { body: Readable.toWeb(incoming), duplex: 'half' }),
  })
}
