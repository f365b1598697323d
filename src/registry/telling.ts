import type { ModelChange } from '../catalog/model-catalog.js'
import type { Clock } from '../core/clock.js'
import { Events } from '../core/events.js'
import { type Logger, silentLogger } from '../core/logger.js'
import type { Cause } from '../core/outcome.js'
import type { CallFacts } from '../guard/attempt.js'
import type { Transition } from '../guard/circuit.js'
import type { Guard } from '../guard/guard.js'
import type { RegistryEvent } from '../model/event.js'
import type { ProviderLease } from '../model/lease.js'
import type { LostDependency, Provider, ProviderView } from '../model/provider.js'
import type { Refusal } from '../model/refusal.js'
import type { Plan } from '../resolve/plan.js'
import type { Seat } from '../resolve/seat.js'
import { difference } from './views.js'

/** What a view of a source has changed, by name of provider. */
export interface SourceChange {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  /** Seen before and not now: unhealthy until they are seen again or removed. */
  readonly missing: readonly string[]
  readonly removed: readonly string[]
}

/** Who a guard belongs to. */
type Guarded = Pick<Guard, 'name' | 'group'>

/** Tells what happens in a registry: as events, and to its logger. What nobody hears is not made. */
export class Telling {
  readonly events: Events<RegistryEvent>
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #logs: boolean

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
    this.#logs = logger !== silentLogger
    this.events = new Events((error, { type }) => this.listenerFailed(type, error))
  }

  /** A logger that throws is a listener like others: it changes nothing. */
  log(level: keyof Logger, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (!this.#logs) return
    try {
      this.#logger[level](message, fields)
    } catch {
      // there is nowhere left to say it
    }
  }

  // --- providers ---------------------------------------------------------------------------------

  added({ provider }: Seat, view: () => ProviderView): void {
    const { name, service, handlers, capabilities } = provider
    if (this.#logs) this.log('info', 'provider registered', { provider: name, service, handlers })
    if (!this.#heard('provider.added', 'capability.added')) return
    this.events.emit({ type: 'provider.added', view: view(), ...this.#placed(provider) })
    for (const capability of capabilities)
      this.events.emit({ type: 'capability.added', capability, ...this.#placed(provider) })
  }

  changed({ provider }: Seat, view: ProviderView, previous: ProviderView): void {
    this.events.emit({ type: 'provider.changed', view, previous, ...this.#placed(provider) })
    const { added, removed } = difference(previous.capabilities, view.capabilities)
    for (const capability of removed)
      this.events.emit({ type: 'capability.removed', capability, ...this.#placed(provider) })
    for (const capability of added)
      this.events.emit({ type: 'capability.added', capability, ...this.#placed(provider) })
  }

  /** Whether `removed` would be heard by anybody. */
  get hearsRemoved(): boolean {
    return this.#heard('provider.removed', 'capability.removed')
  }

  removed(view: ProviderView): void {
    this.events.emit({ type: 'provider.removed', view, ...this.#placed(view) })
    for (const capability of view.capabilities)
      this.events.emit({ type: 'capability.removed', capability, ...this.#placed(view) })
  }

  healthChanged({ provider, health }: Seat, previous: Seat['health']): void {
    if (this.#logs)
      this.log(health === 'unhealthy' ? 'warn' : 'info', `provider is ${health}`, {
        provider: provider.name,
      })
    if (this.#heard('provider.health-changed'))
      this.events.emit({
        type: 'provider.health-changed',
        health,
        previous,
        ...this.#placed(provider),
      })
  }

  leaseRenewed({ provider }: Seat, lease: () => ProviderLease | undefined): void {
    if (!this.#heard('lease.renewed')) return
    const { expiresAt = 0, facts = {} } = lease() ?? {}
    this.events.emit({ type: 'lease.renewed', expiresAt, facts, ...this.#placed(provider) })
  }

  leaseExpired({ provider }: Seat): void {
    this.log('warn', 'a lease is over', { provider: provider.name })
    this.events.emit({ type: 'lease.expired', ...this.#placed(provider) })
  }

  dependencyLost({ provider }: Seat, { dependency, reason }: LostDependency): void {
    this.log('warn', 'a dependency is lost', { provider: provider.name, dependency, reason })
    this.events.emit({ type: 'dependency.lost', dependency, reason, ...this.#placed(provider) })
  }

  dependencyRestored({ provider }: Seat, dependency: string): void {
    this.events.emit({ type: 'dependency.restored', dependency, ...this.#placed(provider) })
  }

  modelChanged(change: ModelChange): void {
    const { type, model } = change
    if (type === 'changed') {
      const { previous } = change
      this.events.emit({ type: 'model.changed', model, previous, ...this.#stamp() })
    } else this.events.emit({ type: `model.${type}`, model, ...this.#stamp() })
  }

  // --- calls -------------------------------------------------------------------------------------

  readonly selected = ({ service, handler }: Plan, seat: Seat | undefined): void => {
    const fields = { service, handler, provider: seat?.provider.name }
    this.log('debug', seat === undefined ? 'no provider to select' : 'provider selected', fields)
  }

  succeeded(guard: Guarded, facts: CallFacts, durationMs: number): void {
    this.events.emit({ type: 'call.succeeded', durationMs, ...this.#called(guard, facts) })
  }

  failed(
    guard: Guarded,
    facts: CallFacts,
    durationMs: number,
    { cause, error }: { readonly cause: Cause; readonly error: unknown },
    notRetried: Extract<RegistryEvent, { type: 'call.failed' }>['notRetried'],
  ): void {
    if (!this.#heard('call.failed')) return
    const called = this.#called(guard, facts)
    this.events.emit({ type: 'call.failed', durationMs, cause, error, notRetried, ...called })
  }

  refused(guard: Guarded, facts: CallFacts, refusal: Refusal): void {
    if (!this.#heard('call.refused')) return
    const called = this.#called(guard, facts)
    this.events.emit({ type: 'call.refused', refusal: Object.freeze(refusal), ...called })
  }

  failedOver(
    { provider: from }: Seat,
    { provider: to }: Seat,
    facts: CallFacts,
    cause: Cause,
  ): void {
    this.log('warn', 'call failed over', { from: from.name, to: to.name, cause })
    if (!this.#heard('call.failed-over')) return
    const called = { ...this.#placed(from), ...calledAs(facts) }
    this.events.emit({ type: 'call.failed-over', to: to.name, cause, ...called })
  }

  standInUsed(service: string, method: string | undefined): void {
    this.log('warn', 'a stand-in was used', { service, method })
    if (this.#heard('stand-in.used'))
      this.events.emit({ type: 'stand-in.used', service, method, ...this.#stamp() })
  }

  transition({ name, group }: Guarded, { to, reason }: Transition, retryAfterMs: number): void {
    if (this.#logs)
      this.log(to === 'open' ? 'warn' : 'info', `circuit is ${to}`, { provider: name, reason })
    if (!this.#heard(transitionEvents[to])) return
    const placed = this.#placed({ name, service: group })
    if (to === 'open') this.events.emit({ type: 'circuit.opened', reason, retryAfterMs, ...placed })
    else if (to === 'half-open') this.events.emit({ type: 'circuit.half-opened', ...placed })
    else this.events.emit({ type: 'circuit.closed', ...placed })
  }

  // --- surroundings ------------------------------------------------------------------------------

  sourceUpdated(source: string, change: SourceChange): void {
    this.log('info', 'a source sees something else', { source, ...change })
    this.events.emit({ type: 'source.updated', source, ...change, ...this.#stamp() })
  }

  sourceRejected(source: string, sighting: string | undefined, error: unknown): void {
    this.log('warn', 'what a source sees was refused', { source, sighting, error })
    this.events.emit({ type: 'source.rejected', source, sighting, error, ...this.#stamp() })
  }

  sourceFailed(source: string, error: unknown, retryInMs: number): void {
    this.log('warn', 'a source failed', { source, error, retryInMs })
    this.events.emit({ type: 'source.failed', source, error, retryInMs, ...this.#stamp() })
  }

  storeFailed(store: string, error: unknown, retryInMs: number | undefined): void {
    this.log('error', 'the store failed', { store, error, retryInMs })
    this.events.emit({ type: 'store.failed', store, error, retryInMs, ...this.#stamp() })
  }

  listenerFailed(event: string, error: unknown): void {
    this.log('error', 'a listener failed', { event, error })
    if (event !== 'listener.failed' && this.#heard('listener.failed'))
      this.events.emit({ type: 'listener.failed', event, error, ...this.#stamp() })
  }

  #heard(...types: readonly RegistryEvent['type'][]): boolean {
    return types.some((type) => this.events.heard(type))
  }

  #stamp(): { readonly at: number } {
    return { at: this.#clock.wall() }
  }

  #placed({ name, service }: Pick<Provider, 'name' | 'service'>): Placed {
    return { ...this.#stamp(), provider: name, service }
  }

  #called({ name, group }: Guarded, facts: CallFacts): Placed & ReturnType<typeof calledAs> {
    return { ...this.#placed({ name, service: group }), ...calledAs(facts) }
  }
}

interface Placed {
  readonly at: number
  readonly provider: string
  readonly service: string
}

const transitionEvents = {
  open: 'circuit.opened',
  'half-open': 'circuit.half-opened',
  closed: 'circuit.closed',
} as const

const calledAs = ({
  method,
  number,
}: CallFacts): { method: string | undefined; attempt: number } => ({
  method,
  attempt: number,
})
