import { type Fields, field, isObject, nameOf, namesOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { costOf, perToken } from './cost.js'
import {
  type Abilities,
  abilitiesOf,
  abilitiesOfModalities,
  aliasesOf,
  flagsOf,
  fromRows,
  importing,
  listIn,
  tokens,
  type Vocabulary,
} from './rows.js'

const modes: Vocabulary = {
  chat: ['text_generation', 'chat'],
  completion: ['text_generation'],
  responses: ['text_generation', 'chat'],
  embedding: ['embeddings'],
  image_generation: ['image_generation'],
  image_edit: ['image_generation'],
  video_generation: ['video_generation'],
  audio_transcription: ['speech_to_text'],
  audio_speech: ['text_to_speech'],
  rerank: ['rerank'],
  moderation: ['moderation'],
  ocr: ['ocr'],
  search: ['web_search'],
  realtime: ['chat', 'realtime'],
}

const flags = {
  supports_function_calling: 'function_calling',
  supports_parallel_function_calling: 'parallel_function_calling',
  supports_vision: 'vision',
  supports_response_schema: 'structured_output',
  supports_reasoning: 'reasoning',
  supports_audio_input: 'audio_input',
  supports_audio_output: 'audio_output',
  supports_pdf_input: 'pdf_input',
  supports_video_input: 'video_input',
  supports_web_search: 'web_search',
  supports_prompt_caching: 'prompt_caching',
  supports_computer_use: 'computer_use',
  supports_system_messages: 'system_messages',
}

const prices = {
  input: 'input_cost_per_token',
  output: 'output_cost_per_token',
  cached: 'cache_read_input_token_cost',
}

export interface LiteLLMOptions {
  /** Of models whose answer and id name none. Default `litellm`. */
  readonly provider?: string | undefined
}

/**
 * Models of a LiteLLM proxy, from the answer of `GET /v1/models`, `/v1/model/info` or
 * `/model_group/info`; the shape tells which. The id is what a caller of the proxy asks for. Ids with a
 * star are patterns, not models. Suggested evidence: `declared`, since a person configured the proxy.
 * Throws `InvalidRegistrationError` when the body is no such answer.
 */
export function modelsFromLiteLLM(
  body: unknown,
  { provider = 'litellm' }: LiteLLMOptions = {},
): readonly ModelInput[] {
  const expected =
    'the answer of a LiteLLM proxy to /v1/models, /v1/model/info or /model_group/info'
  return importing(expected, body, () => {
    const rows = listIn(body, 'data')
    return rows && fromRows(rows, (row) => ofProxy(row, provider))
  })
}

function ofProxy(row: unknown, fallback: string): ModelInput | undefined {
  if (!isObject(row)) return undefined
  const group = nameOf(field(row, 'model_group'))
  const id = group ?? nameOf(field(row, 'model_name')) ?? nameOf(field(row, 'id'))
  if (id === undefined || id.includes('*')) return undefined
  const info = field(row, 'model_info')
  const target = field(row, 'litellm_params', 'model')
  const provider =
    nameOf(field(info, 'litellm_provider')) ??
    namesOf(field(row, 'providers'))?.[0] ??
    prefixOf(target) ??
    prefixOf(id) ??
    fallback
  const facts = isObject(info) ? info : row
  const { capabilities, ...known } = factsOf(facts)
  return {
    id,
    provider,
    ...known,
    // A group says false of whatever nobody said of it.
    capabilities: group === undefined ? capabilities : onlyTrue(capabilities),
    aliases: aliasesOf(id, target),
  }
}

/** The provider in `openai/gpt-4o`. */
function prefixOf(id: unknown): string | undefined {
  const name = nameOf(id)
  return name?.includes('/') ? nameOf(name.slice(0, name.indexOf('/'))) : undefined
}

const onlyTrue = (able: Abilities): Abilities =>
  Object.fromEntries(Object.entries(able).filter(([, can]) => can))

function factsOf(row: Fields): Omit<ModelInput, 'id' | 'provider'> & { capabilities: Abilities } {
  const input = namesOf(field(row, 'supported_modalities'))
  const output = namesOf(field(row, 'supported_output_modalities'))
  return {
    capabilities: {
      ...abilitiesOfModalities(input, output),
      ...abilitiesOf(field(row, 'mode'), modes),
      ...flagsOf(row, flags),
    },
    contextLength: tokens(field(row, 'max_input_tokens'), field(row, 'max_tokens')),
    maxOutputTokens: tokens(field(row, 'max_output_tokens'), field(row, 'max_tokens')),
    inputModalities: input,
    outputModalities: output,
    costPer1k: costOf(row, perToken, prices),
  }
}

/**
 * Models of LiteLLM's price file, `model_prices_and_context_window.json`. Prices per token become prices
 * per 1,000. An id that begins with its provider loses that, and keeps the long form as an alias.
 * Suggested evidence: `catalogue`. Throws `InvalidRegistrationError` when the body is no such file.
 */
export function modelsFromLiteLLMPrices(body: unknown): readonly ModelInput[] {
  const expected = "LiteLLM's price file, an object of models with litellm_provider by id"
  return importing(expected, body, () => {
    if (!isObject(body)) return undefined
    const rows = Object.entries(body).filter(([key]) => key !== 'sample_spec')
    const models = fromRows(rows, ofPriceFile)
    return rows.length > 0 && models.length === 0 ? undefined : models
  })
}

/** Images are priced by quality and size: `hd/1024-x-1024/dall-e-3`. */
const picture = /^(?:[a-z]+\/)?(?:\d+|max)-x-(?:\d+|max)\//

function ofPriceFile([key, row]: readonly [string, unknown]): ModelInput | undefined {
  const provider = nameOf(field(row, 'litellm_provider'))
  const name = nameOf(key.replace(picture, ''))
  if (!isObject(row) || provider === undefined || name === undefined || name.includes('*'))
    return undefined
  const own = `${provider}/`
  const id = name.startsWith(own) ? (nameOf(name.slice(own.length)) ?? name) : name
  return { id, provider, ...factsOf(row), aliases: aliasesOf(id, name) }
}
