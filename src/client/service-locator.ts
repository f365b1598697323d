import { defaultAddressPolicy } from '../core/address.js'
import {
  AllProvidersFailedError,
  type AttemptFailure,
  BackendError,
  HttpError,
  isSwitchgearError,
  oneLine,
} from '../core/errors.js'
import { field } from '../core/foreign.js'
import { fetchAnswer } from '../core/http.js'
import { positiveIssue } from '../discovery/sources/look-up.js'
import { anyAccessOf, type RegistryAccess } from './access.js'
import type { RemoteRecord } from './record.js'
import type { Transport } from './transport.js'
import { transportFor } from './transports.js'

export interface ServiceLocatorOptions extends Omit<RegistryAccess, 'url'> {
  /** As `url` of a `RegistryClient`. */
  readonly registryUrl?: string | undefined
  /** How long a provider that was found is used without asking again. Default 60,000. */
  readonly cacheMs?: number | undefined
}

export interface InvokeOptions {
  readonly signal?: AbortSignal | undefined
  /** For the answer of one provider. Default 30,000. */
  readonly timeoutMs?: number | undefined
  /**
   * Whether it may be done twice. Otherwise another provider is only tried when the first has surely not begun: it
   * could not be connected to, did not know the capability, or was too busy. Default false.
   */
  readonly idempotent?: boolean | undefined
}

/** No more providers are tried for one call. */
const mostAttempts = 3

/** Finds who can do something, and has it done. */
export class ServiceLocator {
  readonly #transport: Transport
  readonly #cacheMs: number
  readonly #found = new Map<string, { readonly record: RemoteRecord; readonly at: number }>()

  /** Throws `InvalidOptionsError`. */
  constructor(options: ServiceLocatorOptions = {}) {
    const { registryUrl: url, cacheMs = 60_000, ...rest } = options
    this.#transport = transportFor(
      anyAccessOf({ ...rest, url }, 'service locator', [positiveIssue('cacheMs', cacheMs)]),
    )
    this.#cacheMs = cacheMs
  }

  /**
   * Somebody who has this capability; the same for a minute, unless it fails. While the registry does not answer, the
   * last one that was found stays. Rejects with `HttpError`, of status 404 or 503 when there is nobody.
   */
  async locate(
    capability: string,
    options: Pick<InvokeOptions, 'signal'> = {},
  ): Promise<RemoteRecord> {
    const { clock } = this.#transport.access
    const known = this.#found.get(capability)
    if (known !== undefined && clock.now() - known.at < this.#cacheMs) return known.record
    try {
      const record = await this.#transport.choose(capability, options)
      this.#found.set(capability, { record, at: clock.now() })
      return record
    } catch (error) {
      const isGone = isSwitchgearError(error) && error.retryable
      if (known !== undefined && isGone && this.#found.get(capability) === known)
        return known.record
      throw error
    }
  }

  /**
   * Has it done by whoever is located, else by another provider of it, and gives the answer as it was in JSON.
   *
   * Rejects with `BackendError` when a provider says that it failed, with `HttpError` when there was no answer, and
   * with `AllProvidersFailedError` when several were tried.
   */
  async invoke(
    capability: string,
    params?: unknown,
    options: InvokeOptions = {},
  ): Promise<unknown> {
    const failures: AttemptFailure[] = []
    const tried = new Set<string>()
    let record: RemoteRecord | undefined = await this.locate(capability, options)
    while (record !== undefined) {
      tried.add(record.id)
      const { clock } = this.#transport.access
      const startedAt = clock.now()
      try {
        return await this.#invokeAt(record, capability, params, options)
      } catch (error) {
        const durationMs = clock.now() - startedAt
        failures.push({ provider: record.id, cause: causeOf(error), durationMs, error })
        if (!isAnswer(error)) this.#found.delete(capability)
        if (options.signal?.aborted || !mayBeTriedElsewhere(error, options)) break
      }
      record =
        tried.size < mostAttempts ? await this.#another(capability, tried, options) : undefined
    }
    const [only, ...others] = failures
    if (only !== undefined && others.length === 0) throw only.error
    throw new AllProvidersFailedError(capability, failures)
  }

  /** Lets go of its connection to the registry; it is made again when it is needed. */
  close(): void {
    this.#transport.close()
  }

  /** Forgets where everything is. */
  clearCache(): void {
    this.#found.clear()
  }

  /** Somebody who was not asked yet; nobody, when the registry does not say. */
  async #another(
    capability: string,
    tried: ReadonlySet<string>,
    { signal }: InvokeOptions,
  ): Promise<RemoteRecord | undefined> {
    const records = await this.#transport.list({ signal, capability }).catch(() => [])
    const next = records.find(
      ({ id, mode, status, capabilities }) =>
        !tried.has(id) &&
        mode === 'http' &&
        status !== 'unhealthy' &&
        capabilities.includes(capability),
    )
    if (next !== undefined)
      this.#found.set(capability, { record: next, at: this.#transport.access.clock.now() })
    return next
  }

  async #invokeAt(
    record: RemoteRecord,
    capability: string,
    params: unknown,
    { signal, timeoutMs = 30_000 }: InvokeOptions,
  ): Promise<unknown> {
    const url = urlOf(record)
    const { policy = defaultAddressPolicy, clock } = this.#transport.access
    const answer = await fetchAnswer(url, {
      body: { capability, params: params ?? {} },
      // A connection of its own: one that was idle may be dead, and then nobody knows whether the work has begun.
      policy: { check: (target) => policy.check(target) },
      headers: { connection: 'close' },
      use: 'call',
      timeoutMs,
      clock,
      ...(signal !== undefined && { signal }),
    })
    const { status } = answer
    if (status >= 200 && status < 300) return answer.json()
    const told = field(answer.json(), 'error')
    const said = typeof told === 'string' ? `: ${oneLine(told)}` : ''
    const what = `could not do "${capability}"; it answered with status ${status}${said}`
    throw new BackendError(url, what, { status })
  }
}

/** Throws `BackendError` for a record that cannot be called. */
function urlOf({ id, location, mode }: RemoteRecord): string {
  if (mode !== 'http')
    throw new BackendError(`"${id}"`, `is of mode ${mode}; only http can be invoked`, notBegun)
  const url = URL.canParse(location) ? new URL(location) : undefined
  if (url === undefined)
    throw new BackendError(`"${id}"`, 'has no URL as its location; register one', notBegun)
  url.search = ''
  url.hash = ''
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/_module/invoke`
  return url.href
}

const notBegun = { status: 404 }

const causeOf = (error: unknown): string =>
  error instanceof HttpError ? error.kind : error instanceof BackendError ? 'backend' : 'error'

/** It said something: it is there, whatever it thinks of what was asked. */
const isAnswer = (error: unknown): boolean =>
  error instanceof BackendError && !mayBeTriedElsewhere(error, { idempotent: false })

const surelyNotBegun: readonly string[] = ['refused', 'dns', 'forbidden', 'tls']
const turnedAway: readonly number[] = [404, 429, 503]

/** Work that may have begun is done twice only where that does no harm. */
function mayBeTriedElsewhere(error: unknown, { idempotent = false }: InvokeOptions): boolean {
  if (error instanceof BackendError) {
    const { status = 500 } = error
    return turnedAway.includes(status) || (idempotent && status >= 500)
  }
  if (!(error instanceof HttpError)) return false
  return surelyNotBegun.includes(error.kind) || (idempotent && error.kind !== 'aborted')
}
