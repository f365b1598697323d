import { InvalidRequestError } from '../core/errors.js'
import { field, isObject, nameOf } from '../core/foreign.js'
import type { AgentNotice } from './transport.js'

/** A message to an agent, as it is sent. */
export interface NoticeInput {
  readonly message: string
  /** Default `INFO`. */
  readonly type?: string | undefined
  readonly metadata?: Readonly<Record<string, string>> | undefined
}

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

/** Throws `InvalidRequestError`. */
export function checkedNotice(notice: unknown): NoticeInput {
  if (isNotice(notice)) return notice
  const message = 'expected a message and texts, such as { message: "rest", type: "INFO" }'
  throw new InvalidRequestError([{ field: 'notice', message }], 'notice')
}

const isNotice = (value: unknown): value is NoticeInput =>
  isObject(value) &&
  typeof value.message === 'string' &&
  ['string', 'undefined'].includes(typeof value.type) &&
  (value.metadata === undefined ||
    (isObject(value.metadata) &&
      Object.values(value.metadata).every((one) => typeof one === 'string')))
