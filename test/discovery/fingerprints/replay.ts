import type { Asking, Reply } from '../../../src/discovery/scan/asking.js'
import type { Backend } from '../../../src/testing/backends/route.js'
import type { Answer } from '../../../src/testing/index.js'

export type Answers = (method: string, path: string, body?: unknown) => Answer

/** A program without a network: what is asked is answered at once. */
export function replay(answers: Answers): Asking {
  const ask = async (method: string, path: string, body?: unknown): Promise<Reply> =>
    toReply(path, answers(method, path, body))
  return {
    origin: 'http://127.0.0.1:1',
    get: (path) => ask('GET', path),
    post: (path, body) => ask('POST', path, body),
    delete: (path) => ask('DELETE', path),
    hear: async (path) => toReply(path, { status: 404 }),
  }
}

function toReply(path: string, { headers = {}, json, status = 200, text = '' }: Answer): Reply {
  const lower = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return {
    path,
    status,
    headers: Object.fromEntries(lower),
    text: json === undefined ? text : JSON.stringify(json),
    json: json === undefined ? parsed(text) : json,
    problem: undefined,
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The answers of a fake backend. */
export function answersOf({ headers, routes, unknown = { status: 404 } }: Backend): Answers {
  return (method, path, body) => {
    const place = `${method} ${path}`
    const answer = (Object.hasOwn(routes, place) ? routes[place] : undefined) ?? unknown
    const query = new URLSearchParams()
    const given =
      typeof answer === 'function'
        ? answer({ method, path, query, headers: {}, json: body })
        : answer
    return { ...given, headers: { ...headers, ...given.headers } }
  }
}
