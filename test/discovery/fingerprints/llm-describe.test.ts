import { describe, expect, it } from 'vitest'
import type { Description } from '../../../src/discovery/scan/fingerprint.js'
import type { BackendKind, FakeBackendOptions } from '../../../src/testing/index.js'
import { fake, fingerprintOf, questions } from './ask.js'

async function described(kind: BackendKind, options?: FakeBackendOptions): Promise<Description> {
  const { url } = await fake(kind, options)
  return fingerprintOf(kind).describe(questions(url))
}

const yes = { text_generation: true, chat: true }

describe('what each program says of itself', () => {
  it('koboldcpp: its own version, the model with its context, and the model for pictures', async () => {
    expect(await described('koboldcpp')).toEqual({
      version: '1.99',
      models: [
        {
          id: 'koboldcpp/Marsh-Heron-12B',
          provider: 'koboldcpp',
          capabilities: { ...yes, vision: true, audio_input: false },
          contextLength: 16_384,
          maxOutputTokens: 512,
        },
        { id: 'heron', provider: 'koboldcpp', capabilities: ['image_generation'] },
      ],
      capabilities: ['text_generation', 'chat', 'image_generation', 'vision', 'speech_to_text'],
      limits: { contextLength: 16_384, maxOutputTokens: 512 },
      metadata: { protected: false },
    })
  })

  it('koboldcpp: an older one has always a language model; no model, or a hidden one, is none', async () => {
    expect((await described('koboldcpp', { variant: 'old' })).capabilities).toEqual([
      'text_generation',
      'chat',
    ])
    expect((await described('koboldcpp', { variant: 'protected' })).models).toEqual([])
    expect((await described('koboldcpp', { variant: 'protected' })).metadata).toEqual({
      protected: true,
    })
    const { models } = await described('koboldcpp', { variant: 'empty' })
    expect(models?.map(({ id }) => id)).toEqual(['heron'])
  })

  it('localai: what each model can do, or, from older ones, that there are models', async () => {
    const { models, version } = await described('localai')
    expect(version).toBe('v4.1.0')
    expect(models).toMatchObject([
      { id: 'otter-7b', provider: 'localai', capabilities: { chat: true, function_calling: true } },
      { id: 'otter-ears', capabilities: { speech_to_text: true } },
    ])
    const old = await described('localai', { variant: 'old' })
    expect(old.models?.map(({ id }) => id)).toEqual(['otter-7b', 'otter-ears'])
  })

  it('litellm: groups first, then what one deployment adds; patterns are no models', async () => {
    const { models, version } = await described('litellm')
    expect(version).toBe('1.90.2')
    expect(models).toEqual([
      expect.objectContaining({
        id: 'kingfisher',
        provider: 'litellm',
        contextLength: 100_000,
        costPer1k: { input: 0.002, output: 0.008, cached: undefined },
        capabilities: { ...yes, vision: true, function_calling: true, structured_output: true },
      }),
      expect.objectContaining({ id: 'kingfisher-embed', capabilities: { embeddings: true } }),
      expect.objectContaining({
        id: 'heron-local',
        provider: 'litellm',
        costPer1k: { input: 0, output: 0, cached: undefined },
      }),
    ])
  })

  it('litellm: an older one says its version to everybody', async () => {
    const { models, version } = await described('litellm', { variant: 'old' })
    expect(version).toBe('1.40.1')
    expect(models?.[0]).toMatchObject({ id: 'kingfisher', contextLength: 64_000 })
  })

  it('litellm: a wrong key without a database is a wrong key', async () => {
    expect(await described('litellm', { variant: 'wrong-key' })).toMatchObject({
      needsCredentials: true,
    })
  })

  it('litellm: it answers, and its database does not', async () => {
    const routes = { 'GET /health/readiness': { status: 503, json: { detail: 'db' } } }
    expect((await described('litellm', { routes })).health).toBe('degraded')
  })

  it('llamacpp: what its only model can do is in its properties', async () => {
    expect(await described('llamacpp')).toEqual({
      version: 'b9500-0123456',
      models: [
        expect.objectContaining({
          id: 'Plover-4B-Q5_K_M.gguf',
          provider: 'llamacpp',
          contextLength: 12_288,
          capabilities: {
            ...yes,
            structured_output: true,
            vision: true,
            audio_input: false,
            function_calling: true,
          },
        }),
      ],
      limits: { contextLength: 12_288, slots: 2 },
    })
  })

  it('llamacpp: with several models its properties are about none of them', async () => {
    const { models } = await described('llamacpp', { variant: 'router' })
    expect(models?.map(({ id, capabilities }) => [id, capabilities])).toEqual([
      ['plover:Q4', { ...yes, structured_output: true }],
      ['avocet:Q8', { ...yes, structured_output: true }],
    ])
  })

  it('lmstudio: what a model is loaded with is its context', async () => {
    expect((await described('lmstudio')).models).toMatchObject([
      {
        id: 'fens/curlew-vl-3b',
        provider: 'lmstudio',
        contextLength: 6_144,
        capabilities: { ...yes, structured_output: true, vision: true, function_calling: false },
      },
      { id: 'text-embedding-curlew', capabilities: { embeddings: true } },
    ])
    const old = await described('lmstudio', { variant: 'old' })
    expect(old.models?.[0]).toMatchObject({ id: 'curlew-vl-3b', contextLength: 20_480 })
  })

  it('sglang: what it was started with', async () => {
    const { limits, models, version } = await described('sglang')
    expect(version).toBe('0.5.4')
    expect(limits).toEqual({ totalTokens: 90_000 })
    expect(models).toMatchObject([
      {
        id: 'fens/Sandpiper-9B',
        provider: 'sglang',
        contextLength: 24_576,
        capabilities: {
          ...yes,
          embeddings: false,
          function_calling: true,
          structured_output: true,
        },
      },
    ])
    expect(models?.[0]?.capabilities).not.toHaveProperty('reasoning')
  })

  it('sglang: newer names of its paths, and models that only embed', async () => {
    const { models } = await described('sglang', { variant: 'new' })
    expect(models?.[0]?.capabilities).toMatchObject({ vision: true })
    const embedding = await described('sglang', { variant: 'embedding' })
    expect(embedding.models?.[0]?.capabilities).toMatchObject({
      embeddings: true,
      text_generation: false,
    })
  })

  it('tgi and tei: the one model', async () => {
    expect(await described('tgi')).toMatchObject({
      version: '3.2.1',
      models: [{ id: 'fens/Bittern-7B-Instruct', provider: 'tgi', contextLength: 7_000 }],
      limits: { contextLength: 7_000, maxInputTokens: 6_000, concurrentRequests: 64 },
    })
    expect(await described('tei')).toMatchObject({
      version: '1.7.0',
      models: [{ id: 'fens/snipe-small', provider: 'tei', capabilities: { embeddings: true } }],
    })
    const { models } = await described('tei', { variant: 'reranker' })
    expect(models?.[0]?.capabilities).toEqual({ rerank: true, embeddings: false })
  })

  it('xinference: what runs, of all sorts', async () => {
    const { models, version } = await described('xinference')
    expect(version).toBe('3.1.0')
    expect(models).toMatchObject([
      { id: 'dunlin', contextLength: 18_432, capabilities: { chat: true, function_calling: true } },
      { id: 'dunlin-paint', capabilities: { image_generation: true } },
      { id: 'dunlin-ears', capabilities: { speech_to_text: true } },
    ])
  })

  it('ollama: what older versions say of each model alone, and what is loaded now', async () => {
    expect(await described('ollama')).toMatchObject({
      version: '0.12.3',
      models: [
        {
          id: 'redshank:latest',
          provider: 'ollama',
          contextLength: 8_192,
          costPer1k: { input: 0, output: 0 },
          capabilities: { ...yes, function_calling: true, structured_output: true },
        },
        { id: 'knot-embed:v1', contextLength: 2_048, capabilities: { embeddings: true } },
      ],
    })
  })

  it('ollama: newer versions are not asked about each model; what runs elsewhere is named', async () => {
    const { url, requests } = await fake('ollama', { variant: 'new' })
    const { metadata, models } = await fingerprintOf('ollama').describe(questions(url))
    expect(requests.filter((one) => one.startsWith('POST'))).toEqual([])
    expect(metadata).toEqual({ remoteModels: ['redshank:cloud'] })
    expect(models?.[1]).toMatchObject({ contextLength: 131_072, costPer1k: undefined })
  })

  it('ollama: no more than 50 models are asked about', async () => {
    const rows = Array.from({ length: 80 }, (_, at) => ({
      model: `many:${at}`,
      size: 1,
      digest: 'd4'.repeat(32),
    }))
    const routes = { 'GET /api/tags': { json: { models: rows } } }
    const { url, requests } = await fake('ollama', { routes })
    const { models } = await fingerprintOf('ollama').describe(questions(url))
    expect(requests.filter((one) => one === 'POST /api/show')).toHaveLength(50)
    expect(models).toHaveLength(80)
  })

  it('vllm: its paths say what it can do, and an adapter takes what its model takes', async () => {
    const { models, version } = await described('vllm')
    expect(version).toBe('0.12.1')
    expect(models).toMatchObject([
      {
        id: 'fens/Godwit-14B',
        provider: 'vllm',
        contextLength: 28_672,
        capabilities: { ...yes, structured_output: true, embeddings: false, rerank: false },
      },
      { id: 'godwit-law', contextLength: 28_672 },
    ])
    const embedding = await described('vllm', { variant: 'embedding' })
    expect(embedding.models?.[0]?.capabilities).toMatchObject({ embeddings: true, chat: false })
  })

  it('vllm: without its paths, what it can do is unknown', async () => {
    const { capabilities, models } = await described('vllm', { variant: 'undocumented' })
    expect(models?.[0]?.capabilities).toEqual({})
    // Of the provider it is taken from names, or no call would ever go there.
    expect(capabilities).toEqual(['text_generation', 'chat'])
  })

  it('text-generation-webui: what is loaded, and with what', async () => {
    expect(await described('text-generation-webui')).toMatchObject({
      models: [{ id: 'Lapwing-8B-Q6_K.gguf', capabilities: yes }],
      metadata: { loader: 'llama.cpp' },
    })
  })

  it('portkey: nothing of its own', async () => {
    expect(await described('portkey')).toEqual({})
  })

  it('whispercpp and speaches: hear, and speak', async () => {
    expect((await described('whispercpp')).capabilities).toEqual(['speech_to_text'])
    expect(await described('speaches')).toMatchObject({
      version: '0.9.1',
      models: [
        { id: 'fens/wren-ears', provider: 'speaches', capabilities: { speech_to_text: true } },
        { id: 'fens/wren-voice', capabilities: { text_to_speech: true } },
      ],
    })
  })

  it('openai-compatible: where its paths begin, and whose it is', async () => {
    expect(await described('openai-compatible')).toMatchObject({
      models: [{ id: 'dotterel-1b', provider: 'openai-compatible', capabilities: {} }],
      metadata: { basePath: '/v1' },
    })
    expect(await described('openai-compatible', { variant: 'lmdeploy' })).toMatchObject({
      metadata: { basePath: '/v1', vendor: 'lmdeploy' },
    })
    expect(await described('openai-compatible', { variant: 'docker-model-runner' })).toMatchObject({
      models: [{ id: 'ai/dotterel:1b' }],
      metadata: { basePath: '/engines/v1' },
    })
  })

  it('a proxy that hides what gives LiteLLM away is named by how it lists its models', async () => {
    const { url } = await fake('litellm', { variant: 'fronted' })
    const { metadata } = await fingerprintOf('openai-compatible').describe(questions(url))
    expect(metadata).toEqual({ basePath: '/v1', vendor: 'litellm' })
  })
})

describe('what is still on its way', () => {
  it.each([
    ['llamacpp', 'loading'],
    ['localai', 'loading'],
    ['whispercpp', 'loading'],
  ] as const)('%s says that it loads', async (kind, health) => {
    const { url } = await fake(kind, { variant: 'loading' })
    expect(await fingerprintOf(kind).recognise(questions(url))).toMatchObject({ health })
  })

  it('litellm says that it stops', async () => {
    const { url } = await fake('litellm', { variant: 'stopping' })
    expect(await fingerprintOf('litellm').recognise(questions(url))).toMatchObject({
      health: 'unhealthy',
    })
  })
})

it('of more than 10,000 models the rest is left out', async () => {
  const data = Array.from({ length: 12_000 }, (_, at) => ({ id: `m${at}`, owned_by: 'vllm' }))
  const routes = { 'GET /v1/models': { json: { object: 'list', data } } }
  expect((await described('vllm', { routes })).models).toHaveLength(10_000)
})
