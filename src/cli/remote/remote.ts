import { accessOf, anyAccessOf } from '../../client/access.js'
import { Api, type Ask, isStatus } from '../../client/api.js'
import { isGrpcUrl } from '../../client/grpc-url.js'
import type { NoticeInput } from '../../client/notice.js'
import { type RemoteStatus, readStatus } from '../../client/record.js'
import { RegistryClient } from '../../client/registry-client.js'
import { type AgentTelemetry, toSent } from '../../client/telemetry.js'
import type { Transport } from '../../client/transport.js'
import { transportFor } from '../../client/transports.js'
import { HttpError } from '../../core/errors.js'
import { field, nameOf } from '../../core/foreign.js'
import { streamLines } from '../../core/http.js'
import { Failure } from '../failure.js'
import type { Input } from '../flags.js'
import type { Shell } from '../shell.js'
import { accessFrom, type RemoteAccess } from './access.js'
import { entryOf, type RemoteEntry, readEntries, readEntry } from './entry.js'
import { inWords } from './words.js'

interface Snapshot {
  readonly entries: readonly RemoteEntry[]
  readonly position: string | undefined
}

export interface RemoteOptions {
  readonly heartbeatTimeoutMs?: number | undefined
  /** Told what goes wrong in the background. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** The registry says something every 15 s. */
const idleMs = 45_000

/**
 * A registry that is served, as commands see it: through the client, over REST or gRPC, and where it has the native
 * routes with all that those tell.
 */
export class Remote {
  readonly access: RemoteAccess
  readonly client: RegistryClient
  readonly #signal: AbortSignal
  readonly #native: Api | undefined
  readonly #transport: Transport

  /** Throws `InvalidOptionsError`. `signal` ends what is being asked. */
  constructor(access: RemoteAccess, signal: AbortSignal, options: RemoteOptions = {}) {
    this.access = access
    this.client = new RegistryClient({ ...access, ...options })
    this.#signal = signal
    this.#transport = transportFor(anyAccessOf(access, 'registry'))
    this.#native = isGrpcUrl(access.url) ? undefined : new Api(accessOf(access, 'registry'))
  }

  async close(): Promise<void> {
    await this.client.close({ deregister: false })
    this.#transport.close()
  }

  get url(): string {
    return this.access.url
  }

  async list(): Promise<readonly RemoteEntry[]> {
    return (await this.snapshot()).entries
  }

  /** What there is, and from where on its changes can be followed, where the registry says so. */
  async snapshot(): Promise<Snapshot> {
    const native = await this.#ask('list what is registered', '/v1/providers')
    const entries = readEntries(field(native, 'providers'))
    if (entries !== undefined) return { entries, position: nameOf(field(native, 'position')) }
    return { entries: await this.#records(), position: undefined }
  }

  async #records(): Promise<readonly RemoteEntry[]> {
    try {
      return (await this.client.list({ signal: this.#signal })).map(entryOf)
    } catch (error) {
      if (!isStatus(error, 404)) throw error
      const what = `${this.url} is no registry: it has no list of what is registered; check --url`
      throw new Failure(what, { cause: error, exit: 3 })
    }
  }

  async get(id: string): Promise<RemoteEntry | undefined> {
    const native = await this.#ask(`get "${id}"`, `/v1/providers/${encodeURIComponent(id)}`)
    const entry = readEntry(native)
    if (entry !== undefined) return entry
    const record = await this.client.get(id, { signal: this.#signal })
    return record && entryOf(record)
  }

  /** Each in turn; `undefined` when nobody active has it. */
  async choose(capability: string): Promise<RemoteEntry | undefined> {
    const how = { once: true, signal: this.#signal }
    try {
      const path = `/v1/choose?${new URLSearchParams({ capability })}`
      const native = await this.#ask(`resolve "${capability}"`, path, how)
      return readEntry(native) ?? entryOf(await this.#transport.choose(capability, how))
    } catch (error) {
      if (isStatus(error, 404) || isStatus(error, 503)) return undefined
      throw error
    }
  }

  /** The native changes after a position of `snapshot`, as lines of server-sent events. */
  changeLines(position: string, signal: AbortSignal): AsyncGenerator<string> {
    const { url, policy, token, timeoutMs, clock, tls } = this.access
    return streamLines(`${url}/v1/changes?${new URLSearchParams({ after: position })}`, {
      headers: {
        accept: 'text/event-stream',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(policy !== undefined && { policy }),
      clock,
      tls,
      timeoutMs,
      idleTimeoutMs: idleMs,
      use: 'call',
      signal,
    })
  }

  /** Rejects with status 503, and why, when it did not arrive. */
  notify(id: string, notice: NoticeInput): Promise<void> {
    return this.client.notify(id, notice, { signal: this.#signal })
  }

  /** What the registry makes of it, where it says so. Rejects with status 404 when there is no such id. */
  async heartbeat(id: string, telemetry?: AgentTelemetry): Promise<RemoteStatus | undefined> {
    const path = `/v1/heartbeats/${encodeURIComponent(id)}`
    const body = telemetry && { telemetry: toSent(telemetry) }
    const what = `send a heartbeat of "${id}"`
    const native = await this.#ask(what, path, { method: 'POST', body })
    if (native !== undefined) return readStatus(field(native, 'status'))
    await this.client.updateHealth(id, { telemetry, signal: this.#signal })
    if (telemetry === undefined || this.#native === undefined) return undefined
    throw new Failure(`${this.url} took the heartbeat, and no telemetry; it is no switchgear`)
  }

  /** What a native route answers; `undefined` where there is none, or it knows nothing of that name. */
  async #ask(what: string, path: string, how: Partial<Ask> = {}): Promise<unknown> {
    if (this.#native === undefined) return undefined
    try {
      return (await this.#native.ask({ ...how, what, path, signal: this.#signal })).json()
    } catch (error) {
      if (isStatus(error, 404)) return undefined
      throw error
    }
  }
}

/** Connects to the registry that is named, and closes what is open when the work is done or interrupted. */
export async function remotely<T>(
  shell: Shell,
  input: Input,
  work: (remote: Remote, signal: AbortSignal) => Promise<T>,
  options: RemoteOptions = {},
): Promise<T> {
  const access = await accessFrom(input, shell)
  return shell.interruptible(async (signal) => {
    let remote: Remote | undefined
    try {
      remote = new Remote(access, signal, options)
      return await work(remote, signal)
    } catch (error) {
      const isInterrupted = error instanceof HttpError && error.kind === 'aborted'
      throw isInterrupted && signal.aborted ? signal.reason : inWords(error, access)
    } finally {
      await remote?.close()
    }
  })
}
