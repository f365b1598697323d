import type {
  Heartbeat,
  HeartbeatResult,
  HeartbeatsRequest,
  HeartbeatsResponse,
} from '../../../wire/proto/switchgear-messages.js'
import { OperationError } from '../../operation-error.js'
import type { Caller, Operations } from '../../operations.js'
import type { Refusal } from '../refusal.js'
import { statusNumbers, telemetryOf } from './translate.js'

/** In one call; who has more sends several. */
const mostHeartbeats = 1_000

/** Each with its own result: one that is refused does not concern the others. Throws `invalid` for too many. */
export function heartbeats(
  operations: Operations,
  { heartbeats: sent }: HeartbeatsRequest,
  caller: Caller,
  refusalOf: (error: unknown) => Refusal,
): HeartbeatsResponse {
  if (sent.length > mostHeartbeats)
    throw new OperationError(
      'invalid',
      'TOO_MANY_HEARTBEATS',
      `heartbeats must be at most ${mostHeartbeats} in one call, and are ${sent.length}; send several calls`,
    )
  const beat = (one: Heartbeat): HeartbeatResult => {
    const { id, telemetry, registration_token } = one
    try {
      const by = registration_token === '' ? caller : { ...caller, token: registration_token }
      const { status, lastSeenAt } = operations.heartbeat(id, telemetryOf(telemetry), by)
      const last_seen = Math.trunc(lastSeenAt)
      return { id, code: 0, error: '', status: statusNumbers[status], last_seen }
    } catch (error) {
      const { code, details } = refusalOf(error)
      return { id, code, error: details, status: 0, last_seen: 0 }
    }
  }
  return { results: sent.map(beat) }
}
