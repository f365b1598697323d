import { countOf, type Fields, field, isObject, nameOf } from '../../core/foreign.js'
import type { Abilities } from '../models/rows.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject } from './read.js'
import { known, versionOf } from './served.js'

/** Hugging Face's Text Embeddings Inference, for embeddings or reranking, as the model is. */
export const tei: Fingerprint = {
  kind: 'tei',
  title: 'Text Embeddings Inference',
  service: 'llm',
  protocol: 'openai',
  ports: [3000, 8080, 80],
  advice:
    'start it with `text-embeddings-router --model-id <model>`; it listens on port 3000 unless --port says otherwise',

  async recognise(asking) {
    const info = await ownInfo(asking)
    const id = nameOf(field(info, 'model_id'))
    if (info === undefined || id === undefined) return undefined
    return {
      evidence: 'GET /info has model_type, max_batch_tokens and tokenization_workers',
      version: versionOf(field(info, 'version')),
      models: [id],
    }
  },

  async describe(asking) {
    const info = await ownInfo(asking)
    const id = nameOf(field(info, 'model_id'))
    const contextLength = countOf(field(info, 'max_input_length'))
    const capabilities = abilitiesOf(field(info, 'model_type'))
    return {
      version: versionOf(field(info, 'version')),
      models: id === undefined ? [] : [{ id, provider: 'tei', capabilities, contextLength }],
      limits: known({
        contextLength,
        batchTokens: countOf(field(info, 'max_batch_tokens')),
        concurrentRequests: countOf(field(info, 'max_concurrent_requests')),
      }),
    }
  },
}

async function ownInfo(asking: Asking): Promise<Fields | undefined> {
  const body = goodObject(await asking.get('/info'))
  const isOwn =
    field(body, 'model_type') !== undefined &&
    countOf(field(body, 'max_batch_tokens')) !== undefined &&
    countOf(field(body, 'tokenization_workers')) !== undefined
  return isOwn ? body : undefined
}

/** A model that ranks or classifies gives no embeddings; one whose type is not named does. */
function abilitiesOf(type: unknown): Abilities {
  if (!isObject(type)) return { embeddings: true }
  if (Object.hasOwn(type, 'reranker')) return { rerank: true, embeddings: false }
  if (Object.hasOwn(type, 'classifier')) return { embeddings: false }
  return { embeddings: true }
}
