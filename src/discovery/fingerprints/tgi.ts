import { countOf, type Fields, field, nameOf } from '../../core/foreign.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject } from './read.js'
import { known, versionOf } from './served.js'

/** Hugging Face's Text Generation Inference. */
export const tgi: Fingerprint = {
  kind: 'tgi',
  title: 'Text Generation Inference',
  service: 'llm',
  protocol: 'openai',
  ports: [3000, 8080, 80],
  capabilities: ['text_generation', 'chat', 'structured_output'],
  advice:
    'start it with `text-generation-launcher --model-id <model>`; it listens on port 3000 unless --port says otherwise',

  async recognise(asking) {
    const info = await ownInfo(asking)
    const id = nameOf(field(info, 'model_id'))
    if (info === undefined || id === undefined) return undefined
    return {
      evidence: "GET /info has router 'text-generation-router' and model_id",
      version: versionOf(field(info, 'version')),
      models: [id],
    }
  },

  async describe(asking) {
    const info = await ownInfo(asking)
    const id = nameOf(field(info, 'model_id'))
    const contextLength = countOf(field(info, 'max_total_tokens'))
    const able = { text_generation: true, chat: true, structured_output: true }
    return {
      version: versionOf(field(info, 'version')),
      models: id === undefined ? [] : [{ id, provider: 'tgi', capabilities: able, contextLength }],
      limits: known({
        contextLength,
        maxInputTokens: countOf(field(info, 'max_input_tokens')),
        concurrentRequests: countOf(field(info, 'max_concurrent_requests')),
      }),
    }
  },
}

async function ownInfo(asking: Asking): Promise<Fields | undefined> {
  const body = goodObject(await asking.get('/info'))
  return field(body, 'router') === 'text-generation-router' ? body : undefined
}
