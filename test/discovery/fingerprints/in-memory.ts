import type { Asking, Reply } from '../../../src/discovery/scan/asking.js'

export interface Memory extends Asking {
  /** What was asked so far, such as `GET /config`. */
  readonly asked: readonly string[]
}

export type Said = Partial<Pick<Reply, 'status' | 'headers' | 'text' | 'json'>>

/** A program without a network: what it says to a question such as `GET /config`; 404 by default. */
export function program(say: (question: string) => Said | undefined): Memory {
  const asked: string[] = []
  const replies = new Map<string, Reply>()
  const put = async (method: string, path: string, more: unknown[] = []): Promise<Reply> => {
    const key = JSON.stringify([method, path, ...more])
    const known = replies.get(key)
    if (known !== undefined) return known
    asked.push(`${method} ${path}`)
    const reply = toReply(path, say(`${method} ${path}`) ?? { status: 404 })
    replies.set(key, reply)
    return reply
  }
  return {
    origin: 'http://127.0.0.1:1',
    asked,
    get: (path, headers) => put('GET', path, [headers]),
    post: (path, body, headers) => put('POST', path, [body, headers]),
    hear: (path) => put('WS', path),
    delete: (path, headers) => put('DELETE', path, [headers]),
  }
}

function toReply(path: string, { status = 200, headers = {}, json, text }: Said): Reply {
  const body = text ?? (json === undefined ? '' : JSON.stringify(json))
  return { path, status, headers, text: body, json: json ?? parsed(body), problem: undefined }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // as of a page
  }
}
