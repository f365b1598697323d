import { field, isObject, nameOf } from '../core/foreign.js'
import type { AgentNotice } from './transport.js'

/** Believing nothing; `undefined` for what is no notice, such as the first event of a stream. */
export function noticeOf(value: unknown): AgentNotice | undefined {
  const [message, metadata, at] = ['message', 'metadata', 'at'].map((key) => field(value, key))
  if (typeof message !== 'string') return undefined
  const texts = Object.entries(isObject(metadata) ? metadata : {}).filter(isText)
  return Object.freeze<AgentNotice>({
    type: nameOf(field(value, 'type')) ?? 'INFO',
    message,
    metadata: Object.freeze(Object.fromEntries(texts)),
    at: typeof at === 'number' && Number.isFinite(at) ? at : 0,
  })
}

const isText = (entry: [string, unknown]): entry is [string, string] => typeof entry[1] === 'string'
