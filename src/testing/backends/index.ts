import { koboldcpp } from './koboldcpp.js'
import { litellm } from './litellm.js'
import { llamacpp } from './llamacpp.js'
import { lmstudio } from './lmstudio.js'
import { localai } from './localai.js'
import { ollama } from './ollama.js'
import { openaiCompatible } from './openai-compatible.js'
import { portkey } from './portkey.js'
import type { Backend } from './route.js'
import { sglang } from './sglang.js'
import { speaches } from './speaches.js'
import { tei } from './tei.js'
import { textGenerationWebui } from './text-generation-webui.js'
import { tgi } from './tgi.js'
import { vllm } from './vllm.js'
import { whispercpp } from './whispercpp.js'
import { xinference } from './xinference.js'

/** How the known programs answer, by kind. */
export const backends = Object.freeze({
  koboldcpp,
  litellm,
  llamacpp,
  lmstudio,
  localai,
  ollama,
  'openai-compatible': openaiCompatible,
  portkey,
  sglang,
  speaches,
  tei,
  'text-generation-webui': textGenerationWebui,
  tgi,
  vllm,
  whispercpp,
  xinference,
}) satisfies Readonly<Record<string, Backend>>

export type BackendKind = keyof typeof backends
