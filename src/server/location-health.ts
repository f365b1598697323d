import type { AddressPolicy } from '../core/address.js'
import type { Clock } from '../core/clock.js'
import type { ProviderView } from '../model/provider.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { Entries } from './entries.js'
import { LocationMonitor, type Target } from './location-monitor.js'
import { entryStatus, factsOf, isRegistration } from './registration.js'

export interface LocationHealthPorts {
  readonly registry: ServiceRegistry
  readonly clock: Clock
  readonly policy: AddressPolicy
  readonly healthCheckIntervalMs: number
  readonly entries: Entries
}

const missesUntilInactive = 3

/** Lets locations be asked, and says what their answers mean for who registered them. */
export class LocationHealth {
  readonly #ports: LocationHealthPorts
  readonly #monitor: LocationMonitor

  constructor(ports: LocationHealthPorts) {
    const { clock, policy, healthCheckIntervalMs, entries } = ports
    this.#ports = ports
    this.#monitor = new LocationMonitor({
      clock,
      policy,
      intervalMs: healthCheckIntervalMs,
      targets: () => entries.views().flatMap(targetOf),
      answered: (target, alive) => this.#answered(target, alive),
    })
  }

  start(): void {
    this.#monitor.start()
  }

  stop(): void {
    this.#monitor.stop()
  }

  /** Now, if it has a location that can be asked. */
  ask(view: ProviderView): void {
    for (const target of targetOf(view)) this.#monitor.ask(target)
  }

  #answered({ id, registration }: Target, alive: boolean): void {
    const { registry, clock, entries } = this.#ports
    const view = registry.get(id)
    const [now] = view === undefined ? [] : targetOf(view)
    if (view === undefined || now?.registration !== registration) return // it is gone
    const { failedChecks, seenAt } = entries.observed(id)
    const failed = alive ? 0 : failedChecks + 1
    entries.observe(id, { failedChecks: failed, seenAt: alive ? clock.wall() : seenAt })
    const isSilent = view.lease !== undefined && view.lease.expiresAt <= clock.wall()
    if (alive && view.health !== 'healthy' && !isSilent)
      registry.updateFromHealth(id, { status: 'healthy' })
    if (failed >= missesUntilInactive && entryStatus(view.health) !== 'unhealthy')
      registry.updateFromHealth(id, { status: 'unhealthy' })
  }
}

/** Of those that the server registered, and that are reached over HTTP. */
function targetOf(view: ProviderView): readonly Target[] {
  if (!isRegistration(view)) return []
  const { mode, location, registeredAt, serial } = factsOf(view)
  if (mode !== 'http' || !URL.canParse(location)) return []
  return [{ id: view.name, location, registration: `${view.name}\n${registeredAt}\n${serial}` }]
}
