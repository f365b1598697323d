import { field, isObject, nameOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import type { ParameterSpecs } from '../../model/parameter.js'
import type { Asking, Reply } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { type GradioApp, gradioAppAt, textsOf } from './gradio-config.js'
import { goodList } from './read.js'

const models = '/sdapi/v1/sd-models'

/**
 * The Stable Diffusion web UI, and Forge and SD.Next, which are made from it. Its page is there without `--api`, its
 * API without its page. `/sdapi/v1/cmd-flags` is not asked: it answers with passwords.
 */
export const automatic1111: Fingerprint = {
  kind: 'automatic1111',
  title: 'Stable Diffusion web UI',
  service: 'media',
  protocol: 'http',
  ports: [7860],
  capabilities: ['image_generation'],
  advice:
    'start it with `./webui.sh --api`; it listens on 127.0.0.1:7860 unless --listen or --port say otherwise',

  async recognise(asking) {
    const app = await gradioAppAt(asking)
    const title = app && titleOf(app)
    if (app !== undefined && title !== undefined)
      return { evidence: `GET /config has the title ${title}`, version: versionOf(app) }
    const list = await asking.get(models)
    if (rowsOf(list) !== undefined)
      return { evidence: `GET ${models} lists models by title and model_name` }
    if (isChallenged(list) && !isChallenged(await asking.get('/config')))
      return { evidence: `GET ${models} asks for a name and a password`, needsCredentials: true }
    return undefined
  },

  async describe(asking) {
    const [app, list] = await Promise.all([gradioAppAt(asking), asking.get(models)])
    const hasApi = goodList(list) !== undefined
    const version = app && versionOf(app)
    const told = { version, metadata: { api: hasApi, ...variantOf(app?.title, version) } }
    if (!hasApi)
      return {
        ...told,
        capabilities: ['image_generation'],
        ...(isChallenged(list) && { needsCredentials: true }),
      }
    const rows = rowsOf(list) ?? []
    return { ...told, models: rows, capabilities: await abilities(asking, rows) }
  },
}

const titleOf = ({ title }: GradioApp): string | undefined =>
  title === 'Stable Diffusion' || title?.startsWith('SD.Next') ? title : undefined

/** The foot of its page has `version: v1.10.1 • python: 3.10.6 …`. */
const versionOf = (app: GradioApp): string | undefined =>
  textsOf(app, 'html')
    .map((text) => /\bversion: (f?v?\d[\w.-]{0,60})/.exec(text)?.[1])
    .find((found) => found !== undefined)

function variantOf(title: string | undefined, version: string | undefined) {
  if (title?.startsWith('SD.Next')) return { variant: 'SD.Next' }
  return version?.startsWith('f') ? { variant: 'Forge' } : {}
}

/** KoboldCpp answers here too, with a sum that nothing has. */
const isImitated = (row: unknown): boolean => field(row, 'sha256') === '8'.repeat(64)

function rowsOf(reply: Reply): readonly ModelInput[] | undefined {
  const rows = goodList(reply)?.slice(0, 10_000)
  if (rows === undefined || rows.some(isImitated)) return undefined
  const found = rows.flatMap(toModel)
  return found.length > 0 ? found : undefined
}

function toModel(row: unknown): readonly ModelInput[] {
  const title = nameOf(field(row, 'title'))
  const id = nameOf(field(row, 'model_name'))
  if (title === undefined || id === undefined || !isObject(row)) return []
  if (!Object.hasOwn(row, 'sha256') && !Object.hasOwn(row, 'filename')) return []
  const capabilities = ['image_generation']
  return [{ id, provider: 'automatic1111', capabilities, aliases: [title] }]
}

/** By the API. What guards the page as well is in front of any program. */
const isChallenged = ({ status, headers }: Reply): boolean =>
  status === 401 && /^basic\b/i.test(headers['www-authenticate'] ?? '')

async function abilities(asking: Asking, rows: readonly ModelInput[]) {
  const [samplers, upscalers] = await Promise.all(
    ['/sdapi/v1/samplers', '/sdapi/v1/upscalers'].map(async (path) =>
      names(await asking.get(path)),
    ),
  )
  const parameters: ParameterSpecs = {
    models: { type: 'array', items: { type: 'string', values: rows.map(({ id }) => id) } },
    ...(samplers?.length && { sampler_name: { type: 'string', values: samplers } }),
  }
  const paints = { name: 'image_generation', version: '1.0', parameters }
  const upscales = upscalers?.some((name) => name !== 'None') === true
  return [...(rows.length > 0 ? [paints] : []), ...(upscales ? ['upscale'] : [])]
}

const names = (reply: Reply): readonly string[] =>
  (goodList(reply) ?? []).slice(0, 1_000).flatMap((row) => nameOf(field(row, 'name')) ?? [])
