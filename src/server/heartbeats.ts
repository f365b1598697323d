import type { Clock } from '../core/clock.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { Access } from './access.js'
import type { Entries } from './entries.js'
import type { EntryStatus, Telemetry } from './entry.js'
import { checkTelemetry } from './input.js'
import type { Caller, Heartbeat } from './operations.js'
import { entryOf, factsOf } from './registration.js'

export interface HeartbeatPorts {
  readonly registry: ServiceRegistry
  readonly access: Access
  readonly clock: Clock
  readonly heartbeatTimeoutMs: number
  readonly entries: Entries
}

/** A sign of life. Throws `not-found`; `invalid` for telemetry out of range. */
export function beat(
  { registry, access, clock, heartbeatTimeoutMs: forMs, entries }: HeartbeatPorts,
  id: string,
  telemetry: Telemetry | undefined,
  caller: Caller,
): Heartbeat {
  access.admitCaller(caller)
  const view = entries.view(id)
  access.admitChange(caller, factsOf(view).proof)
  if (telemetry !== undefined) checkTelemetry(telemetry)
  const kept = telemetry ?? entryOf(view).telemetry
  const { beats } = view.lease?.facts ?? {}
  const status = statusBy(kept)
  entries.observe(id, { failedChecks: 0, seenAt: clock.wall() })
  registry.renew(id, {
    forMs,
    status,
    facts: { ...(kept && { telemetry: kept }), beats: typeof beats === 'number' ? beats + 1 : 1 },
  })
  return { status, lastSeenAt: clock.wall() }
}

/** Only of an agent that has worked something can be known. */
function statusBy(telemetry: Telemetry | undefined): EntryStatus {
  if (telemetry === undefined || telemetry.totalExecutions === 0) return 'healthy'
  if (telemetry.successRate < 0.3) return 'unhealthy'
  return telemetry.successRate < 0.5 ? 'degraded' : 'healthy'
}
