import { field, isObject, nameOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { modelsFromOpenAI } from './openai.js'
import { flagsOf, fromRows, importing, listIn } from './rows.js'

const flags = {
  completion_chat: 'chat',
  completion_fim: 'fill_in_middle',
  function_calling: 'function_calling',
  vision: 'vision',
}

/**
 * Models from Mistral's `GET /v1/models`: OpenAI's list, with flags of what each can do. It names no prices. Suggested
 * evidence: `probed`. Throws `InvalidRegistrationError` when the body is no such answer.
 */
export function modelsFromMistral(body: unknown): readonly ModelInput[] {
  return importing("Mistral's answer to /v1/models", body, () => {
    const rows = listIn(body, 'data')
    return rows && fromRows(rows, toModel)
  })
}

function toModel(row: unknown): ModelInput | undefined {
  const [model] = modelsFromOpenAI([row], { provider: 'mistral' })
  const said = field(row, 'capabilities')
  if (model === undefined || !isObject(said)) return model
  const able = flagsOf(said, flags)
  return {
    ...model,
    name: nameOf(field(row, 'name')) ?? model.name,
    capabilities: { ...able, ...(able.chat === true && { text_generation: true }) },
  }
}
