import type { Fingerprint } from '../scan/fingerprint.js'
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

/**
 * All programs that are known, in the order in which they are looked for: who imitates others comes before those it
 * imitates, the particular before the general.
 */
export const fingerprints: readonly Fingerprint[] = Object.freeze([
  // Imitate Ollama, ComfyUI, AUTOMATIC1111 and OpenAI.
  koboldcpp,
  localai,
  comfyui,
  // Has a /health that costs money, so nobody after it meets it.
  litellm,
  llamacpp,
  lmstudio,
  sglang,
  tgi,
  tei,
  xinference,
  ollama,
  vllm,
  textGenerationWebui,
  portkey,
  whispercpp,
  // Has a page made with Gradio, so it comes before that.
  speaches,
  // Made with Gradio, the particular before any.
  wan2gp,
  rvc,
  audioldm,
  fooocus,
  automatic1111,
  gradio,
  a2a,
  // Whatever speaks OpenAI's protocol.
  openaiCompatible,
  // Asks by POST, so nothing else may be left that it could ask.
  mcp,
])
