import { Exchange, type HttpHead, type HttpOptions } from './exchange.js'
import { linesOf } from './lines.js'

/*
 * Asking other people's programs. Only what is asked for is sent: no Origin, no cookies; redirects are answers; no
 * proxy is used, whatever the environment says. What comes back is bounded in time and size.
 */

export interface HttpAnswer extends HttpHead {
  /** The body as UTF-8; empty when it was not wanted. */
  readonly text: string
  /** The body if it is JSON, whatever its content type says, else `undefined`. Never throws. */
  json(): unknown
}

export interface FetchOptions extends HttpOptions {
  /** For the whole, the body included. Default 5,000. */
  readonly timeoutMs?: number
  /** No more of a body is read; beyond it the connection is closed. Default 8 MiB. */
  readonly maxBytes?: number
  /** Whether the body is of interest; if not, the connection is closed. Default always. */
  readonly wants?: (head: HttpHead) => boolean
}

export interface LineOptions extends HttpOptions {
  /** Until the status and headers are there. Default 5,000. */
  readonly timeoutMs?: number
  /** How long a read may wait for more; the reader's own time does not count. Default 60,000. */
  readonly idleTimeoutMs?: number
  /** In characters; a longer line ends the stream. Default 1 Mi. */
  readonly maxLineLength?: number
}

const mebi = 1_024 * 1_024

/** One request and its answer, whatever the status. Rejects only with `HttpError`; its `kind` says why. */
export async function fetchAnswer(url: string, options: FetchOptions = {}): Promise<HttpAnswer> {
  const { timeoutMs = 5_000, maxBytes = 8 * mebi, wants } = options
  const exchange = new Exchange(url, options)
  try {
    exchange.limit(timeoutMs, `did not answer completely within ${timeoutMs} ms`)
    const head = await exchange.open()
    if (wants?.(head) === false) return answer(head, '')
    const text = await readText(exchange, maxBytes)
    exchange.complete()
    return answer(head, text)
  } catch (error) {
    throw exchange.explain(error)
  } finally {
    exchange.end()
  }
}

/**
 * The lines of an answer that has no end: newline-delimited JSON, or server-sent events, whose blank lines are kept.
 * Ends when the answer does. Throws only `HttpError`; of kind `status` when the status is not 2xx.
 */
export async function* streamLines(
  url: string,
  options: LineOptions = {},
): AsyncGenerator<string, void, undefined> {
  const { timeoutMs = 5_000, idleTimeoutMs = 60_000, maxLineLength = mebi } = options
  const exchange = new Exchange(url, options)
  try {
    const begun = exchange.limit(timeoutMs, `did not begin to answer within ${timeoutMs} ms`)
    const { status } = await exchange.open()
    begun()
    if (status < 200 || status > 299)
      throw exchange.fail('status', `answered with status ${status} instead of a stream`)
    yield* linesOf(exchange.chunks(idleTimeoutMs), maxLineLength, () =>
      exchange.fail('too-large', `sent a line of more than ${maxLineLength} characters`),
    )
    exchange.complete()
  } catch (error) {
    throw exchange.explain(error)
  } finally {
    exchange.end()
  }
}

async function readText(exchange: Exchange, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of exchange.chunks()) {
    bytes += chunk.length
    if (bytes > maxBytes) throw exchange.fail('too-large', `answered more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return new TextDecoder().decode(Buffer.concat(chunks))
}

function answer({ status, headers }: HttpHead, text: string): HttpAnswer {
  return {
    status,
    headers,
    text,
    json() {
      try {
        return JSON.parse(text)
      } catch {
        return undefined // not JSON, and the text is there for whoever knows better
      }
    },
  }
}
