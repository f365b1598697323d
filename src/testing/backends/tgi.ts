import type { Backend } from './route.js'

const id = 'fens/Bittern-7B-Instruct'

/** Text Generation Inference. */
export const tgi: Backend = {
  routes: {
    'GET /': { open: true },
    'GET /health': { open: true },
    'GET /info': {
      json: {
        model_id: id,
        model_pipeline_tag: 'text-generation',
        max_concurrent_requests: 64,
        max_input_tokens: 6_000,
        max_total_tokens: 7_000,
        router: 'text-generation-router',
        version: '3.2.1',
      },
      open: true,
    },
    'GET /v1/models': {
      json: { object: 'list', data: [{ id, object: 'model', created: 0, owned_by: id }] },
      open: true,
    },
  },
}
