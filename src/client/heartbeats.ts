import { backoffMs } from '../core/backoff.js'
import { pause } from '../core/clock.js'
import { type Limit, limit } from '../core/limit.js'
import { isStatus } from './api.js'
import type { Beat, Transport } from './transport.js'

/** Somebody whose heartbeats are sent. */
interface Living extends Beat {
  /** Registers it anew, when it was forgotten. */
  renew(signal: AbortSignal, background: boolean): Promise<void>
}

/** How registrations stay what they are. */
export interface KeepTerms {
  /** Between two heartbeats, at most. */
  readonly intervalMs: number
  /** Told of each failure. Never throws. */
  readonly failed: (error: unknown) => void
}

const firstRetryMs = 1_000
/** So many that were forgotten are registered anew at once. */
const mostRenewals = 8

/** Sends the heartbeats of registrations, those of all of them together, for as long as there are any. */
export class Heartbeats {
  readonly #transport: Transport
  readonly #terms: KeepTerms
  readonly #kept = new Set<Living>()
  readonly #renewals: Limit = limit(mostRenewals)
  #stop: AbortController | undefined

  constructor(transport: Transport, terms: KeepTerms) {
    this.#transport = transport
    this.#terms = terms
  }

  add(registration: Living): void {
    this.#kept.add(registration)
    if (this.#stop !== undefined) return
    this.#stop = new AbortController()
    void this.#keep(this.#stop.signal)
  }

  remove(registration: Living): void {
    if (!this.#kept.delete(registration) || this.#kept.size > 0) return
    this.#stop?.abort()
    this.#stop = undefined
  }

  /** Never rejects. */
  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#transport.access
    const { intervalMs } = this.#terms
    const retry = { firstMs: Math.min(firstRetryMs, intervalMs), maxMs: intervalMs }
    for (let failures = 0; !signal.aborted; ) {
      // Earlier by chance, never later: those that started together do not stay together.
      const waitMs =
        failures === 0 ? intervalMs * (1 - random() / 5) : backoffMs(failures, retry, random)
      await pause(clock, waitMs, signal)
      if (signal.aborted) return
      const isFine = await this.#round(signal)
      failures = isFine ? 0 : failures + 1
    }
  }

  /** Whether each of them has been heard. */
  async #round(signal: AbortSignal): Promise<boolean> {
    const all = [...this.#kept]
    const { mostBeats } = this.#transport
    let isFine = true
    for (let at = 0; at < all.length && !signal.aborted; at += mostBeats) {
      const some = await this.#send(all.slice(at, at + mostBeats), signal)
      isFine &&= some
    }
    return isFine
  }

  async #send(some: readonly Living[], signal: AbortSignal): Promise<boolean> {
    const told = (error: unknown): boolean => {
      if (!signal.aborted) this.#terms.failed(error)
      return false
    }
    try {
      const beats = some.map(({ id, token }) => ({ id, token }))
      const refusals = await this.#transport.beat(beats, { signal, background: true })
      const results = some.map(async (registration, at) => {
        const refusal = refusals[at]
        if (refusal === undefined || !this.#kept.has(registration)) return true
        if (!isStatus(refusal, 404)) return told(refusal)
        return this.#renewals(() => registration.renew(signal, true)).then(() => true, told)
      })
      return (await Promise.all(results)).every((isFine) => isFine)
    } catch (error) {
      return told(error)
    }
  }
}
