import { field, isObject, nameOf } from '../../core/foreign.js'
import { modelsFromOpenAI } from '../models/openai.js'
import type { Asking, Reply } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { isRefused } from './read.js'
import { idsOf, offering, openAIModels, rowsOf } from './served.js'

const kind = 'openai-compatible'

/** Where the list is, the usual place first. Docker Model Runner and Lemonade have it elsewhere. */
const bases = ['/v1', '/engines/v1', '/api/v1', '']

/** Whatever else speaks OpenAI's protocol. It proves that much and no more, so it is asked last. */
export const openaiCompatible: Fingerprint = {
  kind,
  title: 'an OpenAI-compatible server',
  service: 'llm',
  protocol: 'openai',
  ports: [8000, 1337, 12434, 13305, 4891, 23333, 2242],
  advice:
    'start a server that answers GET /v1/models, and name its port if it is none of the usual',

  async recognise(asking) {
    const found = await firstList(asking)
    if (found === undefined) return undefined
    const { path } = found.reply
    return found.needsCredentials
      ? { evidence: `GET ${path} wants a key in OpenAI's words`, needsCredentials: true }
      : {
          evidence: `GET ${path} has object 'list' and data`,
          models: idsOf(openAIModels(found.reply, kind) ?? []),
        }
  },

  async describe(asking) {
    const found = await firstList(asking)
    if (found === undefined) return {}
    const { base, needsCredentials, reply } = found
    const vendor = vendorOf(reply)
    return {
      ...offering(openAIModels(reply, kind)),
      metadata: { basePath: base, ...(vendor !== undefined && { vendor }) },
      ...(needsCredentials && { needsCredentials }),
    }
  },
}

interface Found {
  readonly base: string
  readonly reply: Reply
  readonly needsCredentials: boolean
}

async function firstList(asking: Asking): Promise<Found | undefined> {
  for (const base of bases) {
    const reply = await asking.get(`${base}/models`)
    const needsCredentials = isRefused(reply) && isOpenAIError(reply)
    if (needsCredentials || isList(reply)) return { base, reply, needsCredentials }
  }
  return undefined
}

function isList(reply: Reply): boolean {
  const rows = rowsOf(reply)
  return (
    rows !== undefined &&
    field(reply.json, 'object') === 'list' &&
    rows.every((row) => nameOf(field(row, 'id')) !== undefined)
  )
}

function isOpenAIError({ json }: Reply): boolean {
  const error = field(json, 'error')
  return (
    isObject(error) &&
    typeof field(error, 'message') === 'string' &&
    typeof field(error, 'type') === 'string' &&
    (Object.hasOwn(error, 'code') || Object.hasOwn(error, 'param'))
  )
}

/** LiteLLM's proxy says of every model that OpenAI made it in this second. */
const isLiteLLM = (row: unknown): boolean =>
  field(row, 'owned_by') === 'openai' && field(row, 'created') === 1_677_610_602

/** The program that `owned_by` gives away, if it is the same in all rows. */
function vendorOf(reply: Reply): string | undefined {
  const rows = rowsOf(reply) ?? []
  if (rows.length > 0 && rows.every(isLiteLLM)) return 'litellm'
  const [vendor, ...others] = new Set(modelsFromOpenAI({ data: rows }).map((one) => one.provider))
  return others.length > 0 || vendor === kind ? undefined : vendor
}
