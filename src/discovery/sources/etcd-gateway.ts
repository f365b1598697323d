import { type Clock, systemClock } from '../../core/clock.js'
import { HttpError } from '../../core/errors.js'
import { field, nameOf } from '../../core/foreign.js'
import { fetchAnswer, type HttpAnswer, streamLines } from '../../core/http.js'
import {
  accepted,
  type HttpRegistryOptions,
  misread,
  requestOptions,
  withoutSlash,
} from './http-registry.js'
import type { LookUpOptions } from './look-up.js'

export interface EtcdAccess extends HttpRegistryOptions, Pick<LookUpOptions, 'policy' | 'clock'> {
  readonly url: string
  readonly prefix: string
  readonly user?: string | undefined
  readonly password?: string | undefined
}

/** Texts by key, as of a revision of the store. */
export interface Listing {
  readonly values: ReadonlyMap<string, string>
  readonly revision: bigint
}

/** What a watch says: that it has begun, what has changed, or that one must list anew. */
export type WatchNews =
  | { readonly kind: 'begun'; readonly revision: bigint }
  | {
      readonly kind: 'changed'
      /** `undefined` for what was deleted. */
      readonly changes: readonly (readonly [key: string, value: string | undefined])[]
      readonly revision: bigint
    }
  | { readonly kind: 'list-anew' }

const pageSize = 500
const mostPages = 200
const mostCharacters = 128 * 1_024 * 1_024
const longestLine = 16 * 1_024 * 1_024

/**
 * etcd's API version 3 as JSON over HTTP: keys and values in base64, 64-bit numbers as texts, what is
 * zero or empty left out. Source: etcd.io/docs/v3.5/dev-guide/api_grpc_gateway
 */
export class EtcdGateway {
  readonly #access: EtcdAccess
  readonly #signal: AbortSignal
  readonly #clock: Clock
  readonly #range: { readonly key: string; readonly range_end: string }
  #token: string | undefined

  constructor(access: EtcdAccess, signal: AbortSignal) {
    this.#access = access
    this.#signal = signal
    this.#clock = access.clock ?? systemClock
    this.#range = rangeOf(access.prefix)
  }

  /** All keys with the prefix, page by page, as of one revision. */
  async list(): Promise<Listing> {
    const values = new Map<string, string>()
    let { key } = this.#range
    let revision: bigint | undefined
    let left = mostCharacters
    for (let page = 0; page < mostPages; page += 1) {
      const at = revision === undefined ? {} : { revision: String(revision) }
      const question = { ...this.#range, key, limit: String(pageSize), ...at }
      const answer = await this.#post('/v3/kv/range', question)
      left -= answer.text.length
      const body = answer.json()
      revision ??= numberOf(field(body, 'header', 'revision'))
      if (revision === undefined) throw this.#misread('/v3/kv/range', 'a range of keys')
      const last = takePairs(field(body, 'kvs'), values)
      if (field(body, 'more') !== true) return { values, revision }
      if (last === undefined || left < 0) break
      key = Buffer.concat([Buffer.from(last, 'base64'), Buffer.of(0)]).toString('base64')
    }
    const { prefix } = this.#access
    throw new Error(`etcd holds more under ${prefix} than is read; give a longer prefix`)
  }

  /** What changes from a revision on, until the stream ends. */
  async *watch(from: bigint): AsyncGenerator<WatchNews, void, undefined> {
    const { waitMs = 60_000, timeoutMs = 10_000 } = this.#access
    const lines = streamLines(this.#at('/v3/watch'), {
      ...requestOptions(this.#access, this.#signal, this.#clock),
      body: { create_request: { ...this.#range, start_revision: String(from) } },
      headers: await this.#headers(),
      use: 'wait',
      timeoutMs,
      idleTimeoutMs: waitMs,
      maxLineLength: longestLine,
    })
    for await (const line of lines) if (line !== '') yield this.#read(line)
  }

  #read(line: string): WatchNews {
    const result = field(parsed(line), 'result')
    if (field(result, 'canceled') === true) return this.#canceled(result)
    const revision = numberOf(field(result, 'header', 'revision'))
    if (revision === undefined) throw this.#misread('/v3/watch', 'news of a watch')
    const events = field(result, 'events')
    if (!Array.isArray(events)) return { kind: 'begun', revision }
    // Of a long history etcd may send a part only, under the revision of today: what counts is the last event.
    const last = numberOf(field(events.at(-1), 'kv', 'mod_revision'))
    return { kind: 'changed', changes: events.flatMap(changeOf), revision: last ?? revision }
  }

  #canceled(result: unknown): WatchNews {
    const reason = nameOf(field(result, 'cancel_reason')) ?? ''
    const isCompacted = numberOf(field(result, 'compact_revision')) !== undefined
    if (/Unauthenticated/.test(reason))
      this.#token = undefined // it has expired: with a new one
    else if (!isCompacted) {
      const status = /PermissionDenied/.test(reason) ? 403 : 400
      const what = `canceled the watch: ${hints[status]}`
      throw new HttpError('status', this.#at('/v3/watch'), what, { status })
    }
    return { kind: 'list-anew' }
  }

  /** Once more with a new token, if the one at hand has expired. */
  async #post(path: string, body: object): Promise<HttpAnswer> {
    const answer = await this.#send(path, body, await this.#headers())
    if (answer.status !== 401 || this.#token === undefined)
      return accepted(answer, this.#at(path), hints)
    this.#token = undefined
    return accepted(await this.#send(path, body, await this.#headers()), this.#at(path), hints)
  }

  async #send(path: string, body: object, headers: Readonly<Record<string, string>>) {
    const { timeoutMs = 10_000 } = this.#access
    const common = requestOptions(this.#access, this.#signal, this.#clock)
    return await fetchAnswer(this.#at(path), { ...common, body, headers, timeoutMs })
  }

  async #headers(): Promise<Readonly<Record<string, string>>> {
    const { user: name, password = '' } = this.#access
    if (name === undefined) return {}
    this.#token ??= await this.#authenticate(name, password)
    return { authorization: this.#token }
  }

  async #authenticate(name: string, password: string): Promise<string> {
    const path = '/v3/auth/authenticate'
    const answer = await this.#send(path, { name, password }, {})
    const refused = 'user and password were refused, or authentication is not enabled'
    const token = nameOf(field(accepted(answer, this.#at(path), { 400: refused }).json(), 'token'))
    if (token === undefined) throw this.#misread(path, 'a token')
    return token
  }

  #at(path: string): string {
    return withoutSlash(this.#access.url) + path
  }

  #misread(path: string, expected: string): HttpError {
    return misread(this.#at(path), `${expected}; check that it is etcd, 3.4 or newer`)
  }
}

const hints: Readonly<Record<number, string>> = {
  400: 'user and password are needed, or something in between has changed the request',
  401: 'the token was refused',
  403: 'the user has no right to read this prefix; grant its role a read permission for it',
  404: 'it has no API of version 3; etcd 3.4 or newer is needed, with its JSON gateway on',
  503: 'etcd has no leader; it is asked again',
}

/** `range_end` is the prefix with its last byte plus one; of what has only bytes of 255, everything from there on. */
function rangeOf(prefix: string): { readonly key: string; readonly range_end: string } {
  const bytes = Buffer.from(prefix)
  const end = Buffer.from(bytes.subarray(0, bytes.findLastIndex((byte) => byte < 255) + 1))
  const at = end.length - 1
  if (at >= 0) end.writeUInt8(end.readUInt8(at) + 1, at)
  const everything = Buffer.of(0)
  const key = bytes.length > 0 ? bytes : everything
  const rangeEnd = end.length > 0 ? end : everything
  return { key: key.toString('base64'), range_end: rangeEnd.toString('base64') }
}

/** Adds what a page holds; gives its last key. */
function takePairs(pairs: unknown, values: Map<string, string>): string | undefined {
  let last: string | undefined
  for (const pair of Array.isArray(pairs) ? pairs : []) {
    const key = field(pair, 'key')
    if (typeof key !== 'string') continue
    last = key
    values.set(textOf(key), textOf(field(pair, 'value')))
  }
  return last
}

function changeOf(event: unknown): readonly (readonly [string, string | undefined])[] {
  const key = field(event, 'kv', 'key')
  if (typeof key !== 'string') return []
  const isGone = field(event, 'type') === 'DELETE'
  return [[textOf(key), isGone ? undefined : textOf(field(event, 'kv', 'value'))]]
}

const textOf = (base64: unknown): string =>
  typeof base64 === 'string' ? Buffer.from(base64, 'base64').toString('utf8') : ''

const numberOf = (value: unknown): bigint | undefined =>
  typeof value === 'string' && /^\d{1,20}$/.test(value) ? BigInt(value) : undefined

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
