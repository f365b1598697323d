import { field } from '../../core/foreign.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { huggingFaceServer } from './hugging-face.js'

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
  ...huggingFaceServer({
    kind: 'tgi',
    evidence: "GET /info has router 'text-generation-router' and model_id",
    isOwn: (info) => field(info, 'router') === 'text-generation-router',
    abilitiesOf: () => ({ text_generation: true, chat: true, structured_output: true }),
    contextLength: 'max_total_tokens',
    limits: { maxInputTokens: 'max_input_tokens', concurrentRequests: 'max_concurrent_requests' },
  }),
}
