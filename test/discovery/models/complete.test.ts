import { expect, it } from 'vitest'
import { ModelCatalog } from '../../../src/catalog/model-catalog.js'
import { InvalidRegistrationError } from '../../../src/core/errors.js'
import {
  modelsFromCatalogue,
  modelsFromLiteLLM,
  modelsFromLiteLLMPrices,
  modelsFromNames,
} from '../../../src/discovery/index.js'

const catalogue = [
  { id: 'gpt', provider: 'azure', contextLength: 1, costPer1k: { input: 9 } },
  {
    id: 'gpt',
    provider: 'openai',
    contextLength: 2,
    capabilities: ['vision'],
    aliases: ['gpt-2026'],
  },
  { id: 'house/qwen', provider: 'openrouter', contextLength: 3 },
]

it.each<[object, number | undefined]>([
  [{ id: 'gpt', provider: 'openai' }, 2],
  [{ id: 'gpt', provider: 'gate' }, 1],
  [{ id: 'gpt', provider: 'gate', aliases: ['openai/gpt'] }, 2],
  [{ id: 'mine', provider: 'gate', aliases: ['openai/gpt'] }, 2],
  [{ id: 'gpt-2026', provider: 'openai' }, 2],
  [{ id: 'mine', provider: 'openai', aliases: ['gpt'] }, 2],
  [{ id: 'house/qwen', provider: 'vllm' }, 3],
  [{ id: 'other/gpt', provider: 'azure' }, 1],
  [{ id: 'nobody', provider: 'openai' }, undefined],
])('finds %j in a catalogue', (served, wanted) => {
  const model = { id: '', provider: '', ...served }
  const [found] = modelsFromCatalogue([model], catalogue)
  expect(found?.contextLength).toBe(wanted)
  if (found !== undefined) expect([found.id, found.provider]).toEqual([model.id, model.provider])
  expect(found?.aliases).toBeUndefined()
})

it('guesses by names, and takes the rest for language models', () => {
  const models = ['text-embedding-3', 'whisper-1', 'flux-dev', 'nameless'].map((id) => ({
    id,
    provider: 'p',
  }))
  expect(modelsFromNames(models).map(({ capabilities }) => capabilities)).toEqual([
    ['embeddings'],
    ['speech_to_text'],
    ['image_generation'],
    ['text_generation', 'chat'],
  ])
  // @ts-expect-error wrong on purpose
  expect(() => modelsFromNames(undefined)).toThrow(InvalidRegistrationError)
  // @ts-expect-error wrong on purpose
  expect(() => modelsFromCatalogue([{}], 7)).toThrow(InvalidRegistrationError)
})

it('S012-17: what a proxy serves, with what the price file and the names say, each as what it is', () => {
  const served = modelsFromLiteLLM({ data: [{ id: 'openai/mini', owned_by: 'openai' }] })
  const prices = modelsFromLiteLLMPrices({
    mini: { litellm_provider: 'openai', max_input_tokens: 128_000, input_cost_per_token: 1.5e-7 },
  })
  const models = new ModelCatalog({ now: () => 1 })
  models.update(served, { kind: 'declared', source: 'litellm' })
  models.update(modelsFromCatalogue(served, prices), { kind: 'catalogue', source: 'prices' })
  models.update(modelsFromNames(served), { kind: 'inferred', source: 'names' })
  expect(models.list()).toMatchObject([
    {
      id: 'openai/mini',
      provider: 'openai',
      capabilities: ['chat', 'text_generation'],
      contextLength: 128_000,
      costPer1k: { input: 0.00015 },
      provenance: {
        contextLength: { kind: 'catalogue' },
        'capabilities.chat': { kind: 'inferred' },
      },
    },
  ])
})
