import { type Clock, systemClock } from '../../core/clock.js'
import { HttpError } from '../../core/errors.js'
import { field, nameOf } from '../../core/foreign.js'
import { fetchAnswer, streamLines } from '../../core/http.js'
import { readSlice, type Slice, type SliceOptions } from './endpoint-slices.js'
import {
  accepted,
  type HttpRegistryOptions,
  misread,
  requestOptions,
  withoutSlash,
} from './http-registry.js'
import { headersOf, type KubernetesAccess, namespaceOf, tlsOf } from './kubernetes-access.js'

export interface ApiOptions extends SliceOptions, HttpRegistryOptions, KubernetesAccess {
  /** Of the API. */
  readonly base: string
}

/** Slices by name, as of a version that only the server can read. */
export interface SliceList {
  readonly slices: ReadonlyMap<string, Slice>
  readonly version: string
}

/** What a watch says: a slice is another, or gone, or all is as of a version; or one must list anew. */
export type SliceNews =
  | { readonly kind: 'put'; readonly slice: Slice; readonly version: string }
  | { readonly kind: 'deleted'; readonly id: string; readonly version: string }
  | { readonly kind: 'bookmark'; readonly version: string }
  | { readonly kind: 'list-anew' }

const pageSize = 250
const mostPages = 100
const longestLine = 8 * 1_024 * 1_024
const kinds: readonly unknown[] = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK']

/** The part of the Kubernetes API that tells of endpoints. Source: kubernetes.io/docs/reference/using-api/api-concepts */
export class KubernetesApi {
  readonly #options: ApiOptions
  readonly #signal: AbortSignal
  readonly #clock: Clock

  constructor(options: ApiOptions, signal: AbortSignal) {
    this.#options = options
    this.#signal = signal
    this.#clock = options.clock ?? systemClock
  }

  /** All slices of the services, page by page. */
  async list(): Promise<SliceList> {
    const slices = new Map<string, Slice>()
    let next: string | undefined
    for (let page = 0; page < mostPages; page += 1) {
      const url = await this.#url({
        limit: String(pageSize),
        ...(next !== undefined && { continue: next }),
      })
      const body = await this.#get(url)
      const version = nameOf(field(body, 'metadata', 'resourceVersion'))
      const items = field(body, 'items')
      if (!Array.isArray(items) || version === undefined)
        throw misread(url, 'a list of EndpointSlices; check that it is the Kubernetes API')
      for (const item of items) {
        const slice = readSlice(item, this.#options)
        if (slice !== undefined) slices.set(slice.id, slice)
      }
      next = nameOf(field(body, 'metadata', 'continue'), 8_192)
      if (next === undefined) return { slices, version }
    }
    throw new Error(`Kubernetes has more than ${mostPages * pageSize} EndpointSlices to tell of`)
  }

  /** What changes from a version on, until the server ends the stream. */
  async *watch(version: string): AsyncGenerator<SliceNews, void, undefined> {
    const { waitMs = 60_000, timeoutMs = 10_000 } = this.#options
    const url = await this.#url({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: version,
      timeoutSeconds: String(Math.ceil(waitMs / 1_000)),
    })
    const lines = streamLines(url, {
      ...(await this.#common()),
      use: 'wait',
      timeoutMs,
      // The server is to end it first: then nothing was missed.
      idleTimeoutMs: waitMs + timeoutMs,
      maxLineLength: longestLine,
    })
    try {
      for await (const line of lines) if (line !== '') yield* this.#read(line, url)
    } catch (error) {
      if (!(error instanceof HttpError) || error.status !== 410) throw error
      yield { kind: 'list-anew' }
    }
  }

  *#read(line: string, url: string): Generator<SliceNews, void, undefined> {
    const event = parsed(line)
    const type = field(event, 'type')
    const object = field(event, 'object')
    if (type === 'ERROR') throw failed(object, url)
    const version = nameOf(field(object, 'metadata', 'resourceVersion'))
    if (!kinds.includes(type) || version === undefined) throw misread(url, 'news of a watch')
    if (type === 'BOOKMARK') yield { kind: 'bookmark', version }
    else {
      const slice = readSlice(object, this.#options)
      const id = nameOf(field(object, 'metadata', 'name'))
      if (type !== 'DELETED' && slice !== undefined) yield { kind: 'put', slice, version }
      else if (id !== undefined) yield { kind: 'deleted', id, version }
    }
  }

  async #url(query: Readonly<Record<string, string>>): Promise<string> {
    const { base, targets } = this.#options
    const namespace = encodeURIComponent(await namespaceOf(this.#options))
    const path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`
    const labelSelector = `kubernetes.io/service-name in (${[...targets.keys()].join(',')})`
    return `${withoutSlash(base)}${path}?${new URLSearchParams({ labelSelector, ...query })}`
  }

  async #get(url: string): Promise<unknown> {
    const { timeoutMs = 10_000 } = this.#options
    const answer = await fetchAnswer(url, { ...(await this.#common()), timeoutMs })
    return accepted(answer, url, hints).json()
  }

  async #common() {
    const tls = await tlsOf(this.#options)
    const options = { ...this.#options, tls }
    const headers = await headersOf(this.#options)
    return { ...requestOptions(options, this.#signal, this.#clock), headers }
  }
}

function failed(status: unknown, url: string): HttpError {
  const code = field(status, 'code')
  const number = typeof code === 'number' ? code : 500
  const hint = hints[number]
  const what = `ended the watch with status ${number}${hint === undefined ? '' : `: ${hint}`}`
  return new HttpError('status', url.replace(/\?.*$/s, ''), what, { status: number })
}

const hints: Readonly<Record<number, string>> = {
  401: 'the token was refused; check that it is for this cluster and not expired',
  403: 'the service account has no right to list and watch endpointslices of discovery.k8s.io in this namespace; give it a Role for it',
  404: 'it has no discovery.k8s.io/v1; Kubernetes 1.21 or newer is needed',
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
