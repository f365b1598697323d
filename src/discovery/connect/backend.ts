import type { AddressPolicy } from '../../core/address.js'
import { field, nameOf, namesOf } from '../../core/foreign.js'
import type { ProviderRecord } from '../../model/provider.js'
import { connectA2A } from './a2a.js'
import { connectComfyUI } from './comfyui.js'
import type { Connect, HeadersFor } from './connect.js'
import { headersFor } from './connect.js'
import { connectGradio } from './gradio.js'
import { connectHttp } from './http.js'
import { connectMcp } from './mcp.js'
import { connectOpenAI } from './openai.js'

/** How a program is talked to. */
export type BackendProtocol = 'openai' | 'gradio' | 'comfyui' | 'mcp' | 'a2a' | 'http'

export interface BackendConnectOptions {
  /** By kind of program (`metadata.kind`), such as `litellm`. Sent as a bearer token, to providers of that kind alone. */
  readonly keys?: Readonly<Record<string, string | undefined>> | undefined
  /** Sent besides, with each request to the address of the provider, and nowhere else. */
  readonly headers?: HeadersFor | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
}

/**
 * Chooses the connector that fits: by `metadata.protocol`, else the first word known in `metadata.protocols`, else by
 * `metadata.kind`; `connectHttp` where nothing fits. The scan sets these words. `T` is what you know of the instances.
 *
 * Rejects with `MissingPeerError`, which says what to install.
 */
export function connectBackend<T extends object = object>(
  options: BackendConnectOptions = {},
): Connect<T> {
  const { keys = {}, policy } = options
  const keyOf = (record: ProviderRecord): string | undefined => {
    const kind = kindOf(record)
    return kind !== undefined && Object.hasOwn(keys, kind) ? keys[kind] : undefined
  }
  const own: HeadersFor = (record) => headersFor(options.headers, record)
  const headers: HeadersFor = (record) => {
    const key = keyOf(record)
    return { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...own(record) }
  }
  const connectors: Readonly<Record<BackendProtocol, Connect<object>>> = {
    openai: connectOpenAI({ apiKey: keyOf, headers: own, policy }),
    gradio: connectGradio({ headers, policy }),
    comfyui: connectComfyUI({ headers, policy }),
    mcp: connectMcp({ headers, policy }),
    a2a: connectA2A({ headers, policy }),
    http: connectHttp({ headers, policy }),
  }
  return async (record, signal) => {
    const made = await connectors[protocolOf(record)](record, signal)
    return made as T // which program it is was found out at run time
  }
}

const kindOf = ({ metadata }: ProviderRecord): string | undefined => nameOf(field(metadata, 'kind'))

/** `http` where nothing else is known. */
export function protocolOf(record: ProviderRecord): BackendProtocol {
  const { metadata } = record
  const told = [
    nameOf(field(metadata, 'protocol')),
    ...(namesOf(field(metadata, 'protocols')) ?? []),
  ]
  return protocols.find((one) => one === told.find(isProtocol)) ?? byKind(kindOf(record)) ?? 'http'
}

const protocols = ['openai', 'gradio', 'comfyui', 'mcp', 'a2a', 'http'] as const
const isProtocol = (word: string | undefined): boolean => protocols.some((one) => one === word)

/** For records that nobody has scanned, such as those in a file. Who only connects need not load all fingerprints. */
const byKind = (kind: string | undefined): BackendProtocol | undefined =>
  protocols.find((one) => one === kind) ??
  kinds.find(([, names]) => kind !== undefined && names.includes(kind))?.[0]

const kinds: readonly (readonly [BackendProtocol, readonly string[]])[] = [
  ['gradio', ['wan2gp', 'rvc', 'audioldm', 'fooocus', 'gradio-app']],
  [
    'openai',
    [
      'litellm',
      'ollama',
      'llamacpp',
      'vllm',
      'lmstudio',
      'sglang',
      'tgi',
      'tei',
      'localai',
      'koboldcpp',
      'text-generation-webui',
      'xinference',
      'speaches',
      'portkey',
      'openai-compatible',
    ],
  ],
]
