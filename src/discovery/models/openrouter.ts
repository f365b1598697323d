import { field, isObject, nameOf, namesOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { costOf, perToken } from './cost.js'
import {
  abilitiesOf,
  abilitiesOfModalities,
  aliasesOf,
  fromRows,
  importing,
  listIn,
  tokens,
  type Vocabulary,
} from './rows.js'

const parameters: Vocabulary = {
  tools: ['function_calling'],
  structured_outputs: ['structured_output'],
  response_format: ['json_mode'],
  reasoning: ['reasoning'],
  include_reasoning: ['reasoning'],
}

const prices = { input: 'prompt', output: 'completion', cached: 'input_cache_read' }

/**
 * Models from OpenRouter's `GET /api/v1/models`, all of the provider `openrouter`. Prices are texts per
 * token there; `"-1"` means that it depends, so it is unknown. Suggested evidence: `catalogue`. Throws
 * `InvalidRegistrationError` when the body is no such answer.
 */
export function modelsFromOpenRouter(body: unknown): readonly ModelInput[] {
  return importing("OpenRouter's answer to /api/v1/models", body, () => {
    const rows = listIn(body, 'data')
    return rows && fromRows(rows, toModel)
  })
}

function toModel(row: unknown): ModelInput | undefined {
  const id = nameOf(field(row, 'id'))
  if (id === undefined) return undefined
  const input = namesOf(field(row, 'architecture', 'input_modalities'))
  const output = namesOf(field(row, 'architecture', 'output_modalities'))
  return {
    id,
    provider: 'openrouter',
    name: nameOf(field(row, 'name')),
    capabilities: {
      ...abilitiesOfModalities(input, output),
      ...abilitiesOf(field(row, 'supported_parameters'), parameters),
      ...(isObject(field(row, 'reasoning')) ? { reasoning: true } : {}),
    },
    contextLength: tokens(
      field(row, 'context_length'),
      field(row, 'top_provider', 'context_length'),
    ),
    maxOutputTokens: tokens(field(row, 'top_provider', 'max_completion_tokens')),
    inputModalities: input,
    outputModalities: output,
    costPer1k: costOf(field(row, 'pricing'), perToken, prices),
    aliases: aliasesOf(id, field(row, 'canonical_slug')),
  }
}
