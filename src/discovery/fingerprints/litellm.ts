import { field } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { modelsFromLiteLLM } from '../models/litellm.js'
import type { Asking, Reply } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { isRefused } from './read.js'
import { abilitiesOfModel, offering, rowsOf, versionOf } from './served.js'

/**
 * The LiteLLM proxy. Its `/health` calls every model, and somebody pays for each call, so only `/health/liveliness` is
 * asked.
 */
export const litellm: Fingerprint = {
  kind: 'litellm',
  title: 'LiteLLM',
  service: 'llm',
  protocol: 'openai',
  ports: [4000, 8000],
  agreedPath: '/health',
  advice:
    'start it with `litellm --config <file>`; it listens on port 4000 unless --port says otherwise',

  async recognise(asking) {
    const alive = await asking.get('/health/liveliness')
    if (alive.status === 200 && alive.json === "I'm alive!")
      return { evidence: `GET /health/liveliness says "I'm alive!"` }
    if (alive.status === 503 && field(alive.json, 'status') === 'shutting_down')
      return { evidence: 'GET /health/liveliness says that it shuts down', health: 'unhealthy' }
    const list = await asking.get('/v1/models')
    if (!isRefused(list) || !asksForKey(list)) return undefined
    return { evidence: 'GET /v1/models asks for a key in its words', needsCredentials: true }
  },

  async describe(asking) {
    const [ready, details, list] = await Promise.all([
      asking.get('/health/readiness'),
      asking.get('/health/readiness/details'),
      asking.get('/v1/models'),
    ])
    const version = [details, ready].map(({ json }) => field(json, 'litellm_version'))
    return {
      version: version.map(versionOf).find((one) => one !== undefined),
      ...offering(await modelsOf(asking, list)),
      ...(wantsKey(list) && { needsCredentials: true }),
      // It answers, but what it keeps its keys and budgets in does not.
      ...(ready.status === 503 && { health: 'degraded' }),
    }
  },
}

const messageOf = ({ json }: Reply): string => {
  const message = field(json, 'error', 'message')
  return typeof message === 'string' ? message : ''
}

const asksForKey = (reply: Reply): boolean =>
  /^Authentication Error, (?:No api key passed in|Malformed API Key)|^Malformed API Key/i.test(
    messageOf(reply),
  )

/**
 * Without a database it cannot look up a wrong key, and says so with another status; installed without the package for
 * databases, it breaks down over who has none.
 */
const wantsKey = (list: Reply): boolean =>
  isRefused(list) ||
  (list.status === 400 && /no connected db/i.test(messageOf(list))) ||
  (list.status === 500 && list.text === 'Internal Server Error')

/** What the key may use, with what is known of each: a group's own facts, then those of one of its deployments. */
async function modelsOf(asking: Asking, list: Reply): Promise<readonly ModelInput[] | undefined> {
  const plain = imported(list)
  if (plain === undefined) return undefined
  const replies = await Promise.all([asking.get('/model_group/info'), asking.get('/v1/model/info')])
  const facts = replies.map((reply) => byId(imported(reply) ?? []))
  return [...byId(plain).values()].map((model) =>
    facts.reduce((known, more) => completed(known, more.get(model.id)), model),
  )
}

function imported(reply: Reply): readonly ModelInput[] | undefined {
  const rows = rowsOf(reply)
  return rows && modelsFromLiteLLM({ data: rows })
}

/** The first of each id. */
function byId(models: readonly ModelInput[]): ReadonlyMap<string, ModelInput> {
  const found = new Map<string, ModelInput>()
  for (const model of models)
    if (!found.has(model.id)) found.set(model.id, { ...model, provider: 'litellm' })
  return found
}

function completed(known: ModelInput, more: ModelInput | undefined): ModelInput {
  if (more === undefined) return known
  const said = Object.entries(known).filter(([, value]) => value !== undefined && value !== null)
  return {
    ...more,
    ...Object.fromEntries(said),
    id: known.id,
    provider: known.provider,
    capabilities: { ...abilitiesOfModel(more), ...abilitiesOfModel(known) },
  }
}
