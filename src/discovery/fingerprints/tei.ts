import { countOf, field, isObject } from '../../core/foreign.js'
import type { Abilities } from '../models/rows.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { huggingFaceServer } from './hugging-face.js'

/** Hugging Face's Text Embeddings Inference, for embeddings or reranking, as the model is. */
export const tei: Fingerprint = {
  kind: 'tei',
  title: 'Text Embeddings Inference',
  service: 'llm',
  protocol: 'openai',
  ports: [3000, 8080, 80],
  advice:
    'start it with `text-embeddings-router --model-id <model>`; it listens on port 3000 unless --port says otherwise',
  ...huggingFaceServer({
    kind: 'tei',
    evidence: 'GET /info has model_type, max_batch_tokens and tokenization_workers',
    isOwn: (info) =>
      field(info, 'model_type') !== undefined &&
      countOf(field(info, 'max_batch_tokens')) !== undefined &&
      countOf(field(info, 'tokenization_workers')) !== undefined,
    abilitiesOf: (info) => abilitiesOf(field(info, 'model_type')),
    contextLength: 'max_input_length',
    limits: { batchTokens: 'max_batch_tokens', concurrentRequests: 'max_concurrent_requests' },
  }),
}

/** A model that ranks or classifies gives no embeddings; one whose type is not named does. */
function abilitiesOf(type: unknown): Abilities {
  if (!isObject(type)) return { embeddings: true }
  if (Object.hasOwn(type, 'reranker')) return { rerank: true, embeddings: false }
  if (Object.hasOwn(type, 'classifier')) return { embeddings: false }
  return { embeddings: true }
}
