import type { Member } from '../catalog/scope.js'
import type { Timed } from '../core/heap.js'
import { Cooldown } from '../guard/cooldown.js'
import { Guard, type GuardPorts } from '../guard/guard.js'
import type { Check, CheckAnswer, Checking, CheckSettings, Health } from '../model/health.js'
import type { PriorityLevel } from '../model/priority.js'
import type {
  CircuitOptions,
  CircuitSettings,
  LostDependency,
  Probe,
  Provider,
  WithSignal,
} from '../model/provider.js'
import type { Refusal } from '../model/refusal.js'
import type { Candidate } from '../model/strategy.js'
import { nothingTold, stillTold, type Told, withLoad } from '../model/told.js'
import type { Made } from './made.js'
import { knownWithSignal } from './openai.js'

export type Connect = (record: Provider, signal: AbortSignal) => unknown

export interface SeatPorts extends GuardPorts {
  /** `connect` has made the instance. */
  connected(seat: Seat): void
  /** `connect` will never make it: a package is missing. */
  unconnectable(seat: Seat, error: Error): void
  readonly made: Pick<Made, 'hold' | 'letGo'>
}

/** What a registration brings besides its record. */
export interface SeatParts {
  readonly instance: object | undefined
  readonly connect: Connect | undefined
  readonly circuit: CircuitSettings
  /** What the registration itself says about the circuit: what is written down of it. */
  readonly ownCircuit: CircuitOptions | undefined
  readonly check: Check | Probe | undefined
  readonly health: CheckSettings
  readonly withSignal: WithSignal | undefined
  readonly except: ReadonlySet<string>
}

/**
 * A provider at the table: its record, its instance, what guards it and whether it may be chosen
 * now. The guard is made when it is first needed, so that providers nobody calls cost little.
 */
export class Seat implements Member, Timed {
  provider: Provider
  order: number
  parts: SeatParts
  admissible = true
  /** It may be chosen although its circuit is not closed: whoever gets it needs a lease. */
  probing = false
  /** When its refusal passes by itself; in the heap of those that wait. */
  at: number = Number.POSITIVE_INFINITY
  slot = -1
  /** What it is taken for: its verdict, or `degraded` where what it depends on is lost. */
  health: Health = 'unknown'
  /** What was last found out about itself. */
  verdict: Health = 'unknown'
  /** What it depends on and nothing serves now. */
  lost: readonly LostDependency[] = nothingLost
  /** When the health was last asked for; -Infinity for never. */
  checkedAt: number = Number.NEGATIVE_INFINITY
  checking: Checking | undefined = undefined
  /** Checks in a row: passed above 0, failed below. */
  streak = 0
  /** What its checks said besides. */
  told: Told = nothingTold
  /** Whether there is anything to ask; found out when the instance comes, so that counts stay true. */
  hasCheck: boolean
  instance: object | undefined
  connecting: Promise<object> | undefined = undefined
  /** Why `connect` can never make an instance in this process. */
  unconnectable: Error | undefined = undefined
  /** The guarded instance, and the promise of it that look-ups hand out. */
  guarded: object | undefined = undefined
  promised: Promise<object> | undefined = undefined
  removed = false
  /** Whether its name was given, and so means the same provider after a restart. */
  named = false
  /** It was read from a store or a snapshot, and no code has registered it since. */
  restored = false
  readonly #ports: SeatPorts
  #guard: Guard | undefined
  #candidate: Candidate | undefined

  constructor(
    provider: Provider,
    order: number,
    parts: SeatParts,
    cooldown: Cooldown | undefined,
    ports: SeatPorts,
  ) {
    this.provider = provider
    this.order = order
    this.parts = parts
    this.instance = parts.instance
    this.hasCheck = canBeAsked(parts)
    this.#ports = ports
    if (cooldown !== undefined) this.share(cooldown)
  }

  /** Providers with the same credential share its pauses; without one, it has its own. */
  share(cooldown: Cooldown | undefined): void {
    this.guard.share(cooldown ?? new Cooldown())
  }

  get guard(): Guard {
    if (this.#guard === undefined) {
      const { name, service, concurrency } = this.provider
      this.#guard = new Guard(name, service, this.parts.circuit, concurrency, this.#ports)
      this.#guard.seat = this
      if (this.removed) this.#guard.retire() // a lease from before
    }
    return this.#guard
  }

  /** The guard if there is one: reading must not make one. */
  get usedGuard(): Guard | undefined {
    return this.#guard
  }

  /** The check or probe of the registration, or the instance's own `isHealthy`. */
  get check(): Check | undefined {
    const { check } = this.parts
    if (typeof check === 'object') return (signal) => check.check(this.provider, signal)
    if (!this.hasCheck || check !== undefined) return check
    const instance = this.instance as { isHealthy(signal: AbortSignal): CheckAnswer }
    return (signal) => instance.isHealthy(signal)
  }

  /** `connect` has made the instance. */
  connected(instance: object): void {
    this.instance = instance
    this.#ports.made.hold(instance)
    const withSignal = this.parts.withSignal ?? knownWithSignal(instance)
    if (withSignal !== this.parts.withSignal) this.parts = { ...this.parts, withSignal }
    this.hasCheck = canBeAsked({ check: this.parts.check, instance })
    this.#ports.connected(this)
  }

  /** `connect` has made an instance for one who has left, moved, or would not wait. */
  unwanted(instance: object): void {
    this.#ports.made.hold(instance)
    this.#ports.made.letGo(instance, this.provider.name)
  }

  /** `connect` can never make it here: nobody tries again until something else does the work. */
  giveUp(error: Error): void {
    this.unconnectable = error
    this.#ports.unconnectable(this, error)
  }

  /** Takes up a verdict, or what it depends on, into its health. */
  judge(verdict: Health, lost: readonly LostDependency[] = this.lost): void {
    this.verdict = verdict
    this.lost = lost
    const fine = verdict === 'healthy' || verdict === 'unknown'
    this.health = fine && lost.length > 0 ? 'degraded' : verdict
  }

  get load(): number | undefined {
    return this.told.load
  }

  set load(load: number | undefined) {
    this.told = withLoad(this.told, load)
  }

  /** Nobody can call it: it has no instance, and nothing makes one. */
  get dormant(): boolean {
    if (this.instance !== undefined) return false
    return this.parts.connect === undefined || this.unconnectable !== undefined
  }

  get healthAgeMs(): number | undefined {
    return Number.isFinite(this.checkedAt) ? Math.max(0, this.now() - this.checkedAt) : undefined
  }

  /** A bad verdict from before that nothing could correct: it can be called, and not be asked. */
  unasked(verdict: Health): boolean {
    return (verdict === 'unhealthy' || verdict === 'loading') && !this.hasCheck && !this.dormant
  }

  get inFlight(): number {
    return this.#guard?.inFlight ?? 0
  }

  get candidate(): Candidate {
    this.#candidate ??= new SeatCandidate(this)
    return this.#candidate
  }

  /**
   * Its record changed, and perhaps what does the work: then what was made from the old one is made
   * anew. The circuit stays.
   */
  renew(provider: Provider, parts: SeatParts): void {
    const before = this.parts
    const { concurrency } = this.provider
    const sameWork = this.keepsInstance(provider, parts)
    this.told = sameWork ? stillTold(this.told, this.provider, provider) : nothingTold
    this.provider = provider
    this.parts = parts
    if (sameWork) {
      const { withSignal = before.withSignal } = parts
      if (withSignal !== parts.withSignal) this.parts = { ...parts, withSignal }
    } else {
      this.#letGo(before)
      this.instance = parts.instance
      this.connecting = undefined
      this.unconnectable = undefined
      this.guarded = undefined
      this.promised = undefined
      this.hasCheck = canBeAsked(parts)
      this.checking?.cancel()
      this.checking = undefined
      this.streak = 0
      this.checkedAt = Number.NEGATIVE_INFINITY
    }
    if (parts !== before || concurrency !== provider.concurrency)
      this.#guard?.configure(parts.circuit, provider.concurrency)
  }

  /** Whether its instance, and how it is asked, stay what they are with this record and these parts. */
  keepsInstance({ address }: Provider, parts: SeatParts): boolean {
    const moved = parts.connect !== undefined && address !== this.provider.address
    return !moved && sameWork(parts, this.parts)
  }

  /** It left the registry: nothing here refers to the instance any more. Calls in flight finish. */
  retire(): void {
    this.removed = true
    this.admissible = false
    this.#letGo(this.parts)
    this.instance = undefined
    this.connecting = undefined
    this.guarded = undefined
    this.promised = undefined
    this.hasCheck = false
    this.parts = { ...this.parts, ...nothing }
    this.#guard?.retire()
  }

  /** What `connect` made is nobody's when the calls in flight have ended; what was registered is its owner's. */
  #letGo({ instance: registered }: SeatParts): void {
    const { instance, provider } = this
    if (instance === undefined || registered !== undefined) return
    const unused = (): void => this.#ports.made.letGo(instance, provider.name)
    if (this.#guard === undefined) unused()
    else this.#guard.nextInstance(unused)
  }

  /** Why it may not be chosen now, as far as it is its own fault. Changes nothing. */
  refusal(now: number): Refusal | undefined {
    if (this.health === 'unhealthy') return { reason: 'unhealthy' }
    if (this.health === 'loading') return { reason: 'loading' }
    if (this.dormant) return this.#neverConnected
    return this.#guard?.refusal(now)
  }

  get #neverConnected(): Refusal {
    const why = this.unconnectable?.message
    return { reason: 'connecting', ...(why !== undefined && { why }) }
  }

  /** The same as a time: not after `now` when it may be chosen. */
  admitsAt(now: number): number {
    if (this.health === 'unhealthy' || this.health === 'loading' || this.dormant)
      return Number.POSITIVE_INFINITY
    return this.#guard?.admitsAt(now) ?? Number.NEGATIVE_INFINITY
  }

  now(): number {
    return this.#ports.clock.now()
  }
}

const nothingLost: readonly LostDependency[] = Object.freeze([])

const nothing = {
  instance: undefined,
  connect: undefined,
  check: undefined,
  withSignal: undefined,
} as const

/** Whether the same instance would be called in the same way. */
function sameWork(a: SeatParts, b: SeatParts): boolean {
  return (
    a.instance === b.instance &&
    a.connect === b.connect &&
    a.check === b.check &&
    a.except === b.except
  )
}

/** A getter that throws here will throw for the check as well, which then has failed. */
function canBeAsked({ check, instance }: Pick<SeatParts, 'check' | 'instance'>): boolean {
  if (check !== undefined || instance === undefined) return check !== undefined
  try {
    return 'isHealthy' in instance && typeof instance.isHealthy === 'function'
  } catch {
    return true
  }
}

/** What strategies see: the facts, read live, and no way to change them. */
class SeatCandidate implements Candidate {
  readonly #seat: Seat

  constructor(seat: Seat) {
    this.#seat = seat
    Object.freeze(this)
  }

  static seatOf(candidate: unknown): Seat | undefined {
    return typeof candidate === 'object' && candidate !== null && #seat in candidate
      ? candidate.#seat
      : undefined
  }

  get provider(): string {
    return this.#seat.provider.name
  }

  get priority(): PriorityLevel {
    return this.#seat.provider.priority
  }

  get group(): number {
    return this.#seat.provider.group
  }

  get weight(): number {
    return this.#seat.provider.weight
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.#seat.provider.metadata
  }

  get health(): Health {
    return this.#seat.health
  }

  get load(): number {
    return this.#seat.inFlight
  }

  get reportedLoad(): number | undefined {
    return this.#seat.load
  }

  get latencyMs(): number {
    const { usedGuard } = this.#seat
    return usedGuard?.tally.peakMs(this.#seat.now()) ?? 0
  }
}

/** The seat a candidate stands for; `undefined` when it is none of ours. */
export const seatOf = (candidate: unknown): Seat | undefined => SeatCandidate.seatOf(candidate)
