import type { Invocation } from './entry.js'
import type { Connection } from './operations.js'

interface Tally {
  readonly consumerId: string
  readonly providerId: string
  readonly capability: string
  calls: number
  successes: number
  latencyMs: number
}

/** Those that were used longest ago give way. */
const mostConnections = 10_000

/** Who calls whom, as far as it was told. Kept in memory. */
export class Tracking {
  readonly #tallies = new Map<string, Tally>()

  add({ consumerId, providerId, capability, success, latencyMs }: Invocation): void {
    const key = JSON.stringify([consumerId, providerId, capability])
    const tally = this.#tallies.get(key) ?? {
      consumerId,
      providerId,
      capability,
      calls: 0,
      successes: 0,
      latencyMs: 0,
    }
    tally.calls += 1
    tally.successes += success ? 1 : 0
    tally.latencyMs += latencyMs
    this.#tallies.delete(key) // to the end
    this.#tallies.set(key, tally)
    if (this.#tallies.size <= mostConnections) return
    const [oldest] = this.#tallies.keys()
    if (oldest !== undefined) this.#tallies.delete(oldest)
  }

  of(id?: string): readonly Connection[] {
    return [...this.#tallies.values()]
      .filter(
        ({ consumerId, providerId }) => id === undefined || consumerId === id || providerId === id,
      )
      .map(({ successes, latencyMs, ...rest }) => ({
        ...rest,
        avgLatencyMs: latencyMs / rest.calls,
        successRate: successes / rest.calls,
      }))
  }
}
