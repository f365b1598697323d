import { field } from '../../core/foreign.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint, Recognition } from '../scan/fingerprint.js'
import { goodObject, isRefused } from './read.js'
import { offering, openAIModels, rowsOf, withStructuredOutput } from './served.js'

const types: ReadonlySet<unknown> = new Set(['llm', 'vlm', 'embedding', 'embeddings'])

/** LM Studio. It answers 200 to whatever it is asked, so only what is in a body counts. */
export const lmstudio: Fingerprint = {
  kind: 'lmstudio',
  title: 'LM Studio',
  service: 'llm',
  protocol: 'openai',
  ports: [1234],
  advice:
    'start its server in the tab Developer, or with `lms server start`; it listens on 127.0.0.1:1234 unless told otherwise',

  async recognise(asking) {
    const older = await asking.get('/api/v0/models')
    const rows = rowsOf(older)
    const isOlder = (row: unknown): boolean =>
      types.has(field(row, 'type')) && typeof field(row, 'compatibility_type') === 'string'
    if (rows !== undefined && rows.length > 0)
      return rows.every(isOlder)
        ? { evidence: 'GET /api/v0/models has models with type and compatibility_type' }
        : undefined
    return rows === undefined ? ofNewer(asking) : ofEmpty(asking)
  },

  async describe(asking) {
    const replies = [
      await asking.get('/api/v1/models'),
      await asking.get('/api/v0/models'),
    ] as const
    const [newer, older] = replies
    const models =
      openAIModels(newer, 'lmstudio', 'models') ??
      openAIModels(older, 'lmstudio') ??
      openAIModels(await asking.get('/v1/models'), 'lmstudio')
    return {
      ...offering(models && withStructuredOutput(models)),
      ...(replies.every(isRefused) && { needsCredentials: true }),
    }
  },
}

async function ofNewer(asking: Asking): Promise<Recognition | undefined> {
  const rows = rowsOf(await asking.get('/api/v1/models'), 'models') ?? []
  const isNewer = (row: unknown): boolean =>
    types.has(field(row, 'type')) &&
    typeof field(row, 'key') === 'string' &&
    Array.isArray(field(row, 'loaded_instances'))
  return rows.length > 0 && rows.every(isNewer)
    ? { evidence: 'GET /api/v1/models has models with key, type and loaded_instances' }
    : undefined
}

/** Without a model, what it says to a path it does not know gives it away. */
async function ofEmpty(asking: Asking): Promise<Recognition | undefined> {
  const error = field(goodObject(await asking.get('/props')), 'error')
  return typeof error === 'string' && error.startsWith('Unexpected endpoint or method')
    ? { evidence: 'GET /api/v0/models has a list, and unknown paths are answered in its words' }
    : undefined
}
