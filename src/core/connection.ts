import type { buildConnector, Client, Dispatcher } from 'undici'
import type { AddressPolicy } from './address.js'
import { Gate } from './limit.js'
import { pinned } from './pinned.js'

export type WireRequest = Dispatcher.RequestOptions
export type WireResponse = Dispatcher.ResponseData

/** What a server is trusted by, and what it may ask to see. Its certificate is verified in any case. */
export interface TlsOptions {
  /** Certificates of authorities in PEM, which take the place of those that Node trusts. */
  readonly ca?: string | Buffer | undefined
  /** In PEM, shown to servers that ask who is there; with its `key`. */
  readonly cert?: string | Buffer | undefined
  readonly key?: string | Buffer | undefined
  /** The name that the certificate must be for. Default: the host of the URL. */
  readonly servername?: string | undefined
}

/** What is to hold of a connection. Only requests that ask for the same share one. */
export interface Terms {
  readonly origin: string
  readonly policy: AddressPolicy
  readonly tls: TlsOptions | undefined
}

/** Loaded on first use: it costs about as much as all the rest together. */
let undici: Promise<typeof import('undici')> | undefined

/** How long an idle connection stays open for the next request to the same origin. */
const idleMs = 4_000
/** No more idle connections stay open. */
const mostIdle = 32
const mostHeaderBytes = 32 * 1_024

/** So many exchanges at once in this process, and idle connections besides: file descriptors are few. */
export const connections: Gate = new Gate(256)
/** How many of them may be waits in the background, so that those leave room for whoever is in a hurry. */
export const waits: Gate = new Gate(128)

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
  readonly terms: Terms
  readonly #background: boolean
  readonly #client: Client
  readonly #connector: typeof buildConnector
  readonly #closing = new AbortController()

  constructor(
    { Client, buildConnector }: typeof import('undici'),
    terms: Terms,
    background: boolean,
  ) {
    this.terms = terms
    this.#background = background
    this.#connector = buildConnector
    this.#client = new Client(terms.origin, {
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
    const { origin, policy, tls = {} } = this.terms
    try {
      const { addresses } = await policy.check(origin)
      signal.throwIfAborted()
      const { ca, cert, key, servername } = tls
      const connect = this.#connector({
        lookup: pinned(addresses),
        signal,
        timeout: 0,
        maxCachedSessions: 0,
        rejectUnauthorized: true, // whatever NODE_TLS_REJECT_UNAUTHORIZED says
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
      })
      connect({ ...options, ...(servername !== undefined && { servername }) }, (...result) => {
        const [, socket] = result
        if (this.#background) socket?.unref()
        done(...result)
      })
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)), null)
    }
  }
}

interface Wish {
  /** Not one that was idle. */
  readonly fresh: boolean
  /** It keeps no process alive. Never one that was idle: undici would hold on to that. */
  readonly background: boolean
}

/** A connection on these terms: an idle one that was made on the same, or a new one. */
export async function connectionTo(terms: Terms, wish: Wish): Promise<Connection> {
  const { fresh, background } = wish
  undici ??= import('undici').catch((error: unknown) => {
    undici = undefined // as when no file can be opened just now
    throw error
  })
  const loaded = await undici
  for (const connection of fresh || background ? [] : idle) {
    if (!areSame(connection.terms, terms)) continue
    idle.delete(connection)
    return connection
  }
  return new Connection(loaded, terms, background)
}

const areSame = (one: Terms, other: Terms): boolean =>
  one.origin === other.origin &&
  one.policy === other.policy &&
  (['ca', 'cert', 'key', 'servername'] as const).every((key) => one.tls?.[key] === other.tls?.[key])

/** Closes what is idle; says how many that were. */
export function closeIdleConnections(): number {
  const open = [...idle]
  idle.clear()
  for (const connection of open) connection.close(new Error('Idle connections were closed'))
  return open.length
}
