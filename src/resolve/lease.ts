import { inspect } from 'node:util'
import type { Attempt, CallFacts } from '../guard/attempt.js'
import { type Permit, sharedPermit } from '../guard/circuit.js'
import { take } from '../guard/take.js'
import type { Seat } from './seat.js'

const manual: CallFacts = { method: undefined, number: 1 }

/**
 * The right to call one provider once, with the raw instance. Use `run`, or do the work yourself and
 * say what became of it with `succeed` or `fail`; `release` gives it back unused.
 */
export class Lease<T = unknown> {
  readonly #seat: Seat
  /** What the registry's count of transitions was when it was given. */
  readonly #epoch: number
  /** The probe lease of a half-open circuit. */
  readonly #probe: Permit | undefined
  #spent = false

  /** @internal */
  constructor(seat: Seat, epoch: number, probe: Permit | undefined) {
    this.#seat = seat
    this.#epoch = epoch
    this.#probe = probe
  }

  /** The name of the provider. */
  get provider(): string {
    return this.#seat.provider.name
  }

  /** The instance as it was registered, unguarded. */
  get instance(): T {
    return this.#seat.instance as T
  }

  /** Runs one guarded call. Throws what `fn` throws, and refusals; a second `run` needs admission anew. */
  run<R>(fn: (instance: T, context: { readonly signal: AbortSignal }) => R): R {
    const attempt = this.#begin()
    return take(attempt, () => fn(this.instance, attempt)) as R
  }

  /** The work was done and went well. Without effect once the lease is spent. */
  succeed(): void {
    this.#open()?.succeed(undefined)
  }

  /** The work was done and failed. */
  fail(error: unknown): void {
    this.#open()?.fail(error)
  }

  /** Gives the lease back unused; a probe goes to the next caller at once. */
  release(): void {
    if (this.#spent) return
    this.#spent = true
    if (this.#probe !== undefined) this.#seat.guard.giveBack(this.#probe)
  }

  [Symbol.dispose](): void {
    this.release()
  }

  /** @internal */
  get spent(): boolean {
    return this.#spent
  }

  #begin(): Attempt {
    const { guard } = this.#seat
    const probe = this.#spent ? undefined : this.#probe
    this.#spent = true
    return guard.begin(manual, [], guard.clock.now(), probe)
  }

  /** Done already, so not refused: after the circuit has moved on it only counts. */
  #open(): Attempt | undefined {
    if (this.#spent) return undefined
    this.#spent = true
    const { guard } = this.#seat
    const current = guard.epoch <= this.#epoch ? guard.circuit.permit : outdated
    return guard.open(manual, [], this.#probe ?? current, guard.clock.now())
  }
}

/** Of no generation: its outcome has no say. */
const outdated: Permit = sharedPermit(-1)

Object.defineProperty(Lease.prototype, inspect.custom, {
  value(this: Lease) {
    return `Lease { provider: '${this.provider}'${this.spent ? ', spent' : ''} }`
  },
})
