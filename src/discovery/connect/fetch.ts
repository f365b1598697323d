import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { HttpError } from '../../core/errors.js'
import { Exchange, type HttpHead, type HttpOptions } from '../../core/exchange.js'
import { secretsIn, statusError } from './failure.js'

export interface FetchFor {
  /** The provider's. Headers of ours go to its origin alone, whatever the program says where it is. */
  readonly base: URL
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly policy?: AddressPolicy | undefined
  /** Of one answer; a stream of events may be longer. Default 256 MiB. */
  readonly maxBytes?: number | undefined
  /** Which statuses reject with an `HttpError`, for clients that would lose them. Default none. */
  readonly refuses?: ((status: number) => boolean) | undefined
}

const mebi = 1_024 * 1_024
/** Answers that say no more than this are read at once, so that nobody has to remember to. */
const smallBytes = mebi

/**
 * A `fetch` to hand to other people's clients. Every address passes the policy, redirects are not followed, no proxy,
 * Origin or cookie is used. Rejects with `HttpError`, or with the reason of the signal.
 */
export function fetchFor(options: FetchFor): typeof fetch {
  return async (input, init) => {
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined)
    const request = new Request(input, { ...init, signal: null })
    const exchange = new Exchange(request.url, await wireOf(request, signal, options))
    try {
      signal?.throwIfAborted()
      const head = await exchange.open()
      refuseRedirect(request, head)
      return await responseOf({ request, exchange, head, signal }, options)
    } catch (error) {
      exchange.end()
      throw reasonOf(error, exchange, signal)
    }
  }
}

/** What the caller gave up rejects with what the caller said, as the platform's own fetch does. */
const reasonOf = (error: unknown, exchange: Exchange, signal: AbortSignal | undefined): unknown =>
  signal?.aborted ? signal.reason : exchange.explain(error)

async function wireOf(
  request: Request,
  signal: AbortSignal | undefined,
  { base, headers = {}, policy = defaultAddressPolicy }: FetchFor,
): Promise<HttpOptions> {
  const own = new URL(request.url).origin === base.origin ? headers : {}
  const body = request.body === null ? undefined : new Uint8Array(await request.arrayBuffer())
  return {
    use: 'call',
    method: methodOf(request.method),
    headers: { ...Object.fromEntries(request.headers), ...lowerCase(own) },
    policy,
    ...(body !== undefined && { body }),
    ...(signal !== undefined && { signal }),
  }
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const

function methodOf(method: string): (typeof methods)[number] {
  const known = methods.find((one) => one === method)
  if (known === undefined) throw new TypeError(`Requests with ${method} are not sent`)
  return known
}

const lowerCase = (headers: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

function refuseRedirect({ url, redirect }: Request, { status }: HttpHead): void {
  if (redirect === 'manual' || status < 300 || status > 399 || status === 304) return
  const what = `answered with a redirect (${status}), and none is followed; give the address it leads to`
  throw new HttpError('status', shown(url), what, { status })
}

const shown = (url: string): string => {
  const { origin, pathname } = new URL(url)
  return `${origin}${pathname}`
}

interface Answered {
  readonly request: Request
  readonly exchange: Exchange
  readonly head: HttpHead
  readonly signal: AbortSignal | undefined
}

async function responseOf(answered: Answered, options: FetchFor): Promise<Response> {
  const { request, head } = answered
  const { status, headers } = head
  const { headers: own = {}, refuses, maxBytes = 256 * mebi } = options
  const isStream = /event-stream|ndjson/.test(headers['content-type'] ?? '')
  const body = bodyOf(answered, isStream ? Number.POSITIVE_INFINITY : maxBytes)
  if (refuses?.(status) === true)
    throw statusError(shown(request.url), head, await new Response(body).text(), secretsIn(own))
  const wantsNone = request.method === 'HEAD' || [204, 205, 304].includes(status)
  if (!wantsNone && !isSmall(head)) return new Response(body, { status, headers: { ...headers } })
  const bytes = await new Response(body).arrayBuffer()
  return new Response(wantsNone ? null : bytes, { status, headers: { ...headers } })
}

const isSmall = ({ status, headers }: HttpHead): boolean =>
  status < 200 || status > 299 || Number(headers['content-length'] ?? Number.NaN) <= smallBytes

/** Frees the connection at its end, or when its reader has enough. */
function bodyOf({ exchange, signal }: Answered, most: number): ReadableStream<Uint8Array> {
  const chunks = exchange.chunks()
  let bytes = 0
  const read = async (): Promise<Uint8Array | undefined> => {
    const { done, value } = await chunks.next()
    if (done) return undefined
    bytes += value.length
    if (bytes > most) throw exchange.fail('too-large', `answered more than ${most} bytes`)
    return value
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const chunk = await read()
          if (chunk !== undefined) return controller.enqueue(chunk)
          exchange.complete()
          exchange.end()
          controller.close()
        } catch (error) {
          exchange.end()
          controller.error(reasonOf(error, exchange, signal))
        }
      },
      cancel: () => exchange.end(),
    },
    { highWaterMark: 0 },
  )
}
