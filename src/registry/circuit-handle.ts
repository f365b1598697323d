import type { OpossumBreaker } from '../guard/opossum.js'
import { checkDuration } from '../model/parse/arguments.js'
import { parseSavedCircuit } from '../model/parse/circuit.js'
import type { CircuitState, CircuitStats } from '../model/provider.js'
import type { SavedCircuit } from '../model/saved-circuit.js'
import type { Seat } from '../resolve/seat.js'
import { circuitStats } from './views.js'

/** The circuit of one provider: to read, to attach to, and to control by hand. */
export class CircuitHandle {
  readonly #seat: Seat

  /** @internal */
  constructor(seat: Seat) {
    this.#seat = seat
  }

  get name(): string {
    return this.#seat.provider.name
  }

  /** As of now: an open circuit whose rest is over reads `half-open`. */
  get state(): CircuitState {
    return this.#seat.usedGuard?.state() ?? 'closed'
  }

  get stats(): CircuitStats {
    return circuitStats(this.#seat)
  }

  /** The live opossum breaker, for its events, statistics and exporters. */
  get opossum(): OpossumBreaker {
    return this.#seat.guard.breaker.public
  }

  /** Throws `CircuitOpenError` when a call would be refused by the circuit now. Changes nothing. */
  check(): void {
    const guard = this.#seat.usedGuard
    if (guard === undefined) return
    const now = guard.clock.now()
    if (!guard.circuit.admits(now)) throw guard.openError(now)
  }

  /** Opens it for so long, by default its `recoveryTimeoutMs`. */
  trip(forMs?: number, reason = 'tripped by hand'): void {
    const { guard } = this.#seat
    if (forMs !== undefined) checkDuration('forMs', forMs)
    guard.trip(forMs ?? guard.settings.recoveryTimeoutMs, String(reason))
  }

  /** Opens it until `reset()`. */
  isolate(reason = 'isolated by hand'): void {
    this.#seat.guard.isolate(String(reason))
  }

  /** Closes it and forgets its failures, and ends a pause the provider asked for. */
  reset(): void {
    this.#seat.usedGuard?.reset()
  }

  /** An outcome that is known from outside a call. Without a say while open. */
  recordSuccess(): void {
    this.#seat.guard.recordOutcome('success')
  }

  recordFailure(error?: unknown): void {
    this.#seat.guard.recordOutcome('failure', error)
  }

  /** The state as plain data, with wall-clock times. */
  export(): SavedCircuit {
    return this.#seat.guard.save()
  }

  /** Takes up an exported state with what is left of its rest. Throws `InvalidOptionsError`. */
  restore(saved: SavedCircuit): void {
    this.#seat.guard.restore(parseSavedCircuit(saved))
  }
}
