export {
  type A2ABackend,
  type A2ACallOptions,
  type A2AEvent,
  type A2AMessage,
  type A2ATask,
  connectA2A,
} from './connect/a2a.js'
export {
  type BackendConnectOptions,
  type BackendProtocol,
  connectBackend,
} from './connect/backend.js'
export { type ComfyUIConnectOptions, connectComfyUI } from './connect/comfyui.js'
export type {
  ComfyUIBackend,
  ComfyUIBytes,
  ComfyUICallOptions,
  ComfyUIFile,
  ComfyUIGenerateOptions,
  ComfyUIProgress,
  ComfyUIQueue,
  ComfyUIResult,
} from './connect/comfyui-types.js'
export type { Connect, ConnectOptions, HeadersFor } from './connect/connect.js'
export {
  connectGradio,
  type GradioBackend,
  type GradioCallOptions,
  type GradioConnectOptions,
  type GradioEvent,
  type GradioPayload,
} from './connect/gradio.js'
export {
  connectHttp,
  type HttpAnswer,
  type HttpBackend,
  type HttpCallOptions,
  type HttpConnectOptions,
} from './connect/http.js'
export {
  connectMcp,
  type McpBackend,
  type McpCallOptions,
  type McpContent,
  type McpTool,
  type McpToolResult,
} from './connect/mcp.js'
export {
  connectOpenAI,
  type OpenAIClient,
  type OpenAIConnectOptions,
  type OpenAIRequestOptions,
} from './connect/openai.js'
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
