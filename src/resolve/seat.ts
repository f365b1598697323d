import type { Member } from '../catalog/scope.js'
import type { Timed } from '../core/heap.js'
import { Cooldown } from '../guard/cooldown.js'
import { Guard, type GuardPorts } from '../guard/guard.js'
import type { Check, CheckAnswer, Health } from '../model/health.js'
import type { PriorityLevel } from '../model/priority.js'
import type { CircuitSettings, Provider, WithSignal } from '../model/provider.js'
import type { Refusal } from '../model/refusal.js'
import type { Candidate } from '../model/strategy.js'
import { knownWithSignal } from './openai.js'

export type Connect = (record: Provider, signal: AbortSignal) => unknown

/** What a registration brings besides its record. */
export interface SeatParts {
  readonly instance: object | undefined
  readonly connect: Connect | undefined
  readonly circuit: CircuitSettings
  readonly check: Check | undefined
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
  health: Health = 'unknown'
  /** When the health was last asked for; -Infinity for never. */
  checkedAt: number = Number.NEGATIVE_INFINITY
  checking: Promise<void> | undefined = undefined
  /** Whether there is anything to ask; found out when the instance comes, so that counts stay true. */
  hasCheck: boolean
  instance: object | undefined
  connecting: Promise<object> | undefined = undefined
  /** Called when `connect` has made the instance. */
  onConnected: (() => void) | undefined = undefined
  /** The guarded instance, and the promise of it that look-ups hand out. */
  guarded: object | undefined = undefined
  promised: Promise<object> | undefined = undefined
  removed = false
  readonly #ports: GuardPorts
  #guard: Guard | undefined
  #candidate: Candidate | undefined

  constructor(
    provider: Provider,
    order: number,
    parts: SeatParts,
    cooldown: Cooldown | undefined,
    ports: GuardPorts,
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

  /** The check of the registration, or the instance's own `isHealthy`. */
  get check(): Check | undefined {
    if (!this.hasCheck || this.parts.check !== undefined) return this.parts.check
    const instance = this.instance as { isHealthy(signal: AbortSignal): CheckAnswer }
    return (signal) => instance.isHealthy(signal)
  }

  /** `connect` has made the instance. */
  connected(instance: object): void {
    this.instance = instance
    const withSignal = this.parts.withSignal ?? knownWithSignal(instance)
    if (withSignal !== this.parts.withSignal) this.parts = { ...this.parts, withSignal }
    this.hasCheck = canBeAsked({ check: this.parts.check, instance })
    this.onConnected?.()
  }

  get inFlight(): number {
    return this.#guard?.inFlight ?? 0
  }

  get candidate(): Candidate {
    this.#candidate ??= new SeatCandidate(this)
    return this.#candidate
  }

  /** Its record changed: what was made from the old one is made anew. The circuit stays. */
  renew(provider: Provider, parts: SeatParts): void {
    this.provider = provider
    if (parts !== this.parts) {
      this.parts = parts
      this.instance = parts.instance
      this.connecting = undefined
      this.guarded = undefined
      this.promised = undefined
      this.hasCheck = canBeAsked(parts)
      this.checking = undefined
      this.checkedAt = Number.NEGATIVE_INFINITY
      this.#guard?.configure(parts.circuit, provider.concurrency)
    }
  }

  /** It left the registry: nothing here refers to the instance any more. Calls in flight finish. */
  retire(): void {
    this.removed = true
    this.admissible = false
    this.instance = undefined
    this.guarded = undefined
    this.promised = undefined
    this.hasCheck = false
    this.parts = { circuit: this.parts.circuit, except: this.parts.except, ...nothing }
    this.#guard?.retire()
  }

  /** Why it may not be chosen now, as far as it is its own fault. Changes nothing. */
  refusal(now: number): Refusal | undefined {
    if (this.health === 'unhealthy') return { reason: 'unhealthy' }
    if (this.health === 'loading') return { reason: 'loading' }
    return this.#guard?.refusal(now)
  }

  /** The same as a time: not after `now` when it may be chosen. */
  admitsAt(now: number): number {
    if (this.health === 'unhealthy' || this.health === 'loading') return Number.POSITIVE_INFINITY
    return this.#guard?.admitsAt(now) ?? Number.NEGATIVE_INFINITY
  }

  now(): number {
    return this.#ports.clock.now()
  }
}

const nothing = {
  instance: undefined,
  connect: undefined,
  check: undefined,
  withSignal: undefined,
} as const

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

  get latencyMs(): number {
    const { usedGuard } = this.#seat
    return usedGuard?.tally.peakMs(this.#seat.now()) ?? 0
  }
}

/** The seat a candidate stands for; `undefined` when it is none of ours. */
export const seatOf = (candidate: unknown): Seat | undefined => SeatCandidate.seatOf(candidate)
