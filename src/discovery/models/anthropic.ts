import { field, nameOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { fromRows, importing, listIn, tokens } from './rows.js'

const flags = {
  image_input: 'vision',
  pdf_input: 'pdf_input',
  structured_outputs: 'structured_output',
  thinking: 'reasoning',
  citations: 'citations',
  code_execution: 'code_execution',
  batch: 'batch',
}

/** What every model of the house can do. */
const always = { text_generation: true, chat: true, function_calling: true }

/**
 * Models from Anthropic's `GET /v1/models`; one page is one body. It names no prices. Suggested evidence:
 * `probed`. Throws `InvalidRegistrationError` when the body is no such answer.
 */
export function modelsFromAnthropic(body: unknown): readonly ModelInput[] {
  return importing("Anthropic's answer to /v1/models", body, () => {
    const rows = listIn(body, 'data')
    return rows && fromRows(rows, toModel)
  })
}

function toModel(row: unknown): ModelInput | undefined {
  const id = nameOf(field(row, 'id'))
  if (id === undefined) return undefined
  const capabilities: Record<string, boolean> = { ...always }
  for (const [flag, name] of Object.entries(flags)) {
    const supported = field(row, 'capabilities', flag, 'supported')
    if (typeof supported === 'boolean') capabilities[name] = supported
  }
  return {
    id,
    provider: 'anthropic',
    name: nameOf(field(row, 'display_name')),
    capabilities,
    contextLength: tokens(field(row, 'max_input_tokens')),
    maxOutputTokens: tokens(field(row, 'max_tokens')),
  }
}
