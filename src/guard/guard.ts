import type { Clock } from '../core/clock.js'
import type { Deadlines } from '../core/deadlines.js'
import { CircuitOpenError, SaturatedError, UnavailableError } from '../core/errors.js'
import type { Failure } from '../core/outcome.js'
import type { Random } from '../core/random.js'
import type { NotRetried } from '../model/event.js'
import type { CircuitSettings, CircuitState, CircuitStats } from '../model/provider.js'
import type { Refusal } from '../model/refusal.js'
import type { SavedCircuit } from '../model/saved-circuit.js'
import { Attempt, type CallFacts } from './attempt.js'
import { type Classify, toFailure } from './cause.js'
import { Circuit, type Permit, type Transition } from './circuit.js'
import { Cooldown } from './cooldown.js'
import { type BreakerHost, FedBreaker, type Snapshots } from './opossum.js'
import { take } from './take.js'
import { Tally } from './tally.js'
import { Usage } from './usage.js'

/** How long a provider with rejected credentials is left alone. */
const authTripMs = 600_000

/** What a guard needs from its surroundings, and what it tells them. */
export interface GuardPorts {
  readonly clock: Clock
  readonly random: Random
  readonly deadlines: Deadlines
  readonly snapshots: Snapshots
  readonly classify: Classify | undefined
  /** Whether somebody listens to the outcome of calls. */
  heard(): boolean
  transition(guard: Guard, transition: Transition, retryAfterMs: number): void
  /** Something that admission depends on changed: the circuit, the slots or a pause. */
  admissionChanged(guard: Guard): void
  /** The provider asked for a pause, or has answered after one. */
  paused(guard: Guard): void
  succeeded(guard: Guard, facts: CallFacts, durationMs: number): void
  failed(
    guard: Guard,
    facts: CallFacts,
    durationMs: number,
    failure: Failure,
    notRetried: NotRetried | undefined,
  ): void
  refused(guard: Guard, facts: CallFacts, refusal: Refusal): void
  listenerFailed(event: string, error: unknown): void
}

/** Decides whether one provider may be called now, and learns from what became of each call. */
export class Guard implements BreakerHost {
  readonly name: string
  readonly group: string
  readonly ports: GuardPorts
  readonly circuit: Circuit
  readonly tally: Tally = new Tally()
  settings: CircuitSettings
  concurrency: number
  /** Calls that hold a slot: in flight, or timed out and still going on. */
  slots = 0
  inFlight = 0
  /** Of the instance that is there now. */
  usage: Usage = new Usage()
  draining = false
  /** The registry's count of transitions when this circuit last changed. */
  epoch = 0
  /** Whose guard it is; for those who get a guard from an event and want the rest. */
  seat: object | undefined
  cooldown: Cooldown | undefined
  #leaveCooldown: (() => void) | undefined
  #pauseTold = false
  #breaker: FedBreaker | undefined

  constructor(
    name: string,
    service: string,
    settings: CircuitSettings,
    concurrency: number | undefined,
    ports: GuardPorts,
  ) {
    this.name = name
    this.group = service
    this.settings = settings
    this.concurrency = concurrency ?? Number.POSITIVE_INFINITY
    this.ports = ports
    this.circuit = new Circuit(settings, ports.random, (transition) => this.#moved(transition))
  }

  get clock(): Clock {
    return this.ports.clock
  }

  get snapshots(): Snapshots {
    return this.ports.snapshots
  }

  /** The live opossum breaker, made on first use. */
  get breaker(): FedBreaker {
    this.#breaker ??= new FedBreaker(this)
    return this.#breaker
  }

  /** Shares the pauses of a credential. */
  share(cooldown: Cooldown): void {
    this.#leaveCooldown?.()
    this.cooldown = cooldown
    this.#leaveCooldown = cooldown.join(() => this.ports.admissionChanged(this))
  }

  // --- admission -------------------------------------------------------------------------------

  /** Why it admits nothing now; `undefined` when it does. Changes nothing. */
  refusal(now: number): Refusal | undefined {
    if (this.draining) return { reason: 'draining' }
    if (!this.circuit.admits(now))
      return { reason: 'circuit-open', retryAfterMs: this.circuit.admitsAt(now) - now }
    if (this.cooldown !== undefined && this.cooldown.until > now)
      return { reason: 'cooling', retryAfterMs: this.cooldown.until - now }
    if (this.slots >= this.concurrency) return { reason: 'saturated' }
    return undefined
  }

  /** When a refusal will pass by itself: not after `now` when there is none, Infinity when nobody knows. */
  admitsAt(now: number): number {
    if (this.draining || this.slots >= this.concurrency) return Number.POSITIVE_INFINITY
    return Math.max(this.circuit.admitsAt(now), this.cooldown?.until ?? Number.NEGATIVE_INFINITY)
  }

  /** Whether `admit` would succeed without looking at the clock. */
  get calm(): boolean {
    return (
      this.circuit.calm &&
      this.slots < this.concurrency &&
      this.cooldown === undefined &&
      !this.draining
    )
  }

  /** A permit for one call, reserved until the call begins. */
  admit(now: number): Permit | undefined {
    if (!this.calm && this.refusal(now) !== undefined) return undefined
    const permit = this.circuit.enter(now)
    if (!this.circuit.calm) this.ports.admissionChanged(this)
    return permit
  }

  /** Begins a call, with the permit that was reserved for it if there is one. Throws when refused. */
  begin(facts: CallFacts, args: readonly unknown[], now: number, reserved?: Permit): Attempt {
    let permit = reserved !== undefined && this.circuit.begin(reserved, now) ? reserved : undefined
    if (permit !== undefined && this.#blocked(now)) {
      this.circuit.settle(permit, 'neutral', now)
      permit = undefined
    }
    if (permit !== undefined) this.#admissionMoved() // it now takes as long as a call
    permit ??= this.admit(now)
    if (permit === undefined) throw this.refuse(facts, args, now)
    this.circuit.begin(permit, now)
    return this.open(facts, args, permit, now)
  }

  /** Whether something else than the circuit refuses: a reserved permit does not outrank that. */
  #blocked(now: number): boolean {
    return this.draining || this.slots >= this.concurrency || (this.cooldown?.until ?? now) > now
  }

  /** A call that was admitted, or whose permit outlived its state and only counts. */
  open(facts: CallFacts, args: readonly unknown[], permit: Permit, now: number): Attempt {
    this.tally.calls += 1
    this.inFlight += 1
    this.slots += 1
    this.usage.calls += 1
    if (this.slots >= this.concurrency) this.ports.admissionChanged(this)
    this.breaker.fired(now, args)
    return new Attempt(this, permit, facts, now)
  }

  /** Gives a reserved permit back unused. */
  giveBack(permit: Permit): void {
    if (this.circuit.calm) return
    this.circuit.settle(permit, 'neutral', this.clock.now())
    this.ports.admissionChanged(this)
  }

  /** Counts and tells a refusal; gives the error that says it. */
  refuse(facts: CallFacts, args: readonly unknown[], now: number): Error {
    const refusal = this.refusal(now) ?? { reason: 'saturated' }
    const error = this.#refusalError(refusal, now)
    this.tally.refusals += 1
    if (refusal.reason === 'saturated') this.breaker.locked(now, error)
    else this.breaker.rejected(now, error, args)
    this.ports.refused(this, facts, refusal)
    return error
  }

  #refusalError(refusal: Refusal, now: number): Error {
    switch (refusal.reason) {
      case 'circuit-open':
        return this.openError(now)
      case 'cooling':
        return new UnavailableError(this.name, 'cooling', refusal.retryAfterMs)
      case 'draining':
        return new UnavailableError(this.name, 'draining')
      default:
        return new SaturatedError(this.name, this.concurrency)
    }
  }

  openError(now: number): CircuitOpenError {
    const state = this.circuit.stateAt(now) === 'half-open' ? 'half-open' : 'open'
    return new CircuitOpenError(this.name, state, Math.max(0, this.circuit.admitsAt(now) - now))
  }

  // --- outcomes --------------------------------------------------------------------------------

  /** What an error means; the user's classifier is asked first. */
  classify(error: unknown): Failure {
    return toFailure(error, this.ports.classify, () => this.clock.wall())
  }

  settleSuccess(attempt: Attempt, result: unknown): void {
    const { tally, ports, circuit } = this
    const { deadlines } = ports
    const told = ports.heard()
    this.inFlight -= 1
    tally.successes += 1
    this.cooldown?.succeeded()
    if (this.#pauseTold) this.#forgetPause()
    if (
      circuit.calm &&
      !told &&
      !tally.sampled &&
      !this.breaker.attended &&
      this.#knowsTime(attempt)
    ) {
      circuit.settle(attempt.permit, 'success', attempt.startedAt)
      this.breaker.succeeded(deadlines.lately, result, 0)
      return
    }
    const now = this.clock.now()
    const durationMs = now - attempt.startedAt
    tally.timed(durationMs, now)
    circuit.settle(attempt.permit, 'success', now)
    this.breaker.succeeded(now, result, durationMs)
    if (told) ports.succeeded(this, attempt.facts, durationMs)
    this.#admissionMoved()
  }

  /** Whether `deadlines.lately` is true of the end of this attempt: it was waited for, or never waited. */
  #knowsTime({ at, slot }: Attempt): boolean {
    return slot >= 0 || (at === Number.POSITIVE_INFINITY && this.settings.timeoutMs !== at)
  }

  settleFailure(attempt: Attempt, failure: Failure, now: number): void {
    const { tally, ports, circuit } = this
    const durationMs = now - attempt.startedAt
    this.inFlight -= 1
    if (failure.weight === 'neutral') {
      tally.neutral += 1
      circuit.settle(attempt.permit, 'neutral', now)
      if (failure.cause === 'rate-limit') this.#cool(failure.retryAfterMs, now)
    } else {
      tally.failed(now)
      tally.timed(durationMs, now)
      if (failure.cause === 'timeout') tally.timeouts += 1
      // Told before the circuit moves, as opossum does: who hears `open` finds the failure counted.
      this.breaker.failed(now, failure.error, durationMs, failure.cause === 'timeout')
      if (failure.cause === 'auth' && attempt.permit.generation === circuit.generation)
        circuit.trip(authTripMs, 'its credentials were refused', now)
      else circuit.settle(attempt.permit, 'failure', now)
    }
    ports.failed(
      this,
      attempt.facts,
      durationMs,
      failure,
      attempt.caller?.judge(attempt, failure, now),
    )
    this.#admissionMoved()
  }

  /** A slot is free again. */
  release(usage: Usage): void {
    usage.end()
    const wasFull = this.slots >= this.concurrency
    this.slots -= 1
    if (wasFull) this.ports.admissionChanged(this)
    if (this.slots === 0) this.idle?.()
  }

  /** Calls from now on are on another instance; `unused` hears when the last one on this has ended. */
  nextInstance(unused: () => void): void {
    const { usage } = this
    this.usage = new Usage()
    usage.whenOver(unused)
  }

  /** Called when the last slot is given back. */
  idle: (() => void) | undefined

  recordOutcome(verdict: 'success' | 'failure', error?: unknown): void {
    const now = this.clock.now()
    this.tally.calls += 1
    this.breaker.fired(now, [])
    if (verdict === 'success') {
      this.tally.successes += 1
      this.circuit.record('success', now)
      this.breaker.succeeded(now, undefined, 0)
    } else {
      this.tally.failed(now)
      this.breaker.failed(now, error ?? new Error('a failure was recorded'), 0, false)
      this.circuit.record('failure', now)
    }
    this.#admissionMoved()
  }

  /** A failed health check counts against the circuit, and is no call. */
  recordFailedCheck(error: unknown): void {
    const now = this.clock.now()
    this.breaker.healthCheckFailed(error)
    this.circuit.record('failure', now)
    this.#admissionMoved()
  }

  /** New settings for the circuit; its state stays. */
  configure(settings: CircuitSettings, concurrency: number | undefined): void {
    this.settings = settings
    this.concurrency = concurrency ?? Number.POSITIVE_INFINITY
    this.circuit.configure(settings)
    this.ports.admissionChanged(this)
  }

  // --- control ---------------------------------------------------------------------------------

  state(): CircuitState {
    return this.circuit.stateAt(this.clock.now())
  }

  stats(): CircuitStats {
    return this.tally.stats(this.circuit, this.clock.now())
  }

  openedAt(): number | undefined {
    const now = this.clock.now()
    const opening = this.circuit.opening(now)
    return opening && this.clock.wall() - (now - opening.openedAt)
  }

  trip(forMs: number, reason: string): void {
    const { trips } = this.tally
    this.circuit.trip(forMs, reason, this.clock.now())
    if (this.tally.trips === trips) this.ports.admissionChanged(this) // open already: only for longer
  }

  isolate(reason: string): void {
    this.trip(Number.POSITIVE_INFINITY, reason)
  }

  reset(): void {
    const now = this.clock.now()
    const paused = (this.cooldown?.until ?? now) > now
    this.circuit.reset(now, 'reset by hand')
    this.cooldown?.end()
    if (paused) this.#forgetPause()
    this.ports.admissionChanged(this)
  }

  save(): SavedCircuit {
    const now = this.clock.now()
    const wall = this.clock.wall()
    const saved = this.circuit.save(now, wall)
    const pauseMs = (this.cooldown?.until ?? now) - now
    return pauseMs > 0 ? { ...saved, pause: { from: wall, until: wall + pauseMs } } : saved
  }

  restore(saved: SavedCircuit): void {
    this.circuit.restore(saved, this.clock.now(), this.clock.wall())
    this.#rest(saved)
    this.#pauseTold ||= saved.pause !== undefined
    this.ports.admissionChanged(this)
  }

  /** Takes up what another process knows of the same provider. A pause is only ever lengthened. */
  hear(saved: SavedCircuit): void {
    this.circuit.hear(saved, this.clock.now(), this.clock.wall())
    this.#rest(saved)
    this.ports.admissionChanged(this)
  }

  #rest({ pause }: SavedCircuit): void {
    if (pause === undefined) return
    const leftMs = Math.min(pause.until - this.clock.wall(), pause.until - pause.from)
    if (leftMs > 0) this.#cooling().hold(this.clock.now() + leftMs)
  }

  /** Runs a function as one guarded call: opossum's `fire`. */
  async run(fn: () => unknown, args: readonly unknown[]): Promise<unknown> {
    const attempt = this.begin(unnamedCall, args, this.clock.now())
    return take(attempt, fn)
  }

  listenerFailed(event: string, error: unknown): void {
    this.ports.listenerFailed(event, error)
  }

  /** The provider is gone. Calls in flight still settle; nobody hears of it. */
  retire(): void {
    this.draining = true
    this.#leaveCooldown?.()
    this.#breaker?.retire()
  }

  #cool(retryAfterMs: number | undefined, now: number): void {
    this.#cooling().extend(retryAfterMs, now, this.ports.random)
    this.#pauseTold = true
    this.ports.paused(this)
  }

  #cooling(): Cooldown {
    const cooldown = this.cooldown ?? new Cooldown()
    if (this.cooldown === undefined) this.share(cooldown)
    return cooldown
  }

  /** Whoever was told of the pause is told that it is over. */
  #forgetPause(): void {
    if ((this.cooldown?.until ?? 0) > this.clock.now()) return
    this.#pauseTold = false
    this.ports.paused(this)
  }

  #admissionMoved(): void {
    if (!this.circuit.calm) this.ports.admissionChanged(this)
  }

  #moved(transition: Transition): void {
    this.tally.moved(transition.to, transition.at)
    const now = this.clock.now()
    const { retryAt = now } = this.circuit.opening(transition.at) ?? {}
    this.ports.admissionChanged(this)
    this.#breaker?.changed(transition.to)
    this.ports.transition(this, transition, Math.max(0, retryAt - now))
  }
}

const unnamedCall: CallFacts = { method: undefined, number: 1 }
