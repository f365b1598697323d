import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const id = 'fens/Godwit-14B'

/** vLLM. */
export const vllm: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /health': { open: true },
    'GET /ping': { open: true },
    'GET /version': { json: { version: '0.12.1' }, open: true },
    'GET /openapi.json': {
      json: {
        openapi: '3.1.0',
        info: { title: 'FastAPI', version: '0.1.0' },
        paths: { '/v1/models': {}, '/v1/chat/completions': {}, '/v1/completions': {} },
      },
      open: true,
    },
    'GET /v1/models': {
      json: {
        object: 'list',
        data: [
          {
            id,
            object: 'model',
            created: 1,
            owned_by: 'vllm',
            root: id,
            parent: null,
            max_model_len: 28_672,
          },
          {
            id: 'godwit-law',
            object: 'model',
            created: 1,
            owned_by: 'vllm',
            root: '/adapters/law',
            parent: id,
            max_model_len: null,
          },
        ],
      },
    },
  },
  unknown: detailNotFound,
  refused: { status: 401, json: { error: 'Unauthorized' } },
  variants: {
    undocumented: { routes: { 'GET /openapi.json': detailNotFound } },
    embedding: {
      routes: {
        'GET /openapi.json': { json: { paths: { '/v1/embeddings': {} } }, open: true },
      },
    },
  },
}
