import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { type BackendKind, backends } from './backends/all.js'
import type { Answer, Backend, Question, Routes } from './backends/route.js'
import { greet } from './web-socket-server.js'

export interface FakeBackendOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default 0: a free one. */
  readonly port?: number | undefined
  /** What must be sent with each question, as a bearer token, as an API key, or as `user:password`. Default nothing. */
  readonly key?: string | undefined
  /** Another version or state of the program, such as `loading`. Default as it usually is. */
  readonly variant?: string | undefined
  /** Answers in place of, or besides, those of the program. */
  readonly routes?: Routes | undefined
}

/** A program that is none, and answers as it does. */
export interface FakeBackend {
  readonly kind: BackendKind
  /** Such as `http://127.0.0.1:40123`. */
  readonly url: string
  readonly port: number
  /** What it was asked so far, such as `GET /v1/models`, in order. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

/**
 * Starts a local HTTP server that answers as one of the known programs does, with models and versions of no real
 * installation. Close it after use. Throws when there is no such kind or variant, or when it cannot listen.
 */
export async function startFakeBackend(
  kind: BackendKind,
  options: FakeBackendOptions = {},
): Promise<FakeBackend> {
  const { host = '127.0.0.1', port = 0, key } = options
  const backend = assemble(kind, options)
  const requests: string[] = []
  const upgraded = new Set<Duplex>()
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    void reply(backend, key, request, response)
  })
  server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    requests.push(`WS ${request.url}`)
    upgraded.add(socket)
    socket.on('close', () => upgraded.delete(socket))
    socket.on('error', () => socket.destroy())
    upgrade(backend, key, request, socket)
  })
  const bound = await listen(server, host, port)
  return {
    kind,
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${bound}`,
    port: bound,
    requests,
    async close() {
      for (const socket of upgraded) socket.destroy()
      server.closeAllConnections()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    },
  }
}

/** The usual answers, those of the variant before them, and those of the caller before all. */
function assemble(kind: BackendKind, { routes, variant }: FakeBackendOptions): Backend {
  if (!Object.hasOwn(backends, kind))
    throw new Error(`There is no fake ${kind}. There are: ${Object.keys(backends).join(', ')}`)
  const usual: Backend = backends[kind]
  const other = variant === undefined ? {} : usual.variants?.[variant]
  if (other === undefined) {
    const names = Object.keys(usual.variants ?? {}).join(', ') || 'none'
    throw new Error(`The fake ${kind} has no variant '${variant}'. It has: ${names}`)
  }
  return { ...usual, ...other, routes: { ...usual.routes, ...other.routes, ...routes } }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

async function reply(
  backend: Backend,
  key: string | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { search, question } = await read(request)
  const answer = choose(backend, key, question, search)
  const { contentType, headers, json, status = 200, text } = answer
  const type = contentType ?? (json === undefined ? textType(text) : 'application/json')
  response.writeHead(status, {
    ...backend.headers,
    ...headers,
    ...(type !== undefined && { 'content-type': type }),
  })
  response.end(json === undefined ? text : JSON.stringify(json))
}

const textType = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : 'text/plain; charset=utf-8'

function upgrade(
  backend: Backend,
  key: string | undefined,
  request: IncomingMessage,
  socket: Duplex,
): void {
  const { search, question } = parse(request, 'WS', undefined)
  const { closes, messages } = choose(backend, key, question, search)
  if (messages === undefined) {
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    return
  }
  const texts = messages.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)))
  greet(request, socket, texts, closes)
}

interface Parsed {
  readonly search: string
  readonly question: Question
}

async function read(request: IncomingMessage): Promise<Parsed> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return parse(request, request.method ?? 'GET', Buffer.concat(chunks).toString())
}

function parse(request: IncomingMessage, method: string, body: string | undefined): Parsed {
  const { pathname: path, search, searchParams: query } = new URL(request.url ?? '/', 'http://fake')
  return { search, question: { method, path, query, headers: request.headers, json: jsonOf(body) } }
}

function jsonOf(body: string | undefined): unknown {
  try {
    return body === undefined || body === '' ? undefined : JSON.parse(body)
  } catch {
    return undefined // a route that wants JSON finds none
  }
}

function choose(
  { refused = { status: 401 }, routes, unknown = { status: 404 } }: Backend,
  key: string | undefined,
  question: Question,
  search: string,
): Answer {
  // HEAD is GET whose body Node leaves out.
  const method = question.method === 'HEAD' ? 'GET' : question.method
  const place = `${method} ${question.path}`
  const route = [`${place}${search}`, place].find((one) => Object.hasOwn(routes, one))
  if (route === undefined) return given(unknown, question)
  const answer = given(routes[route] ?? unknown, question)
  return answer.open === true || isLetIn(key, question) ? answer : given(refused, question)
}

const given = (answer: Answer | ((question: Question) => Answer), question: Question): Answer =>
  typeof answer === 'function' ? answer(question) : answer

function isLetIn(key: string | undefined, { headers }: Question): boolean {
  if (key === undefined) return true
  const { authorization, 'x-api-key': apiKey, 'x-goog-api-key': googleKey } = headers
  const basic = `Basic ${Buffer.from(key).toString('base64')}`
  return (
    authorization === `Bearer ${key}` ||
    authorization === basic ||
    apiKey === key ||
    googleKey === key
  )
}
