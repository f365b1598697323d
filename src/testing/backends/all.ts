import { a2a } from './a2a.js'
import { audioldm } from './audioldm.js'
import { automatic1111 } from './automatic1111.js'
import { comfyui } from './comfyui.js'
import { fooocus } from './fooocus.js'
import { gradio } from './gradio.js'
import { koboldcpp } from './koboldcpp.js'
import { litellm } from './litellm.js'
import { llamacpp } from './llamacpp.js'
import { lmstudio } from './lmstudio.js'
import { localai } from './localai.js'
import { mcp } from './mcp.js'
import { ollama } from './ollama.js'
import { openaiCompatible } from './openai-compatible.js'
import { portkey } from './portkey.js'
import type { Backend } from './route.js'
import { rvc } from './rvc.js'
import { sglang } from './sglang.js'
import { speaches } from './speaches.js'
import { tei } from './tei.js'
import { textGenerationWebui } from './text-generation-webui.js'
import { tgi } from './tgi.js'
import { vllm } from './vllm.js'
import { wan2gp } from './wan2gp.js'
import { whispercpp } from './whispercpp.js'
import { xinference } from './xinference.js'

/** How the known programs answer, by kind. */
export const backends: Readonly<Record<BackendKind, Backend>> = Object.freeze({
  a2a,
  audioldm,
  automatic1111,
  comfyui,
  fooocus,
  gradio,
  koboldcpp,
  litellm,
  llamacpp,
  lmstudio,
  localai,
  mcp,
  ollama,
  'openai-compatible': openaiCompatible,
  portkey,
  rvc,
  sglang,
  speaches,
  tei,
  'text-generation-webui': textGenerationWebui,
  tgi,
  vllm,
  wan2gp,
  whispercpp,
  xinference,
})

export type BackendKind =
  | 'a2a'
  | 'audioldm'
  | 'automatic1111'
  | 'comfyui'
  | 'fooocus'
  | 'gradio'
  | 'koboldcpp'
  | 'litellm'
  | 'llamacpp'
  | 'lmstudio'
  | 'localai'
  | 'mcp'
  | 'ollama'
  | 'openai-compatible'
  | 'portkey'
  | 'rvc'
  | 'sglang'
  | 'speaches'
  | 'tei'
  | 'text-generation-webui'
  | 'tgi'
  | 'vllm'
  | 'wan2gp'
  | 'whispercpp'
  | 'xinference'
