import type {
  ListenRequest,
  Notice as NoticeMessage,
} from '../../../wire/proto/switchgear-messages.js'
import type { Notice } from '../../entry.js'
import type { Operations } from '../../operations.js'
import type { StreamCall } from '../calls.js'
import { noticeOf } from './translate.js'

/** Notices to one agent, until the signal aborts. Begins when it is called. Throws what `notices` does. */
export function listen(
  operations: Operations,
  { agent_id }: ListenRequest,
  { caller, signal }: StreamCall,
): AsyncGenerator<NoticeMessage, void> {
  return tell(operations.notices(agent_id, caller, signal))
}

async function* tell(notices: AsyncIterableIterator<Notice>): AsyncGenerator<NoticeMessage, void> {
  for await (const notice of notices) yield noticeOf(notice)
}
