import { createAddressPolicy } from '../../core/address.js'
import { field, nameOf } from '../../core/foreign.js'
import { modelsFromAnthropic } from '../models/anthropic.js'
import { modelsFromGemini } from '../models/gemini.js'
import { modelsFromMistral } from '../models/mistral.js'
import { modelsFromOpenAI } from '../models/openai.js'
import { modelsFromOpenRouter } from '../models/openrouter.js'
import type { Source } from '../source.js'
import { checkedKey, type ModelList, modelListSource } from './model-list.js'
import { headersWith, placesOf } from './program-at.js'
import type { ModelServerOptions } from './served-at.js'

/** Where the provider is, and who may see its key, is not for an option to say. */
export interface HostedOptions extends Omit<ModelServerOptions, 'url' | 'policy'> {
  /** Default: from the environment. Sent to the provider's own host alone, over TLS. */
  readonly key?: string | undefined
}

/** A house that has a list, and where its key is by custom. */
export interface House extends Omit<ModelList, 'headers'> {
  /** The first that is set counts. */
  readonly environment: readonly string[]
  headersFor(key: string): Readonly<Record<string, string>>
}

const houseOfOpenAI: House = {
  provider: 'openai',
  base: 'https://api.openai.com/v1',
  list: 'https://api.openai.com/v1/models',
  environment: ['OPENAI_API_KEY'],
  headersFor: headersWith,
  read: (body) => modelsFromOpenAI(body, { provider: 'openai' }),
}

const houseOfAnthropic: House = {
  provider: 'anthropic',
  base: 'https://api.anthropic.com/v1',
  list: 'https://api.anthropic.com/v1/models?limit=1000',
  environment: ['ANTHROPIC_API_KEY'],
  headersFor: (key) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),
  read: modelsFromAnthropic,
  next(body) {
    const last = nameOf(field(body, 'last_id'))
    const hasMore = field(body, 'has_more') === true && last !== undefined
    return hasMore ? { after_id: last } : undefined
  },
}

const houseOfGemini: House = {
  provider: 'gemini',
  base: 'https://generativelanguage.googleapis.com/v1beta/openai',
  list: 'https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000',
  environment: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'],
  // Not in the query: addresses get written down.
  headersFor: (key) => ({ 'x-goog-api-key': key }),
  read: modelsFromGemini,
  next(body) {
    const token = nameOf(field(body, 'nextPageToken'), 4_096)
    return token === undefined ? undefined : { pageToken: token }
  },
}

const houseOfOpenRouter: House = {
  provider: 'openrouter',
  base: 'https://openrouter.ai/api/v1',
  list: 'https://openrouter.ai/api/v1/models',
  environment: ['OPENROUTER_API_KEY'],
  headersFor: headersWith,
  read: modelsFromOpenRouter,
}

const houseOfMistral: House = {
  provider: 'mistral',
  base: 'https://api.mistral.ai/v1',
  list: 'https://api.mistral.ai/v1/models',
  environment: ['MISTRAL_API_KEY'],
  headersFor: headersWith,
  read: modelsFromMistral,
}

export const houses: readonly House[] = Object.freeze([
  houseOfOpenAI,
  houseOfAnthropic,
  houseOfGemini,
  houseOfOpenRouter,
  houseOfMistral,
])

/** A house as one provider. Throws `InvalidOptionsError` when there is no key, here or in the environment. */
export function hosted(house: House, options: HostedOptions = {}): Source {
  const { environment, headersFor, provider } = house
  const given = options.key ?? environment.map((name) => process.env[name]).find(Boolean)
  const key = checkedKey(provider, given, environment)
  placesOf(provider, options, { url: house.base })
  const { hostname } = new URL(house.base)
  return modelListSource(
    { ...house, headers: headersFor(key) },
    { ...options, key },
    createAddressPolicy({ allow: [hostname], privateNetworks: false }),
  )
}

/** OpenAI as one provider, `openai@api.openai.com`. Its key: `OPENAI_API_KEY`. Throws `InvalidOptionsError`. */
export const openAI = (options?: HostedOptions): Source => hosted(houseOfOpenAI, options)

/**
 * Anthropic as one provider, `anthropic@api.anthropic.com`, called in OpenAI's protocol. Its key: `ANTHROPIC_API_KEY`.
 * Throws `InvalidOptionsError`.
 */
export const anthropic = (options?: HostedOptions): Source => hosted(houseOfAnthropic, options)

/**
 * Gemini as one provider, `gemini@generativelanguage.googleapis.com`, called in OpenAI's protocol. Its key:
 * `GEMINI_API_KEY` or `GOOGLE_API_KEY`. Throws `InvalidOptionsError`.
 */
export const gemini = (options?: HostedOptions): Source => hosted(houseOfGemini, options)

/** OpenRouter as one provider, `openrouter@openrouter.ai`. Its key: `OPENROUTER_API_KEY`. Throws `InvalidOptionsError`. */
export const openRouter = (options?: HostedOptions): Source => hosted(houseOfOpenRouter, options)

/** Mistral as one provider, `mistral@api.mistral.ai`. Its key: `MISTRAL_API_KEY`. Throws `InvalidOptionsError`. */
export const mistral = (options?: HostedOptions): Source => hosted(houseOfMistral, options)
