import { Catalog, orderOf, serialOf } from '../catalog/catalog.js'
import { type Clock, systemClock } from '../core/clock.js'
import { Deadlines } from '../core/deadlines.js'
import { DuplicateProviderError, InvalidRegistrationError } from '../core/errors.js'
import { Events } from '../core/events.js'
import { type Logger, silentLogger } from '../core/logger.js'
import type { Cause } from '../core/outcome.js'
import { type Random, systemRandom } from '../core/random.js'
import type { CallFacts } from '../guard/attempt.js'
import type { Transition } from '../guard/circuit.js'
import { Cooldown } from '../guard/cooldown.js'
import type { Guard, GuardPorts } from '../guard/guard.js'
import { Snapshots } from '../guard/opossum.js'
import { HealthChecks } from '../health/checks.js'
import type { RegistryEvent } from '../model/event.js'
import { circuitSettings } from '../model/parse/circuit.js'
import type { ParsedRegistration } from '../model/parse/registration.js'
import type { CircuitSettings, Provider, ProviderView, WithSignal } from '../model/provider.js'
import { RetryBudget } from '../resolve/budget.js'
import type { CallPorts } from '../resolve/call.js'
import { knownWithSignal } from '../resolve/openai.js'
import type { Plan } from '../resolve/plan.js'
import { Resolver } from '../resolve/resolver.js'
import { Seat, type SeatParts } from '../resolve/seat.js'
import { toStrategy } from '../strategy/built-in.js'
import type { RegistryOptions, ServiceOptions } from './options.js'
import { Pulse } from './ready.js'
import { difference, viewOf } from './views.js'

/** Everything a registry is made of, wired; the public object in front of it checks what it is given. */
export class Composition {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly options: RegistryOptions
  readonly catalog: Catalog<Seat> = new Catalog()
  readonly events: Events<RegistryEvent>
  readonly pulse: Pulse = new Pulse()
  readonly checks: HealthChecks<Seat>
  readonly resolver: Resolver
  readonly calls: CallPorts
  registrations = 0
  /** Lines that nobody reads are not made. */
  readonly #logs: boolean
  readonly #guards: GuardPorts
  /** Of providers that bring no settings of their own. */
  readonly #circuit: CircuitSettings
  readonly #credentials = new Map<string, Cooldown>()
  readonly #retryBudgets = new Map<string, RetryBudget>()
  readonly #generated = new Map<string, number>()
  #serial = 0

  constructor(options: RegistryOptions) {
    const { clock = systemClock, random = systemRandom, logger = silentLogger } = options
    const { maxAgeMs = 5_000, timeoutMs = 2_000, intervalMs = 30_000 } = options.health ?? {}
    this.options = options
    this.#logs = logger !== silentLogger
    this.#circuit = circuitSettings(options.circuit, undefined)
    this.clock = clock
    this.random = random
    this.logger = logger
    this.events = new Events((error, { type }) => this.#listenerFailed(type, error))
    this.checks = new HealthChecks(
      { maxAgeMs, timeoutMs, intervalMs },
      {
        clock,
        resting: (seat, now) => seat.usedGuard?.circuit.stateAt(now) === 'open',
        restsUntil: (seat, now) => seat.usedGuard?.circuit.opening(now)?.retryAt ?? now,
        failed: (seat, error) => seat.guard.recordFailedCheck(error),
        changed: (seat, previous) => this.#healthChanged(seat, previous),
      },
    )
    this.resolver = new Resolver(this.catalog, clock, this.checks)
    if (logger !== silentLogger) this.resolver.selected = this.#logSelection
    this.#guards = this.#guardPorts()
    this.calls = this.#callPorts()
  }

  // --- changes: one synchronous turn each, events after it --------------------------------------

  register(parsed: ParsedRegistration): Seat {
    const existing = parsed.named ? this.catalog.get(parsed.record.name) : undefined
    if (existing !== undefined) return this.#replace(existing, parsed)
    const record = parsed.named ? parsed.record : { ...parsed.record, name: this.#nameFor(parsed) }
    const strategy = parsed.strategy && toStrategy(parsed.strategy, this.random)
    this.catalog.checkStrategy(record, strategy)
    this.#serial += 1
    const seat = new Seat(
      Object.freeze(record),
      orderOf(record, this.#serial),
      this.#partsOf(parsed),
      this.#cooldownOf(record),
      this.#guards,
    )
    this.catalog.put(seat, strategy)
    this.registrations += 1
    this.#enter(seat)
    seat.onConnected = () => {
      this.resolver.unconnected -= 1
      if (seat.hasCheck) this.checks.count += 1
    }
    const now = this.clock.now()
    if (seat.admitsAt(now) > now) this.resolver.refresh(seat)
    this.#tellAdded(seat)
    return seat
  }

  /** True the first time. Calls in flight finish, nothing new is admitted. */
  remove(seat: Seat): boolean {
    if (seat.removed) return false
    const view = this.#viewIfHeard(seat, 'provider.removed', 'capability.removed')
    this.#take(seat)
    if (view !== undefined) this.#tellRemoved(view)
    this.log('info', 'provider removed', { provider: seat.provider.name })
    return true
  }

  /** All at once; whose turn it is and which plans exist is forgotten. */
  clear(): void {
    const seats = [...this.catalog.members()]
    const views = seats.map((seat) =>
      this.#viewIfHeard(seat, 'provider.removed', 'capability.removed'),
    )
    for (const seat of seats) this.#take(seat)
    this.resolver.plans.clear()
    for (const view of views) if (view !== undefined) this.#tellRemoved(view)
  }

  /** Its record becomes another: same name, same circuit, same place among those of its priority. */
  change(seat: Seat, record: Provider): void {
    this.#rewrite(seat, Object.freeze(record), seat.parts, undefined)
  }

  #replace(seat: Seat, parsed: ParsedRegistration): Seat {
    const { name, service } = seat.provider
    if (!parsed.replace) throw new DuplicateProviderError(name, service)
    if (parsed.record.service !== service)
      throw new InvalidRegistrationError([
        {
          field: 'service',
          message: `expected "${service}", the service of the provider to be replaced, got "${parsed.record.service}"`,
        },
      ])
    const strategy = parsed.strategy && toStrategy(parsed.strategy, this.random)
    this.catalog.checkStrategy(parsed.record, strategy, seat)
    this.#rewrite(seat, Object.freeze(parsed.record), this.#partsOf(parsed), strategy)
    return seat
  }

  #rewrite(
    seat: Seat,
    record: Provider,
    parts: SeatParts,
    strategy: ReturnType<typeof toStrategy> | undefined,
  ): void {
    const previous = this.#viewIfHeard(
      seat,
      'provider.changed',
      'capability.added',
      'capability.removed',
    )
    const before = seat.provider
    const renewed = parts !== seat.parts
    this.#leave(seat)
    this.catalog.change(seat, strategy, () => {
      seat.order = orderOf(record, serialOf(seat.order))
      seat.renew(record, parts)
    })
    this.#enter(seat)
    if (record.credential !== before.credential) {
      seat.share(this.#cooldownOf(record))
      this.#tidyCredential(before)
    }
    if (renewed) this.checks.mark(seat, 'unknown') // what is known is about the one before
    this.resolver.refresh(seat)
    this.pulse.beat()
    if (previous === undefined) return
    const view = viewOf(seat, this.catalog)
    this.events.emit({ type: 'provider.changed', view, previous, ...this.#placed(seat) })
    const { added, removed } = difference(before.capabilities, record.capabilities)
    for (const capability of removed)
      this.events.emit({ type: 'capability.removed', capability, ...this.#placed(seat) })
    for (const capability of added)
      this.events.emit({ type: 'capability.added', capability, ...this.#placed(seat) })
  }

  #take(seat: Seat): void {
    this.catalog.remove(seat)
    this.#leave(seat)
    this.checks.forget(seat)
    this.resolver.forget(seat)
    seat.retire()
    this.#tidyCredential(seat.provider)
  }

  #tidyCredential({ credential }: Provider): void {
    if (credential !== undefined && this.#credentials.get(credential)?.shared === false)
      this.#credentials.delete(credential)
  }

  #partsOf(parsed: ParsedRegistration): SeatParts {
    return {
      instance: parsed.instance,
      connect: parsed.connect,
      circuit:
        parsed.circuit === undefined
          ? this.#circuit
          : circuitSettings(this.options.circuit, parsed.circuit),
      check: parsed.check,
      withSignal: (parsed.withSignal as WithSignal | undefined) ?? knownWithSignal(parsed.instance),
      except: parsed.except.length === 0 ? noNames : new Set(parsed.except),
    }
  }

  #cooldownOf({ credential }: Provider): Cooldown | undefined {
    if (credential === undefined) return undefined
    let cooldown = this.#credentials.get(credential)
    if (cooldown === undefined) {
      cooldown = new Cooldown()
      this.#credentials.set(credential, cooldown)
    }
    return cooldown
  }

  /** `<class or service>-<n>`, never the same twice. */
  #nameFor({ instance, record }: ParsedRegistration): string {
    const own = classOf(instance)
    const base =
      typeof own === 'string' &&
      own !== '' &&
      own !== 'Object' &&
      own !== 'Function' &&
      !own.endsWith('Function')
        ? own
        : record.service
    let number = this.#generated.get(base) ?? 0
    do number += 1
    while (this.catalog.has(`${base}-${number}`))
    this.#generated.set(base, number)
    return `${base}-${number}`
  }

  /** Counted among those that have a check, and those that wait for their instance. */
  #enter(seat: Seat): void {
    if (seat.hasCheck) this.checks.count += 1
    if (seat.instance === undefined) this.resolver.unconnected += 1
  }

  #leave(seat: Seat): void {
    if (seat.hasCheck) this.checks.count -= 1
    if (seat.instance === undefined) this.resolver.unconnected -= 1
  }

  // --- what guards and checks tell ---------------------------------------------------------------

  #guardPorts(): GuardPorts {
    const { clock, random, events } = this
    return {
      clock,
      random,
      deadlines: new Deadlines(clock),
      snapshots: new Snapshots(clock),
      classify: this.options.classify,
      heard: () => events.heard('call.succeeded'),
      transition: (guard, transition, retryAfterMs) =>
        this.#transition(guard, transition, retryAfterMs),
      admissionChanged: (guard) => this.#refresh(guard),
      succeeded: ({ name, group }, facts, durationMs) => {
        const called = { ...this.#stamp(), provider: name, service: group, ...calledAs(facts) }
        events.emit({ type: 'call.succeeded', durationMs, ...called })
      },
      failed: ({ name, group }, facts, durationMs, { cause, error }, notRetried) => {
        if (!events.heard('call.failed')) return
        const called = { ...this.#stamp(), provider: name, service: group, ...calledAs(facts) }
        events.emit({ type: 'call.failed', durationMs, cause, error, notRetried, ...called })
      },
      refused: ({ name, group }, facts, refusal) => {
        if (!events.heard('call.refused')) return
        const called = { ...this.#stamp(), provider: name, service: group, ...calledAs(facts) }
        events.emit({ type: 'call.refused', refusal: Object.freeze(refusal), ...called })
      },
      listenerFailed: (event, error) => this.#listenerFailed(event, error),
    }
  }

  #callPorts(): CallPorts {
    return {
      resolver: this.resolver,
      random: this.random,
      retryBudget: (service) => this.#retryBudget(service),
      idempotent: (plan, method, provider) => this.#idempotent(plan, method, provider),
      standIn: (service) => this.standIn(service),
      standInUsed: (service, method) => this.standInUsed(service, method),
      failedOver: (from, to, facts, cause) => this.#failedOver(from, to, facts, cause),
    }
  }

  #retryBudget(service: string): RetryBudget {
    let budget = this.#retryBudgets.get(service)
    if (budget === undefined) {
      const { ratio, perSecond } = this.options.retryBudget ?? {}
      budget = new RetryBudget({
        ...(ratio !== undefined && { ratio }),
        ...(perSecond !== undefined && { perSecond }),
      })
      this.#retryBudgets.set(service, budget)
    }
    return budget
  }

  #idempotent({ service }: Plan, method: string | undefined, provider: Provider): boolean {
    const options = this.serviceOptions(service)
    const ofMethod =
      method !== undefined &&
      options?.methods !== undefined &&
      Object.hasOwn(options.methods, method)
        ? options.methods[method]?.idempotent
        : undefined
    return (
      ofMethod ??
      provider.idempotent ??
      options?.idempotent ??
      (service === 'llm' || options?.kind === 'llm')
    )
  }

  serviceOptions(service: string): ServiceOptions | undefined {
    const { services } = this.options
    return services !== undefined && Object.hasOwn(services, service)
      ? (services as Readonly<Record<string, ServiceOptions>>)[service]
      : undefined
  }

  standIn(service: string): object | undefined {
    if (this.options.allowStandIns !== true) return undefined
    return this.serviceOptions(service)?.standIn as object | undefined
  }

  standInUsed(service: string, method: string | undefined): void {
    this.log('warn', 'a stand-in was used', { service, method })
    if (this.events.heard('stand-in.used'))
      this.events.emit({ type: 'stand-in.used', service, method, ...this.#stamp() })
  }

  #failedOver(from: Seat, to: Seat, facts: CallFacts, cause: Cause): void {
    const { name } = to.provider
    this.log('warn', 'call failed over', { from: from.provider.name, to: name, cause })
    if (!this.events.heard('call.failed-over')) return
    const called = { ...this.#placed(from), ...calledAs(facts) }
    this.events.emit({ type: 'call.failed-over', to: name, cause, ...called })
  }

  #refresh({ seat }: Guard): void {
    if (!(seat instanceof Seat)) return
    this.resolver.refresh(seat)
    this.pulse.beat()
  }

  #transition(guard: Guard, { to, reason }: Transition, retryAfterMs: number): void {
    const { name, group } = guard
    this.resolver.epoch += 1
    guard.epoch = this.resolver.epoch
    if (this.#logs)
      this.log(to === 'open' ? 'warn' : 'info', `circuit is ${to}`, { provider: name, reason })
    if (!this.events.heard(transitionEvents[to])) return
    const placed = { ...this.#stamp(), provider: name, service: group }
    if (to === 'open') this.events.emit({ type: 'circuit.opened', reason, retryAfterMs, ...placed })
    else if (to === 'half-open') this.events.emit({ type: 'circuit.half-opened', ...placed })
    else this.events.emit({ type: 'circuit.closed', ...placed })
  }

  #healthChanged(seat: Seat, previous: Seat['health']): void {
    const { health } = seat
    this.resolver.refresh(seat)
    this.log(health === 'unhealthy' ? 'warn' : 'info', `provider is ${health}`, {
      provider: seat.provider.name,
    })
    if (this.events.heard('provider.health-changed'))
      this.events.emit({
        type: 'provider.health-changed',
        health,
        previous,
        ...this.#placed(seat),
      })
  }

  #listenerFailed(event: string, error: unknown): void {
    this.log('error', 'a listener failed', { event, error })
    if (event !== 'listener.failed' && this.events.heard('listener.failed'))
      this.events.emit({ type: 'listener.failed', event, error, ...this.#stamp() })
  }

  // --- telling -----------------------------------------------------------------------------------

  #tellAdded(seat: Seat): void {
    const { provider } = seat
    this.pulse.beat()
    if (this.#logs)
      this.log('info', 'provider registered', {
        provider: provider.name,
        service: provider.service,
        handlers: provider.handlers,
      })
    const view = this.#viewIfHeard(seat, 'provider.added', 'capability.added')
    if (view === undefined) return
    this.events.emit({ type: 'provider.added', view, ...this.#placed(seat) })
    for (const capability of provider.capabilities)
      this.events.emit({ type: 'capability.added', capability, ...this.#placed(seat) })
  }

  #tellRemoved(view: ProviderView): void {
    const placed = { ...this.#stamp(), provider: view.name, service: view.service }
    this.events.emit({ type: 'provider.removed', view, ...placed })
    for (const capability of view.capabilities)
      this.events.emit({ type: 'capability.removed', capability, ...placed })
  }

  #viewIfHeard(seat: Seat, ...types: readonly RegistryEvent['type'][]): ProviderView | undefined {
    return types.some((type) => this.events.heard(type)) ? viewOf(seat, this.catalog) : undefined
  }

  #stamp(): { readonly at: number } {
    return { at: this.clock.wall() }
  }

  #placed({ provider }: Seat): {
    readonly at: number
    readonly provider: string
    readonly service: string
  } {
    return { ...this.#stamp(), provider: provider.name, service: provider.service }
  }

  readonly #logSelection = ({ service, handler }: Plan, seat: Seat | undefined): void => {
    const fields = { service, handler, provider: seat?.provider.name }
    this.log('debug', seat === undefined ? 'no provider to select' : 'provider selected', fields)
  }

  /** A logger that throws is a listener like others: it changes nothing. */
  log(level: keyof Logger, message: string, fields: Readonly<Record<string, unknown>>): void {
    try {
      this.logger[level](message, fields)
    } catch {
      // there is nowhere left to say it
    }
  }
}

const transitionEvents = {
  open: 'circuit.opened',
  'half-open': 'circuit.half-opened',
  closed: 'circuit.closed',
} as const

const noNames: ReadonlySet<string> = new Set()

function classOf(instance: object | undefined): unknown {
  try {
    return instance?.constructor?.name
  } catch {
    return undefined // a getter that throws names nothing
  }
}

const calledAs = ({
  method,
  number,
}: CallFacts): { method: string | undefined; attempt: number } => ({
  method,
  attempt: number,
})
