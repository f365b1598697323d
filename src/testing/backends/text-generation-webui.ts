import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const model = 'Lapwing-8B-Q6_K.gguf'

/** text-generation-webui with its API. */
export const textGenerationWebui: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /v1/internal/health': { json: { status: 'ok' } },
    'GET /v1/internal/model/info': {
      json: { model_name: model, lora_names: [], loader: 'llama.cpp' },
    },
    'GET /v1/internal/model/list': { json: { model_names: [model] } },
    'GET /v1/models': {
      json: {
        object: 'list',
        data: [{ id: model, object: 'model', created: 0, owned_by: 'user' }],
      },
    },
  },
  unknown: detailNotFound,
  refused: { status: 401, json: { detail: 'Unauthorized' } },
}
