import { field, nameOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import {
  abilitiesOf,
  aliasesOf,
  fromRows,
  importing,
  listIn,
  tokens,
  type Vocabulary,
} from './rows.js'

const words: Vocabulary = {
  completion: ['text_generation', 'chat', 'structured_output'],
  tools: ['function_calling'],
  vision: ['vision'],
  embedding: ['embeddings'],
  thinking: ['reasoning'],
  insert: ['fill_in_middle'],
  image: ['image_generation'],
  audio: ['audio_input'],
}

const free = { input: 0, output: 0, cached: 0 }

/**
 * Models from Ollama's `GET /api/tags` or `/api/ps`. What runs on the machine costs nothing; what is
 * passed on to a remote host has an unknown price. Suggested evidence: `probed`. Throws
 * `InvalidRegistrationError` when the body is no such answer.
 */
export function modelsFromOllama(body: unknown): readonly ModelInput[] {
  return importing("Ollama's answer to /api/tags or /api/ps", body, () => {
    const rows = listIn(body, 'models')
    return rows && fromRows(rows, toModel)
  })
}

function toModel(row: unknown): ModelInput | undefined {
  const id = nameOf(field(row, 'model')) ?? nameOf(field(row, 'name'))
  if (id === undefined) return undefined
  const remote = nameOf(field(row, 'remote_host')) ?? nameOf(field(row, 'remote_model'))
  return {
    id,
    provider: 'ollama',
    capabilities: abilitiesOf(field(row, 'capabilities'), words),
    contextLength: tokens(field(row, 'context_length'), field(row, 'details', 'context_length')),
    costPer1k: remote === undefined ? free : undefined,
    aliases: aliasesOf(id, field(row, 'name'), id.replace(/:latest$/, '')),
  }
}
