/* The answers of real programs, where the facts about them are at hand. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { field, isObject } from '../../../src/core/foreign.js'
import { fingerprints } from '../../../src/discovery/fingerprints/all.js'
import type { Asking } from '../../../src/discovery/scan/asking.js'
import type { Answer } from '../../../src/testing/index.js'
import { wants } from '../../house/needs.js'
import { root } from '../../house/sources.js'
import { fingerprintOf } from './ask.js'
import { replay } from './replay.js'

interface System {
  readonly system: string
  readonly sampleResponses: Readonly<Record<string, unknown>>
}

const file = join(root, '../shared/facts/backends.json')
const systems: readonly System[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
const missing = `${file}, the answers of real programs, is not here`

function toAnswer(sample: unknown): Answer {
  if (!isObject(sample) || !Object.hasOwn(sample, '__body')) return { json: sample }
  const { __body: body, __headers: headers, __status: status } = sample
  const named = isObject(headers) ? Object.entries(headers) : []
  return {
    status: typeof status === 'number' ? status : 200,
    headers: Object.fromEntries(named.map(([name, value]) => [name, String(value)])),
    ...(typeof body === 'string' ? { text: body } : { json: body }),
  }
}

/** The program as it usually answers, but for the variants that are named. */
function recorded(system: string, variants: readonly string[]): Asking {
  const samples = systems.find((one) => one.system === system)?.sampleResponses ?? {}
  const answers = new Map<string, Answer>()
  const take = (keys: readonly string[]): void => {
    for (const key of keys) {
      const [place = ''] = key.split('#')
      answers.set(place.includes(' ') ? place : `GET ${place}`, toAnswer(samples[key]))
    }
  }
  take(Object.keys(samples).filter((key) => !key.includes('#')))
  take(variants)
  return replay((method, path) => answers.get(`${method} ${path}`) ?? { status: 404 })
}

async function kindOf(asking: Asking): Promise<string | undefined> {
  for (const { kind, recognise } of fingerprints)
    if ((await recognise(asking)) !== undefined) return kind
  return undefined
}

interface Row {
  readonly system: string
  readonly variants?: readonly string[]
  readonly kind?: string
  readonly version?: string
  readonly models?: readonly object[]
}

const rows: readonly Row[] = [
  {
    system: 'litellm',
    variants: ['/health/readiness#<=1.82'],
    version: '1.80.5',
    models: [
      { id: 'gpt-4o-mini', capabilities: { vision: true } },
      { id: 'text-embedding-3-small' },
    ],
  },
  {
    system: 'litellm',
    variants: ['/health/readiness#2026', '/health/readiness/details#auth', '/v1/models#2026'],
    version: '1.85.0',
    models: [{ id: 'gpt-4o-mini', provider: 'litellm', contextLength: 128_000 }],
  },
  { system: 'vllm', version: '0.11.0', models: [{ contextLength: 32_768 }, { id: 'sql-lora' }] },
  {
    system: 'llamacpp',
    version: 'b9439-47f6423ed',
    models: [
      {
        contextLength: 8_192,
        capabilities: { vision: false, function_calling: true, reasoning: true },
      },
    ],
  },
  {
    system: 'llamacpp',
    variants: ['/v1/models#router'],
    models: [{ id: 'ggml-org/gemma-3-4b-it-GGUF:Q4_K_M' }],
  },
  {
    system: 'lmstudio',
    models: [{ contextLength: 4_096 }, { capabilities: { embeddings: true } }],
  },
  { system: 'text-generation-webui', models: [{ id: 'Qwen3-8B-Q4_K_M.gguf' }] },
  {
    system: 'localai',
    variants: ['/api/version#emulated-ollama'],
    version: 'v4.8.2',
    models: [{ id: 'qwen3-8b' }, { id: 'whisper-1', capabilities: { speech_to_text: true } }],
  },
  { system: 'tgi', version: '3.3.6', models: [{ contextLength: 8_192 }] },
  { system: 'sglang', models: [{ contextLength: 32_768, capabilities: { chat: true } }] },
  {
    system: 'ollama',
    version: '0.32.1',
    models: [
      { id: 'llama3.2:latest', contextLength: 4_096, capabilities: { function_calling: true } },
    ],
  },
  {
    system: 'ollama',
    variants: ['/api/tags#>=0.30'],
    models: [{ id: 'qwen3:8b', contextLength: 40_960, capabilities: { reasoning: true } }],
  },
  {
    system: 'xinference',
    version: '3.2.1',
    models: [{ id: 'qwen3' }, { id: 'sdxl' }, { capabilities: { speech_to_text: true } }],
  },
  {
    system: 'koboldcpp',
    variants: ['/system_stats#impersonation'],
    version: '1.76',
    models: [{ id: 'koboldcpp/Tiefighter-13B', contextLength: 8_192 }],
  },
  {
    system: 'koboldcpp',
    variants: ['/system_stats#impersonation', '/api/extra/version#newer(uncertain keys)'],
    version: '1.104',
  },
  { system: 'speaches', models: [{ capabilities: { speech_to_text: true } }, {}] },
  { system: 'openai-compatible', models: [{ id: 'm', provider: 'openai-compatible' }] },
  { system: 'portkey-gateway', kind: 'portkey' },
]

describe('what real programs answered', () => {
  beforeEach((context) => wants(context, systems.length > 0, missing))

  it.each(rows)('$system $variants', async (row) => {
    const { kind = row.system, models, system, variants = [], version } = row
    const asking = recorded(system, variants)
    expect(await kindOf(asking)).toBe(kind)
    const known = await fingerprintOf(kind).describe(asking)
    if (version !== undefined) expect(known.version).toBe(version)
    if (models !== undefined) expect(known.models).toMatchObject(models)
  })

  it.each([
    ['litellm', '/v1/models', '/health#no-key', 'litellm'],
    ['openai', '/v1/models', '/v1/models#401', 'openai-compatible'],
    ['llamacpp', '/props', '/health#loading', 'llamacpp'],
  ])('%s, of which %s answers as %s', async (system, path, key, kind) => {
    const sample = field(systems.find((one) => one.system === system)?.sampleResponses, key)
    const asking = replay((_, asked) => (asked === path ? toAnswer(sample) : { status: 404 }))
    expect(await kindOf(asking)).toBe(kind)
    const recognition = await fingerprintOf(kind).recognise(asking)
    expect(recognition).toMatchObject(
      kind === 'llamacpp' ? { health: 'loading' } : { needsCredentials: true },
    )
  })

  it('what registries and catalogues answered is none of these', async () => {
    for (const system of ['etcd', 'consul', 'eureka', 'mcp-registry', 'models.dev', 'dns-srv'])
      expect(await kindOf(recorded(system, []))).toBeUndefined()
  })
})
