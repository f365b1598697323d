import { isDeepStrictEqual } from 'node:util'
import { CapabilityCatalog } from '../catalog/capability-catalog.js'
import { Catalog, orderOf, serialOf } from '../catalog/catalog.js'
import { ModelCatalog, type ModelChange } from '../catalog/model-catalog.js'
import { type Clock, systemClock } from '../core/clock.js'
import { Deadlines } from '../core/deadlines.js'
import { DuplicateProviderError, InvalidRegistrationError } from '../core/errors.js'
import { type Logger, silentLogger } from '../core/logger.js'
import { type Random, systemRandom } from '../core/random.js'
import type { Transition } from '../guard/circuit.js'
import type { Guard } from '../guard/guard.js'
import { Snapshots } from '../guard/opossum.js'
import { HealthChecks } from '../health/checks.js'
import { HealthMonitor } from '../health/monitor.js'
import { definitionKey } from '../model/definition.js'
import type { CheckSettings } from '../model/health.js'
import type { RenewOptions } from '../model/lease.js'
import { modelKey } from '../model/llm-model.js'
import { circuitSettings } from '../model/parse/circuit.js'
import { checkSettings } from '../model/parse/health.js'
import type { ParsedRegistration } from '../model/parse/registration.js'
import type {
  CircuitOptions,
  CircuitSettings,
  Provider,
  ProviderView,
  WithSignal,
} from '../model/provider.js'
import type { Section } from '../model/snapshot.js'
import type { Strategy } from '../model/strategy.js'
import { learnable, withoutProbed } from '../model/told.js'
import type { CallPorts } from '../resolve/call.js'
import { Made } from '../resolve/made.js'
import { knownWithSignal } from '../resolve/openai.js'
import { Resolver } from '../resolve/resolver.js'
import { Seat, type SeatParts, type SeatPorts } from '../resolve/seat.js'
import { Persist, type PersistPorts } from '../store/persist.js'
import type { Store } from '../store/store.js'
import { toStrategy } from '../strategy/built-in.js'
import { Credentials } from './credentials.js'
import { Dependents } from './dependents.js'
import { Follow } from './follow.js'
import { GeneratedNames } from './generated-names.js'
import { isKept, kept, type Remembered } from './keep.js'
import { type Also, learnFromCheck } from './learn.js'
import { Leases, leaseOf } from './leases.js'
import { Listing } from './listing.js'
import type { RegistryOptions, ServiceOptions } from './options.js'
import { Others } from './others.js'
import { Pulse } from './ready.js'
import { ServiceRules } from './service-rules.js'
import { Sources } from './sources.js'
import { recall } from './takeover.js'
import { Telling } from './telling.js'
import { viewOf } from './views.js'

/** Everything a registry is made of, wired; the public object in front of it checks what it is given. */
export class Composition {
  readonly clock: Clock
  readonly random: Random
  readonly options: RegistryOptions
  readonly rules: ServiceRules
  readonly catalog: Catalog<Seat> = new Catalog()
  readonly telling: Telling
  readonly events: Telling['events']
  readonly pulse: Pulse = new Pulse()
  readonly checks: HealthChecks<Seat>
  readonly monitor: HealthMonitor<Seat>
  readonly leases: Leases
  readonly resolver: Resolver
  readonly calls: CallPorts
  readonly dependents: Dependents
  readonly listing: Listing = new Listing(this.catalog)
  readonly capabilities: CapabilityCatalog
  readonly models: ModelCatalog
  readonly persist: Persist | undefined
  readonly sources: Sources
  readonly follow: Follow | undefined
  readonly made: Made = new Made((error, provider) =>
    this.log('warn', 'what connect has made could not be closed', { provider, error }),
  )
  readonly remembered: Remembered = { circuits: new Map(), health: new Map() }
  registrations = 0
  /** While it reads from the store, nothing needs to be written there. */
  loading = false
  readonly #guards: SeatPorts
  /** Of providers that bring no settings of their own. */
  readonly #circuit: CircuitSettings
  readonly #health: CheckSettings
  readonly #credentials = new Credentials()
  readonly #names: GeneratedNames = new GeneratedNames((name) => this.catalog.has(name))
  #serial = 0

  /** `owner` is the registry as its users have it. */
  constructor(options: RegistryOptions, owner: object) {
    const { clock = systemClock, random = systemRandom, logger = silentLogger } = options
    const { maxAgeMs = 5_000, concurrency = 32 } = options.health ?? {}
    this.options = options
    this.rules = new ServiceRules(options)
    this.#circuit = circuitSettings(options.circuit, undefined)
    this.#health = checkSettings(options.health)
    this.clock = clock
    this.random = random
    this.telling = new Telling(clock, logger)
    this.events = this.telling.events
    this.checks = new HealthChecks(
      { maxAgeMs },
      {
        clock,
        resting: isResting,
        restsUntil: (seat, now) => seat.usedGuard?.circuit.opening(now)?.retryAt ?? now,
        failed: (seat, error) => seat.guard.recordFailedCheck(error),
        changed: (seat, previous) => this.#healthChanged(seat, previous),
        judged: ({ named, provider }) => {
          if (named) this.mark('health', provider.name)
        },
        learned: (seat, report, judge) => learnFromCheck(this, seat, report, judge),
      },
    )
    this.monitor = new HealthMonitor(concurrency, {
      clock,
      random,
      resting: isResting,
      observe: (seat) => this.checks.observe(seat),
    })
    this.leases = new Leases({
      clock,
      expired: (seat) => this.#leaseExpired(seat),
      lost: (seat) => this.remove(seat),
      resumed: (seat, before) => this.turn(() => this.checks.mark(seat, before)),
      storeIsHeard:
        options.store?.endsLeases === true ? () => this.follow?.heard === true : undefined,
    })
    this.capabilities = new CapabilityCatalog(options.capabilities, ({ definition }) => {
      this.resolver.plans.clear() // they were compiled with what was defined before
      this.catalog.changes += 1
      this.mark('capabilities', definitionKey(definition))
    })
    this.models = new ModelCatalog({
      now: () => clock.wall(),
      changed: this.modelChanged,
      confirmed: (model) => this.mark('models', modelKey(model)),
      turn: (tell) => this.events.turn(tell),
    })
    this.dependents = new Dependents({
      members: () => this.catalog.members(),
      present: (name) => this.catalog.get(name)?.provider,
      now: () => clock.now(),
      judge: (seat, lost) => {
        const previous = seat.health
        seat.judge(seat.verdict, lost)
        if (seat.health !== previous) this.#healthChanged(seat, previous)
      },
      lost: (seat, lost) => this.telling.dependencyLost(seat, lost),
      restored: (seat, dependency) => this.telling.dependencyRestored(seat, dependency),
    })
    this.persist =
      options.store && new Persist(options.store, this.#persistPorts(options.store.name))
    const { graceMs = 60_000, staleAfterMs } = options.discovery ?? {}
    this.sources = new Sources({ graceMs, staleAfterMs }, this)
    this.follow = options.store && this.#following(options.store)
    this.resolver = new Resolver(this.catalog, clock, this.checks, this.capabilities.parametersOf)
    if (logger !== silentLogger) this.resolver.selected = this.telling.selected
    this.#guards = this.#guardPorts()
    this.calls = this.#callPorts(owner)
    for (const source of options.sources ?? []) this.sources.add(source)
  }

  // --- changes: one synchronous turn each, events after it --------------------------------------

  register(parsed: ParsedRegistration, adopted = false): Seat {
    const existing = parsed.named ? this.catalog.get(parsed.record.name) : undefined
    const mayGo = existing?.restored === true || adopted
    const isOther = mayGo && existing?.provider.service !== parsed.record.service
    if (existing !== undefined && !isOther) return this.#replace(existing, parsed)
    this.dependents.refuseCycle([parsed.record])
    this.#yieldStrategies(parsed)
    if (existing === undefined) return this.events.turn(() => this.enroll(parsed))
    this.strategyOf(parsed) // what throws, throws before anything changes
    return this.turn(() => {
      this.remove(existing) // it was only read, and now is something else
      return this.enroll(parsed)
    })
  }

  /** For somebody outside: what is known of it is as if it had been read. */
  adopt(parsed: ParsedRegistration, lease: RenewOptions | undefined): void {
    this.turn(() => {
      const seat = this.register(parsed, true)
      seat.restored = true
      if (isKept(seat)) this.markAnew(seat.provider.name)
      if (lease === undefined) this.checks.mark(seat, 'unknown')
      else this.renew(seat, lease)
    })
  }

  /** A provider of a new name joins. */
  enroll(parsed: ParsedRegistration): Seat {
    const record = parsed.named
      ? parsed.record
      : { ...parsed.record, name: this.#names.nextFor(parsed) }
    const strategy = this.strategyOf({ ...parsed, record })
    this.#serial += 1
    const seat = new Seat(
      Object.freeze(record),
      orderOf(record, this.#serial),
      this.#partsOf(parsed),
      this.#credentials.cooldownOf(record),
      this.#guards,
    )
    seat.named = parsed.named
    this.#markHeirs(record, strategy)
    this.catalog.put(seat, strategy)
    this.registrations += 1
    this.#enter(seat)
    const now = this.clock.now()
    if (seat.admitsAt(now) > now) this.resolver.refresh(seat)
    if (isKept(seat)) this.mark('providers', record.name)
    this.pulse.beat()
    this.telling.added(seat, () => viewOf(seat, this.catalog))
    recall(this, seat)
    this.dependents.joined(seat)
    return seat
  }

  /** Several changes as one: events come after the last of them; when it throws, none does. */
  turn<T>(change: () => T): T {
    return this.events.turn(() => this.dependents.turn(change))
  }

  /** True the first time. Calls in flight finish, nothing new is admitted. */
  remove(seat: Seat): boolean {
    if (seat.removed) return false
    const view = this.#lastView(seat)
    this.events.turn(() => {
      if (view !== undefined) this.telling.removed(view)
      this.take(seat)
    })
    this.log('info', 'provider removed', { provider: seat.provider.name })
    return true
  }

  /** While it is still there, and only if somebody will hear of it. */
  #lastView(seat: Seat): ProviderView | undefined {
    return this.telling.hearsRemoved ? viewOf(seat, this.catalog) : undefined
  }

  /** All at once; whose turn it is and which plans exist is forgotten. */
  clear(): void {
    const seats = [...this.catalog.members()]
    const views = seats.map((seat) => this.#lastView(seat))
    this.turn(() => {
      for (const view of views) if (view !== undefined) this.telling.removed(view)
      for (const seat of seats) this.take(seat)
      this.resolver.plans.clear()
    })
  }

  /** Its record becomes another: same name, same circuit, same place among those of its priority. */
  change(seat: Seat, record: Provider, also?: Also): void {
    this.rewrite(seat, record, seat.parts, undefined, also)
  }

  /** A sign of life: its lease and its health, in one turn. */
  renew(seat: Seat, options: RenewOptions): void {
    this.turn(() => {
      this.leases.renew(seat, options)
      seat.checkedAt = this.clock.now()
      this.telling.leaseRenewed(seat, () => leaseOf(seat))
      this.checks.mark(seat, options.status ?? 'healthy')
    })
    if (seat.named) this.mark('leases', seat.provider.name)
  }

  /** Where a store ends leases for all, it has written so, or it is no more than this registry's own view. */
  #leaseExpired(seat: Seat): void {
    const { loading, options } = this
    this.turn(() => {
      this.loading = loading || options.store?.endsLeases === true
      try {
        this.telling.leaseExpired(seat)
        this.checks.mark(seat, 'unhealthy')
      } finally {
        this.loading = loading
      }
    })
  }

  /** Throws `StrategyConflictError`. */
  strategyOf({ strategy, record }: ParsedRegistration, leaving?: Seat): Strategy | undefined {
    const chosen = strategy && toStrategy(strategy, this.random)
    this.catalog.checkStrategy(record, chosen, leaving)
    return chosen
  }

  settingsOf(own: CircuitOptions | undefined): Pick<SeatParts, 'circuit' | 'ownCircuit'> {
    const circuit = own === undefined ? this.#circuit : circuitSettings(this.options.circuit, own)
    return { circuit, ownCircuit: own }
  }

  #replace(seat: Seat, parsed: ParsedRegistration): Seat {
    const { name, service } = seat.provider
    if (!parsed.replace && !seat.restored) throw new DuplicateProviderError(name, service)
    this.refuseOtherService(seat, parsed.record)
    this.dependents.refuseCycle([parsed.record])
    this.#yieldStrategies(parsed)
    const strategy = this.strategyOf(parsed, seat)
    return this.turn(() => {
      this.rewrite(seat, parsed.record, this.#partsOf(parsed), strategy, () => {
        seat.told = withoutProbed(seat.told, learnable) // code says it all
      })
      if (seat.restored) this.mark('providers', name)
      seat.restored = false // from here on it is for code to register it
      return seat
    })
  }

  /** A strategy that was only read gives way to one that code asks for, as it does while reading. */
  #yieldStrategies({ strategy, record: { service, handlers, group } }: ParsedRegistration): void {
    if (strategy === undefined) return
    const name = typeof strategy === 'string' ? strategy : strategy.name
    const groups = handlers.flatMap((handler) => {
      const scope = this.catalog.find(service, handler)
      const own = scope?.groups.get(group)
      return scope === undefined || own?.strategy === undefined || own.strategy.name === name
        ? []
        : [{ scope, own }]
    })
    const isRead = (seat: Seat): boolean => seat.provider.group !== group || seat.restored
    if (groups.every(({ scope }) => [...scope.members].every(isRead)))
      for (const { own } of groups) own.strategy = undefined
  }

  refuseOtherService({ provider: { service } }: Seat, record: Provider): void {
    if (record.service === service) return
    const message = `expected "${service}", the service of the provider to be replaced, got "${record.service}"`
    throw new InvalidRegistrationError([{ field: 'service', message }])
  }

  /** In one turn; false when everything was so before. */
  rewrite(
    seat: Seat,
    record: Provider,
    parts: SeatParts,
    strategy: Strategy | undefined,
    also: Also = nothingElse,
  ): boolean {
    const isSame = parts === seat.parts && strategy === undefined
    if (isSame && isDeepStrictEqual(seat.provider, record)) {
      also()?.()
      return false
    }
    return this.turn(() => this.#rewrite(seat, Object.freeze(record), parts, strategy, also))
  }

  #rewrite(
    seat: Seat,
    record: Provider,
    parts: SeatParts,
    strategy: Strategy | undefined,
    also: Also,
  ): boolean {
    const before = seat.provider
    const previous = viewOf(seat, this.catalog)
    const otherParts = parts !== seat.parts
    const renewed = !seat.keepsInstance(record, parts)
    const wasKept = isKept(seat)
    const { checkedAt } = seat
    this.#leave(seat)
    this.dependents.changed(seat)
    this.#markHeirs(record, strategy)
    this.catalog.change(seat, strategy, () => {
      seat.order = orderOf(record, serialOf(seat.order))
      seat.renew(record, parts)
    })
    this.#enter(seat)
    if (record.credential !== before.credential) {
      seat.share(this.#credentials.cooldownOf(record))
      this.#credentials.tidy(before)
    }
    // What is known is about the one before, unless that one was only read back.
    if (seat.restored) seat.checkedAt = checkedAt
    if (renewed && (!seat.restored || seat.unasked(seat.verdict))) this.checks.mark(seat, 'unknown')
    const tell = also()
    this.resolver.refresh(seat)
    this.dependents.left(seat)
    this.dependents.joined(seat)
    this.pulse.beat()
    const view = viewOf(seat, this.catalog)
    const changed = !isDeepStrictEqual(before, record) || view.strategy !== previous.strategy
    if ((changed || otherParts) && (wasKept || isKept(seat))) this.mark('providers', record.name)
    if (changed) this.telling.changed(seat, view, previous)
    tell?.()
    return changed
  }

  /** Takes it out, and tells only those who depend on it. */
  take(seat: Seat): void {
    if (seat.named) for (const section of forgotten) this.mark(section, seat.provider.name, true)
    this.catalog.remove(seat)
    this.#leave(seat)
    this.checks.forget(seat)
    this.monitor.forget(seat)
    this.leases.forget(seat)
    this.resolver.forget(seat)
    seat.retire()
    this.#credentials.tidy(seat.provider)
    this.dependents.left(seat)
  }

  #partsOf(parsed: ParsedRegistration): SeatParts {
    return {
      instance: parsed.instance,
      connect: parsed.connect,
      ...this.settingsOf(parsed.circuit),
      check: parsed.check,
      health:
        parsed.health === undefined ? this.#health : checkSettings(parsed.health, this.#health),
      withSignal: (parsed.withSignal as WithSignal | undefined) ?? knownWithSignal(parsed.instance),
      except: parsed.except.length === 0 ? noNames : new Set(parsed.except),
    }
  }

  /** Counted among those that have a check, and those that wait for their instance. */
  #enter(seat: Seat): void {
    if (seat.hasCheck) this.checks.count += 1
    this.monitor.watch(seat)
    if (seat.instance === undefined && !seat.dormant) this.resolver.unconnected += 1
  }

  #leave(seat: Seat): void {
    if (seat.hasCheck) this.checks.count -= 1
    if (seat.instance === undefined && !seat.dormant) this.resolver.unconnected -= 1
  }

  // --- what guards and checks tell ---------------------------------------------------------------

  #guardPorts(): SeatPorts {
    const { clock, random, events, telling } = this
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
      paused: ({ seat, name }) => {
        if (seat instanceof Seat && seat.named) this.mark('circuits', name)
      },
      succeeded: (guard, facts, durationMs) => telling.succeeded(guard, facts, durationMs),
      failed: (guard, facts, durationMs, outcome, notRetried) =>
        telling.failed(guard, facts, durationMs, outcome, notRetried),
      refused: (guard, facts, refusal) => telling.refused(guard, facts, refusal),
      listenerFailed: (event, error) => telling.listenerFailed(event, error),
      connected: (seat) => {
        this.resolver.unconnected -= 1
        if (seat.hasCheck) this.checks.count += 1
        this.monitor.watch(seat)
      },
      unconnectable: (seat, error) => {
        this.resolver.unconnected -= 1
        this.resolver.refresh(seat)
        this.dependents.changed(seat)
        this.log('error', 'a provider cannot be connected', { provider: seat.provider.name, error })
      },
      made: this.made,
    }
  }

  #callPorts(registry: object): CallPorts {
    return {
      registry,
      resolver: this.resolver,
      random: this.random,
      retryBudget: (service) => this.rules.retryBudget(service),
      idempotent: ({ service }, method, provider) =>
        this.rules.idempotent(service, method, provider),
      standIn: (service) => this.rules.standIn(service),
      standInUsed: (service, method) => this.telling.standInUsed(service, method),
      failedOver: (from, to, facts, cause) => this.telling.failedOver(from, to, facts, cause),
    }
  }

  serviceOptions(service: string): ServiceOptions | undefined {
    return this.rules.of(service)
  }

  #refresh({ seat, circuit, draining }: Guard): void {
    if (!(seat instanceof Seat)) return
    this.resolver.refresh(seat)
    this.pulse.beat()
    if (!circuit.calm && seat.named) this.mark('circuits', seat.provider.name)
    if (draining) this.dependents.changed(seat)
  }

  #transition(guard: Guard, transition: Transition, retryAfterMs: number): void {
    this.resolver.epoch += 1
    guard.epoch = this.resolver.epoch
    if (guard.seat instanceof Seat) {
      if (guard.seat.named) this.mark('circuits', guard.name)
      this.dependents.changed(guard.seat)
    }
    this.telling.transition(guard, transition, retryAfterMs)
  }

  #healthChanged(seat: Seat, previous: Seat['health']): void {
    this.resolver.refresh(seat)
    this.telling.healthChanged(seat, previous)
    this.dependents.changed(seat)
  }

  // --- what is remembered ------------------------------------------------------------------------

  readonly modelChanged = (change: ModelChange): void => {
    const { type, model } = change
    this.mark('models', modelKey(model), type === 'removed')
    this.telling.modelChanged(change)
  }

  /** The store is to hold this as it is now. */
  mark(section: Section, key: string, gone = false): void {
    if (!this.loading) this.persist?.mark(section, key, gone)
  }

  /** The store is to hold this provider as another registration than before. */
  markAnew(name: string): void {
    if (!this.loading) this.persist?.mark('providers', name, false, true)
  }

  /** A strategy that a group is about to get is that of those who are in it, too. */
  #markHeirs({ service, handlers, group }: Provider, strategy: Strategy | undefined): void {
    if (strategy === undefined || this.persist === undefined) return
    for (const handler of handlers) {
      const scope = this.catalog.find(service, handler)
      if (scope === undefined || scope.groups.get(group)?.strategy !== undefined) continue
      for (const seat of scope.members)
        if (seat.provider.group === group && isKept(seat))
          this.mark('providers', seat.provider.name)
    }
  }

  #following(store: Store): Follow {
    const { clock, random, telling } = this
    const others = new Others(store.name, this.options.shareCircuits === true, this)
    return new Follow(store, {
      clock,
      random,
      take: (changes) => others.take(changes),
      heard: () => this.leases.resume(),
      failed: (error, retryInMs) => telling.storeFailed(store.name, error, retryInMs),
    })
  }

  #persistPorts(store: string): PersistPorts {
    return {
      clock: this.clock,
      random: this.random,
      read: (section, key) => kept(this, section, key),
      failed: (error, retryInMs) => this.telling.storeFailed(store, error, retryInMs),
    }
  }

  log(level: keyof Logger, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.telling.log(level, message, fields)
  }
}

/** What the store holds of a provider. */
const forgotten = ['providers', 'circuits', 'health', 'leases'] as const

const noNames: ReadonlySet<string> = new Set()
const nothingElse: Also = () => undefined

const isResting = (seat: Seat, now: number): boolean =>
  seat.usedGuard?.circuit.stateAt(now) === 'open'
