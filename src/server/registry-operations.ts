import type { AddressPolicy } from '../core/address.js'
import type { Clock } from '../core/clock.js'
import type { Logger } from '../core/logger.js'
import type { ProviderView } from '../model/provider.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { Access } from './access.js'
import { audit } from './audit.js'
import { ChangeLog } from './changes.js'
import { Discovery } from './discovery.js'
import { Entries } from './entries.js'
import type { Change, Entry, Filters, Invocation, Notice, Telemetry } from './entry.js'
import { compileFilters } from './filters.js'
import { beat } from './heartbeats.js'
import { checkInvocation, checkVotes } from './input.js'
import { LocationHealth } from './location-health.js'
import { type Observer, observed, observedLater } from './metrics.js'
import { Notices } from './notices.js'
import type {
  Caller,
  CapabilityProviders,
  Connection,
  DiscoverInput,
  Heartbeat,
  Match,
  MatchInput,
  Operations,
  Registered,
  RegisterInput,
  Reputation,
  Stats,
  WatchInput,
} from './operations.js'
import { Registering } from './registering.js'
import { factsOf } from './registration.js'
import { Relay } from './relay.js'
import { Reputations } from './reputation.js'
import { Tracking } from './tracking.js'
import { Written } from './written.js'

export interface OperationsOptions {
  readonly registry: ServiceRegistry
  readonly access: Access
  readonly clock: Clock
  readonly logger: Logger
  /** For health checks and notifications. */
  readonly policy: AddressPolicy
  readonly heartbeatTimeoutMs: number
  readonly healthCheckIntervalMs: number
  /** Changes that can be read again. */
  readonly changesKept: number
  /** Providers at once. */
  readonly mostEntries: number
  readonly observer: Observer
}

/** The operations over a registry: what is registered is its providers, so others that share its store see it. */
export class RegistryOperations implements Operations {
  readonly #options: OperationsOptions
  readonly #entries: Entries
  readonly #log: ChangeLog
  readonly #relay: Relay
  readonly #registering: Registering
  readonly #written: Written
  readonly #locations: LocationHealth
  readonly #discovery: Discovery
  readonly #notices: Notices
  readonly #tracking = new Tracking()
  readonly #reputations = new Reputations()

  constructor(options: OperationsOptions) {
    const { registry, clock, policy, changesKept } = options
    this.#options = options
    const entries = new Entries(registry)
    const log = new ChangeLog(changesKept, () => clock.wall())
    const locations = new LocationHealth({ ...options, entries })
    const relay = new Relay({
      registry,
      entries,
      log,
      joined: (view) => this.#joined(view),
      left: (id) => {
        this.#reputations.forget(id)
        this.#notices.review(id)
      },
    })
    this.#entries = entries
    this.#log = log
    this.#locations = locations
    this.#relay = relay
    this.#registering = new Registering({
      ...options,
      entries,
      log,
      relay,
      joined: (view) => this.#joined(view),
    })
    this.#written = new Written((signal) => this.#registering.written(signal), clock)
    this.#discovery = new Discovery(entries, this.#reputations)
    this.#notices = new Notices(clock, policy)
  }

  /** Begins to check locations. */
  start(): void {
    this.#locations.start()
  }

  /** Stops all that goes on by itself. */
  close(): void {
    this.#locations.stop()
    this.#relay.close()
    this.#entries.close()
  }

  get position(): number {
    return this.#log.position
  }

  admitCaller(caller: Caller): void {
    this.#options.access.admitCaller(caller)
  }

  admitReader(caller: Caller): void {
    this.#options.access.admitReader(caller)
  }

  // --- changes ---------------------------------------------------------------------------------

  register(input: RegisterInput, caller: Caller): Promise<Registered> {
    return observedLater(this.#options, 'register', async () => {
      const registered = await this.#registering.add(input, caller)
      return { ...registered, stored: await this.#written.all() }
    })
  }

  heartbeat(id: string, telemetry: Telemetry | undefined, caller: Caller): Heartbeat {
    const ports = { ...this.#options, entries: this.#entries }
    return observed(this.#options, 'heartbeat', () => beat(ports, id.trim(), telemetry, caller))
  }

  deregister(id: string, caller: Caller): boolean {
    return this.#registering.remove(id, caller)
  }

  stored(): Promise<boolean> {
    return this.#written.all()
  }

  track(invocation: Invocation, caller: Caller): void {
    const { access, registry } = this.#options
    const consumer = registry.get(invocation.consumerId)
    access.admitChange(caller, consumer && factsOf(consumer).proof)
    checkInvocation(invocation)
    this.#tracking.add(invocation)
    const { providerId, success } = invocation
    if (registry.get(providerId) !== undefined)
      this.#reputations.add(providerId, {
        success: success ? 1 : 0,
        failure: success ? 0 : 1,
        warning: 0,
      })
    this.#log.push({ type: 'invoked', invocation })
  }

  vote(given: string, votes: Reputation, caller: Caller): void {
    const { access, logger } = this.#options
    const id = given.trim()
    access.admitChange(caller)
    checkVotes(votes)
    this.#entries.view(id)
    this.#reputations.add(id, votes)
    audit(logger, 'voted on', id, caller, { ...votes })
  }

  // --- seeing ----------------------------------------------------------------------------------

  get(id: string): Entry | undefined {
    return this.#entries.get(id.trim())
  }

  list(filters: Filters = {}, capability?: string): readonly Entry[] {
    const test = compileFilters(filters)
    const near = capability === undefined ? this.#entries.all() : this.#entries.having(capability)
    return near.filter(test)
  }

  discover(input: DiscoverInput): readonly Entry[] {
    return observed(this.#options, 'discover', () => this.#discovery.discover(input))
  }

  match(input: MatchInput): readonly Match[] {
    return this.#discovery.match(input)
  }

  choose(capability: string): Entry {
    return this.#discovery.choose(capability)
  }

  capabilities(): readonly CapabilityProviders[] {
    return this.#discovery.capabilities()
  }

  stats(): Stats {
    return this.#discovery.stats()
  }

  connections(id?: string): readonly Connection[] {
    return this.#tracking.of(id)
  }

  // --- following -------------------------------------------------------------------------------

  watch({ after }: WatchInput, signal: AbortSignal): AsyncIterableIterator<Change> {
    return this.#log.follow(after, signal)
  }

  notices(given: string, caller: Caller, signal: AbortSignal): AsyncIterableIterator<Notice> {
    const id = given.trim()
    const admit = (): void => {
      this.#options.access.admitCaller(caller)
      this.#options.access.admitChange(caller, factsOf(this.#entries.view(id)).proof)
    }
    admit()
    return this.#notices.follow(id, signal, admit)
  }

  async notify(notice: Omit<Notice, 'at'>, caller: Caller): Promise<void> {
    const { access, clock, logger } = this.#options
    const agentId = notice.agentId.trim()
    access.admitChange(caller)
    const entry = this.#entries.need(agentId)
    await this.#notices.deliver(Object.freeze({ ...notice, agentId, at: clock.wall() }), entry)
    audit(logger, 'notified', agentId, caller, { type: notice.type })
  }

  #joined(view: ProviderView): void {
    this.#locations.ask(view)
    this.#notices.review(view.name)
  }
}
