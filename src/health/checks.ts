import type { Clock } from '../core/clock.js'
import { type Limit, limit } from '../core/limit.js'
import type {
  Check,
  Checking,
  CheckReport,
  CheckSettings,
  Health,
  Reliance,
} from '../model/health.js'
import type { Probe, Provider } from '../model/provider.js'
import { CheckRun } from './run.js'
import { type Finding, observed, streakAfter } from './verdict.js'

/** A provider as far as its health goes. */
export interface Checked {
  readonly provider: Provider
  readonly check: Check | undefined
  readonly hasCheck: boolean
  /** Another object after it was replaced. */
  readonly parts: { readonly health: CheckSettings; readonly check?: Check | Probe | undefined }
  readonly health: Health
  /** What the last check said, where health takes up more than that. */
  readonly verdict?: Health
  checkedAt: number
  checking: Checking | undefined
  /** Checks in a row: passed above 0, failed below. */
  streak: number
  /** How busy it is, as its last check said. */
  load?: number | undefined
  readonly removed: boolean
  /** Takes up a verdict: its health may become another. */
  judge(verdict: Health): void
}

export interface HealthSettings {
  /** A verdict older than this is asked for anew by the next asynchronous look-up. Default 5,000. */
  readonly maxAgeMs: number
}

/** What the checks tell, and ask, their surroundings. */
export interface CheckPorts<S> {
  readonly clock: Clock
  /** Whether the circuit is open: then the provider is left alone. */
  resting(seat: S, now: number): boolean
  /** When the rest of the circuit ends; not after `now` when it does not rest. */
  restsUntil(seat: S, now: number): number
  failed(seat: S, error: unknown): void
  changed(seat: S, previous: Health): void
  /** The verdict is another, whatever that does to the health. */
  judged?(seat: S): void
  /** A check learned more than its verdict: `judge` takes up that, in the same turn. */
  learned?(seat: S, report: CheckReport, judge: Judge): void
}

/** Takes up a verdict. What comes back tells of it, so that it can be told after what else has changed. */
export type Judge = () => () => void

/** Checks run at once by `checkAll`. */
const atOnce = 32

/** Asks providers whether they are well: once for all who want to know, and never for ever. */
export class HealthChecks<S extends Checked> {
  /** Providers that have a check. */
  count = 0
  /** Verdicts so far, and bad ones among them. */
  asked = 0
  failures = 0
  readonly unwell: Set<S> = new Set()
  readonly #settings: HealthSettings
  readonly #ports: CheckPorts<S>
  readonly #bounded: Limit = limit(atOnce)

  constructor(settings: HealthSettings, ports: CheckPorts<S>) {
    this.#settings = settings
    this.#ports = ports
  }

  due(seat: S, now: number): boolean {
    return (
      now - seat.checkedAt > this.#settings.maxAgeMs &&
      seat.hasCheck &&
      !this.#ports.resting(seat, now)
    )
  }

  /** From when on a verdict is recent enough for somebody who begins to wait now. */
  recentFrom(now: number): number {
    return now - this.#settings.maxAgeMs
  }

  /** When somebody who waits for it should ask again: Infinity when it was well, or cannot be asked. */
  repeatAt(seat: S, recentFrom: number, now: number): number {
    if (!seat.hasCheck || seat.checking !== undefined) return Number.POSITIVE_INFINITY
    const rested = this.#ports.restsUntil(seat, now)
    if (seat.checkedAt < recentFrom) return rested
    if (!this.unwell.has(seat)) return Number.POSITIVE_INFINITY
    return Math.max(seat.checkedAt + seat.parts.health.intervalMs, rested)
  }

  /** Never rejects: what goes wrong is the verdict. */
  check(seat: S): Promise<void> {
    return this.#join(seat, 'awaited')
  }

  /** The same for those who come later: nobody waits, so it does not keep the process alive. */
  begin(seat: S): void {
    void this.#join(seat, 'decisive')
  }

  /** The same when nobody goes by it: then one failure more or less decides nothing. */
  observe(seat: S): Promise<void> {
    return this.#join(seat, 'observed')
  }

  /** Whether each of them is well; one whose circuit is open is not asked, and is not. */
  async checkAll(seats: readonly S[]): Promise<ReadonlyMap<S, boolean>> {
    const results = await Promise.all(
      seats.map(async (seat): Promise<readonly [S, boolean]> => {
        if (this.#ports.resting(seat, this.#ports.clock.now())) return [seat, false]
        await this.#bounded(() => this.check(seat))
        return [seat, seat.health !== 'unhealthy' && seat.health !== 'loading']
      }),
    )
    return new Map(results)
  }

  /** What is known from elsewhere, such as a source or a monitor. */
  mark(seat: S, verdict: Health): void {
    this.#judge(seat, verdict)()
  }

  /** A verdict of now. A bad one counts against the circuit. What comes back tells of it. */
  learn(seat: S, verdict: Health, problem: unknown): () => void {
    this.#asked(seat, verdict, problem)
    return this.#judge(seat, verdict)
  }

  #judge(seat: S, verdict: Health): () => void {
    const { health: previous, verdict: before = previous } = seat
    if ((verdict === 'unhealthy' || verdict === 'loading') && !seat.removed) this.unwell.add(seat)
    else this.unwell.delete(seat)
    seat.judge(verdict)
    if (verdict !== before) this.#ports.judged?.(seat)
    return () => {
      if (seat.health !== previous) this.#ports.changed(seat, previous)
    }
  }

  forget(seat: S): void {
    this.unwell.delete(seat)
    seat.checking?.cancel()
    const { check } = seat.parts
    if (typeof check !== 'object') return
    try {
      check.forget?.(seat.provider)
    } catch {
      // nobody asks it about this provider any more, so nothing hangs on it
    }
  }

  #join(seat: S, reliance: Reliance): Promise<void> {
    const checking = seat.checking ?? this.#begin(seat, reliance)
    checking.join(reliance)
    return checking.done
  }

  #begin(seat: S, reliance: Reliance): CheckRun {
    const { parts } = seat
    const run = new CheckRun(this.#ports.clock, parts.health.timeoutMs)
    run.join(reliance)
    seat.checking = run // first: a check that asks for itself waits, instead of asking for ever
    void run.ask(seat.check, (finding) => {
      if (seat.checking === run) seat.checking = undefined
      if (seat.removed || seat.parts !== parts) return // the verdict is about somebody else
      this.#conclude(seat, finding, run.isDecisive)
    })
    return run
  }

  #conclude(seat: S, finding: Finding, isDecisive: boolean): void {
    const { health, problem, learned } = finding
    seat.streak = streakAfter(seat.streak, health)
    const { verdict: before = seat.health, streak, parts } = seat
    const verdict = isDecisive ? health : observed(before, finding, streak, parts.health)
    const judge: Judge = () => {
      this.#asked(seat, health, problem)
      return this.#judge(seat, verdict)
    }
    if (learned === undefined || this.#ports.learned === undefined) judge()()
    else this.#ports.learned(seat, learned, judge)
  }

  #asked(seat: S, health: Health, problem: unknown): void {
    seat.checkedAt = this.#ports.clock.now()
    seat.load = undefined // that was a moment ago
    this.asked += 1
    if (health !== 'unhealthy') return
    this.failures += 1
    this.#ports.failed(seat, problem instanceof Error ? problem : new Error(String(problem)))
  }
}
