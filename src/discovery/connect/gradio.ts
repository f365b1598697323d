import { defaultAddressPolicy } from '../../core/address.js'
import { BackendError, HttpError, oneLine } from '../../core/errors.js'
import { field, nameOf } from '../../core/foreign.js'
import { ownWithSignal, signalAt, type TakesSignal } from '../../model/with-signal.js'
import { baseOf, type Connect, type ConnectOptions, headersFor } from './connect.js'
import { asked, givenUp } from './failure.js'
import { fetchFor } from './fetch.js'
import {
  type GradioClient,
  type GradioJob,
  type GradioPayload,
  openGradio,
} from './gradio-client.js'

export type { GradioPayload } from './gradio-client.js'

export interface GradioConnectOptions extends ConnectOptions {
  /** Of one answer. Default 256 MiB. */
  readonly maxBytes?: number | undefined
}

/** What is heard of a job. */
export type GradioEvent =
  /** The outputs of the function; a generator gives several, the last of which counts. */
  | { readonly type: 'data'; readonly data: readonly unknown[] }
  | {
      readonly type: 'status'
      readonly stage: 'pending' | 'generating' | 'complete'
      /** In the queue, 0 for the next. */
      readonly position: number | undefined
      /** As the app estimates it. */
      readonly etaMs: number | undefined
    }
  | { readonly type: 'log'; readonly level: string; readonly message: string }

export interface GradioCallOptions {
  readonly signal?: AbortSignal | undefined
}

/** An app made with Gradio 4 to 6. All calls share one session. */
export interface GradioBackend {
  /** Of Gradio, not of the app. */
  readonly version: string | undefined
  /**
   * Calls a function of the app by its name, such as `/predict`, or its number, and gives its outputs. When the
   * signal aborts, the job is cancelled.
   *
   * Rejects with `BackendError` when the app says that it failed; its `status` is 422 for wrong inputs and 503 for a
   * full queue. With `HttpError` when the connection broke, and with an `AbortError` when the signal aborts.
   */
  predict(
    endpoint: string | number,
    payload?: GradioPayload,
    options?: GradioCallOptions,
  ): Promise<readonly unknown[]>
  /** The same, as it goes. A reader who stops early cancels the job. */
  submit(
    endpoint: string | number,
    payload?: GradioPayload,
    options?: GradioCallOptions,
  ): AsyncIterable<GradioEvent>
  /** The functions of the app with their parameters, as the client says it. */
  info(): Promise<unknown>
  close(): void
}

/**
 * Makes a `GradioBackend` of a record, by the official `@gradio/client` (1 or 2, installed by you). An app of Gradio 3
 * is refused with a `BackendError`: the client does not speak its protocol. Nothing is asked of Hugging Face.
 *
 * Rejects with `MissingPeerError`.
 */
export function connectGradio(options: GradioConnectOptions = {}): Connect<GradioBackend> {
  const { policy = defaultAddressPolicy, maxBytes } = options
  return async (record, signal) => {
    const base = await baseOf(record, policy)
    const headers = headersFor(options.headers, record)
    const refuses = (status: number): boolean => status === 401 || status === 403
    const fetched = fetchFor({ base, headers, policy, maxBytes, refuses })
    const url = `${base.origin}${base.pathname}`
    const client = await asked({ url, what: 'connecting', signal }, () => openGradio(base, fetched))
    refuseUseless(url, client)
    return new Gradio(url, client)
  }
}

/** Apps that the client connects to although it can call nothing of them. */
function refuseUseless(url: string, { config, api_info }: GradioClient): void {
  const version = nameOf(field(config, 'version'))
  if (version === undefined)
    throw new BackendError(url, 'did not answer as an app of Gradio does; check the address')
  const protocol = field(config, 'protocol')
  if (typeof protocol !== 'string' || protocol === 'ws')
    throw new BackendError(
      url,
      `is an app of Gradio ${version}, and @gradio/client speaks to Gradio 4 and later; ` +
        'use connectHttp and POST { "data": […] } to /run/<name>, or update the app',
      { status: 501 },
    )
  if (api_info === undefined)
    throw new BackendError(
      url,
      `is an app of Gradio ${version} that says nothing of its functions, so none can be called; ` +
        'look at what its server logs when /info is asked for',
    )
}

class Gradio implements GradioBackend, TakesSignal {
  readonly [ownWithSignal] = signalAt({ predict: 2, submit: 2 })
  readonly version: string | undefined
  readonly #url: string
  readonly #client: GradioClient

  constructor(url: string, client: GradioClient) {
    this.#url = url
    this.#client = client
    this.version = nameOf(field(client.config, 'version'))
  }

  async predict(
    endpoint: string | number,
    payload: GradioPayload = [],
    options: GradioCallOptions = {},
  ): Promise<readonly unknown[]> {
    let last: readonly unknown[] | undefined
    for await (const event of this.submit(endpoint, payload, options))
      if (event.type === 'data') last = event.data
    if (last === undefined)
      throw new BackendError(this.#url, `ended ${named(endpoint)} without an answer`)
    return last
  }

  async *submit(
    endpoint: string | number,
    payload: GradioPayload = [],
    { signal }: GradioCallOptions = {},
  ): AsyncGenerator<GradioEvent, void, undefined> {
    const what = named(endpoint)
    const url = this.#url
    // What it throws at once is about the name and the payload: nothing was sent.
    const job = await asked({ url, what, signal, status: 400 }, async () => ({
      started: this.#client.submit(endpoint, payload, undefined, undefined, true),
    }))
    let over = false
    try {
      for await (const event of heard(job.started, url, signal)) {
        if (field(event, 'type') === 'status' && field(event, 'stage') === 'error') {
          over = true
          throw jobError(url, what, event)
        }
        const read = eventIn(event)
        if (read !== undefined) yield read
      }
      over = true
    } finally {
      if (!over) takeBack(job.started)
    }
  }

  async info(): Promise<unknown> {
    return asked({ url: this.#url, what: 'info' }, () => this.#client.view_api())
  }

  close(): void {
    this.#client.close()
  }

  /** The registry is done with it. */
  [Symbol.dispose](): void {
    this.close()
  }
}

const named = (endpoint: string | number): string =>
  typeof endpoint === 'number' ? `function ${endpoint}` : oneLine(endpoint)

/** Until it is complete and has given something. The client's own iterator knows no signal. */
async function* heard(
  job: GradioJob,
  url: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<unknown, void, undefined> {
  const iterator = job[Symbol.asyncIterator]()
  let stop = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(givenUp(url, signal?.reason))
    if (signal?.aborted) stop()
    signal?.addEventListener('abort', stop, { once: true })
  })
  aborted.catch(() => {})
  let given = false
  try {
    for (;;) {
      const { done, value } = await Promise.race([iterator.next(), aborted])
      if (done) return
      yield value
      given ||= field(value, 'type') === 'data'
      if (given && field(value, 'stage') === 'complete') return
    }
  } finally {
    signal?.removeEventListener('abort', stop)
    iterator.return?.().catch(() => {})
  }
}

/** Nobody waits for it any more; whether that succeeds is nobody's concern either. */
function takeBack(job: GradioJob): void {
  job
    .wait_for_id()
    .then(() => job.cancel())
    .catch(() => {})
}

function jobError(url: string, what: string, event: unknown): BackendError | HttpError {
  const message = field(event, 'message')
  const why = oneLine(
    typeof message === 'string' ? message : JSON.stringify(message ?? 'no reason'),
  )
  if (field(event, 'broken') === true)
    return new HttpError('reset', url, `broke the connection during ${what}: ${why}`)
  const isInput = field(event, 'code') === 'validation_error'
  const isBusy = why.startsWith('This application is currently busy')
  const status = isInput ? 422 : isBusy ? 503 : undefined
  return new BackendError(url, `could not do ${what}: ${why}`, {
    details: message,
    ...(status !== undefined && { status }),
  })
}

function eventIn(event: unknown): GradioEvent | undefined {
  const type = field(event, 'type')
  if (type === 'data') {
    const data = field(event, 'data')
    return { type, data: Array.isArray(data) ? data : [data] }
  }
  if (type === 'log') {
    const message = field(event, 'log')
    return { type, level: nameOf(field(event, 'level')) ?? 'info', message: String(message) }
  }
  const stage = stages.find((one) => one === field(event, 'stage'))
  if (type !== 'status' || stage === undefined) return undefined
  const eta = numberIn(event, 'eta')
  return {
    type,
    stage,
    position: numberIn(event, 'position'),
    etaMs: eta === undefined ? undefined : eta * 1_000,
  }
}

const stages = ['pending', 'generating', 'complete'] as const

function numberIn(event: unknown, key: string): number | undefined {
  const value = field(event, key)
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined
}
