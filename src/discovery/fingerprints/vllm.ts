import { type Fields, field, isObject, nameOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import type { Abilities } from '../models/rows.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject, isRefused } from './read.js'
import {
  idsOf,
  isOwnedBy,
  offering,
  openAIModels,
  rowsOf,
  versionOf,
  withAbilities,
  withStructuredOutput,
} from './served.js'

/** vLLM. What it can do follows from the paths it has; the rest depends on how it was started, and it does not say. */
export const vllm: Fingerprint = {
  kind: 'vllm',
  title: 'vLLM',
  service: 'llm',
  protocol: 'openai',
  ports: [8000],
  advice:
    'start it with `vllm serve <model>`; it listens on port 8000 unless --port says otherwise',

  async recognise(asking) {
    const list = await asking.get('/v1/models')
    const wantsKey = isRefused(list) && field(list.json, 'error') === 'Unauthorized'
    if (!wantsKey && !isOwnedBy(rowsOf(list), 'vllm')) return undefined
    const version = versionOf(field(goodObject(await asking.get('/version')), 'version'))
    if (version === undefined) return undefined
    return wantsKey
      ? {
          evidence: 'GET /version has a version, /v1/models wants a key in its words',
          version,
          needsCredentials: true,
        }
      : {
          evidence: 'GET /v1/models has models owned_by vllm, /version a version',
          version,
          models: idsOf(openAIModels(list, 'vllm') ?? []),
        }
  },

  async describe(asking) {
    const [about, list, api] = await Promise.all([
      asking.get('/version'),
      asking.get('/v1/models'),
      asking.get('/openapi.json'),
    ])
    const models = openAIModels(list, 'vllm')
    return {
      version: versionOf(field(goodObject(about), 'version')),
      ...offering(
        models &&
          withStructuredOutput(
            withAbilities(withParents(models, rowsOf(list) ?? []), abilitiesOf(goodObject(api))),
          ),
      ),
      ...(isRefused(list) && { needsCredentials: true }),
    }
  },
}

const paths: Readonly<Record<string, readonly string[]>> = {
  '/v1/chat/completions': ['chat', 'text_generation'],
  '/v1/completions': ['text_generation'],
  '/v1/embeddings': ['embeddings'],
  '/pooling': ['embeddings'],
  '/rerank': ['rerank'],
  '/v1/audio/transcriptions': ['speech_to_text'],
}

/** A path that is missing says that it cannot, if the paths are told at all. */
function abilitiesOf(api: Fields | undefined): Abilities {
  const there = field(api, 'paths')
  if (!isObject(there)) return {}
  const able: Record<string, boolean> = {}
  for (const [path, names] of Object.entries(paths))
    for (const name of names) able[name] = able[name] === true || Object.hasOwn(there, path)
  return able
}

/** An adapter takes as much as the model it is for. */
function withParents(
  models: readonly ModelInput[],
  rows: readonly unknown[],
): readonly ModelInput[] {
  const contexts = new Map(models.map(({ id, contextLength }) => [id, contextLength]))
  const parents = new Map(
    rows.map((row) => [nameOf(field(row, 'id')), nameOf(field(row, 'parent'))]),
  )
  return models.map((model) => ({
    ...model,
    contextLength: model.contextLength ?? contexts.get(parents.get(model.id) ?? ''),
  }))
}
