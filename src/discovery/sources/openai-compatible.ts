import { type AddressPolicy, createAddressPolicy, parseTarget } from '../../core/address.js'
import { modelsFromOpenAI } from '../models/openai.js'
import type { Source } from '../source.js'
import { modelListSource } from './model-list.js'
import { headersWith, placesOf } from './program-at.js'
import type { ModelServerOptions } from './served-at.js'

export interface OpenAICompatibleOptions extends ModelServerOptions {
  /** Where its API begins, such as `https://llm.example.com/openai/v1`; without a version at its end, `/v1` is added. */
  readonly url: string
  /** Whose models these are; part of the provider's name. Default `openai-compatible`. */
  readonly provider?: string | undefined
  /** Which addresses may be connected to. Default: the host of `url`, and no other. */
  readonly policy?: AddressPolicy | undefined
}

/**
 * Whatever answers `GET /v1/models` as OpenAI does, as one provider, `<provider>@<host>:<port>`. A list says which
 * models there are, and seldom more; what it leaves out is unknown, and may come from a catalogue.
 *
 * Throws `InvalidOptionsError`.
 */
export function openAICompatible(options: OpenAICompatibleOptions): Source {
  const source = 'openAICompatible'
  const { key, provider = 'openai-compatible', url } = options
  const [{ origin, path }] = placesOf(source, options, { url })
  const base = `${origin}${/\/v\d+\w*$/.test(path) ? path : `${path}/v1`}`
  const { hostname } = parseTarget(url)
  return modelListSource(
    {
      provider,
      base,
      list: `${base}/models`,
      headers: headersWith(key),
      read: (body) => modelsFromOpenAI(body, { provider }),
    },
    options,
    options.policy ?? createAddressPolicy({ allow: [hostname] }),
  )
}
