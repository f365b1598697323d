import { linesOf } from '../../core/lines.js'
import { optionalPackage } from '../../core/optional-package.js'

/** The official client, as far as it is used here. One session, whose state all its calls share. */
export interface GradioClient {
  readonly config: { readonly version?: unknown; readonly protocol?: unknown } | undefined
  readonly api_info: unknown
  submit(
    endpoint: string | number,
    payload: GradioPayload,
    event: undefined,
    trigger: undefined,
    allEvents: true,
  ): GradioJob
  view_api(): Promise<unknown>
  close(): void
}

/** What a function of an app is given: its arguments in order, or by name. */
export type GradioPayload = readonly unknown[] | Readonly<Record<string, unknown>>

export interface GradioJob {
  [Symbol.asyncIterator](): AsyncIterator<unknown>
  cancel(): Promise<void>
  wait_for_id(): Promise<unknown>
}

/** Its parts that are replaced: they are methods of the instance, so that nobody else is affected. */
interface Replaceable extends GradioClient {
  fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  stream: (url: URL) => EventStream
  _resolve_heartbeat: (config: object) => Promise<void>
  abort_controller: AbortController | null
  readonly stream_status: { open: boolean }
  readonly event_callbacks: object
  init(): Promise<void>
}

/** As much of an `EventSource` as the client uses. */
interface EventStream {
  onmessage: ((event: { readonly data: string }) => unknown) | null
  onerror: ((error: unknown) => unknown) | null
  close(): void
}

/**
 * Connects `@gradio/client` (1 or 2) to the app at `base`. All its requests go through `fetched` and to that origin:
 * what an app says about where it is counts for the path alone. It opens no heartbeat, so that an idle client holds
 * no connection. Rejects with `MissingPeerError`, and with what the client throws.
 */
export async function openGradio(base: URL, fetched: typeof fetch): Promise<GradioClient> {
  const { Client } = await optionalPackage(
    'connectGradio',
    '@gradio/client',
    '^2',
    () => import('@gradio/client'),
  )
  const events = ['data', 'status', 'log']
  const client: Replaceable = new Client(base.href.replace(/\/+$/, ''), { events })
  const here = (input: string | URL | Request): string => {
    const { pathname, search } = new URL(input instanceof Request ? input.url : input)
    return `${base.origin}${pathname}${search}`
  }
  const heartbeat = client._resolve_heartbeat.bind(client)
  client._resolve_heartbeat = (config) => heartbeat({ ...config, connect_heartbeat: false })
  client.fetch = (input, init) => fetched(here(input), init)
  client.stream = (url) => {
    const stop = new AbortController()
    client.abort_controller = stop
    return listen(here(url), fetched, stop, () => {
      if (client.abort_controller !== stop) return false
      client.stream_status.open = false // or the next job would wait for a stream that is over
      return Object.keys(client.event_callbacks).length > 0
    })
  }
  await client.init()
  return client
}

/** `ended` says whether somebody still waits for something. */
function listen(
  url: string,
  fetched: typeof fetch,
  stop: AbortController,
  ended: () => boolean,
): EventStream {
  const { signal } = stop
  const stream: EventStream = { onmessage: null, onerror: null, close: () => stop.abort() }
  const read = async (): Promise<void> => {
    const accept = { accept: 'text/event-stream' }
    const { ok, status, body } = await fetched(url, { headers: accept, signal })
    if (!ok || body === null) throw new Error(`answered with status ${status} instead of events`)
    for await (const data of eventsOf(body)) stream.onmessage?.({ data })
    throw new Error('ended its stream of events')
  }
  read().catch((error: unknown) => {
    if (ended() && !signal.aborted) stream.onerror?.(error)
  })
  return stream
}

const longestLine = 64 * 1_024 * 1_024

/** The data of server-sent events (WHATWG HTML, 9.2.6). */
async function* eventsOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const tooLong = (): Error => new Error(`sent a line of more than ${longestLine} characters`)
  let data: string[] = []
  for await (const line of linesOf(body, longestLine, tooLong)) {
    if (line.startsWith('data:')) data.push(line.slice(5).replace(/^ /, ''))
    if (line !== '' || data.length === 0) continue
    yield data.join('\n')
    data = []
  }
}
