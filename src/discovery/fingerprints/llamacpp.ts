import { countOf, type Fields, field, isObject } from '../../core/foreign.js'
import type { Abilities } from '../models/rows.js'
import type { Reply } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject, isRefused } from './read.js'
import { isOwnedBy, known, openAIModels, rowsOf, versionOf, withAbilities } from './served.js'

/** What its engine does for each model. */
const always = { text_generation: true, chat: true, structured_output: true }

/**
 * llama.cpp's server. Not asked for `/health`, which is not free on other programs; while it loads, each of its paths
 * says so.
 */
export const llamacpp: Fingerprint = {
  kind: 'llamacpp',
  title: 'llama.cpp',
  service: 'llm',
  protocol: 'openai',
  ports: [8080, 9931],
  advice:
    'start it with `llama-server -m <file>`; it listens on 127.0.0.1:8080 unless --host or --port say otherwise',

  async recognise(asking) {
    const props = await asking.get('/props')
    const saysSo = `a header says that the server is llama.cpp, and GET /props`
    if (isLoading(props)) return { evidence: `${saysSo} that it loads`, health: 'loading' }
    if (wantsKey(props))
      return { evidence: `${saysSo} that it wants a key`, needsCredentials: true }
    const body = ownProps(props)
    if (body !== undefined)
      return {
        evidence: 'GET /props has build_info and default_generation_settings',
        version: versionOf(field(body, 'build_info')),
      }
    const rows = rowsOf(await asking.get('/v1/models'))
    return isOwnedBy(rows, 'llamacpp')
      ? { evidence: 'GET /v1/models has models owned_by llamacpp' }
      : undefined
  },

  async describe(asking) {
    const [reply, list] = await Promise.all([asking.get('/props'), asking.get('/v1/models')])
    const props = ownProps(reply)
    const models = withAbilities(openAIModels(list, 'llamacpp') ?? [], always)
    const contextLength = countOf(field(props, 'default_generation_settings', 'n_ctx'))
    // With several models to choose from, what it says of itself is about none of them.
    const isOnly = models.length === 1 && field(rowsOf(list)?.[0], 'status') === undefined
    const own = isOnly && props !== undefined ? abilitiesOf(props) : {}
    return {
      version: versionOf(field(props, 'build_info')),
      models: withAbilities(models, own).map((model) =>
        isOnly ? { ...model, contextLength: model.contextLength ?? contextLength } : model,
      ),
      limits: known({ contextLength, slots: countOf(field(props, 'total_slots')) }),
      ...((isRefused(reply) || isRefused(list)) && { needsCredentials: true }),
      ...(isLoading(reply) && { health: 'loading' }),
    }
  },
}

const isIt = ({ headers, json }: Reply): boolean =>
  headers.server === 'llama.cpp' && isObject(field(json, 'error'))

const isLoading = (reply: Reply): boolean =>
  reply.status === 503 && isIt(reply) && field(reply.json, 'error', 'type') === 'unavailable_error'

const wantsKey = (reply: Reply): boolean => isRefused(reply) && isIt(reply)

function ownProps(reply: Reply): Fields | undefined {
  const body = goodObject(reply)
  const isOwn =
    typeof field(body, 'build_info') === 'string' &&
    isObject(field(body, 'default_generation_settings'))
  return isOwn ? body : undefined
}

function abilitiesOf(props: Fields): Abilities {
  const able: Record<string, boolean> = {}
  const take = (name: string, value: unknown): void => {
    if (typeof value === 'boolean') able[name] = value
  }
  take('vision', field(props, 'modalities', 'vision'))
  take('audio_input', field(props, 'modalities', 'audio'))
  take('function_calling', field(props, 'chat_template_caps', 'supports_tools'))
  const reasons = ['supports_reasoning_effort', 'supports_preserve_reasoning']
  if (reasons.some((name) => field(props, 'chat_template_caps', name) === true))
    able.reasoning = true
  return able
}
