import { setMaxListeners } from 'node:events'
import { Hono } from 'hono'
import type { Logger } from '../../core/logger.js'
import { type Route, routes } from '../../wire/routes.js'
import { statusOf } from '../../wire/status.js'
import { OperationError } from '../operation-error.js'
import type { Caller } from '../operations.js'
import { readBody } from './body.js'
import { type Home, refuseForeign } from './foreign.js'
import { handlers, type RestAnswer, type RestContext, type RestRequest } from './handlers.js'
import { isLoopback, RateLimit } from './rate.js'
import { eventStream } from './stream.js'

export interface AppOptions extends RestContext, Home {
  readonly logger: Logger
  /** Requests a second per client. Default 100, and no limit for loopback clients. */
  readonly rateLimit: number | undefined
  /** Throws `unauthenticated` unless the caller may do without a certificate. */
  admitWithoutCertificate(caller: Caller): void
  /** Aborts when the server is closed: streams end then. */
  readonly closed: AbortSignal
}

/** What the transport says of a request besides its method and path, and how it takes an answer. */
export interface Wire {
  readonly remoteAddress: string
  /** False for who should have shown a certificate, and has not. */
  readonly isTrusted: boolean
  header(name: string): string | undefined
  /** As it comes. */
  readonly body: AsyncIterable<Uint8Array>
  /** Sends a whole answer. What it gives stands for it: a response of the platform costs more than the answer. */
  send(status: number, headers: Headers, body: string): Response
  /** Ends the connection at once: whoever does not read would not hear otherwise. */
  hangUp(): void
}

type Headers = Readonly<Record<string, string>>

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: string | ReadableStream<Uint8Array>
}

const usualRate = 100

const always: Headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  vary: 'Origin',
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
    app.on(route.method, toPattern(route.path), async ({ req, env }) =>
      reply(
        options,
        env,
        await answer(options, route, req.raw, env, (name) => req.param(name) ?? ''),
      ),
    )
  for (const path of new Set(routes.map((one) => one.path)))
    app.all(toPattern(path), ({ req, env }) =>
      reply(options, env, req.method === 'OPTIONS' ? preflight : otherMethod(path)),
    )
  app.notFound(({ env }) => reply(options, env, refusal(noRoute)))
  app.onError((error, { env }) => reply(options, env, failure(options, error)))
  return async (request, wire) =>
    isLimited(wire) ? reply(options, wire, refusal(tooOften)) : app.fetch(request, wire)
}

const toPattern = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ':$1')

async function answer(
  context: AppOptions,
  route: Route,
  raw: Request,
  wire: Wire,
  param: RestRequest['param'],
): Promise<Answer> {
  const { operations, closed } = context
  const caller = { token: tokenOf(wire), from: wire.remoteAddress }
  if (route.access !== 'open') refuseForeign(wire.header, route.access === 'change', context)
  if (route.access !== 'open' && !wire.isTrusted) context.admitWithoutCertificate(caller)
  if (route.access === 'read') operations.admitReader(caller)
  const ended = new AbortController()
  const body = route.method === 'POST' ? await readBody(wire) : undefined
  const given = await handlers[route.operation](context, {
    caller,
    body,
    param,
    ended,
    get query() {
      return new URL(raw.url).searchParams
    },
    header: wire.header,
  })
  if (!('messages' in given)) return whole(given)
  if (raw.method === 'HEAD') return headOf(given.messages, ended)
  const end = (): void => ended.abort(new Error('the server is closing'))
  closed.addEventListener('abort', end, { once: true })
  ended.signal.addEventListener('abort', () => closed.removeEventListener('abort', end))
  raw.signal.addEventListener('abort', end, { once: true })
  return {
    status: 200,
    headers: streamHeaders,
    body: eventStream(given.messages, { clock: context.clock, ended, hangUp: wire.hangUp }),
  }
}

const streamHeaders = { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' }

/** Of a stream that nobody will read. */
function headOf(messages: AsyncIterator<unknown>, ended: AbortController): Answer {
  ended.abort(new Error('only the head was asked for'))
  void messages.return?.(undefined)
  return { status: 200, headers: streamHeaders, body: '' }
}

function whole(given: Exclude<RestAnswer, { readonly messages: unknown }>): Answer {
  if ('json' in given) return json(given.status, given.json)
  const { status, contentType, text } = given
  return { status, headers: { 'content-type': contentType }, body: text }
}

const json = (status: number, body: unknown, headers?: Headers): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

const refusal = ({ kind, reason, message }: OperationError, headers?: Headers): Answer =>
  json(
    statusOf[kind].http,
    { error: message, code: reason },
    { ...headers, ...(kind === 'unauthenticated' && { 'www-authenticate': 'Bearer' }) },
  )

/** What nobody expected is logged, and the caller is told no more than that. */
function failure({ logger }: AppOptions, error: unknown): Answer {
  if (error instanceof OperationError) return refusal(error)
  logger.error('a request failed unexpectedly', { error })
  return refusal(new OperationError('internal', 'INTERNAL', 'The server failed; its log says more'))
}

const tooOften = new OperationError(
  'rate-limited',
  'RATE_LIMITED',
  'Too many requests from this address; slow down',
)

const noRoute = new OperationError(
  'not-found',
  'ROUTE_NOT_FOUND',
  'There is no such route; see /openapi.json',
)

function otherMethod(path: string): Answer {
  const known = routes.filter((one) => one.path === path).map(({ method }) => method)
  const allow = known.join(', ')
  const error = new OperationError(
    'method-not-allowed',
    'METHOD_NOT_ALLOWED',
    `This route knows only ${allow}`,
  )
  return refusal(error, { allow })
}

const preflight: Answer = {
  status: 204,
  headers: {
    'access-control-allow-methods': 'GET, POST, DELETE, OPTIONS',
    'access-control-allow-headers': 'authorization, content-type, last-event-id',
    'access-control-max-age': '600',
  },
  body: '',
}

/** `Authorization: Bearer`, or the header that older trackers send. */
function tokenOf({ header }: Wire): string | undefined {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(header('authorization') ?? '') ?? []
  return bearer ?? header('x-registry-token')
}

function reply(
  { allowedOrigins }: AppOptions,
  wire: Wire,
  { status, headers, body }: Answer,
): Response {
  const all = { ...always, ...headers, ...admitted(allowedOrigins, wire.header('origin')) }
  if (typeof body === 'string') return wire.send(status, all, body)
  return new Response(body, { status, headers: all })
}

/** An origin that is not allowed is told nothing. */
const admitted = (allowed: readonly string[], origin: string | undefined): Headers =>
  origin !== undefined && allowed.includes(origin)
    ? { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true' }
    : {}
