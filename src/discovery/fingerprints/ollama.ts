import { field, isObject, nameOf } from '../../core/foreign.js'
import { limit } from '../../core/limit.js'
import type { ModelInput } from '../../model/llm-model.js'
import { modelsFromOllama } from '../models/ollama.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { koboldcpp } from './koboldcpp.js'
import { localai } from './localai.js'
import { goodObject } from './read.js'
import { idsOf, offering, rowsOf, versionOf } from './served.js'

/** How many models are asked about one by one, and how many at once. */
const mostShown = 50
const shownAtOnce = 8

/** What its imitators say is their version. There were real ones of these too. */
const borrowed: ReadonlySet<string> = new Set(['0.7.0', '0.9.0'])

/**
 * Ollama. Many imitate its list of models, and none has in it what only files on a disk have: a digest and a size.
 */
export const ollama: Fingerprint = {
  kind: 'ollama',
  title: 'Ollama',
  service: 'llm',
  protocol: 'openai',
  ports: [11434],
  advice:
    'start it with `ollama serve`; it listens on 127.0.0.1:11434 unless OLLAMA_HOST says otherwise',

  async recognise(asking) {
    const version = versionOf(field(goodObject(await asking.get('/api/version')), 'version'))
    if (version === undefined || !/^\d+\.\d+\.\d+/.test(version)) return undefined
    const rows = await listed(asking)
    if (!rows?.every(isOnDisk)) return undefined
    if (rows.length === 0 && (await asking.get('/')).text.trim() !== 'Ollama is running')
      return undefined
    if (borrowed.has(version) && (await isImitated(asking))) return undefined
    const said = rows.length > 0 ? '/api/tags has models with digests' : '/ says that it runs'
    return {
      evidence: `GET /api/version has a version, ${said}`,
      version,
      models: idsOf(modelsFromOllama({ models: rows })),
    }
  },

  async describe(asking) {
    const [about, running] = await Promise.all([asking.get('/api/version'), asking.get('/api/ps')])
    const rows = await shown(asking, (await listed(asking)) ?? [])
    const remote = rows.filter(isRemote).map((row) => nameOf(field(row, 'model')))
    return {
      version: versionOf(field(goodObject(about), 'version')),
      ...offering(
        withEffective(
          modelsFromOllama({ models: rows }),
          modelsFromOllama({ models: rowsOf(running, 'models') ?? [] }),
        ),
      ),
      ...(remote.length > 0 && { metadata: { remoteModels: remote.slice(0, 1_000) } }),
    }
  },
}

/** Without a model, some versions have no list. */
async function listed(asking: Asking): Promise<readonly unknown[] | undefined> {
  const reply = await asking.get('/api/tags')
  return field(goodObject(reply), 'models') === null ? [] : rowsOf(reply, 'models')
}

const isRemote = (row: unknown): boolean =>
  nameOf(field(row, 'remote_host')) !== undefined ||
  nameOf(field(row, 'remote_model')) !== undefined

function isOnDisk(row: unknown): boolean {
  const digest = field(row, 'digest')
  const size = field(row, 'size')
  const isFile = typeof digest === 'string' && /^[\da-f]{64}$/i.test(digest)
  const hasSize = typeof size === 'number' && (size > 0 || isRemote(row))
  return isFile && hasSize && field(row, 'details', 'family') !== 'koboldcpp'
}

async function isImitated(asking: Asking): Promise<boolean> {
  for (const imitator of [koboldcpp, localai])
    if ((await imitator.recognise(asking)) !== undefined) return true
  return false
}

/** Older versions say only of each model by itself what it can do. */
async function shown(asking: Asking, rows: readonly unknown[]): Promise<readonly unknown[]> {
  const atOnce = limit(shownAtOnce)
  let left = mostShown
  return Promise.all(
    rows.map((row) => {
      const model = nameOf(field(row, 'model')) ?? nameOf(field(row, 'name'))
      if (model === undefined || Array.isArray(field(row, 'capabilities')) || left <= 0) return row
      left -= 1
      return atOnce(() => show(asking, row, model))
    }),
  )
}

async function show(asking: Asking, row: unknown, model: string): Promise<unknown> {
  const body = goodObject(await asking.post('/api/show', { model }))
  if (body === undefined || !isObject(row)) return row
  const info = field(body, 'model_info')
  const architecture = nameOf(field(info, 'general.architecture'))
  return {
    ...row,
    capabilities: field(body, 'capabilities'),
    context_length: field(info, `${architecture}.context_length`),
  }
}

/** What a model was loaded with is what it takes now, however much it could take. */
function withEffective(
  models: readonly ModelInput[],
  running: readonly ModelInput[],
): readonly ModelInput[] {
  const loaded = new Map(running.map(({ id, contextLength }) => [id, contextLength]))
  return models.map((model) => ({
    ...model,
    contextLength: loaded.get(model.id) ?? model.contextLength,
  }))
}
