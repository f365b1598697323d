import type { AddressPolicy } from '../core/address.js'
import type { Clock } from '../core/clock.js'
import { InvalidRegistrationError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import { parseRegistration } from '../model/parse/registration.js'
import type { ProviderView, Registration } from '../model/provider.js'
import type { ServiceRegistry } from '../registry/registry.js'
import type { OperationResult } from '../telemetry/index.js'
import { type Access, newToken, proofOf } from './access.js'
import { ChangeLog } from './changes.js'
import type { Change, Entry, EntryStatus, Filters, Invocation, Notice, Telemetry } from './entry.js'
import { compileFilters, isActive } from './filters.js'
import { parseId } from './id.js'
import { checkInvocation, checkTelemetry, checkVotes } from './input.js'
import { checkLocation } from './location.js'
import { LocationMonitor, type Target } from './location-monitor.js'
import { type Observer, resultOf } from './metrics.js'
import { Notices } from './notices.js'
import { OperationError } from './operation-error.js'
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
import {
  byRegistration,
  entryOf,
  entryStatus,
  factsOf,
  isRegistration,
  type Observed,
  type RegistrationFacts,
  registrationKey,
} from './registration.js'
import { Reputations, scoreOf } from './reputation.js'
import { Tracking } from './tracking.js'
import { Turns } from './turns.js'

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

const missesUntilInactive = 3
const defaultResults = 5

/** The operations over a registry: what is registered is its providers, so others that share its store see it. */
export class RegistryOperations implements Operations {
  readonly #options: OperationsOptions
  readonly #log: ChangeLog
  readonly #notices: Notices
  readonly #monitor: LocationMonitor
  readonly #tracking = new Tracking()
  readonly #turns = new Turns()
  readonly #reputations = new Reputations()
  readonly #observed = new Map<string, Observed>()
  /** While an id is registered anew, that says all there is to say of it. */
  readonly #registering = new Set<string>()
  readonly #unsubscribe: readonly (() => void)[]
  #serial = 0

  constructor(options: OperationsOptions) {
    const { clock, policy, changesKept, healthCheckIntervalMs } = options
    this.#options = options
    this.#log = new ChangeLog(changesKept, () => clock.wall())
    this.#notices = new Notices(clock, policy)
    this.#monitor = new LocationMonitor({
      clock,
      policy,
      intervalMs: healthCheckIntervalMs,
      targets: () => this.#views().flatMap(targetOf),
      answered: (target, alive) => this.#answered(target, alive),
    })
    this.#unsubscribe = this.#subscribe()
  }

  /** Begins to check locations. */
  start(): void {
    this.#monitor.start()
  }

  /** Stops all that goes on by itself. */
  close(): void {
    this.#monitor.stop()
    for (const end of this.#unsubscribe) end()
  }

  get position(): number {
    return this.#log.position
  }

  admitReader(caller: Caller): void {
    this.#options.access.admitReader(caller)
  }

  // --- changes ---------------------------------------------------------------------------------

  async register(input: RegisterInput, caller: Caller): Promise<Registered> {
    const observed = this.#observing('register')
    try {
      const registered = await this.#register(input, caller)
      observed('ok')
      return registered
    } catch (error) {
      observed(resultOf(error))
      throw error
    }
  }

  async #register(input: RegisterInput, caller: Caller): Promise<Registered> {
    const id = parseId(input.id)
    this.#admitRegistration(id, caller)
    if (input.telemetry !== undefined) checkTelemetry(input.telemetry)
    const location = input.location.trim()
    const token = newToken()
    const registration = toRegistration(id, { ...input, location }, this.#factsFor(input, token))
    if (input.mode === 'http') await checkLocation(location, this.#options.policy)
    this.#admitRegistration(id, caller) // once more: others may have been faster
    this.#put(id, registration)
    this.#beginLease(id, input)
    const entry = this.#need(id)
    this.#log.push({ type: 'registered', entry })
    this.#audit('registered', id, caller, { mode: entry.mode, service: entry.service })
    for (const target of this.#targets(id)) this.#monitor.ask(target)
    return { entry, token }
  }

  #admitRegistration(id: string, caller: Caller): void {
    const { access, registry, mostEntries } = this.#options
    const present = registry.get(id)
    access.admitChange(caller, present && factsOf(present).proof)
    if (present === undefined && registry.metrics().providers >= mostEntries)
      throw new OperationError(
        'unavailable',
        'REGISTRY_FULL',
        `There are ${mostEntries} registrations, as many as this server takes; deregister some`,
      )
  }

  #factsFor(input: RegisterInput, token: string): RegistrationFacts {
    const { face, name, mode, agentType, namespace, cluster } = input
    this.#serial += 1
    return {
      face,
      name,
      location: input.location.trim(),
      mode,
      agentType,
      namespace,
      cluster,
      registeredAt: this.#options.clock.wall(),
      serial: this.#serial,
      proof: proofOf(token),
    }
  }

  /** Checked already, so that what is there is given up only for what will be there. */
  #put(id: string, registration: Registration): void {
    const { registry } = this.#options
    this.#registering.add(id)
    try {
      const present = registry.get(id)
      if (present !== undefined && present.service !== registration.service) registry.unregister(id)
      registry.register(registration)
      this.#observed.delete(id)
    } finally {
      this.#registering.delete(id)
    }
  }

  /** Agents have to give signs of life from now on, others from their first one on. */
  #beginLease(id: string, { face, telemetry }: RegisterInput): void {
    const { registry, heartbeatTimeoutMs: forMs } = this.#options
    if (face !== 'grpc' && registry.get(id)?.lease === undefined) return
    registry.renew(id, { forMs, facts: { ...(telemetry && { telemetry }), beats: 0 } })
  }

  heartbeat(id: string, telemetry: Telemetry | undefined, caller: Caller): Heartbeat {
    return this.#observe('heartbeat', () => this.#heartbeat(id.trim(), telemetry, caller))
  }

  #heartbeat(id: string, telemetry: Telemetry | undefined, caller: Caller): Heartbeat {
    const { registry, access, clock, heartbeatTimeoutMs: forMs } = this.#options
    const view = this.#view(id)
    access.admitChange(caller, factsOf(view).proof)
    if (telemetry !== undefined) checkTelemetry(telemetry)
    const kept = telemetry ?? entryOf(view).telemetry
    const { beats } = view.lease?.facts ?? {}
    const status = statusBy(kept)
    this.#observed.set(id, { failedChecks: 0, seenAt: clock.wall() })
    registry.renew(id, {
      forMs,
      status,
      facts: { ...(kept && { telemetry: kept }), beats: typeof beats === 'number' ? beats + 1 : 1 },
    })
    return { status, lastSeenAt: clock.wall() }
  }

  deregister(given: string, caller: Caller): boolean {
    const { registry, access } = this.#options
    const id = given.trim()
    const present = registry.get(id)
    access.admitChange(caller, present && factsOf(present).proof)
    if (present === undefined || !registry.unregister(id)) return false
    this.#audit('deregistered', id, caller)
    return true
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

  vote(id: string, votes: Reputation, caller: Caller): void {
    this.#options.access.admitChange(caller)
    checkVotes(votes)
    this.#view(id.trim())
    this.#reputations.add(id.trim(), votes)
    this.#audit('voted on', id.trim(), caller, { ...votes })
  }

  // --- seeing ----------------------------------------------------------------------------------

  get(given: string): Entry | undefined {
    const view = this.#options.registry.get(given.trim())
    return view && this.#entry(view)
  }

  list(filters: Filters = {}): readonly Entry[] {
    const test = compileFilters(filters)
    return this.#entries().filter(test)
  }

  discover(input: DiscoverInput): readonly Entry[] {
    return this.#observe('discover', () => this.#discover(input))
  }

  #discover({ capabilities, filters, maxResults }: DiscoverInput): readonly Entry[] {
    if (!Number.isInteger(maxResults) || maxResults < 0)
      throw new OperationError(
        'invalid',
        'INVALID_MAX_RESULTS',
        `max_results must be 0 or more, and is ${maxResults}`,
      )
    const test = compileFilters(filters)
    const wanted = Object.hasOwn(filters, 'status') ? test : whereActive(test)
    const [first, ...others] = capabilities
    const near = first === undefined ? this.#entries() : this.#having(first)
    return near
      .filter((entry) => has(entry, others) && wanted(entry))
      .map((entry) => ({ entry, score: scoreOf(entry, this.#reputations.share(entry.id)) }))
      .sort((a, b) => b.score - a.score) // stable: ties stay in the order of registration
      .slice(0, maxResults || defaultResults)
      .map(({ entry }) => entry)
  }

  match({ required, optional }: MatchInput): readonly Match[] {
    const needed = [...new Set(required)]
    const welcome = [...new Set(optional)]
    return this.#entries()
      .filter((entry) => isActive(entry) && has(entry, needed))
      .map((entry) => {
        const provided = welcome.filter((one) => entry.capabilities.includes(one))
        return {
          entry,
          score: needed.length + provided.length,
          required: needed,
          optional: provided,
        }
      })
      .sort((a, b) => b.score - a.score)
  }

  choose(capability: string): Entry {
    const near = this.#viewsHaving(capability)
    if (near.length === 0)
      throw new OperationError('not-found', 'CAPABILITY_NOT_FOUND', 'Capability not found')
    const active = near.filter(({ health }) => entryStatus(health) !== 'unhealthy')
    const chosen = this.#turns.next(capability, active)
    if (chosen !== undefined) return this.#entry(chosen)
    throw new OperationError(
      'unavailable',
      'NO_ACTIVE_SERVICE',
      'No active services provide this capability',
    )
  }

  capabilities(): readonly CapabilityProviders[] {
    const found = new Map<string, string[]>()
    for (const { id, capabilities } of this.#entries().filter(isActive))
      for (const capability of capabilities) {
        const providers = found.get(capability)
        if (providers === undefined) found.set(capability, [id])
        else providers.push(id)
      }
    return [...found].map(([capability, providers]) => ({ capability, providers }))
  }

  stats(): Stats {
    const entries = this.#entries()
    const byRuntime = new Map<string, number>()
    for (const { metadata } of entries) {
      const said = Object.hasOwn(metadata, 'runtime') ? metadata.runtime : undefined
      const runtime = typeof said === 'string' && said !== '' ? said : 'unknown'
      byRuntime.set(runtime, (byRuntime.get(runtime) ?? 0) + 1)
    }
    return {
      total: entries.length,
      active: entries.filter(isActive).length,
      capabilities: new Set(entries.flatMap(({ capabilities }) => capabilities)).size,
      byRuntime,
    }
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
    this.#options.access.admitChange(caller, factsOf(this.#view(id)).proof)
    return this.#notices.follow(id, signal)
  }

  async notify(notice: Omit<Notice, 'at'>, caller: Caller): Promise<void> {
    const agentId = notice.agentId.trim()
    this.#options.access.admitChange(caller)
    const entry = this.#need(agentId)
    const at = this.#options.clock.wall()
    await this.#notices.deliver(Object.freeze({ ...notice, agentId, at }), entry)
    this.#audit('notified', agentId, caller, { type: notice.type })
  }

  // --- what the registry tells -----------------------------------------------------------------

  #subscribe(): readonly (() => void)[] {
    const { registry } = this.#options
    const others = (id: string, tell: () => void): void => {
      if (!this.#registering.has(id)) tell()
    }
    return [
      registry.on('provider.added', ({ provider, view }) =>
        others(provider, () => this.#joined(view)),
      ),
      registry.on('provider.changed', ({ provider, view, previous }) =>
        others(provider, () => this.#changed(view, previous)),
      ),
      registry.on('provider.removed', ({ provider, view }) =>
        others(provider, () => this.#left(view)),
      ),
      registry.on('provider.health-changed', ({ provider, health, previous }) =>
        others(provider, () => this.#judged(provider, entryStatus(health), entryStatus(previous))),
      ),
      registry.on('lease.renewed', ({ provider, facts }) =>
        others(provider, () => this.#renewed(provider, facts)),
      ),
    ]
  }

  /** Registered by somebody else, such as another node with the same store. */
  #joined(view: ProviderView): void {
    this.#log.push({ type: 'registered', entry: this.#entry(view) })
    for (const target of targetOf(view)) this.#monitor.ask(target)
  }

  #changed(view: ProviderView, previous: ProviderView): void {
    const [now, before] = [factsOf(view), factsOf(previous)]
    const isAnew = now.registeredAt !== before.registeredAt || now.serial !== before.serial
    if (isAnew) this.#joined(view)
    else this.#log.push({ type: 'updated', entry: this.#entry(view), cause: 'facts' })
  }

  #left(view: ProviderView): void {
    this.#log.push({ type: 'deregistered', entry: this.#entry(view) })
    this.#observed.delete(view.name)
    this.#reputations.forget(view.name)
  }

  #judged(id: string, status: EntryStatus, previous: EntryStatus): void {
    const entry = this.get(id)
    if (entry !== undefined && status !== previous)
      this.#log.push({ type: 'status-changed', entry, previous })
  }

  #renewed(id: string, { beats }: Readonly<Record<string, unknown>>): void {
    const entry = this.get(id)
    if (entry !== undefined && beats !== 0)
      this.#log.push({ type: 'updated', entry, cause: 'heartbeat' })
  }

  // --- locations -------------------------------------------------------------------------------

  #targets(id: string): readonly Target[] {
    const view = this.#options.registry.get(id)
    return view === undefined ? [] : targetOf(view)
  }

  #answered(target: Target, alive: boolean): void {
    const { registry, clock } = this.#options
    const view = registry.get(target.id)
    const [now] = this.#targets(target.id)
    if (view === undefined || now?.registration !== target.registration) return // it is gone
    const { failedChecks = 0, seenAt = 0 } = this.#observed.get(target.id) ?? {}
    const failed = alive ? 0 : failedChecks + 1
    const seen = alive ? clock.wall() : seenAt
    this.#observed.set(target.id, { failedChecks: failed, seenAt: seen })
    const isSilent = view.lease !== undefined && view.lease.expiresAt <= clock.wall()
    if (alive && view.health !== 'healthy' && !isSilent)
      registry.updateFromHealth(target.id, { status: 'healthy' })
    if (failed >= missesUntilInactive && entryStatus(view.health) !== 'unhealthy')
      registry.updateFromHealth(target.id, { status: 'unhealthy' })
  }

  // --- within ----------------------------------------------------------------------------------

  #observing(operation: 'register' | 'heartbeat' | 'discover'): (result: OperationResult) => void {
    const { clock, observer } = this.#options
    const begun = clock.now()
    return (result) => observer.observe(operation, result, (clock.now() - begun) / 1_000)
  }

  #observe<T>(operation: 'heartbeat' | 'discover', work: () => T): T {
    const observed = this.#observing(operation)
    try {
      const result = work()
      observed('ok')
      return result
    } catch (error) {
      observed(resultOf(error))
      throw error
    }
  }

  #entry(view: ProviderView): Entry {
    return entryOf(view, this.#observed.get(view.name))
  }

  #views(): readonly ProviderView[] {
    return this.#options.registry.list().toSorted(byRegistration)
  }

  #entries(): readonly Entry[] {
    return this.#views().map((view) => this.#entry(view))
  }

  /** By the registry's index, which reads what follows an "@" as a version. */
  #viewsHaving(capability: string): readonly ProviderView[] {
    const [name = ''] = capability.split('@')
    if (name.trim() === '') return []
    const near = this.#options.registry.list({ capability: name })
    const views = near.filter((view) => this.#entry(view).capabilities.includes(capability))
    return views.sort(byRegistration)
  }

  #having(capability: string): readonly Entry[] {
    return this.#viewsHaving(capability).map((view) => this.#entry(view))
  }

  #view(id: string): ProviderView {
    const view = this.#options.registry.get(id)
    if (view !== undefined) return view
    throw new OperationError('not-found', 'SERVICE_NOT_FOUND', 'Service not found')
  }

  #need(id: string): Entry {
    return this.#entry(this.#view(id))
  }

  #audit(
    what: string,
    id: string,
    { from }: Caller,
    facts: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#options.logger.info(what, { id, ...(from !== undefined && { from }), ...facts })
  }
}

/** Of those that the server registered, and that are reached over HTTP. */
function targetOf(view: ProviderView): readonly Target[] {
  if (!isRegistration(view)) return []
  const { mode, location, registeredAt, serial } = factsOf(view)
  if (mode !== 'http' || !URL.canParse(location)) return []
  return [{ id: view.name, location, registration: `${view.name}\n${registeredAt}\n${serial}` }]
}

/** Stores keep only providers that have an address. */
const nowhere = 'urn:switchgear:no-location'

/** Throws `invalid` when the registry would not take it. */
function toRegistration(
  id: string,
  input: RegisterInput,
  facts: RegistrationFacts,
): Registration<string, object> {
  const { capabilities, version, metadata, location } = input
  if (Object.hasOwn(metadata, registrationKey))
    throw new OperationError(
      'invalid',
      'INVALID_METADATA',
      `metadata must not have the key "${registrationKey}": the server keeps its own facts there`,
    )
  const registration = {
    name: id,
    service: serviceOf(input),
    provider: Object.freeze({}),
    capabilities: [...new Set(capabilities)],
    version,
    metadata: { ...metadata, [registrationKey]: { ...facts } },
    replace: true,
    address: location === '' ? nowhere : location,
  }
  try {
    parseRegistration(registration)
  } catch (error) {
    if (!(error instanceof InvalidRegistrationError)) throw error
    throw new OperationError('invalid', 'INVALID_REGISTRATION', error.message)
  }
  return registration
}

function serviceOf({ face, metadata, agentType, name }: RegisterInput): string {
  const said = Object.hasOwn(metadata, 'service') ? metadata.service : undefined
  if (typeof said === 'string' && said.trim() !== '') return said.trim()
  return face === 'grpc' ? agentType : name.trim()
}

const has = ({ capabilities }: Entry, wanted: readonly string[]): boolean =>
  wanted.every((one) => capabilities.includes(one))

const whereActive =
  (test: (entry: Entry) => boolean) =>
  (entry: Entry): boolean =>
    isActive(entry) && test(entry)

/** Only of an agent that has worked something can be known. */
function statusBy(telemetry: Telemetry | undefined): EntryStatus {
  if (telemetry === undefined || telemetry.totalExecutions === 0) return 'healthy'
  if (telemetry.successRate < 0.3) return 'unhealthy'
  return telemetry.successRate < 0.5 ? 'degraded' : 'healthy'
}
