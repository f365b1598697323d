export type { TlsOptions } from '../core/connection.js'
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
export { modelsFromMistral } from './models/mistral.js'
export { modelsFromModelsDev } from './models/models-dev.js'
export { modelsFromOllama } from './models/ollama.js'
export { modelsFromOpenAI, type OpenAIOptions } from './models/openai.js'
export { modelsFromOpenRouter } from './models/openrouter.js'
export type { Asking, Reply, Step } from './scan/asking.js'
export { discover } from './scan/discover.js'
export { type Examination, type ExamineOptions, examine } from './scan/examine.js'
export type { Description, Fingerprint, Recognition } from './scan/fingerprint.js'
export type { BackendOptions, DiscoverOptions } from './scan/options.js'
export type {
  Found,
  Missing,
  Problem,
  Progress,
  ScanReport,
  Tried,
  Unknown,
} from './scan/report.js'
export { sightingOf } from './scan/sighting.js'
export type { Source, View } from './source.js'
export { type A2AOptions, a2a } from './sources/a2a.js'
export { type DnsSrvOptions, dnsSrv } from './sources/dns-srv.js'
export {
  anthropic,
  gemini,
  type HostedOptions,
  mistral,
  openAI,
  openRouter,
} from './sources/hosted.js'
export type { HttpRegistryOptions } from './sources/http-registry.js'
export type { KubernetesAccess } from './sources/kubernetes-access.js'
export { type LiteLLMSourceOptions, litellm } from './sources/litellm.js'
export { type LocalBackendsOptions, localBackends } from './sources/local-backends.js'
export type { LookUpOptions } from './sources/look-up.js'
export { type McpOptions, mcp } from './sources/mcp.js'
export { type OllamaOptions, ollama } from './sources/ollama.js'
export { type OpenAICompatibleOptions, openAICompatible } from './sources/openai-compatible.js'
export type { ProgramOptions } from './sources/program-at.js'
export type { ModelServerOptions } from './sources/served-at.js'
export { type StaticFileOptions, staticFile } from './static-file.js'
