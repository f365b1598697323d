import { randomUUID } from 'node:crypto'
import { backoffMs } from '../core/backoff.js'
import { pause } from '../core/clock.js'
import { type InputIssue, InvalidRegistrationError } from '../core/errors.js'
import { field, isObject, nameOf } from '../core/foreign.js'
import { type Api, isStatus } from './api.js'
import { idOf } from './record.js'

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

/** As it is sent. */
export type RegistrationBody = Readonly<Record<string, unknown>> & { readonly id: string }

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

/** How a registration stays one. */
export interface KeepTerms {
  /** Between two heartbeats, at most. */
  readonly intervalMs: number
  /** Told of each failure. Never throws. */
  readonly failed: (error: unknown) => void
  /** Told when it was registered anew, because the registry had forgotten it. */
  readonly renewed: () => void
}

const firstRetryMs = 1_000

/** One registration that is kept alive until it is ended. */
export class KeptRegistration {
  readonly id: string
  readonly #api: Api
  readonly #body: RegistrationBody
  readonly #terms: KeepTerms
  #ended = new AbortController()
  #token: string | undefined
  #keeping: Promise<void> = Promise.resolve()

  constructor(api: Api, body: RegistrationBody, terms: KeepTerms) {
    this.id = body.id
    this.#api = api
    this.#body = body
    this.#terms = terms
  }

  /** That of the access, else the registration's own. */
  get token(): string | undefined {
    return this.#api.access.token ?? this.#token
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
    const { id } = this
    const { token: earlier, background } = how
    const answer = await this.#api.ask({
      what: `register "${id}"`,
      path: '/api/register',
      method: 'POST',
      body: this.#body,
      token: this.token ?? earlier,
      signal,
      background,
    })
    const token = field(answer.json(), 'registration_token')
    this.#token = isToken(token) ? token : undefined
  }

  /** Sends heartbeats until `end`. */
  keep(): void {
    this.#ended = new AbortController()
    this.#keeping = this.#keep(this.#ended.signal)
  }

  /** A sign of life; registers anew when the registry has forgotten it. */
  async beat(signal: AbortSignal, background = false): Promise<void> {
    try {
      await sendHeartbeat(this.#api, this.id, { token: this.token, signal, background })
    } catch (error) {
      if (!isStatus(error, 404)) throw error
      await this.register(signal, { background })
      this.#terms.renewed()
    }
  }

  /** Resolves when nothing is on its way any more that could register it again. */
  async end(): Promise<void> {
    this.#ended.abort()
    await this.#keeping
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#api.access
    const { intervalMs, failed } = this.#terms
    const retry = { firstMs: Math.min(firstRetryMs, intervalMs), maxMs: intervalMs }
    for (let failures = 0; !signal.aborted; ) {
      // Earlier by chance, never later: those that started together do not stay together.
      const waitMs =
        failures === 0 ? intervalMs * (1 - random() / 5) : backoffMs(failures, retry, random)
      await pause(clock, waitMs, signal)
      if (signal.aborted) return
      try {
        await this.beat(signal, true)
        failures = 0
      } catch (error) {
        failures += 1
        if (!signal.aborted) failed(error)
      }
    }
  }
}

export async function sendHeartbeat(
  api: Api,
  id: string,
  how: {
    readonly token?: string | undefined
    readonly signal?: AbortSignal | undefined
    readonly background?: boolean
  },
): Promise<void> {
  const path = `/api/heartbeat/${encodeURIComponent(id)}`
  await api.ask({ what: `send a heartbeat of "${id}"`, path, method: 'POST', ...how })
}

const isToken = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x21-\x7e]{1,4096}$/.test(value)
