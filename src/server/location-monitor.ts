import { setMaxListeners } from 'node:events'
import type { AddressPolicy } from '../core/address.js'
import type { Clock } from '../core/clock.js'
import { fetchAnswer } from '../core/http.js'
import { type Limit, limit } from '../core/limit.js'
import { below } from './location.js'

/** One registration; another registration of the same id is another target. */
export interface Target {
  readonly id: string
  readonly location: string
  readonly registration: string
}

export interface LocationPorts {
  readonly clock: Clock
  readonly policy: AddressPolicy
  readonly intervalMs: number
  targets(): readonly Target[]
  answered(target: Target, alive: boolean): void
}

const checkMs = 5_000
const atOnce = 128

/**
 * Asks registered locations whether they are alive: all of them each interval, side by side. One that hangs holds up
 * nobody, and is not asked again before it has answered or its time is up.
 */
export class LocationMonitor {
  readonly #ports: LocationPorts
  readonly #bounded: Limit = limit(atOnce)
  readonly #asked = new Set<string>()
  readonly #stopped = new AbortController()
  #stopTimer: (() => void) | undefined

  constructor(ports: LocationPorts) {
    this.#ports = ports
    setMaxListeners(0, this.#stopped.signal) // each check under way listens
  }

  start(): void {
    const { clock, intervalMs } = this.#ports
    this.#stopTimer = clock.every(intervalMs, () => this.#askAll())
    this.#askAll()
  }

  stop(): void {
    this.#stopTimer?.()
    this.#stopped.abort(new Error('the server was closed'))
  }

  /** Now, and not only when the interval is over. */
  ask(target: Target): void {
    const { registration } = target
    if (this.#stopped.signal.aborted || this.#asked.has(registration)) return
    this.#asked.add(registration)
    void this.#bounded(() => this.#isAlive(target)).then((alive) => {
      this.#asked.delete(registration)
      if (!this.#stopped.signal.aborted) this.#ports.answered(target, alive)
    })
  }

  #askAll(): void {
    for (const target of this.#ports.targets()) this.ask(target)
  }

  async #isAlive({ location }: Target): Promise<boolean> {
    const { policy, clock } = this.#ports
    try {
      const { status } = await fetchAnswer(below(location, '/_module/health'), {
        policy,
        clock,
        timeoutMs: checkMs,
        wants: () => false,
        signal: this.#stopped.signal,
      })
      return status === 200
    } catch {
      return false // whatever keeps it from answering
    }
  }
}
