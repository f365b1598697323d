import type { CapabilityCatalog } from '../catalog/capability-catalog.js'
import type { ModelCatalog } from '../catalog/model-catalog.js'
import {
  InvalidRequestError,
  RegistryClosedError,
  StoreFailedError,
  UnknownProviderError,
} from '../core/errors.js'
import type { Source } from '../discovery/source.js'
import type { RegistryEvent, RegistryEventOf, RegistryEventType } from '../model/event.js'
import type { RenewOptions } from '../model/lease.js'
import { modelsFor } from '../model/model-families.js'
import {
  checkDescribeFilter,
  checkDuration,
  checkExportOptions,
  checkListener,
  checkSignal,
  checkStartOptions,
  parseReadyOptions,
} from '../model/parse/arguments.js'
import {
  type CallOptions,
  checkCallOptions,
  checkStreamOptions,
  type StreamOptions,
} from '../model/parse/call-options.js'
import { parseRenew } from '../model/parse/lease.js'
import { parseChanges, parsePriority, parseRegistration } from '../model/parse/registration.js'
import { checkSource, parseRegistryOptions } from '../model/parse/registry-options.js'
import { checkRequest, copyRequest } from '../model/parse/request.js'
import { type ParsedSnapshot, parseSnapshot } from '../model/parse/snapshot.js'
import type { PriorityLevel, PriorityName } from '../model/priority.js'
import {
  everyHandler,
  type ProviderChanges,
  type ProviderView,
  type Registration,
} from '../model/provider.js'
import type { ServiceRequest } from '../model/request.js'
import type { Snapshot } from '../model/snapshot.js'
import { learnable, withoutProbed } from '../model/told.js'
import { LogicalCall, type Work } from '../resolve/call.js'
import { createClient } from '../resolve/client.js'
import type { CallContext } from '../resolve/context.js'
import { type Explanation, explain } from '../resolve/explain.js'
import type { Lease } from '../resolve/lease.js'
import type { Seat } from '../resolve/seat.js'
import { CircuitHandle } from './circuit-handle.js'
import { Composition } from './composition.js'
import { drained } from './drain.js'
import { iterate } from './iterate.js'
import { joinStore } from './join-store.js'
import { snapshotOf } from './keep.js'
import { learnFromHealth } from './learn.js'
import type { ListFilter } from './listing.js'
import { metricsOf, type RegistryMetrics } from './metrics.js'
import type { RegistryOptions } from './options.js'
import { readShared, readSnapshot } from './read-entries.js'
import { isServed, readinessOf, waitUntilReady } from './ready.js'
import { type Imported, importSnapshot, loadSnapshot } from './takeover.js'
import { type DescribeFilter, describe, type RegistryDescription, viewOf } from './views.js'

/** What `register` gives back. */
export interface RegistrationHandle extends Disposable {
  readonly name: string
  /** True the first time, false once it is gone. Calls in flight finish. */
  unregister(): boolean
  /** Admits nothing new, waits for calls in flight, then unregisters; false when they took longer. */
  drain(timeoutMs?: number): Promise<boolean>
}

/** A line of a menu of capabilities. */
export interface CapabilityItem {
  /** `<provider>:<capability>`; `NONE` for the only line of an empty menu. */
  readonly id: string
  readonly label: string
  readonly description: string
}

export interface StartOptions {
  /** Whether nothing begins before the store was read. Default true. */
  readonly storeRequired?: boolean | undefined
}

export interface WaitReadyOptions<S extends object> {
  /** Default: the registry's `requiredServices`. */
  readonly services?: readonly (keyof S & string)[] | undefined
  /** Default 30,000. */
  readonly timeoutMs?: number | undefined
}

/**
 * Decides which provider of a service a call goes to now, guards the call, learns from its outcome
 * and fails over. `S` maps service names to their interfaces.
 *
 * Every method throws, or rejects with, `RegistryClosedError` after `close()`, except those that
 * only read.
 */
export class ServiceRegistry<S extends object = Record<string, unknown>> {
  readonly #parts: Composition
  readonly #closed = new AbortController()
  /** The same as the signal says, cheaper to read. */
  #ended = false
  #started: Promise<void> | undefined
  #startFailed = false
  #ending: Promise<void> | undefined
  /** What is known about models, apart from services. */
  readonly models: ModelCatalog
  /** What the names of capabilities mean. */
  readonly capabilities: CapabilityCatalog

  /** Throws `InvalidOptionsError`, and `InvalidRegistrationError` for a definition of a capability. */
  constructor(options: RegistryOptions<NoInfer<S>> = {}) {
    this.#parts = new Composition(parseRegistryOptions(options as RegistryOptions), this)
    this.models = this.#parts.models
    this.capabilities = this.#parts.capabilities
  }

  // --- providers -------------------------------------------------------------------------------

  /**
   * Adds a provider, for one handler, several, or everyone.
   * Throws `InvalidRegistrationError`, `DuplicateProviderError`, `StrategyConflictError`,
   * `DependencyCycleError`; then nothing has changed.
   */
  register<K extends keyof S & string>(registration: Registration<K, S[K]>): RegistrationHandle {
    this.#open('register')
    return this.#handle(this.#parts.register(parseRegistration(registration)))
  }

  /** `register` for everyone, whatever `handler` says. */
  registerGlobal<K extends keyof S & string>(
    registration: Registration<K, S[K]>,
  ): RegistrationHandle {
    this.#open('register')
    const parsed = parseRegistration(registration)
    const record = { ...parsed.record, handlers: everyone }
    return this.#handle(this.#parts.register({ ...parsed, record }))
  }

  /**
   * `register` on behalf of somebody outside, who may as well go to another registry with the same store: nobody here
   * owns it, so what others change of it counts, its removal too. It replaces what has this name, of whatever service.
   * With `lease` it is renewed in the same turn: nobody sees the one without the other. Throws as `register` and
   * `renew` do; then nothing has changed.
   */
  adopt<K extends keyof S & string>(
    registration: Registration<K, S[K]>,
    lease?: RenewOptions,
  ): void {
    this.#open('register')
    const parsed = parseRegistration(registration)
    this.#parts.adopt({ ...parsed, replace: true }, lease && parseRenew(lease))
  }

  /** False for an unknown name. Calls in flight finish. */
  unregister(name: string): boolean {
    this.#open('unregister')
    const seat = this.#parts.catalog.get(name)
    return seat !== undefined && this.#parts.remove(seat)
  }

  /** False for an unknown name. Throws `InvalidRegistrationError` for a priority that is none. */
  setPriority(name: string, priority: PriorityName | PriorityLevel): boolean {
    this.#open('set a priority')
    const level = parsePriority(priority)
    const seat = this.#parts.catalog.get(name)
    if (seat === undefined) return false
    this.#parts.change(seat, { ...seat.provider, priority: level })
    return true
  }

  /**
   * Changes what is known of a provider: its capabilities, version, models and so on. Its instance,
   * circuit and health stay. Tells exactly the difference, nothing when there is none. False for an
   * unknown name. Throws `InvalidRegistrationError`, `DependencyCycleError`; then nothing has changed.
   */
  update(name: string, changes: ProviderChanges): boolean {
    this.#open('update a provider')
    const seat = this.#parts.catalog.get(name)
    if (seat === undefined) return false
    const record = parseChanges(seat.provider, changes)
    this.#parts.dependents.refuseCycle([record])
    const said = learnable.filter((field) => Object.hasOwn(changes, field))
    this.#parts.change(seat, record, () => {
      seat.told = withoutProbed(seat.told, said)
    })
    return true
  }

  /** Removes all providers at once. The registry stays usable. */
  clear(): void {
    this.#open('clear')
    this.#parts.clear()
  }

  // --- look-ups --------------------------------------------------------------------------------

  /**
   * The guarded instance of the provider this request goes to now, or `undefined`. Waits only for a
   * health check that is due and for `connect`. Rejects with `InvalidRequestError`.
   */
  getService<K extends keyof S & string>(
    service: K,
    request: ServiceRequest = noRequest,
  ): Promise<S[K] | undefined> {
    if (this.#ended) return Promise.reject(new RegistryClosedError('get a service'))
    try {
      const found = this.#parts.resolver.instance(service, request)
      const { allowStandIns } = this.#parts.options
      return (allowStandIns ? this.#orStandIn(service, found) : found) as Promise<S[K] | undefined>
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The same, but rejects with `NoProviderError`, which says why each candidate was passed over. */
  async requireService<K extends keyof S & string>(
    service: K,
    request: ServiceRequest = noRequest,
  ): Promise<S[K]> {
    const found = await this.getService(service, request)
    if (found !== undefined) return found
    const { resolver } = this.#parts
    throw resolver.noProvider(resolver.plan(service, request), request)
  }

  /** A lease on the provider this request goes to now, from what is known: never waits. */
  resolve<K extends keyof S & string>(
    service: K,
    request: ServiceRequest = noRequest,
  ): Lease<S[K]> | undefined {
    if (this.#ended) throw new RegistryClosedError('resolve')
    return this.#parts.resolver.lease(service, request) as Lease<S[K]> | undefined
  }

  /** What a look-up would choose now, and why not each other provider. Changes nothing. */
  explain(service: keyof S & string, request: ServiceRequest = noRequest): Explanation {
    this.#open('explain')
    const { resolver, clock } = this.#parts
    const plan = resolver.plan(service, request)
    return explain(plan, request, resolver.peek(plan, request), clock.now())
  }

  // --- calls -----------------------------------------------------------------------------------

  /**
   * An object like the service. Each method call finds a provider anew, is guarded, and fails over
   * where that is safe. Throws `InvalidRequestError`, `InvalidOptionsError`; its methods reject with
   * `NoProviderError`, `AllProvidersFailedError` or the provider's own error.
   */
  client<K extends keyof S & string>(
    service: K,
    request: ServiceRequest = noRequest,
    options: CallOptions = noOptions,
  ): S[K] {
    this.#open('make a client')
    checkRequest(service, request)
    checkCallOptions(options)
    const made = { service, request: copyRequest(request), options: { ...options } }
    return createClient(this.#parts.calls, made) as S[K]
  }

  /**
   * Runs `fn` against the chosen provider's instance, guarded, and against others where it fails and
   * that is safe. Rejects as the methods of a client do.
   */
  async call<K extends keyof S & string, R>(
    service: K,
    request: ServiceRequest | undefined,
    fn: (provider: S[K], context: CallContext) => R,
    options: CallOptions = noOptions,
  ): Promise<Awaited<R>> {
    this.#open('call')
    checkCallOptions(options)
    return (await this.#start(service, request, fn, options, undefined)) as Awaited<R>
  }

  /**
   * The same for a stream, begun when it is first read. It fails over until its first item; after
   * that a failure is thrown, and leaving the loop closes the source.
   */
  stream<K extends keyof S & string, T>(
    service: K,
    request: ServiceRequest | undefined,
    fn: (provider: S[K], context: CallContext) => AsyncIterable<T> | PromiseLike<AsyncIterable<T>>,
    options: StreamOptions = noOptions,
  ): AsyncIterable<T> {
    this.#open('stream')
    checkStreamOptions(options)
    const { firstChunkTimeoutMs, idleTimeoutMs, afterCommit: _, ...rest } = options
    const begin = (): unknown =>
      this.#start(service, request, fn, rest, { firstChunkTimeoutMs, idleTimeoutMs })
    return {
      async *[Symbol.asyncIterator]() {
        yield* (await begin()) as AsyncIterable<T>
      },
    }
  }

  // --- seeing ----------------------------------------------------------------------------------

  /** Everything that is registered, as plain frozen data with secrets hidden. */
  describe(filter: DescribeFilter = {}): RegistryDescription {
    checkDescribeFilter(filter)
    return describe(this.#parts.catalog, filter, this.#parts.sources.states)
  }

  get(name: string): ProviderView | undefined {
    const seat = this.#parts.catalog.get(name)
    return seat && viewOf(seat, this.#parts.catalog)
  }

  /** Providers that match, each once, by service and in the order of selection. */
  list(filter: ListFilter = {}): readonly ProviderView[] {
    const found = this.#parts.listing.find(filter)
    return Object.freeze(found.map((seat) => viewOf(seat, this.#parts.catalog)))
  }

  /** Throws `UnknownProviderError`. */
  circuit(name: string): CircuitHandle {
    const seat = this.#parts.catalog.get(name)
    if (seat === undefined) throw new UnknownProviderError(String(name))
    return new CircuitHandle(seat)
  }

  /** Closes every circuit. */
  resetCircuits(): void {
    this.#open('reset circuits')
    for (const { usedGuard } of this.#parts.catalog.members()) usedGuard?.reset()
  }

  metrics(): RegistryMetrics {
    return metricsOf(this.#parts)
  }

  // --- health ----------------------------------------------------------------------------------

  /** Asks every provider that has a check: `{ 'SpeakHandler.llm.openai': true }`. Never rejects while open. */
  async healthCheckAll(): Promise<Readonly<Record<string, boolean>>> {
    this.#open('check health')
    const { catalog, checks } = this.#parts
    const seats = [...catalog.members()].filter(({ check }) => check !== undefined)
    const results = await checks.checkAll(seats)
    return Object.freeze(
      Object.fromEntries(
        [...results].flatMap(([{ provider }, well]) =>
          provider.handlers.map((handler) => [
            `${handler}.${provider.service}.${provider.name}`,
            well,
          ]),
        ),
      ),
    )
  }

  /** Required services without an admissible provider. */
  missing(): readonly string[] {
    const { requiredServices = [] } = this.#parts.options
    return Object.freeze(requiredServices.filter((service) => !isServed(this.#parts, service)))
  }

  /** True as soon as each required service has an admissible provider, false after the time-out. */
  async waitReady(options: WaitReadyOptions<S> = {}): Promise<boolean> {
    this.#open('wait')
    const { services, timeoutMs = 30_000 } = parseReadyOptions(options)
    const parts = this.#parts
    const wanted = new Set(services ?? parts.options.requiredServices)
    const readiness = readinessOf(parts, wanted, () => this.#open('wait'))
    const ready = await waitUntilReady(readiness, timeoutMs)
    parts.log('info', ready ? 'ready' : 'not ready', { services: [...wanted] })
    return ready
  }

  // --- sources ---------------------------------------------------------------------------------

  /**
   * Sees providers from now on, or from `start()` on. The result removes it, and all that it gave;
   * false when it was removed already. Throws `InvalidOptionsError`.
   */
  addSource(source: Source): () => boolean {
    this.#open('add a source')
    checkSource(source)
    return this.#parts.sources.add(source)
  }

  /**
   * Lets one source look again now, or all. Resolves when what they see counts. Rejects with what a
   * source throws, `InvalidOptionsError` for an unknown name.
   */
  async refresh(source?: string): Promise<void> {
    this.#open('refresh')
    await this.#parts.sources.refresh(source)
  }

  // --- what providers say of themselves ---------------------------------------------------------

  /**
   * Takes up what a provider's health answer says: `{ status, version, api_version, models, features,
   * limits, load }`. What it does not speak of stays as it was. Throws `UnknownProviderError`,
   * `InvalidRequestError`; then nothing has changed.
   */
  updateFromHealth(name: string, body: unknown): ProviderView {
    this.#open('update')
    const seat = this.#parts.catalog.get(name)
    if (seat === undefined) throw new UnknownProviderError(String(name))
    learnFromHealth(this.#parts, seat, body)
    return viewOf(seat, this.#parts.catalog)
  }

  /**
   * A sign of life that somebody outside gives for a provider. From the first one on it needs another within `forMs`,
   * or is unhealthy; after five times as long it is removed. False when there is no such provider. Throws
   * `InvalidRequestError`.
   */
  renew(name: string, options: RenewOptions): boolean {
    this.#open('renew')
    const parsed = parseRenew(options)
    const seat = this.#parts.catalog.get(name)
    if (seat === undefined) return false
    this.#parts.renew(seat, parsed)
    return true
  }

  /**
   * The models of a provider, or of all providers of a service, that are for this capability: those
   * known to be first, then those nobody knows about.
   */
  modelsOf(name: string, capability: string): readonly string[] {
    const { catalog } = this.#parts
    const one = catalog.get(name)
    const seats =
      one === undefined
        ? [...catalog.members()].filter(({ provider }) => provider.service === name)
        : [one]
    const models = seats.flatMap(({ provider }) => modelsFor(provider, capability))
    return Object.freeze([...new Set(models)])
  }

  /** A line for each capability of each provider, for menus; one that says so when there is none. */
  capabilityItems(): readonly CapabilityItem[] {
    const items = [...this.#parts.catalog.members()].flatMap(({ provider }) =>
      provider.capabilities.map(({ name, version }) =>
        Object.freeze({
          id: `${provider.name}:${name}`,
          label: `${provider.name} - ${name}`,
          description: version === undefined ? '' : `Version ${version}`,
        }),
      ),
    )
    return Object.freeze(items.length === 0 ? [noCapabilities] : items)
  }

  // --- dependencies ------------------------------------------------------------------------------

  /**
   * The providers this one depends on, and those they depend on, in the order to start them; then what
   * was declared and nothing serves. Empty for an unknown name.
   */
  dependencies(name: string): readonly string[] {
    return this.#parts.dependents.graph.dependenciesOf(name)
  }

  /** The providers that depend on this one, and those that depend on them; also of a name that is gone. */
  dependents(name: string): readonly string[] {
    return this.#parts.dependents.graph.dependentsOf(name)
  }

  /**
   * All providers, or those named, each after what it depends on. Throws `DependencyCycleError` when
   * changes since registration have made those who are left wait for each other.
   */
  startOrder(names?: Iterable<string>): readonly string[] {
    return this.#parts.dependents.graph.startOrder(names)
  }

  /** The other way round. */
  stopOrder(names?: Iterable<string>): readonly string[] {
    return Object.freeze([...this.startOrder(names)].reverse())
  }

  // --- memory ------------------------------------------------------------------------------------

  /**
   * Begins the work behind the scenes: reads the store and keeps it true, then asks the sources. What was
   * registered before is newer than what is read. Rejects with `CorruptSnapshotError`,
   * `UnsupportedSnapshotError`, `StoreInUseError`, `StoreFailedError`: then nothing is read, and nothing
   * will be written, until it is called again and succeeds. With `storeRequired: false` a `StoreFailedError` does not
   * keep it from beginning: the store is tried again by itself, as `store.failed` tells, and joined when it is there.
   */
  start(options: StartOptions = {}): Promise<void> {
    this.#open('start')
    checkStartOptions(options)
    if (this.#started === undefined || this.#startFailed) {
      this.#startFailed = false
      this.#started = this.#begin(options.storeRequired !== false)
      this.#started.catch(() => {
        this.#startFailed = true // told by an event as well: nobody has to wait for it
      })
    }
    return this.#started
  }

  /** Resolves when everything up to now is in the store; rejects when it could not be written. */
  async flush(): Promise<void> {
    const { persist } = this.#parts
    if (persist === undefined) return
    const name = this.#storeName
    if (this.#started === undefined)
      throw new StoreFailedError(name, 'is not read yet, so nothing is written: call start() first')
    await this.#started
    if (!persist.isOpen) throw new StoreFailedError(name, 'is not read yet; it is tried again')
    await persist.flush()
  }

  /**
   * Everything that is registered or known, as plain JSON. Secrets are hidden unless asked for. Throws
   * `InvalidOptionsError`.
   */
  export(options: { readonly secrets?: boolean | undefined } = {}): Snapshot {
    checkExportOptions(options)
    return snapshotOf(this.#parts, options.secrets === true)
  }

  /**
   * Merges a snapshot of this or any past version, in one turn. A provider that is there keeps its
   * instance, and its secrets where the snapshot hides them; a new one gets its instance from the
   * `connect` of its service. Throws `CorruptSnapshotError`, `UnsupportedSnapshotError`,
   * `StrategyConflictError`, `DependencyCycleError`; then nothing has changed.
   */
  import(snapshot: unknown): Imported {
    this.#open('import')
    const parsed = parseSnapshot(snapshot, this.#parts.options.migrations)
    return importSnapshot(this.#parts, parsed)
  }

  // --- events ----------------------------------------------------------------------------------

  /** Calls `listener` after each event of this type. The result unsubscribes. */
  on<T extends RegistryEventType>(
    type: T,
    listener: (event: RegistryEventOf<T>) => void,
  ): () => void {
    this.#open('listen')
    checkListener(type, listener)
    return this.#parts.events.on(type, listener)
  }

  /** Every event from now on, until the signal aborts or the registry closes. */
  events(signal?: AbortSignal): AsyncIterableIterator<RegistryEvent> {
    this.#open('listen')
    checkSignal(signal)
    const closed = this.#closed.signal
    return iterate(
      (listener) => this.#parts.events.onAny(listener),
      signal === undefined ? closed : AbortSignal.any([signal, closed]),
    )
  }

  // --- the end ---------------------------------------------------------------------------------

  /**
   * Writes what is left to the store, removes all providers and stops background work. Calls in
   * flight finish. Rejects when the store could not be written, and has closed all the same.
   */
  close(): Promise<void> {
    this.#ending ??= this.#close()
    return this.#ending
  }

  async #close(): Promise<void> {
    this.#ended = true // first: a listener that registers again would outlive the registry
    this.#parts.sources.stop()
    this.#parts.monitor.stop()
    this.#parts.leases.stop()
    this.#parts.follow?.stop()
    try {
      await this.#parts.persist?.close()
    } finally {
      this.#parts.clear()
      this.#closed.abort(new RegistryClosedError('go on'))
      this.#parts.resolver.close()
      this.#parts.pulse.beat()
      this.#parts.events.clear()
      await this.#parts.made.closed(this.#parts.clock)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  // --- within ----------------------------------------------------------------------------------

  #open(what: string): void {
    if (this.#ended) throw new RegistryClosedError(what)
  }

  async #begin(storeRequired: boolean): Promise<void> {
    const { clock, follow, random, telling } = this.#parts
    await joinStore({
      clock,
      random,
      signal: this.#closed.signal,
      required: storeRequired,
      join: async () => {
        await this.#load()
        if (!this.#ended) follow?.start()
      },
      failed: (error, retryInMs) => {
        if (!this.#ended) telling.storeFailed(this.#storeName, error, retryInMs)
      },
    })
    if (this.#ended) return
    const { catalog, monitor, options, sources } = this.#parts
    sources.start()
    if (options.health?.monitor !== false) monitor.start(catalog.members())
  }

  async #load(): Promise<void> {
    const parts = this.#parts
    if (parts.persist === undefined) return
    const saved = await parts.persist.load()
    if (this.#ended) return
    if (saved !== undefined) await loadSnapshot(parts, await this.#read(saved), () => this.#ended)
    if (this.#ended) return
    parts.persist.begin()
  }

  get #storeName(): string {
    return this.#parts.options.store?.name ?? 'The store'
  }

  #read(saved: Snapshot): Promise<ParsedSnapshot> {
    const { options, telling } = this.#parts
    const { name = '', watch } = options.store ?? {}
    if (watch === undefined) return readSnapshot(saved, options.migrations, name)
    return readShared(saved, options.migrations, name, (error) =>
      telling.storeFailed(name, error, undefined),
    )
  }

  #handle(seat: Seat): RegistrationHandle {
    const parts = this.#parts
    return {
      name: seat.provider.name,
      unregister: () => parts.remove(seat),
      async drain(timeoutMs = 30_000) {
        checkDuration('timeoutMs', timeoutMs)
        const ended = await drained(seat, parts, timeoutMs)
        parts.remove(seat)
        return ended
      },
      [Symbol.dispose]() {
        parts.remove(seat)
      },
    }
  }

  #start(
    service: string,
    request: ServiceRequest = noRequest,
    fn: (provider: never, context: CallContext) => unknown,
    options: CallOptions,
    limits: Work['limits'],
  ): unknown {
    if (typeof fn !== 'function')
      throw new InvalidRequestError(
        [{ field: 'fn', message: 'expected a function to run' }],
        'call',
      )
    const { calls, clock, resolver } = this.#parts
    const plan = resolver.plan(service, request)
    const now = clock.now()
    const work: Work = {
      method: undefined,
      limits,
      kind: 'async',
      run: (instance, context) => fn(instance as never, context),
    }
    return new LogicalCall(calls, plan, request, options, work, now).start(now)
  }

  async #orStandIn(service: string, found: Promise<unknown>): Promise<unknown> {
    const instance = await found
    if (instance !== undefined) return instance
    const standIn = this.#parts.rules.standIn(service)
    if (standIn !== undefined) this.#parts.telling.standInUsed(service, undefined)
    return standIn
  }
}

const everyone: readonly string[] = Object.freeze([everyHandler])
const noCapabilities: CapabilityItem = Object.freeze({
  id: 'NONE',
  label: 'No Capabilities',
  description: '',
})
const noRequest: ServiceRequest = Object.freeze({})
const noOptions: CallOptions = Object.freeze({})
