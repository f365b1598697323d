import { setMaxListeners } from 'node:events'
import { Hono } from 'hono'
import type { Logger } from '../../core/logger.js'
import { type Route, routes } from '../../wire/routes.js'
import { statusOf } from '../../wire/status.js'
import { OperationError } from '../operation-error.js'
import type { Caller } from '../operations.js'
import { readBody } from './body.js'
import { handlers, type RestAnswer, type RestContext, type RestRequest } from './handlers.js'
import { isLoopback, RateLimit } from './rate.js'
import { eventStream, type StreamTerms } from './stream.js'

export interface AppOptions extends RestContext {
  readonly logger: Logger
  /** Origins whose pages may read answers. */
  readonly allowedOrigins: readonly string[]
  /** Requests a second per client. Default 100, and no limit for loopback clients. */
  readonly rateLimit: number | undefined
  /** Throws `unauthenticated` unless the caller may do without a certificate. */
  admitWithoutCertificate(caller: Caller): void
  /** Aborts when the server is closed: streams end then. */
  readonly closed: AbortSignal
}

/** What the transport says of a request besides what is in it. */
export interface Wire {
  readonly remoteAddress: string
  /** False for who should have shown a certificate, and has not. */
  readonly isTrusted: boolean
  /** Ends the connection at once: whoever does not read would not hear otherwise. */
  hangUp(): void
}

const usualRate = 100

const always: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** The REST face as a function from request to answer, which needs no socket. */
export function createApp(
  options: AppOptions,
): (request: Request, wire: Wire) => Promise<Response> {
  setMaxListeners(0, options.closed) // each open stream listens
  const limit = new RateLimit(options.clock, options.rateLimit ?? usualRate)
  const isLimited = ({ remoteAddress }: Wire): boolean =>
    (options.rateLimit !== undefined || !isLoopback(remoteAddress)) && !limit.admits(remoteAddress)
  const app = new Hono<{ Bindings: Wire }>({ strict: false })
  for (const route of routes)
    app.on(route.method, toPattern(route.path), ({ req, env }) =>
      answer(options, route, req.raw, env, (name) => req.param(name) ?? ''),
    )
  for (const path of new Set(routes.map((one) => one.path)))
    app.all(toPattern(path), ({ req }) =>
      req.method === 'OPTIONS' ? preflight() : otherMethod(path),
    )
  app.notFound(() =>
    refusal(
      new OperationError(
        'not-found',
        'ROUTE_NOT_FOUND',
        'There is no such route; see /openapi.json',
      ),
    ),
  )
  app.onError((error) => failure(options, error))
  return async (request, wire) => {
    const response = isLimited(wire) ? refusal(tooOften) : await app.fetch(request, wire)
    return finished(options, request, response)
  }
}

const toPattern = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')

async function answer(
  context: AppOptions,
  route: Route,
  raw: Request,
  wire: Wire,
  param: RestRequest['param'],
): Promise<Response> {
  const { operations, closed } = context
  const caller = { token: tokenOf(raw.headers), from: wire.remoteAddress }
  if (route.access !== 'open' && !wire.isTrusted) context.admitWithoutCertificate(caller)
  if (route.access === 'read') operations.admitReader(caller)
  const ended = new AbortController()
  const body = route.method === 'POST' ? await readBody(raw) : undefined
  const given = await handlers[route.operation](context, {
    caller,
    body,
    ended,
    param,
    query: new URL(raw.url).searchParams,
    header: (name) => raw.headers.get(name) ?? undefined,
  })
  if ('messages' in given) {
    const end = (): void => ended.abort(new Error('the server is closing'))
    closed.addEventListener('abort', end, { once: true })
    ended.signal.addEventListener('abort', () => closed.removeEventListener('abort', end))
    raw.signal.addEventListener('abort', end, { once: true })
  }
  return toResponse(given, { clock: context.clock, ended, hangUp: wire.hangUp })
}

function toResponse(given: RestAnswer, terms: StreamTerms): Response {
  if ('json' in given) return json(given.status, given.json)
  if ('text' in given)
    return new Response(given.text, {
      status: given.status,
      headers: { 'content-type': given.contentType },
    })
  return new Response(eventStream(given.messages, terms), {
    headers: { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' },
  })
}

const json = (status: number, body: unknown): Response =>
  new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } })

function refusal({ kind, reason, message }: OperationError): Response {
  const response = json(statusOf[kind].http, { error: message, code: reason })
  if (kind === 'unauthenticated') response.headers.set('www-authenticate', 'Bearer')
  return response
}

/** What nobody expected is logged, and the caller is told no more than that. */
function failure({ logger }: AppOptions, error: unknown): Response {
  if (error instanceof OperationError) return refusal(error)
  logger.error('a request failed unexpectedly', { error })
  return refusal(new OperationError('internal', 'INTERNAL', 'The server failed; its log says more'))
}

const tooOften = new OperationError(
  'rate-limited',
  'RATE_LIMITED',
  'Too many requests from this address; slow down',
)

function otherMethod(path: string): Response {
  const allowed = routes.filter((one) => one.path === path).map(({ method }) => method)
  const response = refusal(
    new OperationError(
      'method-not-allowed',
      'METHOD_NOT_ALLOWED',
      `This route knows only ${allowed.join(', ')}`,
    ),
  )
  response.headers.set('allow', allowed.join(', '))
  return response
}

const preflight = (): Response =>
  new Response(null, {
    status: 204,
    headers: {
      'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
      'access-control-allow-headers': 'authorization, content-type, last-event-id',
      'access-control-max-age': '600',
    },
  })

/** `Authorization: Bearer`, or the header that older trackers send. */
function tokenOf(headers: Headers): string | undefined {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(headers.get('authorization') ?? '') ?? []
  return bearer ?? headers.get('x-registry-token') ?? undefined
}

function finished({ allowedOrigins }: AppOptions, request: Request, response: Response): Response {
  for (const [name, value] of Object.entries(always)) response.headers.set(name, value)
  response.headers.set('vary', 'Origin')
  const origin = request.headers.get('origin')
  if (origin !== null && allowedOrigins.includes(origin)) {
    response.headers.set('access-control-allow-origin', origin)
    response.headers.set('access-control-allow-credentials', 'true')
  }
  return response
}
