import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { pause, systemClock } from '../../core/clock.js'
import { nameOf } from '../../core/foreign.js'
import { optionalPackage } from '../../core/optional-package.js'
import type { ProviderRecord } from '../../model/provider.js'
import { ownWithSignal, signalAt, type TakesSignal } from '../../model/with-signal.js'
import { baseOf, type Connect, type ConnectOptions, headersFor } from './connect.js'
import { asked, secretsIn } from './failure.js'
import { fetchFor } from './fetch.js'

/** A part of what a tool or a resource gives: `{ type: 'text', text }` and others, as MCP says it. */
export type McpContent = Readonly<Record<string, unknown>>

export interface McpTool {
  readonly name: string
  readonly description?: string | undefined
  readonly inputSchema: Readonly<Record<string, unknown>>
}

export interface McpToolResult {
  readonly content: readonly McpContent[]
  readonly structuredContent?: unknown
  /** The tool ran and says that it failed. That is its answer, no failure of the server. */
  readonly isError?: boolean | undefined
}

export interface McpCallOptions {
  readonly signal?: AbortSignal | undefined
}

/** An MCP server, over streamable HTTP. */
export interface McpBackend {
  /**
   * Runs a tool. When the signal aborts, the server is told to cancel it.
   *
   * Rejects with `BackendError`, whose `status` is 400 for a tool or arguments the server does not take; with
   * `HttpError` when there is no answer, and with an `AbortError` when the signal aborts.
   */
  callTool(
    name: string,
    args?: Readonly<Record<string, unknown>>,
    options?: McpCallOptions,
  ): Promise<McpToolResult>
  /** All of them, page after page. */
  listTools(options?: McpCallOptions): Promise<readonly McpTool[]>
  readResource(uri: string, options?: McpCallOptions): Promise<readonly McpContent[]>
  /** Ends the session. The next call begins a new one. */
  close(): Promise<void>
}

/**
 * Makes an `McpBackend` of a record, by the official `@modelcontextprotocol/client` (2, installed by you). The path
 * is that of the address, else `metadata.path`, else `/mcp`. A session that the server has forgotten is begun anew.
 *
 * Rejects with `MissingPeerError`.
 */
export function connectMcp(options: ConnectOptions = {}): Connect<McpBackend> {
  const { policy = defaultAddressPolicy } = options
  return async (record, signal) => {
    const base = await baseOf(record, policy)
    const headers = headersFor(options.headers, record)
    const server = new McpServer({ url: endpointOf(record, base), headers, policy })
    await server.open(signal)
    return server
  }
}

function endpointOf({ metadata }: ProviderRecord, base: URL): URL {
  if (base.pathname !== '/') return base
  const told = Object.hasOwn(metadata, 'path') ? nameOf(metadata.path) : undefined
  return new URL(`/${(told ?? 'mcp').replace(/^\/+/, '')}`, base)
}

interface McpAt {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly policy: AddressPolicy
}

const load = () =>
  optionalPackage(
    'connectMcp',
    '@modelcontextprotocol/client',
    '^2',
    () => import('@modelcontextprotocol/client'),
  )
type Loaded = Awaited<ReturnType<typeof load>>

interface Session {
  readonly client: InstanceType<Loaded['Client']>
  readonly transport: InstanceType<Loaded['StreamableHTTPClientTransport']>
}

/** For the server to hear that a session is over. */
const closeMs = 5_000

/** The guard keeps the time, so the client need not; longer it cannot wait. */
const longestMs = 2 ** 31 - 1

class McpServer implements McpBackend, TakesSignal {
  readonly [ownWithSignal] = signalAt({ callTool: 2, listTools: 0, readResource: 1 })
  readonly #at: McpAt
  #session: Promise<Session> | undefined

  constructor(at: McpAt) {
    this.#at = at
  }

  async open(signal: AbortSignal): Promise<void> {
    await asked({ ...this.#asked('connecting'), signal }, () => this.#open())
  }

  async callTool(
    name: string,
    args: Readonly<Record<string, unknown>> = {},
    { signal }: McpCallOptions = {},
  ): Promise<McpToolResult> {
    return this.#call(`the tool "${name}"`, signal, (client, options) =>
      client.callTool({ name, arguments: { ...args } }, options),
    )
  }

  async listTools({ signal }: McpCallOptions = {}): Promise<readonly McpTool[]> {
    return this.#call('the list of tools', signal, async (client, options) => {
      const { tools } = await client.listTools(undefined, options)
      return tools
    })
  }

  async readResource(uri: string, { signal }: McpCallOptions = {}): Promise<readonly McpContent[]> {
    return this.#call(`the resource ${uri}`, signal, async (client, options) => {
      const { contents } = await client.readResource({ uri }, options)
      return contents
    })
  }

  async close(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    const { client, transport } = (await session?.catch(() => undefined)) ?? {}
    const enough = new AbortController()
    const ended = transport?.terminateSession().catch(() => {}) // some servers keep no sessions
    await Promise.race([ended, pause(systemClock, closeMs, enough.signal)])
    enough.abort()
    await client?.close()
  }

  /** The registry is done with it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #call<T>(
    what: string,
    signal: AbortSignal | undefined,
    work: (client: Session['client'], options: CallOptions) => Promise<T>,
  ): Promise<T> {
    const options = { timeout: longestMs, ...(signal !== undefined && { signal }) }
    return asked({ ...this.#asked(what), signal }, async () => {
      const session = await this.#open()
      try {
        return await work(session.client, options)
      } catch (error) {
        if (!isForgotten(error)) throw error
        await this.#drop(session)
        const { client } = await this.#open()
        return await work(client, options)
      }
    })
  }

  #asked(what: string): { url: string; what: string; secrets: readonly string[] } {
    const { url, headers } = this.#at
    return { url: `${url.origin}${url.pathname}`, what, secrets: secretsIn(headers) }
  }

  #open(): Promise<Session> {
    if (this.#session !== undefined) return this.#session
    const opening = openSession(this.#at)
    this.#session = opening
    opening.catch(() => {
      if (this.#session === opening) this.#session = undefined
    })
    return opening
  }

  async #drop(session: Session): Promise<void> {
    const known = await this.#session?.catch(() => undefined)
    if (known === session) this.#session = undefined
    await session.client.close().catch(() => {})
  }
}

interface CallOptions {
  readonly timeout: number
  readonly signal?: AbortSignal
}

/** The server knows nothing of the session, and has done nothing: 404 by the specification, 400 by some servers. */
const isForgotten = (error: unknown): boolean =>
  error instanceof Error &&
  'status' in error &&
  (error.status === 404 || (error.status === 400 && /session/i.test(error.message)))

async function openSession({ url, headers, policy }: McpAt): Promise<Session> {
  const { Client, StreamableHTTPClientTransport } = await load()
  const refuses = (status: number): boolean =>
    status === 401 || status === 403 || status === 429 || status >= 500
  const fetched = fetchFor({ base: url, headers, policy, refuses })
  const transport = new StreamableHTTPClientTransport(url, {
    fetch: (input, init) => (isStanding(init) ? Promise.resolve(notHere()) : fetched(input, init)),
    requestInit: { redirect: 'error' },
  })
  const client = new Client({ name: 'switchgear', version: '1' })
  await client.connect(transport, { timeout: longestMs })
  return { client, transport }
}

/**
 * The stream on which a server may speak unasked: nobody listens to it here, and it would keep a connection, and
 * this process, busy. Resuming a stream that broke off is something else.
 */
const isStanding = (init: RequestInit | undefined): boolean =>
  (init?.method ?? 'GET') === 'GET' && !new Headers(init?.headers).has('last-event-id')

const notHere = (): Response => new Response(null, { status: 405 })
