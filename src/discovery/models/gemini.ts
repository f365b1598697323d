import { field, isObject, nameOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import {
  abilitiesOf,
  flagsOf,
  fromRows,
  importing,
  listIn,
  tokens,
  type Vocabulary,
} from './rows.js'

const methods: Vocabulary = {
  generateContent: ['text_generation', 'chat'],
  embedContent: ['embeddings'],
  predict: ['image_generation'],
  predictLongRunning: ['video_generation'],
  bidiGenerateContent: ['realtime'],
}

/**
 * Models from Gemini's `GET /v1beta/models`; one page is one body. It names no prices, and of the
 * capabilities only those that follow from a method. Suggested evidence: `probed`. Throws
 * `InvalidRegistrationError` when the body is no such answer.
 */
export function modelsFromGemini(body: unknown): readonly ModelInput[] {
  return importing("Gemini's answer to /v1beta/models", body, () => {
    const rows = listIn(body, 'models') ?? (isEmptyPage(body) ? [] : undefined)
    return rows && fromRows(rows, toModel)
  })
}

/** An empty page has no list. */
const isEmptyPage = (body: unknown): boolean =>
  isObject(body) && Object.keys(body).every((key) => key === 'nextPageToken')

function toModel(row: unknown): ModelInput | undefined {
  const path = nameOf(field(row, 'name'))
  const id = nameOf(path?.replace(/^models\//, ''))
  if (path === undefined || id === undefined || !isObject(row)) return undefined
  return {
    id,
    provider: 'gemini',
    name: nameOf(field(row, 'displayName')),
    capabilities: {
      ...abilitiesOf(field(row, 'supportedGenerationMethods'), methods),
      ...flagsOf(row, { thinking: 'reasoning' }),
    },
    contextLength: tokens(field(row, 'inputTokenLimit')),
    maxOutputTokens: tokens(field(row, 'outputTokenLimit')),
    ...(path !== id && { aliases: [path] }),
  }
}
