import type {
  ListenRequest,
  Notice as NoticeMessage,
} from '../../../wire/proto/switchgear-messages.js'
import type { Notice } from '../../entry.js'
import { OperationError } from '../../operation-error.js'
import type { Operations } from '../../operations.js'
import type { StreamCall } from '../calls.js'
import { noticeOf } from './translate.js'

/**
 * Notices to one agent, until the signal aborts. Begins when it is called. Throws what `notices` does; while it is
 * read, `rate-limited` when it is read too slowly.
 */
export function listen(
  operations: Operations,
  { agent_id }: ListenRequest,
  { caller, signal }: StreamCall,
): AsyncGenerator<NoticeMessage, void> {
  return tell(operations.notices(agent_id, caller, signal), signal)
}

async function* tell(
  notices: AsyncIterableIterator<Notice>,
  signal: AbortSignal,
): AsyncGenerator<NoticeMessage, void> {
  for await (const notice of notices) yield noticeOf(notice)
  if (!signal.aborted) throw tooSlow()
}

const tooSlow = (): OperationError =>
  new OperationError(
    'rate-limited',
    'READER_TOO_SLOW',
    'Notices came faster than they were read, and later ones were not delivered; listen again',
  )
