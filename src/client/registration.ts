import { randomUUID } from 'node:crypto'
import { type HttpError, type InputIssue, InvalidRegistrationError } from '../core/errors.js'
import { isObject, nameOf } from '../core/foreign.js'
import { isStatus } from './api.js'
import type { Heartbeats } from './heartbeats.js'
import { idOf } from './record.js'
import type { SentTelemetry } from './telemetry.js'
import type { RegistrationBody, Transport } from './transport.js'

/** Somebody who is to be known to a registry. It is copied, and never changed. */
export interface AgentRecord {
  /** The same id each time replaces what was registered by it. Default a new random one. */
  readonly id?: string | undefined
  /** For people. */
  readonly name: string
  readonly capabilities: readonly string[]
  /** Where it is, such as `http://127.0.0.1:8188`. Needed for mode `http`. */
  readonly location?: string | undefined
  /** `http` is asked for its health by the registry. Default `http` with a location, else `standalone`. */
  readonly mode?: 'http' | 'embedded' | 'standalone' | undefined
  /** Default `1.0.0`. */
  readonly version?: string | undefined
  /** Plain JSON. `service` in it says what it is a provider of; default its name. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** Throws `InvalidRegistrationError`. What else may be wrong is the registry's to say. */
export function bodyOf(record: AgentRecord): RegistrationBody {
  const issues = [...issuesOf(record)]
  if (issues.length > 0) throw new InvalidRegistrationError(issues)
  const { name, location, version, metadata, capabilities } = record
  const mode = record.mode ?? (location === undefined ? 'standalone' : 'http')
  const { id = randomUUID() } = record
  const body = { id: id.trim(), name, capabilities, mode, location, version, metadata }
  return { ...jsonCopy(body), id: id.trim() }
}

function* issuesOf(record: unknown): Generator<InputIssue> {
  if (!isObject(record)) {
    yield { field: '', message: 'expected a record such as { name: "forge", capabilities: [] }' }
    return
  }
  const { id, name, capabilities, location, mode } = record
  if (id !== undefined && idOf(id) === undefined)
    yield { field: 'id', message: 'expected a text of 1 to 256 characters without "/"' }
  if (nameOf(name) === undefined)
    yield { field: 'name', message: 'expected a text of one line, of at most 512 characters' }
  if (!Array.isArray(capabilities) || capabilities.some((one) => nameOf(one) === undefined))
    yield { field: 'capabilities', message: 'expected a list of names, which may be empty' }
  if (mode === 'http' && location === undefined)
    yield { field: 'location', message: 'mode http needs one, such as http://127.0.0.1:8188' }
}

/** As it is now, whatever becomes of the original. */
function jsonCopy(value: object): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(JSON.stringify(value))
  } catch (cause) {
    const message = `expected plain JSON (${cause instanceof Error ? cause.message : 'it is none'})`
    throw new InvalidRegistrationError([{ field: 'metadata', message }])
  }
}

/** One registration that is kept alive until it is ended. */
export class KeptRegistration {
  readonly id: string
  readonly #transport: Transport
  readonly #body: RegistrationBody
  readonly #heartbeats: Heartbeats
  readonly #renewed: () => void
  #ended = new AbortController()
  #token: string | undefined
  #renewing: Promise<unknown> = Promise.resolve()

  /** `renewed` is told when it was registered anew, because the registry had forgotten it. */
  constructor(
    transport: Transport,
    body: RegistrationBody,
    heartbeats: Heartbeats,
    renewed: () => void,
  ) {
    this.id = body.id
    this.#transport = transport
    this.#body = body
    this.#heartbeats = heartbeats
    this.#renewed = renewed
  }

  /** That of the access, else the registration's own. */
  get token(): string | undefined {
    return this.#transport.access.token ?? this.#token
  }

  /** The registration's own token, where the registry gave one. */
  get ownToken(): string | undefined {
    return this.#token
  }

  /** `token` is that of a registration that this one replaces. */
  async register(
    signal: AbortSignal,
    how: { readonly token?: string | undefined; readonly background?: boolean } = {},
  ): Promise<void> {
    const token = this.token ?? how.token
    this.#token = await this.#transport.register(this.#body, { ...how, token, signal })
  }

  /** Sends heartbeats until `end`. */
  keep(): void {
    this.#ended = new AbortController()
    this.#heartbeats.add(this)
  }

  /** A sign of life; registers anew when the registry has forgotten it. */
  async beat(signal: AbortSignal, telemetry?: SentTelemetry): Promise<void> {
    const refusal = await this.#beat(signal, telemetry)
    if (refusal === undefined) return
    if (!isStatus(refusal, 404)) throw refusal
    await this.renew(signal)
    const again = telemetry && (await this.#beat(signal, telemetry))
    if (again !== undefined) throw again
  }

  async #beat(
    signal: AbortSignal,
    telemetry: SentTelemetry | undefined,
  ): Promise<HttpError | undefined> {
    const { id, token } = this
    const [refusal] = await this.#transport.beat([{ id, token, telemetry }], { signal })
    return refusal
  }

  /** Registers it as it was, unless it ends meanwhile. */
  async renew(signal: AbortSignal, background = false): Promise<void> {
    const both = AbortSignal.any([signal, this.#ended.signal])
    const renewing = this.register(both, { background })
    this.#renewing = renewing.catch(() => {})
    await renewing
    this.#renewed()
  }

  /** Resolves when nothing is on its way any more that could register it again. */
  async end(): Promise<void> {
    this.#heartbeats.remove(this)
    this.#ended.abort()
    await this.#renewing
  }
}
