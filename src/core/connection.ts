import type { buildConnector, Client, Dispatcher } from 'undici'
import type { AddressPolicy } from './address.js'
import { pinned } from './pinned.js'

export type WireRequest = Dispatcher.RequestOptions
export type WireResponse = Dispatcher.ResponseData

/** Loaded on first use: it costs about as much as all the rest together. */
let undici: Promise<typeof import('undici')> | undefined

/** How long an idle connection stays open for the next request to the same origin. */
const idleMs = 4_000
/** No more idle connections stay open. */
const mostIdle = 32
const mostHeaderBytes = 32 * 1_024

/** Idle connections, oldest first. undici keeps no process alive for them. */
const idle = new Set<Connection>()

/** One connection for one request at a time, so whoever gives up closes it and disturbs nobody. */
export class Connection {
  /** Whether a connection is up, as far as is known. */
  connected = false
  /** Whether it has served another request before. */
  reused = false
  /** Called once when the connection is up. */
  onConnected: (() => void) | undefined
  readonly origin: string
  readonly policy: AddressPolicy
  readonly #client: Client
  readonly #connector: typeof buildConnector
  readonly #closing = new AbortController()

  constructor(
    { Client, buildConnector }: typeof import('undici'),
    origin: string,
    policy: AddressPolicy,
  ) {
    this.origin = origin
    this.policy = policy
    this.#connector = buildConnector
    this.#client = new Client(origin, {
      connect: (options, done) => this.#connect(options, done),
      allowH2: false,
      keepAliveTimeout: idleMs,
      keepAliveMaxTimeout: idleMs,
      maxHeaderSize: mostHeaderBytes,
      headersTimeout: 0, // time is kept by whoever asks, on a clock of their own
      bodyTimeout: 0,
    })
    this.#client.on('connect', () => {
      this.connected = true
      this.onConnected?.()
    })
    this.#client.on('disconnect', () => {
      this.connected = false
      if (idle.delete(this)) this.close(new Error('The idle connection was closed'))
    })
  }

  request(options: WireRequest): Promise<WireResponse> {
    return this.#client.request(options)
  }

  /** Keeps the connection for the next request; only after an answer was read to its end. */
  release(): void {
    if (!this.connected) {
      this.close(new Error('The connection was not kept'))
      return
    }
    this.reused = true
    idle.add(this)
    const [oldest] = idle
    if (idle.size > mostIdle && oldest !== undefined) {
      idle.delete(oldest)
      oldest.close(new Error('Too many idle connections'))
    }
  }

  /** At once, whatever it is doing; a request under way rejects with the reason. */
  close(reason: Error): void {
    this.#client.destroy(reason).catch(() => {})
    this.#closing.abort() // also what is still connecting
  }

  /**
   * Only addresses that the policy has let through are connected to. The name is not resolved again, so nobody can
   * change where it leads between the check and the connection.
   */
  async #connect(options: buildConnector.Options, done: buildConnector.Callback): Promise<void> {
    const { signal } = this.#closing
    try {
      const { addresses } = await this.policy.check(this.origin)
      signal.throwIfAborted()
      const connect = this.#connector({
        lookup: pinned(addresses),
        signal,
        timeout: 0,
        maxCachedSessions: 0,
      })
      connect(options, done)
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), null)
    }
  }
}

/** A connection to this origin: an idle one that was made under the same policy, or a new one. */
export async function connectionTo(
  origin: string,
  policy: AddressPolicy,
  fresh = false,
): Promise<Connection> {
  undici ??= import('undici')
  const loaded = await undici
  for (const connection of fresh ? [] : idle) {
    if (connection.origin !== origin || connection.policy !== policy) continue
    idle.delete(connection)
    return connection
  }
  return new Connection(loaded, origin, policy)
}

/** Closes what is idle; says how many that were. */
export function closeIdleConnections(): number {
  const open = [...idle]
  idle.clear()
  for (const connection of open) connection.close(new Error('Idle connections were closed'))
  return open.length
}
