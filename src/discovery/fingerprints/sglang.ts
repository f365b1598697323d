import { countOf, type Fields, field, nameOf } from '../../core/foreign.js'
import type { Abilities } from '../models/rows.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject, isRefused } from './read.js'
import {
  isOwnedBy,
  known,
  openAIModels,
  rowsOf,
  versionOf,
  withAbilities,
  withStructuredOutput,
} from './served.js'

/** SGLang. Its `/health` may run the model for a token, and takes a second or more: it is never asked. */
export const sglang: Fingerprint = {
  kind: 'sglang',
  title: 'SGLang',
  service: 'llm',
  protocol: 'openai',
  ports: [30000],
  advice:
    'start it with `python -m sglang.launch_server --model-path <model>`; it listens on 127.0.0.1:30000 unless --host or --port say otherwise',

  async recognise(asking) {
    if (ownInfo(goodObject(await asking.get('/get_model_info'))) !== undefined)
      return { evidence: 'GET /get_model_info has model_path and is_generation' }
    return isOwnedBy(rowsOf(await asking.get('/v1/models')), 'sglang')
      ? { evidence: 'GET /v1/models has models owned_by sglang' }
      : undefined
  },

  async describe(asking) {
    const [info, server, list] = await Promise.all([
      either(asking, '/get_model_info', '/model_info'),
      either(asking, '/get_server_info', '/server_info'),
      asking.get('/v1/models'),
    ])
    const models = openAIModels(list, 'sglang')
    return {
      version: versionOf(field(server, 'version')),
      models: models && withStructuredOutput(withAbilities(models, abilitiesOf(info, server))),
      limits: known({
        contextLength: countOf(field(server, 'context_length')),
        totalTokens: countOf(field(server, 'max_total_num_tokens')),
      }),
      ...(isRefused(list) && { needsCredentials: true }),
    }
  },
}

const ownInfo = (body: Fields | undefined): Fields | undefined =>
  typeof field(body, 'model_path') === 'string' && typeof field(body, 'is_generation') === 'boolean'
    ? body
    : undefined

/** The newer name of a path, where the older one is gone. */
async function either(asking: Asking, older: string, newer: string): Promise<Fields | undefined> {
  return goodObject(await asking.get(older)) ?? goodObject(await asking.get(newer))
}

/** What it was started without may still be there: a parser that is missing says nothing. */
function abilitiesOf(info: Fields | undefined, server: Fields | undefined): Abilities {
  const able: Record<string, boolean> = {}
  const writes = field(info, 'is_generation')
  if (typeof writes === 'boolean') {
    able.text_generation = writes
    able.chat = writes
    able.embeddings = !writes
  }
  const sees = field(info, 'has_image_understanding')
  if (typeof sees === 'boolean') able.vision = sees
  if (nameOf(field(server, 'reasoning_parser')) !== undefined) able.reasoning = true
  if (nameOf(field(server, 'tool_call_parser')) !== undefined) able.function_calling = true
  return able
}
