import { randomUUID } from 'node:crypto'
import { after, type Clock } from '../../core/clock.js'
import { BackendError } from '../../core/errors.js'
import { field, nameOf } from '../../core/foreign.js'
import type { WebSocketConnection } from '../../core/web-socket.js'
import { failures, outcomeOf, runError } from './comfyui-read.js'
import type { ComfyUIGenerateOptions, ComfyUIProgress } from './comfyui-types.js'
import type { ComfyUIWire } from './comfyui-wire.js'
import { givenUp } from './failure.js'

/** How often the history is asked: while the socket talks, after it broke off, after it said that all is done. */
const pace = { talking: 10_000, lost: 500, done: 50 } as const

/** How long taking back a run may take. */
const cancelMs = 5_000

export interface ComfyUIDone {
  readonly id: string
  readonly outputs: Readonly<Record<string, unknown>>
}

/**
 * One run of one workflow. What goes on is heard on a WebSocket of its own; whether it is over is what the history
 * says, so that a socket that breaks off, or never comes, costs nothing but the news.
 */
export class ComfyUIJob {
  readonly #wire: ComfyUIWire
  readonly #clock: Clock
  readonly #options: ComfyUIGenerateOptions

  constructor(wire: ComfyUIWire, clock: Clock, options: ComfyUIGenerateOptions) {
    this.#wire = wire
    this.#clock = clock
    this.#options = options
  }

  async run(workflow: object): Promise<ComfyUIDone> {
    const { signal, extraData } = this.#options
    if (signal?.aborted) throw givenUp(this.#wire.url(''), signal.reason)
    const clientId = randomUUID()
    const socket = await this.#wire.listen(clientId, this.#clock, signal)
    let id: string = randomUUID()
    try {
      id = await this.#wire.prompt({ workflow, clientId, id, extraData }, signal)
      this.#tell({ stage: 'queued' })
      return { id, outputs: await this.#follow(id, socket) }
    } catch (error) {
      if (!(error instanceof BackendError)) this.#takeBack(id)
      throw signal?.aborted ? givenUp(this.#wire.url(''), signal.reason) : error
    } finally {
      socket?.close()
    }
  }

  async #follow(
    id: string,
    socket: WebSocketConnection | undefined,
  ): Promise<Readonly<Record<string, unknown>>> {
    let state: keyof typeof pace = socket === undefined ? 'lost' : 'talking'
    const heard =
      socket &&
      this.#hear(socket, id).then((ending) => {
        state = ending
      })
    heard?.catch(() => {}) // it is heard by whoever waits, if somebody still does
    for (let misses = 0; misses < 2; ) {
      await this.#wait(pace[state], state === 'talking' ? heard : undefined)
      const entry = await this.#wire.history(id, this.#options.signal)
      if (entry !== undefined) return outcomeOf(this.#wire.url('/prompt'), entry)
      misses = (await this.#isQueued(id)) ? 0 : misses + 1 // once may be between queue and history
    }
    throw new BackendError(
      this.#wire.url('/prompt'),
      'has forgotten the workflow: it was restarted, or somebody emptied its queue or history',
    )
  }

  async #isQueued(id: string): Promise<boolean> {
    const { running, pending } = await this.#wire.queue(this.#options.signal)
    return running.includes(id) || pending.includes(id)
  }

  async #wait(ms: number, heard: Promise<void> | undefined): Promise<void> {
    const { signal } = this.#options
    const enough = new AbortController()
    const until = signal ? AbortSignal.any([signal, enough.signal]) : enough.signal
    const slept = this.#clock.sleep(ms, until)
    try {
      await (heard === undefined ? slept : Promise.race([slept, heard]))
    } finally {
      enough.abort()
    }
  }

  /** Tells of what goes on until it is over; throws when a node failed. */
  async #hear(socket: WebSocketConnection, id: string): Promise<'done' | 'lost'> {
    for await (const text of socket.messages) {
      const { type, data } = messageIn(text)
      if (field(data, 'prompt_id') !== id) continue
      if (failures.has(type)) throw runError(this.#wire.url('/prompt'), type, data)
      if (type === 'execution_success') return 'done'
      if (type === 'executing' && field(data, 'node') === null) return 'done'
      const progress = progressOf(type, data)
      if (progress !== undefined) this.#tell(progress)
    }
    return 'lost'
  }

  #tell(progress: ComfyUIProgress): void {
    this.#options.onProgress?.(Object.freeze(progress))
  }

  /** Nobody waits for it any more; whether that succeeds is nobody's concern either. */
  #takeBack(id: string): void {
    const late = new AbortController()
    const stop = after(this.#clock, cancelMs, () => late.abort())
    this.#wire.cancel(id, late.signal).then(stop, stop)
  }
}

function messageIn(text: string): { readonly type: unknown; readonly data: unknown } {
  try {
    const message: unknown = JSON.parse(text)
    return { type: field(message, 'type'), data: field(message, 'data') }
  } catch {
    return { type: undefined, data: undefined }
  }
}

function progressOf(type: unknown, data: unknown): ComfyUIProgress | undefined {
  const node = nameOf(field(data, 'node'))
  if (node === undefined) return undefined
  if (type === 'executing') return { stage: 'running', node }
  if (type === 'executed') return { stage: 'node-done', node }
  const value = field(data, 'value')
  const max = field(data, 'max')
  if (type !== 'progress' || typeof value !== 'number' || typeof max !== 'number') return undefined
  return { stage: 'step', node, value, max }
}
