export { type KnownBackend, knownBackends } from './known-backends.js'
export { modelsFromAnthropic } from './models/anthropic.js'
export { modelsFromCatalogue, modelsFromNames } from './models/complete.js'
export { modelsFromGemini } from './models/gemini.js'
export {
  type LiteLLMOptions,
  modelsFromLiteLLM,
  modelsFromLiteLLMPrices,
} from './models/litellm.js'
export { modelsFromModelsDev } from './models/models-dev.js'
export { modelsFromOllama } from './models/ollama.js'
export { modelsFromOpenAI, type OpenAIOptions } from './models/openai.js'
export { modelsFromOpenRouter } from './models/openrouter.js'
export type { Source, View } from './source.js'
export { type StaticFileOptions, staticFile } from './static-file.js'
