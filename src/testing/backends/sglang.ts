import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const path = 'fens/Sandpiper-9B'
const info = { model_path: path, tokenizer_path: path, is_generation: true }
const server = {
  model_path: path,
  version: '0.5.4',
  context_length: null,
  max_total_num_tokens: 90_000,
  reasoning_parser: null,
  tool_call_parser: 'sandpiper',
}

/** SGLang. */
export const sglang: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /get_model_info': { json: info },
    'GET /get_server_info': { json: server },
    'GET /health': { text: '', open: true },
    'GET /v1/models': {
      json: {
        object: 'list',
        data: [
          { id: path, object: 'model', created: 1, owned_by: 'sglang', max_model_len: 24_576 },
        ],
      },
    },
  },
  unknown: detailNotFound,
  variants: {
    new: {
      routes: {
        'GET /get_model_info': detailNotFound,
        'GET /get_server_info': detailNotFound,
        'GET /model_info': { json: { ...info, has_image_understanding: true } },
        'GET /server_info': { json: server },
      },
    },
    embedding: { routes: { 'GET /get_model_info': { json: { ...info, is_generation: false } } } },
  },
}
