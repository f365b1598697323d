import type { Catalog } from '../catalog/catalog.js'
import type { Clock } from '../core/clock.js'
import type { Percentiles } from '../core/histogram.js'
import type { HealthChecks } from '../health/checks.js'
import type { Health } from '../model/health.js'
import type { Resolver } from '../resolve/resolver.js'
import type { Seat } from '../resolve/seat.js'
import type { Persist } from '../store/persist.js'

export interface RegistryMetrics {
  readonly lookups: number
  readonly hits: number
  readonly misses: number
  /** Hits among look-ups, 0 to 1; 0 when there were none. */
  readonly hitRate: number
  /** Providers registered since the start. */
  readonly registrations: number
  /** Providers registered now. */
  readonly providers: number
  readonly closedCircuits: number
  readonly openCircuits: number
  readonly halfOpenCircuits: number
  readonly healthChecks: number
  readonly healthCheckFailures: number
  readonly health: Readonly<Record<Health, number>>
  /** Time of a look-up, from one in 64 of those by `getService` and `resolve`. */
  readonly resolution: Percentiles
  /** Look-ups by service, for the first 1,024 services that were asked for. */
  readonly services: Readonly<Record<string, ServiceLookups>>
  /** How old the oldest change is that is not in the store yet; 0 when all are, or there is none. */
  readonly storeLagMs: number
}

export interface ServiceLookups {
  readonly hits: number
  readonly misses: number
}

/** Where the figures are found. */
export interface MetricsFrom {
  readonly catalog: Catalog<Seat>
  readonly checks: HealthChecks<Seat>
  readonly clock: Clock
  readonly persist: Persist | undefined
  readonly registrations: number
  readonly resolver: Resolver
}

export function metricsOf(parts: MetricsFrom): RegistryMetrics {
  const { catalog, checks, clock, persist, registrations, resolver } = parts
  const { lookups, hits, latency } = resolver
  const health = { healthy: 0, degraded: 0, unhealthy: 0, loading: 0, unknown: 0 }
  const circuits = { closed: 0, open: 0, 'half-open': 0 }
  const now = clock.now()
  for (const seat of catalog.members()) {
    health[seat.health] += 1
    circuits[seat.usedGuard?.circuit.stateAt(now) ?? 'closed'] += 1
  }
  return Object.freeze({
    lookups,
    hits,
    misses: lookups - hits,
    hitRate: lookups === 0 ? 0 : hits / lookups,
    registrations,
    providers: catalog.size,
    closedCircuits: circuits.closed,
    openCircuits: circuits.open,
    halfOpenCircuits: circuits['half-open'],
    healthChecks: checks.asked,
    healthCheckFailures: checks.failures,
    health: Object.freeze(health),
    resolution: Object.freeze(latency.percentiles()),
    services: lookupsOf(resolver.plans.uses),
    storeLagMs: persist?.lagMs ?? 0,
  })
}

const lookupsOf = (uses: ReadonlyMap<string, ServiceLookups>): RegistryMetrics['services'] =>
  Object.freeze(
    Object.fromEntries(
      [...uses].map(([service, { hits, misses }]) => [service, Object.freeze({ hits, misses })]),
    ),
  )
