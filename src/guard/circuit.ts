import type { Random } from '../core/random.js'
import type { CircuitBackoff, CircuitSettings, CircuitState } from '../model/provider.js'
import type { SavedCircuit } from '../model/saved-circuit.js'

/** How long a probe lease that nobody uses stays reserved. */
const unusedLeaseMs = 1_000

/**
 * The right to make one call. A closed circuit hands out the same permit to everybody; a half-open
 * one leases a probe to each.
 */
export interface Permit {
  readonly generation: number
  /** Only for probes: until when it is reserved, or, once begun, must settle. */
  expiresAt: number
  begun: boolean
}

type State =
  | { readonly kind: 'closed'; failures: number }
  | {
      readonly kind: 'open'
      readonly openedAt: number
      readonly retryAt: number
      readonly reason: string
    }
  | { readonly kind: 'half-open'; successes: number; readonly probes: Permit[] }

type OpenState = Extract<State, { readonly kind: 'open' }>

export type Verdict = 'success' | 'failure' | 'neutral'

export interface Transition {
  readonly from: CircuitState
  readonly to: CircuitState
  readonly at: number
  readonly reason: string
}

/**
 * The circuit breaker as a pure state machine: it reads no clock and sets no timer. Each method is
 * told the time; whatever should have happened since the last one happens first.
 *
 * Every permit carries the generation of the state that gave it. An outcome from an earlier
 * generation has no say, so a slow call from before the trip can neither close nor re-open it.
 * A probe is a lease: one that never settles counts as failed when its time is up.
 *
 * Source: M. Nygard, "Release It!", 2007 (circuit breaker); C. Gray and D. Cheriton, "Leases", 1989.
 */
export class Circuit {
  #settings: CircuitSettings
  readonly #random: Random
  readonly #onTransition: (transition: Transition) => void
  #state: State = { kind: 'closed', failures: 0 }
  #permit: Permit = sharedPermit(0)
  #window: OutcomeWindow | undefined
  /** Failures in a row while it is not closed, those that opened it included. */
  #streak = 0
  /** Openings since it was last closed; lengthens the rest when there is a back-off. */
  #openings = 0
  /** Until when others probe: nobody does here. */
  #othersUntil = Number.NEGATIVE_INFINITY
  /** Fixed ahead of the opening, so that reading the state can foresee it. */
  #nextRestMs: number

  constructor(
    settings: CircuitSettings,
    random: Random,
    onTransition: (transition: Transition) => void,
  ) {
    this.#settings = settings
    this.#random = random
    this.#onTransition = onTransition
    this.#nextRestMs = this.#restMs()
    if (settings.errorRatio !== undefined) this.#window = new OutcomeWindow(settings.windowSize)
  }

  /** New rules from the next outcome on; a rest that is running keeps its length. */
  configure(settings: CircuitSettings): void {
    if (settings === this.#settings) return // what the window has seen stays seen
    this.#settings = settings
    this.#nextRestMs = this.#restMs()
    this.#window =
      settings.errorRatio === undefined ? undefined : new OutcomeWindow(settings.windowSize)
  }

  /** True while it is certainly closed; false says nothing. Needs no clock. */
  get calm(): boolean {
    return this.#state.kind === 'closed'
  }

  /** What a closed circuit hands to every call. */
  get permit(): Permit {
    return this.#permit
  }

  get generation(): number {
    return this.#permit.generation
  }

  get consecutiveFailures(): number {
    return this.#state.kind === 'closed' ? this.#state.failures : this.#streak
  }

  get halfOpenSuccesses(): number {
    return this.#state.kind === 'half-open' ? this.#state.successes : 0
  }

  /** Reading changes nothing: an expired rest reads as half-open, an expired probe as re-opened. */
  stateAt(now: number): CircuitState {
    const state = this.#foresee(now)
    if (state.kind === 'open') return now >= state.retryAt ? 'half-open' : 'open'
    return state.kind
  }

  admits(now: number): boolean {
    return now >= this.admitsAt(now)
  }

  /** When it next admits a call: `now` or earlier if it does already, Infinity while isolated. */
  admitsAt(now: number): number {
    const state = this.#foresee(now)
    if (state.kind === 'closed') return Number.NEGATIVE_INFINITY
    if (state.kind === 'open') return Math.max(state.retryAt, this.#othersUntil)
    const live = state.probes.filter((probe) => probe.expiresAt > now)
    if (live.length < this.#settings.halfOpenPermits) return this.#othersUntil
    return Math.max(this.#othersUntil, Math.min(...live.map((probe) => probe.expiresAt)))
  }

  /** Why and since when it is open, however the clock reads it. */
  opening(
    now: number,
  ): { readonly openedAt: number; readonly retryAt: number; readonly reason: string } | undefined {
    const state = this.#foresee(now)
    return state.kind === 'open' ? state : undefined
  }

  /** Admits one call, or gives `undefined`. A probe is reserved until `begin`. */
  enter(now: number): Permit | undefined {
    if (this.#state.kind === 'closed') return this.#permit
    this.#catchUp(now)
    if (now < this.#othersUntil) return undefined
    if (this.#state.kind === 'open') {
      if (now < this.#state.retryAt) return undefined
      this.#become({ kind: 'half-open', successes: 0, probes: [] }, now, 'recovery time passed')
    }
    // Whoever heard of the half-opening may have closed or isolated it at once.
    if (this.#state.kind !== 'half-open') return this.calm ? this.#permit : undefined
    if (this.#state.probes.length >= this.#settings.halfOpenPermits) return undefined
    const probe: Permit = {
      generation: this.generation,
      expiresAt: now + unusedLeaseMs,
      begun: false,
    }
    this.#state.probes.push(probe)
    return probe
  }

  /** The call of this permit begins. False when the reservation ran out; then enter anew. */
  begin(permit: Permit, now: number): boolean {
    if (this.#state.kind === 'closed') return permit.generation === this.generation
    this.#catchUp(now)
    if (this.#state.kind !== 'half-open' || !this.#state.probes.includes(permit)) return false
    permit.begun = true
    permit.expiresAt = now + this.#settings.probeLeaseMs
    return true
  }

  /** What became of the call. A permit of an earlier generation has no say. */
  settle(permit: Permit, verdict: Verdict, now: number): void {
    if (this.#state.kind === 'closed') {
      if (permit.generation === this.generation) this.#settleClosed(this.#state, verdict, now)
      return
    }
    this.#catchUp(now)
    if (this.#state.kind !== 'half-open' || permit.generation !== this.generation) return
    const at = this.#state.probes.indexOf(permit)
    if (at >= 0) this.#state.probes.splice(at, 1)
    this.#settleProbe(this.#state, verdict, now)
  }

  /** An outcome that no permit was taken for. Without a say while open. */
  record(verdict: 'success' | 'failure', now: number): void {
    this.#catchUp(now)
    if (this.#state.kind === 'open') {
      if (now < this.#state.retryAt) return
      this.#become({ kind: 'half-open', successes: 0, probes: [] }, now, 'recovery time passed')
    }
    if (this.#state.kind === 'closed') this.#settleClosed(this.#state, verdict, now)
    else if (this.#state.kind === 'half-open') this.#settleProbe(this.#state, verdict, now)
  }

  /** Opens it for so long, whatever it was; only a reset ends an isolation. */
  trip(forMs: number, reason: string, now: number): void {
    this.#catchUp(now)
    if (this.#isolated) return
    this.#open(now, now + forMs, reason)
  }

  /** Closes it and forgets what led here. */
  reset(now: number, reason: string): void {
    this.#catchUp(now)
    this.#close(now, reason)
  }

  save(now: number, wall: number): SavedCircuit {
    const state = this.#foresee(now)
    if (state.kind === 'closed') return { state: 'closed', failures: state.failures }
    const { openedAt, retryAt, reason } =
      state.kind === 'open' && now < state.retryAt
        ? state
        : { openedAt: now, retryAt: now, reason: 'half-open' }
    const probingMs = this.#probingUntil(state) - now
    return {
      state: 'open',
      failures: 0,
      openedAt: wall - (now - openedAt),
      retryAt: Number.isFinite(retryAt) ? wall + (retryAt - now) : null,
      reason,
      ...(probingMs > 0 && { probing: wall + probingMs }),
    }
  }

  /** Here, or as others say. */
  #probingUntil(state: State): number {
    const own = state.kind === 'half-open' ? state.probes : []
    return Math.max(this.#othersUntil, ...own.map((probe) => probe.expiresAt))
  }

  /**
   * Takes up a saved state with what is left of its rest. The rest is clamped to what it was when it
   * opened, so that a clock that was set back cannot keep it shut.
   */
  restore(saved: SavedCircuit, now: number, wall: number): void {
    if (saved.state === 'closed') {
      this.#close(now, 'restored')
      if (this.#state.kind === 'closed') this.#state.failures = saved.failures
      return
    }
    const { left, age, reason = 'restored' } = restOf(saved, wall)
    this.#open(now, now + left, reason, now - age)
  }

  /**
   * Takes up what another process says of the same circuit. While a probe of theirs is out, nobody
   * probes here, as long as a probe of ours could take; one that is out already goes on and counts.
   */
  hear(saved: SavedCircuit, now: number, wall: number): void {
    this.#catchUp(now)
    if (saved.state === 'closed') {
      if (!this.calm) this.#close(now, 'closed elsewhere')
      return
    }
    if (this.#isolated) return
    this.#hearOpen(restOf(saved, wall), now)
    const { probing = wall } = saved
    this.#othersUntil = now + clamp(probing - wall, 0, this.#settings.probeLeaseMs)
  }

  #hearOpen({ left, age, reason = 'opened elsewhere' }: Rest, now: number): void {
    const state = this.#state
    const opened: OpenState = { kind: 'open', openedAt: now - age, retryAt: now + left, reason }
    if (state.kind === 'closed') this.#open(now, opened.retryAt, reason, opened.openedAt)
    else if (left > 0) {
      // Two clocks were read to write one time down.
      const known = state.kind === 'open' && Math.abs(state.retryAt - opened.retryAt) <= 50
      if (!known) this.#open(now, opened.retryAt, reason, opened.openedAt)
    } else if (state.kind === 'open' && state.retryAt > now) this.#become(opened, now, reason)
  }

  get #isolated(): boolean {
    return this.#state.kind === 'open' && this.#state.retryAt === Number.POSITIVE_INFINITY
  }

  #settleClosed(state: { failures: number }, verdict: Verdict, now: number): void {
    if (verdict === 'neutral') return
    this.#window?.record(verdict === 'failure')
    if (verdict === 'success') {
      state.failures = 0
      return
    }
    state.failures += 1
    if (state.failures >= this.#settings.failureThreshold)
      this.#open(
        now,
        now + this.#nextRestMs,
        state.failures === 1 ? 'a failure' : `${state.failures} failures in a row`,
      )
    else if (this.#window?.exceeds(this.#settings))
      this.#open(
        now,
        now + this.#nextRestMs,
        `${this.#window.failures} of ${this.#window.count} calls failed`,
      )
  }

  #settleProbe(state: { successes: number }, verdict: Verdict, now: number): void {
    if (verdict === 'failure') {
      this.#streak += 1
      this.#open(now, now + this.#nextRestMs, 'a probe failed')
    }
    if (verdict !== 'success') return
    this.#streak = 0
    state.successes += 1
    if (state.successes >= this.#settings.successThreshold) this.#close(now, 'probes succeeded')
  }

  #open(now: number, retryAt: number, reason: string, openedAt: number = now): void {
    if (this.#state.kind === 'closed') this.#streak = this.#state.failures
    this.#openings += 1
    this.#nextRestMs = this.#restMs()
    this.#become({ kind: 'open', openedAt, retryAt, reason }, now, reason)
  }

  #close(now: number, reason: string): void {
    this.#openings = 0
    this.#nextRestMs = this.#restMs()
    if (this.#window) this.#window = new OutcomeWindow(this.#settings.windowSize)
    this.#become({ kind: 'closed', failures: 0 }, now, reason)
  }

  #become(state: State, at: number, reason: string): void {
    const from = this.#state.kind
    this.#state = state
    this.#othersUntil = Number.NEGATIVE_INFINITY
    this.#permit = sharedPermit(this.generation + 1)
    if (from !== state.kind) this.#onTransition({ from, to: state.kind, at, reason })
  }

  /** Lets the leases that ran out by `now` take effect, at the time they did. */
  #catchUp(now: number): void {
    const state = this.#state
    if (state.kind !== 'half-open') return
    const foreseen = this.#foresee(now)
    if (foreseen.kind === 'open') {
      this.#open(foreseen.openedAt, foreseen.retryAt, foreseen.reason)
      return
    }
    for (let i = state.probes.length - 1; i >= 0; i--)
      if ((state.probes[i]?.expiresAt ?? now) <= now) state.probes.splice(i, 1)
  }

  /** The state as of `now`: re-opened if a begun probe ran out of time. */
  #foresee(now: number): State {
    const state = this.#state
    if (state.kind !== 'half-open') return state
    let lostAt = Number.POSITIVE_INFINITY
    for (const { begun, expiresAt } of state.probes)
      if (begun && expiresAt <= now && expiresAt < lostAt) lostAt = expiresAt
    return lostAt === Number.POSITIVE_INFINITY ? state : this.#reopenedAt(lostAt)
  }

  #reopenedAt(at: number): OpenState {
    return {
      kind: 'open',
      openedAt: at,
      retryAt: at + this.#nextRestMs,
      reason: 'a probe never settled',
    }
  }

  #restMs(): number {
    const { recoveryTimeoutMs, backoff } = this.#settings
    return backoff === undefined ? recoveryTimeoutMs : this.#grownRestMs(recoveryTimeoutMs, backoff)
  }

  /** Grows with each opening in a row; the jitter keeps many circuits from probing at once. */
  #grownRestMs(firstMs: number, { factor, maxMs, jitter }: CircuitBackoff): number {
    const full = firstMs * factor ** Math.min(this.#openings, 64)
    const longest = Math.max(maxMs, firstMs)
    return Math.min(full, longest / (1 + jitter / 2)) * (1 - jitter / 2 + jitter * this.#random())
  }
}

/** What a closed circuit hands to every call of its generation. */
export const sharedPermit = (generation: number): Permit => ({
  generation,
  expiresAt: Number.POSITIVE_INFINITY,
  begun: true,
})

/** What is left of a saved rest, how long ago it began, and why. */
interface Rest {
  readonly left: number
  readonly age: number
  readonly reason: string | undefined
}

function restOf({ openedAt, retryAt = 0, reason }: SavedCircuit, wall: number): Rest {
  if (retryAt === null)
    return { left: Number.POSITIVE_INFINITY, age: Math.max(0, wall - (openedAt ?? wall)), reason }
  const whole = Math.max(0, retryAt - (openedAt ?? wall))
  const left = clamp(retryAt - wall, 0, whole)
  return { left, age: whole - left, reason }
}

const clamp = (value: number, low: number, high: number): number =>
  Math.min(Math.max(value, low), high)

/** The last so many outcomes, and how many of them failed. */
class OutcomeWindow {
  readonly #failed: Uint8Array
  #next = 0
  count = 0
  failures = 0

  constructor(size: number) {
    this.#failed = new Uint8Array(size)
  }

  record(failed: boolean): void {
    if (this.count < this.#failed.length) this.count += 1
    else this.failures -= this.#failed[this.#next] ?? 0
    this.#failed[this.#next] = failed ? 1 : 0
    this.failures += failed ? 1 : 0
    this.#next = (this.#next + 1) % this.#failed.length
  }

  /** A window that holds fewer calls than the minimum counts once it is full. */
  exceeds({ errorRatio = 2, minimumCalls }: CircuitSettings): boolean {
    const enough = Math.min(minimumCalls, this.#failed.length)
    return this.count >= enough && this.failures / this.count >= errorRatio
  }
}
