import type { AgentChangeEvent, WatchAgentsRequest } from '../../wire/proto/messages.js'
import type { Change, Entry } from '../entry.js'
import { OperationError } from '../operation-error.js'
import type { Caller, Operations } from '../operations.js'
import { remembering } from './remembering.js'
import { changeEvent, typeTest } from './translate.js'

export interface WatchCall {
  readonly caller: Caller
  /** Whether what is there comes first, as registered. */
  readonly snapshot: boolean
  readonly signal: AbortSignal
}

/**
 * What happens to agents of this type, until the signal aborts. Begins when it is called, so that nothing is lost
 * before the first is read. Throws what `admitReader` does, and `invalid` for an unknown type; while it is read,
 * `unavailable` when changes were missed.
 */
export function watchAgents(
  operations: Operations,
  { agent_type }: WatchAgentsRequest,
  { caller, snapshot, signal }: WatchCall,
): AsyncGenerator<AgentChangeEvent, void> {
  operations.admitReader(caller)
  const isWanted = typeTest(agent_type)
  const changes = operations.watch({ after: operations.position }, signal)
  const present = snapshot ? operations.list().filter(isWanted) : []
  return tell(present, changes, isWanted)
}

async function* tell(
  present: readonly Entry[],
  changes: AsyncIterableIterator<Change>,
  isWanted: (entry: Entry) => boolean,
): AsyncGenerator<AgentChangeEvent, void> {
  for (const entry of present)
    yield changeEvent({ type: 'registered', entry, at: entry.registeredAt })
  for await (const change of changes) {
    if (change.type === 'resync') throw missed()
    if (change.type !== 'invoked' && isWanted(change.entry)) yield eventOf(change)
  }
}

/** One message for all who watch. */
const eventOf = remembering(changeEvent)

/** The protocol has no word for it, so who watches has to begin anew. */
const missed = (): OperationError =>
  new OperationError(
    'unavailable',
    'CHANGES_MISSED',
    'Some changes were missed; watch again, with "x-switchgear-snapshot: true" to see what is there',
  )
