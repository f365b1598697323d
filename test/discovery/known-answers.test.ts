/* The importers and patterns on the answers of real programs, where the facts about them are at hand. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ModelCatalog } from '../../src/catalog/model-catalog.js'
import {
  modelsFromAnthropic,
  modelsFromGemini,
  modelsFromLiteLLM,
  modelsFromLiteLLMPrices,
  modelsFromModelsDev,
  modelsFromOllama,
  modelsFromOpenAI,
  modelsFromOpenRouter,
} from '../../src/discovery/index.js'
import { readHealthAnswer } from '../../src/model/health-answer.js'
import type { ModelInput } from '../../src/model/llm-model.js'
import { wants } from '../house/needs.js'
import { root } from '../house/sources.js'

interface System {
  readonly system: string
  readonly sampleResponses: Readonly<Record<string, unknown>>
}

const file = join(root, '../shared/facts/backends.json')
const systems: readonly System[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []

const missing = `${file}, the answers of real programs, is not here`

const sample = (system: string, path: string): unknown =>
  systems.find((one) => one.system === system)?.sampleResponses[path]

/** What each answer must give: of each model, what matters. */
const expected: readonly (readonly [
  system: string,
  path: string,
  importer: (body: unknown) => readonly ModelInput[],
  ...models: readonly object[],
])[] = [
  [
    'litellm',
    '/v1/models',
    modelsFromLiteLLM,
    { id: 'gpt-4o-mini', provider: 'litellm' },
    { id: 'text-embedding-3-small' },
  ],
  [
    'litellm',
    '/v1/models#2026',
    modelsFromLiteLLM,
    { contextLength: 128_000, maxOutputTokens: 16_384 },
  ],
  [
    'litellm',
    '/v1/model/info',
    modelsFromLiteLLM,
    {
      provider: 'openai',
      costPer1k: { input: 0.00015, output: 0.0006, cached: 0.000075 },
      contextLength: 128_000,
    },
    {
      id: 'local-llama',
      provider: 'ollama',
      costPer1k: { input: 0, output: 0 },
      contextLength: undefined,
    },
  ],
  [
    'litellm',
    '/model_group/info',
    modelsFromLiteLLM,
    { id: 'gpt-4o-mini', provider: 'openai', contextLength: 128_000 },
  ],
  [
    'litellm-model-cost-map',
    '(file)',
    modelsFromLiteLLMPrices,
    { id: 'dall-e-2', capabilities: { image_generation: true } },
    {
      id: 'amazon.nova-lite-v1:0',
      provider: 'bedrock_converse',
      costPer1k: { input: 0.00006, output: 0.00024 },
    },
  ],
  [
    'openrouter',
    '/api/v1/models',
    modelsFromOpenRouter,
    { id: 'openai/gpt-4o-mini', costPer1k: { input: 0.00015, output: 0.0006, cached: 0.000075 } },
    { id: 'openrouter/auto', costPer1k: undefined, contextLength: 2_000_000 },
  ],
  [
    'models.dev',
    '/api.json',
    modelsFromModelsDev,
    {
      id: 'gpt-5',
      provider: 'openai',
      costPer1k: { input: 0.00125, output: 0.01, cached: 0.000125 },
    },
  ],
  [
    'openai',
    '/v1/models',
    modelsFromOpenAI,
    { provider: 'openai' },
    { provider: 'openai' },
    { id: 'whisper-1' },
  ],
  ['openai-compatible', '/v1/models', modelsFromOpenAI, { id: 'm', provider: 'openai-compatible' }],
  [
    'vllm',
    '/v1/models',
    modelsFromOpenAI,
    { provider: 'vllm', contextLength: 32_768 },
    { id: 'sql-lora', contextLength: undefined },
  ],
  ['llamacpp', '/v1/models', modelsFromOpenAI, { provider: 'llamacpp', contextLength: 8_192 }],
  ['llamacpp', '/v1/models#router', modelsFromOpenAI, { provider: 'llamacpp' }],
  [
    'lmstudio',
    '/api/v0/models',
    modelsFromOpenAI,
    { capabilities: { text_generation: true, chat: true, vision: true } },
    { capabilities: { embeddings: true } },
  ],
  [
    'lmstudio',
    '/api/v1/models',
    modelsFromOpenAI,
    { id: 'google/gemma-4-26b-a4b', contextLength: 4_096, name: 'Gemma 4 26B A4B' },
    { capabilities: { embeddings: true } },
  ],
  ['localai', '/v1/models', modelsFromOpenAI, { id: 'qwen3-8b' }, { id: 'whisper-1' }],
  [
    'localai',
    '/v1/models/capabilities',
    modelsFromOpenAI,
    { id: 'qwen3-8b' },
    { outputModalities: ['text'] },
  ],
  ['sglang', '/v1/models', modelsFromOpenAI, { provider: 'sglang', contextLength: 32_768 }],
  ['tgi', '/v1/models', modelsFromOpenAI, { provider: 'tgi' }],
  ['koboldcpp', '/v1/models', modelsFromOpenAI, { provider: 'koboldcpp' }],
  [
    'speaches',
    '/v1/models',
    modelsFromOpenAI,
    { capabilities: { speech_to_text: true } },
    { capabilities: { text_to_speech: true } },
  ],
  [
    'xinference',
    '/v1/models',
    modelsFromOpenAI,
    {
      provider: 'xinference',
      contextLength: 40_960,
      capabilities: { text_generation: true, chat: true, reasoning: true, function_calling: true },
    },
    { capabilities: { image_generation: true } },
    { capabilities: { speech_to_text: true } },
  ],
  ['ollama', '/v1/models', modelsFromOpenAI, { id: 'llama3.2:latest', provider: 'ollama' }],
  ['ollama', '/api/tags', modelsFromOllama, { id: 'llama3.2:latest', aliases: ['llama3.2'] }],
  ['ollama', '/api/tags#>=0.30', modelsFromOllama, { contextLength: 40_960 }],
  ['ollama', '/api/ps', modelsFromOllama, { contextLength: 4_096 }],
  [
    'anthropic',
    '/v1/models',
    modelsFromAnthropic,
    { contextLength: 200_000, maxOutputTokens: 64_000 },
    { contextLength: undefined },
  ],
  [
    'gemini',
    '/v1beta/models',
    modelsFromGemini,
    { id: 'gemini-2.5-flash' },
    { capabilities: { embeddings: true } },
    { capabilities: { image_generation: true } },
    { capabilities: { video_generation: true } },
  ],
]

describe('lists of models', () => {
  it.for(expected)('%s %s', ([system, path, importer, ...models], context) => {
    wants(context, systems.length > 0, missing)
    const found = importer(sample(system, path))
    expect(found).toHaveLength(models.length)
    for (const [index, model] of models.entries()) expect(found[index]).toMatchObject(model)
    const by = { kind: 'probed', source: system } as const
    const catalog = new ModelCatalog({ now: () => 1 })
    expect(catalog.update(found, by).added).toHaveLength(models.length)
  })
})

it('reads every health answer of the story', (context) => {
  wants(context, systems.length > 0, missing)
  const answers = systems.flatMap(({ sampleResponses }) =>
    Object.entries(sampleResponses).filter(([path]) => path.endsWith('#seed-contract')),
  )
  expect(answers.length).toBeGreaterThanOrEqual(4)
  for (const [path, body] of answers) {
    const answer = readHealthAnswer(body, () => false)
    expect(answer, path).toMatchObject({
      status: 'healthy',
      version: '1.0.0',
      apiVersion: '1.0',
      ignored: [],
    })
    expect(answer.capabilities?.length, path).toBeGreaterThan(0)
    expect(answer.models?.length, path).toBeGreaterThan(0)
  }
})
