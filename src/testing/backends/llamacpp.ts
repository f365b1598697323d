import type { Answer, Backend } from './route.js'

const id = 'Plover-4B-Q5_K_M.gguf'

const loading: Answer = {
  status: 503,
  json: { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } },
  open: true,
}

/** llama.cpp's server. */
export const llamacpp: Backend = {
  headers: { Server: 'llama.cpp' },
  routes: {
    'GET /': {
      contentType: 'text/html',
      text: '<html><title>llama.cpp</title></html>',
      open: true,
    },
    'GET /health': { json: { status: 'ok' }, open: true },
    'GET /props': {
      json: {
        default_generation_settings: { n_ctx: 12_288, params: { temperature: 0.7 } },
        total_slots: 2,
        model_path: `/models/${id}`,
        modalities: { vision: true, audio: false },
        chat_template_caps: { supports_tools: true, supports_preserve_reasoning: false },
        build_info: 'b9500-0123456',
      },
    },
    'GET /v1/models': {
      json: {
        // Beside the list it has one like Ollama's, of nothing.
        models: [
          { name: id, model: id, size: '', digest: '', capabilities: ['completion', 'multimodal'] },
        ],
        object: 'list',
        data: [
          {
            id,
            object: 'model',
            created: 1,
            owned_by: 'llamacpp',
            meta: { n_ctx_train: 49_152, n_params: 4_000_000_000 },
          },
        ],
      },
    },
  },
  unknown: ({ path }) =>
    path === '/api/tags'
      ? { json: { models: [{ name: id, model: id, size: '', digest: '' }] } }
      : {
          status: 404,
          json: { error: { code: 404, message: 'File Not Found', type: 'not_found_error' } },
        },
  refused: {
    status: 401,
    json: { error: { code: 401, message: 'Invalid API Key', type: 'authentication_error' } },
  },
  variants: {
    loading: {
      routes: {
        'GET /': loading,
        'GET /health': loading,
        'GET /props': loading,
        'GET /v1/models': loading,
      },
      unknown: loading,
    },
    router: {
      routes: {
        'GET /props': { json: { role: 'router' } },
        'GET /v1/models': {
          json: {
            object: 'list',
            data: [
              { id: 'plover:Q4', owned_by: 'llamacpp', status: { value: 'loaded' } },
              { id: 'avocet:Q8', owned_by: 'llamacpp', status: { value: 'unloaded' } },
            ],
          },
        },
      },
    },
  },
}
