import { backoffMs } from '../core/backoff.js'
import { pause } from '../core/clock.js'
import { HttpError, InvalidRequestError } from '../core/errors.js'
import { positiveIssue } from '../discovery/sources/look-up.js'
import { anyAccessOf, type RegistryAccess } from './access.js'
import { changesOf, type RegistryChange } from './changes.js'
import { type DiscoverRequest, matching } from './discover-request.js'
import { Heartbeats } from './heartbeats.js'
import { noticesOf } from './listening.js'
import { Mirror } from './mirror.js'
import { checkedNotice, type NoticeInput } from './notice.js'
import { idOf, type RemoteRecord } from './record.js'
import { type AgentRecord, bodyOf, KeptRegistration } from './registration.js'
import { type AgentTelemetry, toSent } from './telemetry.js'
import type { AgentNotice, Position, Transport } from './transport.js'
import { transportFor } from './transports.js'

export interface RegistryClientOptions extends RegistryAccess {
  /** What the registry's heartbeat time-out is: a heartbeat is sent each third of it. Default 60,000. */
  readonly heartbeatTimeoutMs?: number | undefined
  /** Told what goes wrong while nobody waits: heartbeats, events. Each is tried again by itself. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Ends everything at once when it aborts; what is registered then runs out. */
  readonly signal?: AbortSignal | undefined
}

export interface AskOptions {
  readonly signal?: AbortSignal | undefined
}

export interface UpdateHealthOptions extends AskOptions {
  readonly telemetry?: AgentTelemetry | undefined
}

export interface CloseOptions {
  /** Whether what this client has registered is deregistered. Default true. */
  readonly deregister?: boolean | undefined
}

const reconnect = { firstMs: 1_000, maxMs: 30_000 }

/**
 * Speaks to a registry, over REST or gRPC as its URL says: keeps registrations alive, and answers discovery from memory, which the
 * registry's events keep true and which stays when the registry is gone. Nothing it does in the background keeps the
 * process alive.
 *
 * What is asked of the registry rejects with `HttpError`; its `status` is that of a refusal, over gRPC too. Over gRPC
 * it rejects with `MissingPeerError` where the packages are not installed.
 */
export class RegistryClient {
  readonly #transport: Transport
  readonly #options: RegistryClientOptions
  readonly #mirror = new Mirror()
  readonly #registrations = new Map<string, KeptRegistration>()
  /** Of all registrations, where the transport can send them together. */
  readonly #heartbeats: Heartbeats
  readonly #closing = new AbortController()
  readonly #closed: AbortSignal
  #isFollowing = false
  /** Something was changed from here that the events may not have told yet. */
  #hasChanged = false

  /** Throws `InvalidOptionsError`. */
  constructor(options: RegistryClientOptions = {}) {
    const { heartbeatTimeoutMs = 60_000, signal } = options
    this.#transport = transportFor(
      anyAccessOf(options, 'registry client', [
        positiveIssue('heartbeatTimeoutMs', heartbeatTimeoutMs),
      ]),
    )
    this.#options = { ...options, heartbeatTimeoutMs }
    this.#heartbeats = this.#newHeartbeats()
    this.#closed = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal
    this.#closed.addEventListener('abort', () => this.#endAll(), { once: true })
  }

  /**
   * Registers, and keeps it so: by heartbeats, and by registering again when the registry has forgotten it. Gives the
   * id. Rejects with `InvalidRegistrationError` too.
   */
  async registerAgent(record: AgentRecord, options: AskOptions = {}): Promise<string> {
    const body = bodyOf(record)
    const signal = this.#signal(options, `register "${body.id}"`)
    const heartbeats = this.#transport.mostBeats > 1 ? this.#heartbeats : this.#newHeartbeats()
    const registration = new KeptRegistration(this.#transport, body, heartbeats, () => {
      this.#hasChanged = true
    })
    await this.#replace(registration, signal)
    this.#hasChanged = true
    return body.id
  }

  /**
   * What the registry gave for what this client has registered: with it others, too, may change or remove it. A
   * secret. `undefined` where there is none.
   */
  registrationToken(id: string): string | undefined {
    return this.#registrations.get(idGiven(id))?.ownToken
  }

  /**
   * A sign of life, now, and what an agent says of its own work. What this client has registered sends its own signs of
   * life; they leave telemetry as it was told last. Rejects with `InvalidRequestError` for telemetry out of range.
   */
  async updateHealth(id: string, options: UpdateHealthOptions = {}): Promise<void> {
    const known = idGiven(id)
    const telemetry = options.telemetry && toSent(options.telemetry)
    const signal = this.#signal(options, `send a heartbeat of "${known}"`)
    const registration = this.#registrations.get(known)
    this.#hasChanged = true
    if (registration !== undefined) return registration.beat(signal, telemetry)
    const [refusal] = await this.#transport.beat([{ id: known, token: undefined, telemetry }], {
      signal,
    })
    if (refusal !== undefined) throw refusal
  }

  /** Sends no more heartbeats, and takes it out of the registry. False when it was not there. */
  async deregisterAgent(id: string, options: AskOptions = {}): Promise<boolean> {
    const known = idGiven(id)
    const signal = this.#signal(options, `deregister "${known}"`)
    const registration = this.#registrations.get(known)
    this.#registrations.delete(known)
    await registration?.end()
    return this.#deregister(known, registration?.token, signal)
  }

  /**
   * Those that fit, best first. From memory; the registry is asked when there is none yet, or when this client has
   * changed something. Rejects with `InvalidRequestError`, and with `HttpError` only while nothing is known at all.
   */
  async discoverAgents(
    request: DiscoverRequest = {},
    options: AskOptions = {},
  ): Promise<readonly RemoteRecord[]> {
    matching(() => [], request)
    const signal = this.#signal(options, 'discover')
    this.#follow()
    await this.#look(signal)
    return matching(() => this.#mirror.records, request)
  }

  /** As the registry has it now; `undefined` when it has none. */
  async get(id: string, options: AskOptions = {}): Promise<RemoteRecord | undefined> {
    const known = idGiven(id)
    const signal = this.#signal(options, `get "${known}"`)
    return this.#transport.get(known, { signal })
  }

  /** Everything the registry has now, whatever its status. */
  async list(options: AskOptions = {}): Promise<readonly RemoteRecord[]> {
    return this.#transport.list({ signal: this.#signal(options, 'list what is registered') })
  }

  /**
   * First everything that is known, as `added`, then what becomes of it, until the signal aborts or the client is
   * closed. Who reads slowly sees the newest state of each record, not each step. Does not throw while the registry
   * is gone, and keeps no process alive.
   */
  watch(signal?: AbortSignal): AsyncGenerator<RegistryChange, void, undefined> {
    this.#follow()
    const ended = signal ? AbortSignal.any([signal, this.#closed]) : this.#closed
    return changesOf(this.#mirror, ended)
  }

  /**
   * Messages to an agent, from when it is first read on, until the signal aborts or the client is closed. Throws when
   * that cannot begin; once it has begun, a stream that is lost is opened again. Messages that are sent while there is
   * none are refused or go to the agent's endpoint, and are not brought later. Keeps no process alive.
   */
  async *notices(
    id: string,
    options: AskOptions = {},
  ): AsyncGenerator<AgentNotice, void, undefined> {
    const known = idGiven(id)
    const signal = this.#signal(options, `listen for "${known}"`)
    yield* noticesOf(this.#transport, known, {
      signal,
      token: () => this.#registrations.get(known)?.token,
      failed: (error) => this.#tell(error),
    })
  }

  /** Brings a message to an agent. Rejects, with status 503 and the reason, when it was not delivered. */
  async notify(id: string, notice: NoticeInput, options: AskOptions = {}): Promise<void> {
    const known = idGiven(id)
    const signal = this.#signal(options, `notify "${known}"`)
    const { type = 'INFO', message, metadata = {} } = checkedNotice(notice)
    await this.#transport.notify(known, { type, message, metadata }, { signal, once: true })
  }

  /** Ends everything; deregisters what this client has registered. Never rejects: failures go to `onError`. */
  async close(options: CloseOptions = {}): Promise<void> {
    const { deregister = true } = options
    const open = [...this.#registrations.values()]
    this.#registrations.clear()
    const wasClosed = this.#closed.aborted
    this.#closing.abort()
    await Promise.all(
      open.map(async (registration) => {
        await registration.end()
        if (!deregister || wasClosed) return
        await this.#deregister(registration.id, registration.token).catch((error: unknown) =>
          this.#tell(error),
        )
      }),
    )
    this.#transport.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The one before sends nothing meanwhile, so that it cannot come back; and goes on when this one is refused. */
  async #replace(registration: KeptRegistration, signal: AbortSignal): Promise<void> {
    const { id } = registration
    const before = this.#registrations.get(id)
    await before?.end()
    try {
      await registration.register(signal, { token: before?.token })
    } catch (error) {
      if (!this.#closed.aborted && this.#registrations.get(id) === before) before?.keep()
      throw error
    }
    await this.#registrations.get(id)?.end()
    this.#registrations.set(id, registration)
    if (!this.#closed.aborted) registration.keep()
  }

  async #deregister(id: string, token: string | undefined, signal?: AbortSignal): Promise<boolean> {
    this.#hasChanged = true
    return this.#transport.deregister(id, { token, signal })
  }

  /** What is in memory stays when the registry does not answer; once it is back, its list is read in any case. */
  async #look(signal: AbortSignal): Promise<void> {
    const { isKnown } = this.#mirror
    if (isKnown && !this.#hasChanged) return
    this.#hasChanged = false
    try {
      await this.#mirror.load(() => this.#transport.list({ signal, once: isKnown }))
    } catch (error) {
      if (!this.#mirror.isKnown) throw error
    }
  }

  #follow(): void {
    if (this.#isFollowing || this.#closed.aborted) return
    this.#isFollowing = true
    void this.#followOn()
  }

  async #followOn(): Promise<void> {
    const { clock, random } = this.#transport.access
    const position: Position = { lastId: undefined }
    for (let failures = 0; !this.#closed.aborted; ) {
      try {
        for await (const news of this.#transport.follow(position, this.#closed)) {
          failures = 0
          this.#mirror.take(news)
        }
      } catch (error) {
        failures += 1
        this.#tell(error)
      }
      await pause(clock, backoffMs(Math.max(1, failures), reconnect, random), this.#closed)
    }
  }

  #signal({ signal }: AskOptions, what: string): AbortSignal {
    if (this.#closed.aborted)
      throw new HttpError(
        'aborted',
        this.#transport.access.url,
        `was not asked to ${what}: this client was closed; make a new RegistryClient`,
      )
    return signal === undefined ? this.#closed : AbortSignal.any([signal, this.#closed])
  }

  #newHeartbeats(): Heartbeats {
    return new Heartbeats(this.#transport, {
      intervalMs: (this.#options.heartbeatTimeoutMs ?? 60_000) / 3,
      failed: (error) => this.#tell(error),
    })
  }

  #endAll(): void {
    for (const registration of this.#registrations.values()) void registration.end()
    if (!this.#closing.signal.aborted) this.#transport.close()
  }

  #tell(error: unknown): void {
    if (this.#closed.aborted && !this.#closing.signal.aborted) return
    try {
      this.#options.onError?.(error)
    } catch {
      // what the listener does wrong is not ours to fail by
    }
  }
}

function idGiven(id: unknown): string {
  const known = idOf(id)
  if (known !== undefined) return known
  const message = 'expected a text of 1 to 256 characters without "/", as registerAgent gives it'
  throw new InvalidRequestError([{ field: 'id', message }], 'id')
}
