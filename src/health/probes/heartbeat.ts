import { type Clock, systemClock } from '../../core/clock.js'
import { InvalidOptionsError } from '../../core/errors.js'
import type { CheckReport } from '../../model/health.js'
import type { Probe } from '../../model/provider.js'

export interface HeartbeatProbeOptions {
  /** The longest time between two beats that is still well, in milliseconds, above 0. */
  readonly timeoutMs: number
  /** Default: the system's. */
  readonly clock?: Clock | undefined
}

/** A probe that asks nobody: providers say by themselves that they are alive. */
export interface HeartbeatProbe extends Probe {
  /**
   * The provider of this name is alive, and may say how it is and what it can do. False when no check has asked for
   * it: then see whether it is registered, and register it again if not.
   */
  beat(provider: string, report?: CheckReport): boolean
  forget(provider: { readonly name: string }): void
}

interface Pulse {
  readonly at: number
  readonly report: CheckReport
  /** False while there was no beat: then the time is that of the first check. */
  readonly hasBeaten: boolean
}

/**
 * Well while a beat came within `timeoutMs`, `degraded` while the last one is at most twice as old, then unhealthy.
 * Who has never beaten is `unknown` for `timeoutMs` from the first check on. One probe serves many providers, and
 * forgets those that leave. Throws `InvalidOptionsError`.
 */
export function heartbeatProbe({
  timeoutMs,
  clock = systemClock,
}: HeartbeatProbeOptions): HeartbeatProbe {
  if (!(timeoutMs > 0 && Number.isFinite(timeoutMs)))
    throw new InvalidOptionsError(
      [{ field: 'timeoutMs', message: `expected milliseconds above 0, got ${String(timeoutMs)}` }],
      'heartbeat probe',
    )
  const asked = new Map<string, Pulse>()
  const early = new EarlyBeats(goneAfter * timeoutMs)
  return Object.freeze<HeartbeatProbe>({
    name: 'heartbeat',
    check({ name }) {
      const now = clock.now()
      const pulse = asked.get(name) ??
        early.take(name, now) ?? { at: now, report: silent, hasBeaten: false }
      asked.set(name, pulse)
      return verdictOf(pulse, now - pulse.at, timeoutMs)
    },
    beat(name, report = alive) {
      const pulse = { at: clock.now(), report, hasBeaten: true }
      if (!asked.has(name)) {
        early.put(name, pulse)
        return false
      }
      asked.set(name, pulse)
      return true
    },
    forget({ name }) {
      asked.delete(name)
    },
  })
}

/** So many times-outs after its last beat a provider counts as gone. */
const goneAfter = 2
const alive: CheckReport = Object.freeze({ status: 'healthy' })
const silent: CheckReport = Object.freeze({
  status: 'unknown',
  message: 'waits for its first beat',
})

function verdictOf({ report, hasBeaten }: Pulse, ageMs: number, timeoutMs: number): CheckReport {
  if (ageMs <= timeoutMs) return report
  if (!hasBeaten)
    return { status: 'unhealthy', message: `has sent no heartbeat within ${timeoutMs} ms` }
  const message = `its last heartbeat was ${Math.round(ageMs)} ms ago, expected each ${timeoutMs} ms`
  return { status: ageMs <= goneAfter * timeoutMs ? 'degraded' : 'unhealthy', message }
}

/** Beats of those that no check has asked for, oldest first: kept for a while, and not for everybody. */
class EarlyBeats {
  readonly #beats = new Map<string, Pulse>()
  readonly #keptMs: number

  constructor(keptMs: number) {
    this.#keptMs = keptMs
  }

  put(name: string, pulse: Pulse): void {
    this.#beats.delete(name)
    this.#beats.set(name, pulse)
    for (const [other, { at }] of this.#beats) {
      if (pulse.at - at <= this.#keptMs && this.#beats.size <= mostEarly) break
      this.#beats.delete(other)
    }
  }

  /** An old one says no more than none. */
  take(name: string, now: number): Pulse | undefined {
    const pulse = this.#beats.get(name)
    this.#beats.delete(name)
    return pulse !== undefined && now - pulse.at <= this.#keptMs ? pulse : undefined
  }
}

const mostEarly = 10_000
