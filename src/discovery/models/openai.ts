import { field, firstField, isObject, nameOf, namesOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import {
  abilitiesOf,
  abilitiesOfModalities,
  aliasesOf,
  flagsOf,
  fromRows,
  importing,
  listIn,
  tokens,
  type Vocabulary,
} from './rows.js'

/** What a list calls the tokens a model takes; the best first. */
const contexts = [
  'loaded_context_length',
  'max_model_len',
  'context_length',
  'max_context_length',
  'context_window',
  'max_input_tokens',
]
const outputs = ['max_output_tokens', 'max_completion_tokens']

/** Programs by what they write into `owned_by`. */
const owners: Readonly<Record<string, string>> = {
  vllm: 'vllm',
  sglang: 'sglang',
  llamacpp: 'llamacpp',
  koboldcpp: 'koboldcpp',
  xinference: 'xinference',
  organization_owner: 'lmstudio',
  library: 'ollama',
  user: 'text-generation-webui',
  humanity: 'gpt4all',
  pygmalionai: 'aphrodite',
  lmdeploy: 'lmdeploy',
  tensorrt_llm: 'tensorrt-llm',
  tabbyAPI: 'tabbyapi',
  openai: 'openai',
  'openai-internal': 'openai',
  system: 'openai',
}

const words: Vocabulary = {
  // LM Studio's type
  llm: ['text_generation', 'chat'],
  vlm: ['text_generation', 'chat', 'vision'],
  embedding: ['embeddings'],
  embeddings: ['embeddings'],
  tool_use: ['function_calling'],
  // Xinference's model_type and model_ability
  generate: ['text_generation'],
  reasoning: ['reasoning'],
  omni: ['vision', 'audio_input'],
  text2image: ['image_generation'],
  image2image: ['image_generation'],
  inpainting: ['image_generation'],
  audio2text: ['speech_to_text'],
  text2audio: ['text_to_speech'],
  text2audio_zero_shot: ['text_to_speech'],
  text2audio_voice_cloning: ['voice_cloning'],
  text2video: ['video_generation'],
  image2video: ['video_generation'],
  firstlastframe2video: ['video_generation'],
  // LocalAI's capabilities
  chat: ['chat', 'text_generation'],
  completion: ['text_generation'],
  rerank: ['rerank'],
  vision: ['vision'],
  tools: ['function_calling'],
  thinking: ['reasoning'],
  transcript: ['speech_to_text'],
  tts: ['text_to_speech'],
  sound_generation: ['audio_generation'],
  image: ['image_generation'],
  video: ['video_generation'],
  detection: ['object_detection'],
  vad: ['voice_activity_detection'],
  diarization: ['diarization'],
  ocr: ['ocr'],
  // llama.cpp's
  multimodal: ['vision'],
  // Speaches's task
  'automatic-speech-recognition': ['speech_to_text'],
  'text-to-speech': ['text_to_speech'],
  'speaker-diarization': ['diarization'],
  'voice-activity-detection': ['voice_activity_detection'],
}

/** LM Studio's newer list has flags. */
const flags = { vision: 'vision', trained_for_tool_use: 'function_calling' }

export interface OpenAIOptions {
  /** Who serves the models. Default: the program that `owned_by` gives away, else `openai-compatible`. */
  readonly provider?: string | undefined
}

/**
 * Models from an OpenAI-compatible `GET /v1/models`, with what vLLM, SGLang, llama.cpp, LM Studio,
 * LocalAI, Xinference, Speaches, Groq and others add to it. Most such lists say nothing of capabilities;
 * then they stay unknown. Suggested evidence: `probed`, when it is the program itself that answered.
 * Throws `InvalidRegistrationError` when the body is no such list.
 */
export function modelsFromOpenAI(
  body: unknown,
  { provider }: OpenAIOptions = {},
): readonly ModelInput[] {
  return importing("a list of models, { object: 'list', data: [{ id }] }", body, () => {
    const rows = listIn(body, 'data') ?? listIn(body, 'models')
    return rows && fromRows(rows, (row) => toModel(row, provider))
  })
}

function toModel(row: unknown, provider: string | undefined): ModelInput | undefined {
  const id = nameOf(field(row, 'id')) ?? nameOf(field(row, 'key'))
  if (id === undefined || id.includes('*') || !isObject(row)) return undefined
  const architecture = field(row, 'architecture')
  const modalities = (end: string): readonly string[] | undefined =>
    namesOf(field(row, end)) ?? namesOf(field(architecture, end))
  const input = modalities('input_modalities')
  const output = modalities('output_modalities')
  return {
    id,
    provider: provider ?? ownerOf(row, id),
    name: nameOf(firstField(row, ['display_name', 'name'])),
    capabilities: {
      ...abilitiesOfModalities(input, output),
      ...abilitiesOf(field(row, 'type'), words),
      ...abilitiesOf(field(row, 'task'), words),
      ...abilitiesOf(field(row, 'model_type'), words),
      ...abilitiesOf(field(row, 'model_ability'), words),
      ...ofCapabilities(field(row, 'capabilities')),
    },
    contextLength: tokens(
      field(row, 'meta', 'n_ctx'),
      ...loadedContexts(row),
      ...contexts.map((name) => field(row, name)),
    ),
    maxOutputTokens: tokens(...outputs.map((name) => field(row, name))),
    inputModalities: input,
    outputModalities: output,
    aliases: aliasesOf(id, ...(namesOf(field(row, 'aliases')) ?? [])),
  }
}

function ownerOf(row: unknown, id: string): string {
  const owner = field(row, 'owned_by')
  // Only Hugging Face's server calls the model its own owner.
  if (owner === id) return 'tgi'
  return typeof owner === 'string' && Object.hasOwn(owners, owner)
    ? (owners[owner] ?? fallback)
    : fallback
}

const fallback = 'openai-compatible'

function ofCapabilities(value: unknown): Readonly<Record<string, boolean>> {
  if (!isObject(value)) return abilitiesOf(value, words)
  return {
    ...flagsOf(value, flags),
    ...(isObject(field(value, 'reasoning')) && { reasoning: true }),
  }
}

/** What LM Studio loaded a model with is what it takes now. */
function loadedContexts(row: unknown): readonly unknown[] {
  const loaded = field(row, 'loaded_instances')
  if (!Array.isArray(loaded)) return []
  return loaded.slice(0, 1).map((one) => field(one, 'config', 'context_length'))
}
