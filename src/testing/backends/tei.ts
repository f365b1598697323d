import type { Backend } from './route.js'

const info = (model_type: unknown): object => ({
  model_id: 'fens/snipe-small',
  model_type,
  max_concurrent_requests: 256,
  max_input_length: 1_024,
  max_batch_tokens: 8_192,
  tokenization_workers: 4,
  version: '1.7.0',
})

/** Text Embeddings Inference. */
export const tei: Backend = {
  routes: {
    'GET /health': { open: true },
    'GET /info': { json: info({ embedding: { pooling: 'mean' } }) },
  },
  variants: {
    reranker: { routes: { 'GET /info': { json: info({ reranker: { id2label: {} } }) } } },
  },
}
