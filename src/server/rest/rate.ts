import type { Clock } from '../../core/clock.js'
import { privateNetworks } from '../../core/network.js'

interface Bucket {
  tokens: number
  at: number
}

const mostClients = 10_000
const loopback = privateNetworks.slice(0, 2)

/** Of the addresses that asked lately: each request asks, and most come from few. */
const known = new Map<string, boolean>()

export function isLoopback(address: string): boolean {
  let is = known.get(address)
  if (is === undefined) {
    const plain = address.replace(/^::ffff:/i, '')
    is = loopback.some((network) => network.has(plain))
    if (known.size >= mostClients) known.clear()
    known.set(address, is)
  }
  return is
}

/** So many requests a second for each client, and twice as many at once. */
export class RateLimit {
  readonly #clock: Clock
  readonly #perSecond: number
  readonly #clients = new Map<string, Bucket>()

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock
    this.#perSecond = perSecond
  }

  /** False when this client has asked too often. */
  admits(client: string): boolean {
    const now = this.#clock.now()
    const most = 2 * this.#perSecond
    const bucket = this.#clients.get(client) ?? { tokens: most, at: now }
    bucket.tokens = Math.min(most, bucket.tokens + ((now - bucket.at) / 1_000) * this.#perSecond)
    bucket.at = now
    this.#clients.delete(client) // to the end: those that ask seldom give way first
    this.#clients.set(client, bucket)
    if (this.#clients.size > mostClients) {
      const [oldest] = this.#clients.keys()
      if (oldest !== undefined) this.#clients.delete(oldest)
    }
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}
