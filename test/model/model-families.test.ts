import { describe, expect, it } from 'vitest'
import { capabilitiesOfModel, modelsFor } from '../../src/model/model-families.js'

/** Every model that the documents and the recorded answers name, by what it is for. */
const named: Readonly<Record<string, readonly string[]>> = {
  image_generation: [
    'sd-xl',
    'sd-1.5',
    'flux-dev',
    'flux1-dev.safetensors',
    'sd_xl_base_1.0.safetensors',
    'v1-5-pruned-emaonly-fp16.safetensors',
    'v1-5-pruned-emaonly',
    'sdxl',
    'sdxl-turbo',
    '1024-x-1024/dall-e-2',
    'imagen-4.0-generate-001',
    'gpt-image-1',
    // families of Wan2GP
    'flux',
    'flux2',
    'qwen',
    'qwen-image',
    'z_image',
    'hidream',
    'ideogram4',
    'krea2',
  ],
  video_generation: [
    'ltx-video',
    'ltx-video-2b-v0.9.5.safetensors',
    'cogvideo',
    'cog-video',
    'cogvideox-5b',
    'causvid',
    'hunyuan-video',
    'wan2.2_ti2v_5B_fp16.safetensors',
    'veo-3.0-generate-001',
    'sora-2',
    'mochi-1-preview',
    'cosmos-predict2',
    'svd_xt',
    // of Wan2GP
    't2v_2_2',
    'ti2v_2_2',
    'ltxv_13B',
    'hunyuan',
    'hunyuan_1_5',
    'wan',
    'wan2_2',
    'ltxv',
    'ltx2',
    'longcat',
    'magi_human',
    'minimax_h3',
  ],
  audio_generation: [
    'audioldm-l',
    'audioldm-s-full',
    'audioldm-l-full',
    'audioldm-s-full-v2',
    'audioldm-m-text-ft',
    'audioldm-s-text-ft',
    'audioldm-m-full',
    'audioldm_48k',
    'audioldm_crossattn_flant5',
    'audioldm2-full',
    'musicgen-large',
    'stable-audio-open-1.0',
    'ace_step_v1_3.5b.safetensors',
    'music',
  ],
  voice_cloning: ['rvc-v2', 'rvc'],
  text_to_speech: ['tts', 'tts-1', 'speaches-ai/Kokoro-82M-v1.0-ONNX', 'gemini-2.5-flash-tts'],
  speech_to_text: ['whisper-1', 'whisper', 'whisper-large-v3', 'Systran/faster-whisper-small'],
  embeddings: [
    'text-embedding-3-small',
    'text-embedding-nomic-embed-text-v1.5',
    'text-embedding-nomic-embed-text-v1.5-embedding',
    'gemini-embedding-001',
    'qwen3-embedding',
    'bge-m3',
  ],
  rerank: ['bge-reranker-v2-m3'],
  moderation: ['omni-moderation-latest'],
  upscale: ['RealESRGAN_x4plus.pth'],
  chat: [
    'gpt-4o-mini',
    'openai/gpt-4o-mini',
    'gpt-5',
    'local-llama',
    'ollama/llama3.2',
    'llama3.2:latest',
    'amazon.nova-lite-v1:0',
    'qwen3:8b',
    'qwen3',
    'qwen3-8b',
    'qwen2-vl-7b-instruct',
    'Qwen/Qwen2.5-7B-Instruct',
    'Qwen3-8B-Q4_K_M.gguf',
    'ggml-org/gemma-3-4b-it-GGUF:Q4_K_M',
    'google/gemma-4-26b-a4b',
    'meta-llama/Llama-3.1-8B-Instruct',
    'koboldcpp/Tiefighter-13B',
    'claude-sonnet-4-5-20250929',
    'claude-3-haiku-20240307',
    'gemini-2.5-flash',
  ],
}

describe('the name of a model', () => {
  it.each(
    Object.entries(named).flatMap(([capability, models]) =>
      models.map((model) => [model, capability]),
    ),
  )('%s is for %s', (model, capability) => {
    expect(capabilitiesOfModel(model)).toContain(capability)
    const told = capabilitiesOfModel(model).filter((one) => one !== 'text_generation')
    // Of all names, one means a family of images here and of texts elsewhere.
    expect(told).toHaveLength(model === 'qwen' ? 2 : 1)
  })

  it('says nothing where it says nothing', () => {
    for (const name of [
      'kikiV1.pth',
      'mute_v2.pth',
      'new.safetensors',
      'm',
      'sql-lora',
      'auto',
      '',
    ])
      expect(capabilitiesOfModel(name)).toEqual([])
    expect(capabilitiesOfModel('constructor')).toEqual([])
    expect(capabilitiesOfModel('a'.repeat(1e6))).toEqual([])
    expect(Object.isFrozen(capabilitiesOfModel('flux'))).toBe(true)
  })

  it('is not taken in by look-alikes', () => {
    expect(capabilitiesOfModel('longcat-flash-chat')).toEqual(['text_generation', 'chat'])
    expect(capabilitiesOfModel('hunyuan-image-3')).toEqual(['image_generation'])
    expect(capabilitiesOfModel('stable-video-diffusion')).toEqual(['video_generation'])
    expect(capabilitiesOfModel('stable-audio-open')).toEqual(['audio_generation'])
    expect(capabilitiesOfModel('wander')).toEqual([])
    expect(capabilitiesOfModel('fluxcapacitor')).toEqual([])
  })
})

describe('the models of a provider', () => {
  const models = ['flux-dev', 'cogvideo', 'mystery', 'causvid']
  const video = { name: 'video_generation' }
  const image = { name: 'image_generation' }

  it('are those known to belong, then unknown ones, never those of something else', () => {
    const provider = { models, capabilities: [video, image] }
    expect(modelsFor(provider, 'video_generation')).toEqual(['cogvideo', 'causvid', 'mystery'])
    expect(modelsFor(provider, 'image_generation')).toEqual(['flux-dev', 'mystery'])
  })

  it('are none without the capability', () => {
    expect(modelsFor({ models, capabilities: [image] }, 'video_generation')).toEqual([])
    expect(modelsFor({ models, capabilities: [] }, 'chat')).toEqual([])
  })

  it('are all of them for a capability of which names say nothing', () => {
    const provider = { models, capabilities: [video, { name: 'quick_preview' }] }
    expect(modelsFor(provider, 'quick_preview')).toEqual(models)
  })

  it.each([
    [{ values: ['mine', 'cogvideo'] }],
    [{ type: 'array', items: { values: ['mine', 'cogvideo'] } }],
  ] as const)('are those that %j declares, and others of known families', (spec) => {
    const declared = { ...video, parameters: { models: spec } }
    const provider = { models, capabilities: [declared, image] }
    expect(modelsFor(provider, 'video_generation')).toEqual(['mine', 'cogvideo', 'causvid'])
    // What another capability declares is for that one.
    const all = { models: [...models, 'mine'], capabilities: [declared, image] }
    expect(modelsFor(all, 'image_generation')).toEqual(['flux-dev', 'mystery'])
  })

  it('of an RVC are its files of voices, whose names say nothing', () => {
    const voices = ['kikiV1.pth', 'mute_v2.pth']
    const rvc = { models: voices, capabilities: [{ name: 'voice_cloning' }] }
    expect(modelsFor(rvc, 'voice_cloning')).toEqual(voices)
  })

  it('come once, frozen, in spite of odd declarations', () => {
    const odd = { ...video, parameters: { models: { values: [7, 'a', 'a', null, ['b']] } } }
    const found = modelsFor({ models: ['a', 'a'], capabilities: [odd, odd] }, 'video_generation')
    expect(found).toEqual(['a', 'b'])
    expect(Object.isFrozen(found)).toBe(true)
  })
})
