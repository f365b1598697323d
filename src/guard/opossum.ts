import { EventEmitter } from 'node:events'
import CircuitBreaker from 'opossum'
import type { Clock } from '../core/clock.js'
import type { CircuitSettings, CircuitState } from '../model/provider.js'

/*
 * opossum is the breaker users attach to; the decisions are ours (`circuit.ts`). opossum counts calls
 * in flight in its error rate, cannot ask for several successes before it closes, lets outcomes of
 * earlier states move it, and arms a timer per opening. So this subclass takes its state from our
 * machine, feeds its statistics, and emits its events; opossum's own listeners are removed.
 */

/** opossum's own type, which its exporters and dashboards take. */
export type OpossumBreaker = CircuitBreaker

/** What a breaker asks of the guard it shows. */
export interface BreakerHost {
  readonly name: string
  readonly group: string
  readonly settings: CircuitSettings
  readonly clock: Clock
  readonly snapshots: Snapshots
  state(): CircuitState
  /** When it opened, in wall-clock milliseconds. */
  openedAt(): number | undefined
  isolate(reason: string): void
  reset(): void
  /** Runs `fn` as a guarded call; `args` is what `fire` says it was given. */
  run(fn: () => unknown, args: readonly unknown[]): Promise<unknown>
  recordFailedCheck(error: unknown): void
  listenerFailed(event: string, error: unknown): void
}

/** opossum's defaults, kept because dashboards expect them. */
const windowMs = 10_000
const buckets = 10
const bucketMs = windowMs / buckets

type Counter = 'fires' | 'successes' | 'failures' | 'timeouts' | 'rejects' | 'semaphoreRejections'
type Bucket = Record<Counter, number>

/** The members of opossum's classes this file builds on; the state getters are left out to be overridden. */
interface StatusParts extends EventEmitter {
  readonly stats: CircuitBreaker.Stats
  readonly window: Bucket[]
  rotateBucket(): void
  increment(counter: string): void
  open(): void
  close(): void
  shutdown(): void
}
type StatusClass = new (options: CircuitBreaker.StatusOptions) => StatusParts
interface BreakerParts extends EventEmitter {
  readonly isShutdown: boolean
  readonly enabled: boolean
  readonly warmUp: boolean
  enable(): void
  disable(): void
  clearCache(): void
}
type BreakerClass = new (
  action: (...args: never[]) => unknown,
  options: CircuitBreaker.Options,
) => BreakerParts

/** Stands where opossum would set an interval per breaker: says that it is listened to, and never rotates. */
class NoRotation extends EventEmitter {
  override listenerCount(): number {
    return 1
  }
}

const statusOptions = (): CircuitBreaker.StatusOptions => ({
  rollingCountTimeout: windowMs,
  rollingCountBuckets: buckets,
  rollingPercentilesEnabled: false,
  enableSnapshots: false,
  rotateBucketController: noRotation,
})
const noRotation = new NoRotation()

const Status = CircuitBreaker.newStatus(statusOptions()).constructor as StatusClass
const Breaker = CircuitBreaker as unknown as BreakerClass

/**
 * Emits without letting a listener change anything: one that throws or rejects is reported, and the
 * others hear the event all the same.
 */
function emitSafely(
  emitter: EventEmitter,
  event: string | symbol,
  args: readonly unknown[],
  failed: (event: string, error: unknown) => void,
): boolean {
  const listeners = emitter.rawListeners(event)
  for (const listener of listeners) {
    try {
      const result: unknown = Reflect.apply(listener, emitter, args)
      if (result instanceof Promise) result.catch((error) => failed(String(event), error))
    } catch (error) {
      failed(String(event), error)
    }
  }
  return listeners.length > 0
}

/** A rolling window that is brought up to date when it is looked at, instead of by a timer. */
class FedStatus extends Status {
  readonly #sync: () => void
  readonly #watched: () => void
  readonly #failed: (event: string, error: unknown) => void

  constructor(
    sync: () => void,
    watched: () => void,
    failed: (event: string, error: unknown) => void,
  ) {
    super(statusOptions())
    this.#sync = sync
    this.#watched = watched
    this.#failed = failed
  }

  override get stats(): CircuitBreaker.Stats {
    this.#sync()
    return super.stats
  }

  override get window(): Bucket[] {
    this.#sync()
    return super.window
  }

  /** The newest bucket, without bringing anything up to date. */
  get newest(): Bucket | undefined {
    return super.window[0]
  }

  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    super.on(event, listener as (...args: unknown[]) => void)
    if (event === 'snapshot') this.#watched()
    return this
  }

  override addListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return this.on(event, listener)
  }

  override prependListener(event: string | symbol, listener: (...args: never[]) => void): this {
    super.prependListener(event, listener as (...args: unknown[]) => void)
    if (event === 'snapshot') this.#watched()
    return this
  }

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return emitSafely(this, event, args, this.#failed)
  }
}

/** One rotation for all breakers that somebody takes snapshots of; no timer while nobody does. */
export class Snapshots {
  readonly #clock: Clock
  readonly #watched = new Set<{ takeSnapshot(): boolean }>()
  #stop: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  watch(breaker: { takeSnapshot(): boolean }): void {
    this.#watched.add(breaker)
    this.#stop ??= this.#clock.every(bucketMs, () => this.#takeAll())
  }

  drop(breaker: { takeSnapshot(): boolean }): void {
    this.#watched.delete(breaker)
    if (this.#watched.size > 0) return
    this.#stop?.()
    this.#stop = undefined
  }

  #takeAll(): void {
    for (const breaker of [...this.#watched]) if (!breaker.takeSnapshot()) this.drop(breaker)
  }
}

/**
 * A real opossum breaker, true in its events, getters and statistics.
 *
 * Feeding opossum's window for each call costs as much as the rest of the call. So counts gather in
 * plain fields and reach the window when its bucket ends or somebody looks; an event is only made
 * where somebody listens. What can be seen is what feeding each call would show.
 */
export class FedBreaker extends Breaker {
  readonly #host: BreakerHost
  readonly #status: FedStatus
  #fallback: ((...args: unknown[]) => unknown) | undefined
  #bucket: number
  #bucketEndsAt: number
  #down = false
  #stopChecks: (() => void) | undefined
  /** Somebody attached a listener once; until then no event needs to be made. */
  attended = false
  #fires = 0
  #successes = 0
  #failures = 0
  #timeouts = 0
  #rejects = 0
  #semaphoreRejections = 0

  constructor(host: BreakerHost) {
    let ready = (): void => {}
    const status = new FedStatus(
      () => ready(),
      () => host.snapshots.watch(this),
      (event, error) => host.listenerFailed(event, error),
    )
    const { name, group, settings } = host
    const { timeoutMs, recoveryTimeoutMs } = settings
    super(() => undefined, {
      name,
      group,
      timeout: Number.isFinite(timeoutMs) ? timeoutMs : false,
      resetTimeout: recoveryTimeoutMs,
      rollingCountTimeout: windowMs,
      rollingCountBuckets: buckets,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      rotateBucketController: noRotation,
      ...(settings.errorRatio !== undefined && {
        errorThresholdPercentage: settings.errorRatio * 100,
        volumeThreshold: settings.minimumCalls,
      }),
      status: status as unknown as CircuitBreaker.Status,
    })
    super.removeAllListeners()
    this.#host = host
    this.#status = status
    this.#bucket = Math.floor(host.clock.now() / bucketMs)
    this.#bucketEndsAt = (this.#bucket + 1) * bucketMs
    ready = () => this.#sync()
  }

  // --- what the guard tells it -----------------------------------------------------------------

  fired(now: number, args: readonly unknown[]): void {
    this.#turn(now)
    this.#fires += 1
    if (this.attended) this.emit('fire', args)
  }

  succeeded(now: number, result: unknown, latencyMs: number): void {
    this.#turn(now)
    this.#successes += 1
    if (this.attended) this.emit('success', result, latencyMs)
  }

  failed(now: number, error: unknown, latencyMs: number, timedOut: boolean): void {
    this.#turn(now)
    this.#failures += 1
    if (timedOut) this.#timeouts += 1
    if (!this.attended) return
    if (timedOut) this.emit('timeout', error, latencyMs, [])
    this.emit('failure', error, latencyMs, [])
  }

  rejected(now: number, error: unknown, args: readonly unknown[]): void {
    this.#turn(now)
    this.#fires += 1
    this.#rejects += 1
    if (!this.attended) return
    this.emit('fire', args)
    this.emit('reject', error)
  }

  locked(now: number, error: unknown): void {
    this.#turn(now)
    this.#semaphoreRejections += 1
    if (this.attended) this.emit('semaphoreLocked', error, 0)
  }

  healthCheckFailed(error: unknown): void {
    if (this.attended) this.emit('healthCheckFailed', error)
  }

  changed(to: CircuitState): void {
    this.#sync()
    if (to === 'open') this.#status.open()
    if (to === 'closed') this.#status.close()
    if (!this.attended) return
    if (to === 'half-open') this.emit('halfOpen', this.#host.settings.recoveryTimeoutMs)
    else this.emit(to === 'open' ? 'open' : 'close')
  }

  /** The provider is gone: nothing is emitted any more and nothing keeps it. */
  retire(): void {
    this.#stopChecks?.()
    this.#stopChecks = undefined
    this.#host.snapshots.drop(this)
    this.#status.removeAllListeners()
    super.removeAllListeners()
  }

  /** False when nobody listens any more. */
  takeSnapshot(): boolean {
    if (this.#status.listenerCount('snapshot') === 0) return false
    this.#status.emit('snapshot', this.#status.stats)
    return true
  }

  /** The same breaker by the type of opossum, all of whose members it has. */
  get public(): OpossumBreaker {
    return this as unknown as OpossumBreaker
  }

  // --- opossum's public face -------------------------------------------------------------------

  get closed(): boolean {
    return !this.#down && this.#host.state() === 'closed'
  }

  get opened(): boolean {
    return !this.#down && this.#host.state() === 'open'
  }

  get halfOpen(): boolean {
    return !this.#down && this.#host.state() === 'half-open'
  }

  get pendingClose(): boolean {
    return this.halfOpen
  }

  override get isShutdown(): boolean {
    return this.#down
  }

  get status(): StatusParts {
    return this.#status
  }

  get stats(): CircuitBreaker.Stats {
    return this.#status.stats
  }

  toJSON(): { state: object; status: CircuitBreaker.Stats } {
    return {
      state: {
        name: this.#host.name,
        enabled: this.enabled,
        closed: this.closed,
        open: this.opened,
        halfOpen: this.halfOpen,
        warmUp: this.warmUp,
        shutdown: this.isShutdown,
        lastTimerAt: this.#host.openedAt(),
      },
      status: this.stats,
    }
  }

  /** Isolates the provider until `close()`. */
  open(): void {
    this.#host.isolate('opened by hand')
  }

  /** Resets the circuit. */
  close(): void {
    this.#host.reset()
  }

  /** Runs `fn(...args)` as one guarded call of this provider. */
  fire(fn: unknown, ...args: unknown[]): Promise<unknown> {
    return this.call(undefined, fn, ...args)
  }

  async call(context: unknown, fn: unknown, ...args: unknown[]): Promise<unknown> {
    if (typeof fn !== 'function')
      throw new TypeError(`fire expects a function to run through '${this.#host.name}'`)
    const run = (): unknown => Reflect.apply(fn, context, args)
    if (!this.enabled && !this.#down) return run()
    try {
      return await this.#host.run(run, args)
    } catch (error) {
      if (this.#fallback === undefined) throw error
      const result = await this.#fallback(...args, error)
      this.#sync()
      this.#status.increment('fallbacks')
      this.emit('fallback', result, error)
      return result
    }
  }

  /** As opossum does, takes another breaker too, which is then fired in its place. */
  fallback(fn: ((...args: unknown[]) => unknown) | CircuitBreaker): this {
    this.#fallback = fn instanceof CircuitBreaker ? (...args) => fn.fire(...args) : fn
    return this
  }

  /** opossum's own would open for good and outlive the breaker; a failed check counts as any failure. */
  healthCheck(check: () => unknown, intervalMs = 5_000): void {
    if (typeof check !== 'function') throw new TypeError('Health check function must be a function')
    if (!(intervalMs > 0)) throw new TypeError('Health check interval must be a number above 0')
    const ask = async (): Promise<void> => {
      try {
        await check.call(this)
      } catch (error) {
        if (this.#stopChecks !== undefined) this.#host.recordFailedCheck(error)
      }
    }
    this.#stopChecks?.()
    this.#stopChecks = this.#host.clock.every(intervalMs, ask)
    void ask()
  }

  override enable(): void {
    this.#down = false
    super.enable()
  }

  /** Isolates the provider: a breaker that was shut down admits nothing. */
  shutdown(): void {
    this.emit('shutdown')
    super.disable()
    this.#down = true
    this.retire()
    this.#host.isolate('shut down')
  }

  override on(event: string | symbol, listener: (...args: never[]) => void): this {
    this.attended = true
    return super.on(event, listener as (...args: unknown[]) => void)
  }

  override addListener(event: string | symbol, listener: (...args: never[]) => void): this {
    return this.on(event, listener)
  }

  override prependListener(event: string | symbol, listener: (...args: never[]) => void): this {
    this.attended = true
    return super.prependListener(event, listener as (...args: unknown[]) => void)
  }

  /** A listener that throws is reported; it changes neither the outcome nor what other listeners hear. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    return emitSafely(this, event, args, (failed, error) =>
      this.#host.listenerFailed(failed, error),
    )
  }

  // --- the window ------------------------------------------------------------------------------

  /** Ends the bucket when its time is over. */
  #turn(now: number): void {
    if (now >= this.#bucketEndsAt) this.#rotateTo(Math.floor(now / bucketMs))
  }

  #sync(): void {
    this.#turn(this.#host.clock.now())
    this.#flush()
  }

  #rotateTo(bucket: number): void {
    this.#flush()
    const turns = Math.min(bucket - this.#bucket, buckets)
    for (let turn = 0; turn < turns; turn++) this.#status.rotateBucket()
    this.#bucket = bucket
    this.#bucketEndsAt = (bucket + 1) * bucketMs
  }

  #flush(): void {
    const bucket = this.#status.newest
    if (bucket === undefined) return
    bucket.fires += this.#fires
    bucket.successes += this.#successes
    bucket.failures += this.#failures
    bucket.timeouts += this.#timeouts
    bucket.rejects += this.#rejects
    bucket.semaphoreRejections += this.#semaphoreRejections
    this.#fires = 0
    this.#successes = 0
    this.#failures = 0
    this.#timeouts = 0
    this.#rejects = 0
    this.#semaphoreRejections = 0
  }
}
