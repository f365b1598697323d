import { field } from '../../core/foreign.js'
import type { Asking, Reply } from '../scan/asking.js'
import { isGood } from './read.js'

/* JSON-RPC as MCP speaks it over HTTP: each message is a POST, its answer is JSON or a stream of events. */

/** What somebody says who asks an MCP server; `id` is missing in what needs no answer. */
export interface Message {
  readonly id?: string
  readonly method: string
  readonly params?: Readonly<Record<string, unknown>>
}

const accept = 'application/json, text/event-stream'

export interface Result {
  readonly reply: Reply
  /** `undefined` when it was refused, or not understood. */
  readonly result: unknown
}

export async function send(
  asking: Asking,
  path: string,
  message: Message,
  headers: Readonly<Record<string, string>>,
): Promise<Result> {
  const body = { jsonrpc: '2.0', ...message }
  const reply = await asking.post(path, body, { accept, ...headers })
  return { reply, result: isGood(reply.status) ? answerTo(message.id, reply) : undefined }
}

function answerTo(id: string | undefined, reply: Reply): unknown {
  const messages = reply.json === undefined ? eventsOf(reply.text) : [reply.json]
  const answer = messages.find((one) => isMessage(one) && field(one, 'id') === id)
  return field(answer, 'result')
}

/** Whether it is JSON-RPC at all, such as a complaint about a question that was none. */
export const isMessage = (json: unknown): boolean => field(json, 'jsonrpc') === '2.0'

/** The data of server-sent events, as far as it is JSON. The first event often has none, so that it can be resumed. */
function eventsOf(text: string): readonly unknown[] {
  return text.split(/\r?\n\r?\n/).flatMap((event) => {
    const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'))
    const data = lines.map((line) => line.slice(5).trimStart()).join('\n')
    try {
      return data === '' ? [] : [JSON.parse(data)]
    } catch {
      return [] // of another kind, and not for us
    }
  })
}
