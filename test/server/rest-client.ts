import { request } from 'node:http'
import type { ServerOptions } from '../../src/server/index.js'
import { createServer } from '../../src/server/index.js'

export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect
  readonly json: any
}

export interface Ask {
  readonly method?: string
  readonly body?: unknown
  /** As it is, instead of `body`. */
  readonly raw?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A real request over a real socket; nothing is normalised on the way, as `fetch` would do. */
export function ask(url: string, path: string, { method, body, raw, headers }: Ask = {}) {
  const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
  return new Promise<Reply>((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const sent = request(
      {
        hostname,
        port,
        path,
        method: method ?? (payload === undefined ? 'GET' : 'POST'),
        headers: {
          ...(payload !== undefined && {
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(payload)),
          }),
          ...headers,
        },
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (part) => {
          text += part
        })
        response.on('error', reject)
        response.on('end', () => {
          const { statusCode = 0 } = response
          resolve({ status: statusCode, headers: response.headers, text, json: parsed(text) })
        })
      },
    )
    sent.on('error', reject)
    sent.end(payload)
  })
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A server on a free port, for as long as `work` takes. */
export async function withServer(
  options: ServerOptions,
  work: (url: string, server: Awaited<ReturnType<typeof createServer>>) => Promise<unknown>,
): Promise<void> {
  const server = await createServer({ port: 0, ...options })
  try {
    await work(server.urls.rest, server)
  } finally {
    await server.close()
  }
}

/** The data of events, one at a time. */
export async function openEvents(
  url: string,
  path = '/api/events',
  headers: Readonly<Record<string, string>> = {},
) {
  const stop = new AbortController()
  const response = await fetch(`${url}${path}`, { headers, signal: stop.signal })
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const next = async (): Promise<{ id: string | undefined; data: Record<string, unknown> }> => {
    for (;;) {
      const end = text.indexOf('\n\n')
      if (end >= 0) {
        const block = text.slice(0, end)
        text = text.slice(end + 2)
        const data = /^data: (.*)$/m.exec(block)?.[1]
        if (data !== undefined)
          return { id: /^id: (.*)$/m.exec(block)?.[1], data: JSON.parse(data) }
      } else {
        const { done, value } = (await reader?.read()) ?? { done: true, value: '' }
        if (done) throw new Error('the stream has ended')
        text += value
      }
    }
  }
  return { next, headers: response.headers, stop: () => stop.abort() }
}
