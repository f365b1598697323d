import type { BackendKind } from '../../../src/testing/index.js'

/** The servers of language models, and of speech that is asked for in the same way. */
export const llmKinds = [
  'koboldcpp',
  'localai',
  'litellm',
  'llamacpp',
  'lmstudio',
  'sglang',
  'tgi',
  'tei',
  'xinference',
  'ollama',
  'vllm',
  'text-generation-webui',
  'portkey',
  'whispercpp',
  'speaches',
  'openai-compatible',
] as const satisfies readonly BackendKind[]
