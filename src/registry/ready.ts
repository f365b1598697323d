import type { Catalog } from '../catalog/catalog.js'
import type { Clock } from '../core/clock.js'
import type { HealthChecks } from '../health/checks.js'
import type { Resolver } from '../resolve/resolver.js'
import type { Seat } from '../resolve/seat.js'

/** Wakes everybody who waits for the registry to change. */
export class Pulse {
  readonly #waiting: (() => void)[] = []

  beat(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Resolves at the next change. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
    })
  }
}

export interface Readiness {
  readonly clock: Clock
  readonly pulse: Pulse
  /** Begins the checks that are due; the pulse beats when one has an answer. */
  beginChecks(): void
  /** Whether nothing is missing, going by verdicts that are not too old. */
  ready(): boolean
  /** When something may change by itself: a rest ends, or a failed check should be repeated. */
  nextAt(now: number): number
}

/** Where readiness is found out. */
export interface ReadyFrom {
  readonly catalog: Catalog<Seat>
  readonly checks: HealthChecks<Seat>
  readonly clock: Clock
  readonly pulse: Pulse
  readonly resolver: Resolver
}

/** Whether a service has an admissible provider that counts. */
export function isServed(
  { catalog, clock, resolver }: Pick<ReadyFrom, 'catalog' | 'clock' | 'resolver'>,
  service: string,
  counts: (seat: Seat) => boolean = () => true,
): boolean {
  resolver.wake(clock.now())
  for (const seat of catalog.members())
    if (seat.provider.service === service && seat.admissible && counts(seat)) return true
  return false
}

/** Of these services, from now on. `check` throws once nobody need wait any more. */
export function readinessOf(
  from: ReadyFrom,
  services: ReadonlySet<string>,
  check: () => void,
): Readiness {
  const { catalog, checks, clock, pulse, resolver } = from
  const recentFrom = checks.recentFrom(clock.now())
  const known = ({ hasCheck, checkedAt }: Seat): boolean => !hasCheck || checkedAt >= recentFrom
  const members = (): Seat[] =>
    [...catalog.members()].filter(({ provider }) => services.has(provider.service))
  return {
    clock,
    pulse,
    beginChecks() {
      const now = clock.now()
      for (const seat of members())
        if (checks.repeatAt(seat, recentFrom, now) <= now)
          void checks.check(seat).then(() => pulse.beat())
    },
    ready() {
      check()
      return [...services].every((service) => isServed(from, service, known))
    },
    nextAt: (now) =>
      members().reduce(
        (at, seat) => Math.min(at, checks.repeatAt(seat, recentFrom, now)),
        resolver.nextAt,
      ),
  }
}

/** True as soon as it is ready, false after `timeoutMs`. Looks again only when something changed or fell due. */
export async function waitUntilReady(state: Readiness, timeoutMs: number): Promise<boolean> {
  const { clock, pulse } = state
  const deadline = clock.now() + timeoutMs
  for (;;) {
    const changed = pulse.next()
    state.beginChecks()
    if (state.ready()) return true
    const now = clock.now()
    if (now >= deadline) return false
    const wake = new AbortController()
    const until = Math.min(deadline, state.nextAt(now))
    const slept = clock.sleep(Math.max(1, until - now), wake.signal).catch(() => {}) // woken by a change
    await Promise.race([changed, slept])
    wake.abort()
  }
}
