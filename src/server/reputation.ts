import type { Entry } from './entry.js'
import type { Reputation } from './operations.js'

const nobody: Reputation = Object.freeze({ success: 0, failure: 0, warning: 0 })

/** Votes on entries, as far as this server has heard them. */
export class Reputations {
  readonly #votes = new Map<string, Reputation>()

  add(id: string, { success, failure, warning }: Reputation): void {
    const before = this.#votes.get(id) ?? nobody
    this.#votes.set(id, {
      success: before.success + success,
      failure: before.failure + failure,
      warning: before.warning + warning,
    })
  }

  forget(id: string): void {
    this.#votes.delete(id)
  }

  /** 0 to 1: a warning counts half a success. 0.5 where nobody has voted. */
  share(id: string): number {
    const { success, failure, warning } = this.#votes.get(id) ?? nobody
    const all = success + failure + warning
    return all === 0 ? 0.5 : (success + 0.5 * warning) / all
  }
}

const healthShare = { healthy: 1, degraded: 0.5, unhealthy: 0 } as const

/** 0 to 1: 0.4 health, 0.3 reputation, 0.3 telemetry. */
export function scoreOf({ status, telemetry }: Entry, reputation: number): number {
  const executed = telemetry !== undefined && telemetry.totalExecutions > 0
  const worked = executed ? telemetry.successRate : 0.5
  return 0.4 * healthShare[status] + 0.3 * reputation + 0.3 * worked
}
