import type { AddressPolicy } from '../../core/address.js'
import { after, type Clock } from '../../core/clock.js'
import { BackendError } from '../../core/errors.js'
import { field, isObject, nameOf } from '../../core/foreign.js'
import { listenToWebSocket, type WebSocketConnection } from '../../core/web-socket.js'
import { idsOf, promptError } from './comfyui-read.js'
import type { ComfyUIBytes, ComfyUIFile, ComfyUIQueue } from './comfyui-types.js'
import { givenUp, secretsIn, statusError } from './failure.js'
import { fetchFor } from './fetch.js'

export interface ComfyUIAt {
  readonly base: URL
  readonly policy: AddressPolicy
  readonly headers: Readonly<Record<string, string>>
  readonly maxBytes: number | undefined
}

/** A run that is asked for. */
export interface PromptRequest {
  readonly workflow: object
  /** Whose WebSocket is told about it. */
  readonly clientId: string
  /** The id to give it; older versions give it one of their own. */
  readonly id: string
  readonly extraData: Readonly<Record<string, unknown>> | undefined
}

/** The routes of ComfyUI's server. All exist below `/api` too. */
export class ComfyUIWire {
  readonly #at: ComfyUIAt
  readonly #fetch: typeof fetch

  constructor(at: ComfyUIAt) {
    this.#at = at
    this.#fetch = fetchFor(at)
  }

  url(path: string): string {
    const { origin, pathname } = this.#at.base
    return `${origin}${pathname.replace(/\/+$/, '')}${path}`
  }

  async json(path: string, init: RequestInit = {}, signal?: AbortSignal): Promise<unknown> {
    return parsed(await this.#text(path, init, signal))
  }

  async post(path: string, body: object, signal?: AbortSignal): Promise<unknown> {
    return this.json(path, asJson(body), signal)
  }

  /** Asks for a run; gives its id. Rejects with `BackendError` when the workflow is wrong. */
  async prompt(request: PromptRequest, signal?: AbortSignal): Promise<string> {
    const { workflow, clientId, id, extraData } = request
    const init = asJson({
      prompt: workflow,
      client_id: clientId,
      prompt_id: id,
      ...(extraData !== undefined && { extra_data: extraData }),
    })
    const response = await this.#send('/prompt', init, signal)
    const text = await response.text()
    const body = parsed(text)
    if (response.status === 400) throw promptError(this.url('/prompt'), 400, body)
    this.#expectOk('/prompt', response, text)
    const given = nameOf(field(body, 'prompt_id'))
    if (given === undefined)
      throw new BackendError(this.url('/prompt'), 'did not say under which id the workflow runs')
    return given
  }

  async queue(signal?: AbortSignal): Promise<ComfyUIQueue> {
    const body = await this.json('/queue', {}, signal)
    return {
      running: idsOf(field(body, 'queue_running')),
      pending: idsOf(field(body, 'queue_pending')),
    }
  }

  async history(
    id: string,
    signal?: AbortSignal,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    const entry = field(await this.json(`/history/${encodeURIComponent(id)}`, {}, signal), id)
    return isObject(entry) ? entry : undefined
  }

  async view(
    { filename, subfolder, type }: ComfyUIFile,
    signal?: AbortSignal,
  ): Promise<ComfyUIBytes> {
    const query = new URLSearchParams({ filename, subfolder, type })
    const response = await this.#send(`/view?${query}`, {}, signal)
    if (!response.ok) this.#expectOk('/view', response, await response.text())
    const bytes = new Uint8Array(await response.arrayBuffer())
    return { bytes, type: response.headers.get('content-type') ?? 'application/octet-stream' }
  }

  /** Takes it out of the queue, or interrupts it where it runs already. */
  async cancel(id: string, signal?: AbortSignal): Promise<void> {
    await this.post('/queue', { delete: [id] }, signal)
    const { running } = await this.queue(signal)
    // Older versions interrupt whatever runs, so it has to be this one.
    if (running.includes(id)) await this.post('/interrupt', { prompt_id: id }, signal)
  }

  /** The WebSocket on which this client is told; `undefined` when there is none in time. */
  async listen(
    clientId: string,
    clock: Clock,
    signal: AbortSignal | undefined,
  ): Promise<WebSocketConnection | undefined> {
    const { base, policy, headers } = this.#at
    const url = new URL(this.url(`/ws?clientId=${clientId}`))
    const late = new AbortController()
    const stop = after(clock, handshakeMs, () => late.abort())
    try {
      return await listenToWebSocket(
        {
          host: url.hostname.replace(/^\[|\]$/g, ''),
          port: Number(url.port) || (base.protocol === 'https:' ? 443 : 80),
          path: `${url.pathname}${url.search}`,
          secure: base.protocol === 'https:',
        },
        { headers, policy, signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal },
      )
    } catch {
      return undefined // a proxy may let none through; the history says what became of it
    } finally {
      stop()
    }
  }

  async #send(path: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    try {
      return await this.#fetch(this.url(path), signal === undefined ? init : { ...init, signal })
    } catch (error) {
      throw signal?.aborted ? givenUp(this.url(''), signal.reason) : error
    }
  }

  async #text(path: string, init: RequestInit, signal?: AbortSignal): Promise<string> {
    const response = await this.#send(path, init, signal)
    const text = await response.text()
    this.#expectOk(path, response, text)
    return text
  }

  #expectOk(path: string, { ok, status, headers }: Response, text: string): void {
    if (ok) return
    const head = { status, headers: Object.fromEntries(headers) }
    throw statusError(this.url(path), head, text, secretsIn(this.#at.headers))
  }
}

const handshakeMs = 2_000

const asJson = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // some routes answer with nothing
  }
}
