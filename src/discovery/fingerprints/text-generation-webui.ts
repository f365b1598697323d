import { field, nameOf } from '../../core/foreign.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject } from './read.js'
import { openAIModels, withAbilities } from './served.js'

/** text-generation-webui of oobabooga, its API and not its page. */
export const textGenerationWebui: Fingerprint = {
  kind: 'text-generation-webui',
  title: 'text-generation-webui',
  service: 'llm',
  protocol: 'openai',
  ports: [5000],
  advice:
    'start it with --api; it listens on 127.0.0.1:5000 unless --listen or --api-port say otherwise',

  async recognise(asking) {
    const body = await loaded(asking)
    return body && { evidence: 'GET /v1/internal/model/info has model_name and lora_names' }
  },

  async describe(asking) {
    const [body, list] = await Promise.all([loaded(asking), asking.get('/v1/models')])
    const models = openAIModels(list, 'text-generation-webui')
    const loader = nameOf(field(body, 'loader'))
    return {
      models: models && withAbilities(models, { text_generation: true, chat: true }),
      ...(loader !== undefined && { metadata: { loader } }),
    }
  },
}

async function loaded(asking: Asking): Promise<Readonly<Record<string, unknown>> | undefined> {
  const body = goodObject(await asking.get('/v1/internal/model/info'))
  return typeof field(body, 'model_name') === 'string' && Array.isArray(field(body, 'lora_names'))
    ? body
    : undefined
}
