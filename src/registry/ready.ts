import type { Clock } from '../core/clock.js'

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
