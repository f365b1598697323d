import { describe, expect, it } from 'vitest'
import {
  modelsFromAnthropic,
  modelsFromGemini,
  modelsFromLiteLLM,
  modelsFromLiteLLMPrices,
  modelsFromModelsDev,
  modelsFromOllama,
  modelsFromOpenAI,
  modelsFromOpenRouter,
} from '../../../src/discovery/index.js'
import type { ModelInput } from '../../../src/model/llm-model.js'

/** Without what is undefined, and without empty costs. */
const plain = (models: readonly ModelInput[]): unknown => JSON.parse(JSON.stringify(models))

describe('LiteLLM proxy', () => {
  it('reads the list of models, whose owner is not the provider', () => {
    const body = {
      object: 'list',
      data: [
        { id: 'fast', object: 'model', created: 1_677_610_602, owned_by: 'openai' },
        { id: 'groq/llama-x', owned_by: 'openai', max_input_tokens: 9_000, max_output_tokens: 100 },
        { id: 'openai/*', owned_by: 'openai' },
        { id: '*' },
      ],
    }
    expect(plain(modelsFromLiteLLM(body))).toEqual([
      { id: 'fast', provider: 'litellm', capabilities: {} },
      {
        id: 'groq/llama-x',
        provider: 'groq',
        capabilities: {},
        contextLength: 9_000,
        maxOutputTokens: 100,
      },
    ])
    expect(modelsFromLiteLLM(body, { provider: 'gate' })[0]?.provider).toBe('gate')
  })

  it('reads deployments: exact prices, flags in three values, the real model as an alias', () => {
    const body = {
      data: [
        {
          model_name: 'fast',
          litellm_params: { model: 'openai/gpt-mini' },
          model_info: {
            mode: 'chat',
            litellm_provider: 'openai',
            max_tokens: 50,
            max_input_tokens: 1_000,
            max_output_tokens: 60,
            input_cost_per_token: 2.4e-7,
            output_cost_per_token: 6e-7,
            cache_read_input_token_cost: 7.5e-8,
            supports_vision: true,
            supports_reasoning: null,
            supports_function_calling: false,
          },
        },
        {
          model_name: 'home',
          litellm_params: { model: 'ollama/tiny' },
          model_info: {
            input_cost_per_token: 0,
            output_cost_per_token: 0,
            max_tokens: null,
            mode: null,
          },
        },
        { model_name: 'blank', model_info: { mode: 'something new' } },
        { model_name: 'all/*', litellm_params: { model: 'openai/*' } },
      ],
    }
    expect(plain(modelsFromLiteLLM(body))).toEqual([
      {
        id: 'fast',
        provider: 'openai',
        aliases: ['openai/gpt-mini'],
        capabilities: {
          text_generation: true,
          chat: true,
          vision: true,
          function_calling: false,
        },
        contextLength: 1_000,
        maxOutputTokens: 60,
        costPer1k: { input: 0.00024, output: 0.0006, cached: 0.000075 },
      },
      {
        id: 'home',
        provider: 'ollama',
        aliases: ['ollama/tiny'],
        capabilities: {},
        costPer1k: { input: 0, output: 0 },
      },
      { id: 'blank', provider: 'litellm', capabilities: {} },
    ])
  })

  it('reads groups, in which false means that nobody said so', () => {
    const body = {
      data: [
        {
          model_group: 'fast',
          providers: ['azure', 'openai'],
          mode: 'embedding',
          max_input_tokens: 128_000.0,
          input_cost_per_token: 1e-6,
          supports_vision: false,
          supports_web_search: true,
        },
      ],
    }
    expect(plain(modelsFromLiteLLM(body))).toEqual([
      {
        id: 'fast',
        provider: 'azure',
        capabilities: { embeddings: true, web_search: true },
        contextLength: 128_000,
        costPer1k: { input: 0.001 },
      },
    ])
  })
})

describe('the price file of LiteLLM', () => {
  it('reads models by provider, skips the sample, and takes numbers written as texts', () => {
    const body = {
      sample_spec: { litellm_provider: 'one of', max_tokens: 'LEGACY', mode: 'one of: chat' },
      mini: {
        litellm_provider: 'openai',
        mode: 'chat',
        max_tokens: '16384',
        input_cost_per_token: 1.5e-7,
        output_cost_per_token: 6e-7,
        tiered_pricing: [{ anything: true }],
      },
      'groq/small': {
        litellm_provider: 'groq',
        mode: 'completion',
        max_input_tokens: 0,
        supported_modalities: ['text'],
      },
      'hd/1024-x-1024/painter': {
        litellm_provider: 'openai',
        mode: 'image_generation',
        output_cost_per_pixel: 1,
      },
      '256-x-256/painter': { litellm_provider: 'openai', mode: 'image_generation' },
      'no-provider': { mode: 'chat' },
      'groq/*': { litellm_provider: 'groq' },
      odd: 'text',
    }
    expect(plain(modelsFromLiteLLMPrices(body))).toEqual([
      {
        id: 'mini',
        provider: 'openai',
        capabilities: { text_generation: true, chat: true },
        contextLength: 16_384,
        maxOutputTokens: 16_384,
        costPer1k: { input: 0.00015, output: 0.0006 },
      },
      {
        id: 'small',
        provider: 'groq',
        aliases: ['groq/small'],
        capabilities: {
          text_generation: true,
          vision: false,
          audio_input: false,
          video_input: false,
          pdf_input: false,
        },
        inputModalities: ['text'],
      },
      { id: 'painter', provider: 'openai', capabilities: { image_generation: true } },
      { id: 'painter', provider: 'openai', capabilities: { image_generation: true } },
    ])
  })
})

it('OpenRouter: prices as texts, "-1" unknown, modalities and parameters', () => {
  const body = {
    data: [
      {
        id: 'house/one',
        canonical_slug: 'house/one-2026',
        name: 'One',
        context_length: 128_000,
        architecture: { input_modalities: ['text', 'image', 'file'], output_modalities: ['text'] },
        pricing: {
          prompt: '0.00000015',
          completion: '0.0000006',
          input_cache_read: '0',
          request: '1',
        },
        top_provider: { context_length: 1, max_completion_tokens: 16_384 },
        supported_parameters: ['tools', 'structured_outputs', 'top_p'],
      },
      { id: 'auto', pricing: { prompt: '-1', completion: '-1' }, supported_parameters: [] },
      { name: 'no id' },
    ],
  }
  expect(plain(modelsFromOpenRouter(body))).toEqual([
    {
      id: 'house/one',
      provider: 'openrouter',
      name: 'One',
      aliases: ['house/one-2026'],
      capabilities: {
        text_generation: true,
        chat: true,
        vision: true,
        pdf_input: true,
        audio_input: false,
        video_input: false,
        function_calling: true,
        structured_output: true,
      },
      contextLength: 128_000,
      maxOutputTokens: 16_384,
      inputModalities: ['text', 'image', 'file'],
      outputModalities: ['text'],
      costPer1k: { input: 0.00015, output: 0.0006, cached: 0 },
    },
    { id: 'auto', provider: 'openrouter', capabilities: {} },
  ])
})

it('models.dev: prices per million, an absent flag is unknown', () => {
  const body = {
    house: {
      id: 'house',
      models: {
        one: {
          id: 'one',
          name: 'One',
          reasoning: false,
          tool_call: true,
          attachment: true,
          modalities: { input: ['text', 'pdf'], output: ['text', 'image'] },
          limit: { context: 400_000, output: 128_000 },
          cost: { input: 1.25, output: 10, cache_read: 0.125 },
        },
        two: { modalities: {}, limit: { context: 0 } },
      },
    },
    empty: { models: {} },
  }
  expect(plain(modelsFromModelsDev(body))).toEqual([
    {
      id: 'one',
      provider: 'house',
      name: 'One',
      capabilities: {
        text_generation: true,
        chat: true,
        image_generation: true,
        vision: false,
        audio_input: false,
        video_input: false,
        pdf_input: true,
        function_calling: true,
        reasoning: false,
        file_input: true,
      },
      contextLength: 400_000,
      maxOutputTokens: 128_000,
      inputModalities: ['text', 'pdf'],
      outputModalities: ['text', 'image'],
      costPer1k: { input: 0.00125, output: 0.01, cached: 0.000125 },
    },
    { id: 'two', provider: 'house', capabilities: {} },
  ])
})

describe('OpenAI-compatible lists', () => {
  const one = (row: object, provider?: string): ModelInput | undefined =>
    modelsFromOpenAI({ object: 'list', data: [row] }, { provider })[0]

  it.each<[object, number | undefined]>([
    [{ max_model_len: 32_768 }, 32_768],
    [{ meta: { n_ctx: 8_192, n_ctx_train: 40_960 } }, 8_192],
    [{ context_length: 5 }, 5],
    [{ max_context_length: 6 }, 6],
    [{ context_window: 7 }, 7],
    [{ max_input_tokens: 8 }, 8],
    [{ loaded_instances: [{ config: { context_length: 9 } }], max_context_length: 99 }, 9],
    [{ max_model_len: null }, undefined],
    [{}, undefined],
  ])('finds the context in %j', (row, wanted) => {
    expect(one({ id: 'm', ...row })?.contextLength).toBe(wanted)
  })

  it.each([
    ['vllm', 'vllm'],
    ['organization_owner', 'lmstudio'],
    ['library', 'ollama'],
    ['system', 'openai'],
    ['m', 'tgi'],
    ['somebody', 'openai-compatible'],
    ['constructor', 'openai-compatible'],
    [undefined, 'openai-compatible'],
  ])('takes %s for %s unless told who it is', (owned_by, wanted) => {
    expect(one({ id: 'm', owned_by })?.provider).toBe(wanted)
    expect(one({ id: 'm', owned_by }, 'mine')?.provider).toBe('mine')
  })

  it.each<[object, object]>([
    [{ type: 'vlm' }, { text_generation: true, chat: true, vision: true }],
    [{ type: 'embeddings' }, { embeddings: true }],
    [
      { type: 'llm', capabilities: { vision: false, trained_for_tool_use: true, reasoning: {} } },
      { text_generation: true, chat: true, vision: false, function_calling: true, reasoning: true },
    ],
    [
      { model_type: 'LLM', model_ability: ['chat', 'tools'] },
      { text_generation: true, chat: true, function_calling: true },
    ],
    [{ model_type: 'audio', model_ability: ['text2audio_voice_cloning'] }, { voice_cloning: true }],
    [{ capabilities: ['transcript'] }, { speech_to_text: true }],
    [{ task: 'text-to-speech' }, { text_to_speech: true }],
    [
      { architecture: { input_modalities: ['text', 'image'] } },
      { vision: true, audio_input: false, video_input: false, pdf_input: false },
    ],
    [{ capabilities: 'no list', type: 7, task: ['x'] }, {}],
  ])('reads what %j can do', (row, wanted) => {
    expect(one({ id: 'm', ...row })?.capabilities).toEqual(wanted)
  })

  it('reads a bare list, a list under models, and aliases', () => {
    expect(modelsFromOpenAI([{ id: 'm', aliases: ['n', 'm', 7] }])[0]?.aliases).toEqual(['n'])
    expect(modelsFromOpenAI({ models: [{ key: 'k', type: 'llm' }] })[0]?.id).toBe('k')
  })
})

it('Anthropic: null is unknown, a flag may be false', () => {
  const supported = (yes: boolean) => ({ supported: yes })
  const body = {
    data: [
      {
        type: 'model',
        id: 'c-5',
        display_name: 'C 5',
        max_input_tokens: 200_000,
        max_tokens: 64_000,
        capabilities: { image_input: supported(true), thinking: supported(false), batch: null },
      },
      { id: 'c-3', capabilities: null, max_tokens: null },
    ],
  }
  const always = { text_generation: true, chat: true, function_calling: true }
  expect(plain(modelsFromAnthropic(body))).toEqual([
    {
      id: 'c-5',
      provider: 'anthropic',
      name: 'C 5',
      capabilities: { ...always, vision: true, reasoning: false },
      contextLength: 200_000,
      maxOutputTokens: 64_000,
    },
    { id: 'c-3', provider: 'anthropic', capabilities: always },
  ])
})

it('Gemini: ids without the folder, capabilities by method, empty pages', () => {
  const body = {
    models: [
      {
        name: 'models/g-2',
        displayName: 'G 2',
        inputTokenLimit: 9,
        outputTokenLimit: 8,
        supportedGenerationMethods: ['generateContent', 'countTokens'],
        thinking: true,
      },
      { name: 'models/e-1', supportedGenerationMethods: ['embedContent'] },
      { name: 'models/' },
    ],
  }
  expect(plain(modelsFromGemini(body))).toEqual([
    {
      id: 'g-2',
      provider: 'gemini',
      name: 'G 2',
      aliases: ['models/g-2'],
      capabilities: { text_generation: true, chat: true, reasoning: true },
      contextLength: 9,
      maxOutputTokens: 8,
    },
    { id: 'e-1', provider: 'gemini', aliases: ['models/e-1'], capabilities: { embeddings: true } },
  ])
  expect(modelsFromGemini({ nextPageToken: '' })).toEqual([])
  expect(modelsFromGemini({})).toEqual([])
})

it('Ollama: local models cost nothing, remote ones are of unknown price', () => {
  const body = {
    models: [
      {
        name: 'tiny:latest',
        model: 'tiny:latest',
        details: { context_length: 40_960 },
        capabilities: ['completion', 'tools'],
      },
      { name: 'big:cloud', remote_host: 'https://ollama.com', context_length: 4_096 },
    ],
  }
  expect(plain(modelsFromOllama(body))).toEqual([
    {
      id: 'tiny:latest',
      provider: 'ollama',
      aliases: ['tiny'],
      capabilities: {
        text_generation: true,
        chat: true,
        structured_output: true,
        function_calling: true,
      },
      contextLength: 40_960,
      costPer1k: { input: 0, output: 0, cached: 0 },
    },
    { id: 'big:cloud', provider: 'ollama', capabilities: {}, contextLength: 4_096 },
  ])
})
