import { defaultAddressPolicy } from '../../core/address.js'
import { nameOf } from '../../core/foreign.js'
import { optionalPackage } from '../../core/optional-package.js'
import type { ProviderRecord } from '../../model/provider.js'
import { baseOf, type Connect, type ConnectOptions, headersFor } from './connect.js'
import { fetchFor } from './fetch.js'

export interface OpenAIConnectOptions extends ConnectOptions {
  /** The same for all, or different for each provider. Without one, no key is sent. */
  readonly apiKey?: string | ((record: ProviderRecord) => string | undefined) | undefined
}

/** As much of the official client as all its versions have. For the rest, say which class it is: see `connectOpenAI`. */
export interface OpenAIClient {
  readonly baseURL: string
  readonly chat: {
    readonly completions: {
      create(body: object, options?: OpenAIRequestOptions): PromiseLike<unknown>
    }
  }
  readonly embeddings: {
    create(body: object, options?: OpenAIRequestOptions): PromiseLike<unknown>
  }
  readonly models: { list(options?: OpenAIRequestOptions): PromiseLike<unknown> }
}

export interface OpenAIRequestOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * Makes the official `openai` client (4 to 7, installed by you) of a record. `connectOpenAI<OpenAI>()` types it as
 * the class of the version that you have. It does not retry: the registry does, elsewhere. Of the environment,
 * `OPENAI_API_KEY` is used for api.openai.com alone, and nothing else.
 *
 * Rejects with `MissingPeerError`.
 */
export function connectOpenAI<T extends object = OpenAIClient>(
  options: OpenAIConnectOptions = {},
): Connect<T> {
  const { policy = defaultAddressPolicy } = options
  return async (record) => {
    const base = await baseOf(record, policy)
    const { OpenAI } = await optionalPackage(
      'connectOpenAI',
      'openai',
      '^6',
      () => import('openai'),
    )
    const apiKey = keyFor(record, base, options.apiKey)
    const client: object = new OpenAI({
      baseURL: baseURLOf(record, base),
      apiKey: apiKey ?? 'none',
      defaultHeaders: {
        ...withoutEnvironment(),
        ...(apiKey === undefined && { Authorization: null }),
        ...headersFor(options.headers, record),
      },
      adminAPIKey: null,
      organization: null,
      project: null,
      webhookSecret: null,
      maxRetries: 0,
      logLevel: 'off',
      fetch: fetchFor({ base, policy }),
    })
    return client as T // which version is installed is for the caller to know
  }
}

function keyFor(
  record: ProviderRecord,
  { protocol, hostname }: URL,
  given: OpenAIConnectOptions['apiKey'],
): string | undefined {
  const key = typeof given === 'function' ? given(record) : given
  if (key !== undefined) return key
  const isOpenAI = protocol === 'https:' && hostname === 'api.openai.com'
  return (isOpenAI && process.env.OPENAI_API_KEY) || undefined
}

/** What its environment tells the client to send to everybody. */
function withoutEnvironment(): Record<string, null> {
  const lines = process.env.OPENAI_CUSTOM_HEADERS?.split('\n') ?? []
  const names = lines
    .filter((line) => line.includes(':'))
    .map((line) => line.split(':', 1)[0] ?? '')
  return Object.fromEntries(names.map((name) => [name.trim(), null]))
}

/** `metadata.basePath` says where it is, such as `/engines/v1`; otherwise the address, completed with `/v1`. */
function baseURLOf({ metadata }: ProviderRecord, { origin, pathname }: URL): string {
  const told = Object.hasOwn(metadata, 'basePath') ? nameOf(metadata.basePath) : undefined
  if (told !== undefined) return `${origin}/${told.replace(/^\/+|\/+$/g, '')}`
  const path = pathname.replace(/\/+$/, '')
  return `${origin}${path}${/\/v\d+$/.test(path) ? '' : '/v1'}`
}
