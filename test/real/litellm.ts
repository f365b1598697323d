import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pythonBin } from './python.js'
import { answers, type RealServer, startServer } from './server.js'

/** What `startLiteLLM` serves. No model is behind them, and no call leaves the machine. */
export const litellmModels = [
  {
    model_name: 'mock-chat',
    litellm_params: { model: 'openai/mock-chat', api_key: 'none', mock_response: 'Mocked.' },
    model_info: {
      mode: 'chat',
      max_input_tokens: 8192,
      max_output_tokens: 1024,
      input_cost_per_token: 0.000001,
      output_cost_per_token: 0.000002,
      supports_function_calling: true,
    },
  },
  {
    model_name: 'mock-embedding',
    litellm_params: { model: 'openai/mock-embedding', api_key: 'none', mock_response: [0.25, 0.5] },
    model_info: { mode: 'embedding', max_input_tokens: 512, input_cost_per_token: 0.0000001 },
  },
] as const

/**
 * A real LiteLLM proxy, on 127.0.0.1 only, with a chat and an embedding model. With a key (`sk-...`) it
 * asks everybody for it. Starting takes ten seconds and more. Call `needsPython(context, 'litellm')` before.
 */
export function startLiteLLM(options: { readonly key?: string } = {}): Promise<RealServer> {
  return startServer({
    name: 'LiteLLM',
    command: pythonBin('litellm', 'litellm'),
    args: (port, folder) => {
      const config = join(folder, 'config.yaml')
      writeFileSync(config, JSON.stringify(configOf(options.key)))
      return ['--config', config, '--host', '127.0.0.1', '--port', String(port)]
    },
    env: () => ({
      LITELLM_LOCAL_MODEL_COST_MAP: 'True',
      LITELLM_LOCAL_BLOG_POSTS: 'True',
      LITELLM_TELEMETRY: 'False',
      // Without it, LiteLLM of 2026 starts with no key only for who says that they mean it.
      LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: 'true',
    }),
    isReady: answers('/health/liveliness'),
  })
}

/** JSON is YAML. */
const configOf = (key: string | undefined): object => ({
  model_list: litellmModels,
  litellm_settings: { telemetry: false },
  ...(key !== undefined && { general_settings: { master_key: key } }),
})
