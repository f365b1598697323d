/* What each fingerprint asks, of everybody. Nothing that costs, changes or starts anything may be among it. */
import { describe, expect, it } from 'vitest'
import { fingerprints } from '../../../src/discovery/fingerprints/all.js'
import { backends } from '../../../src/testing/backends/all.js'
import type { BackendKind } from '../../../src/testing/index.js'
import { fake, fingerprintOf, questions } from './ask.js'
import { llmKinds } from './llm-kinds.js'

const lists = ['/v1/models', '/engines/v1/models', '/api/v1/models', '/models']

/** By kind: what it may ask somebody it does not know, and what its own program besides. */
const allowed: Readonly<
  Record<(typeof llmKinds)[number], { anybody: readonly string[]; own?: readonly string[] }>
> = {
  koboldcpp: {
    anybody: ['/api/extra/version'],
    own: [
      '/api/v1/model',
      '/api/extra/true_max_context_length',
      '/api/v1/config/max_length',
      '/sdapi/v1/sd-models',
    ],
  },
  localai: {
    anybody: ['/.well-known/localai.json'],
    own: ['/readyz', '/v1/models/capabilities', '/v1/models'],
  },
  litellm: {
    anybody: ['/health/liveliness', '/v1/models'],
    own: ['/health/readiness', '/health/readiness/details', '/model_group/info', '/v1/model/info'],
  },
  llamacpp: { anybody: ['/props', '/v1/models'] },
  lmstudio: { anybody: ['/api/v0/models', '/api/v1/models', '/props'], own: ['/v1/models'] },
  sglang: {
    anybody: ['/get_model_info', '/v1/models'],
    own: ['/model_info', '/get_server_info', '/server_info'],
  },
  tgi: { anybody: ['/info'] },
  tei: { anybody: ['/info'] },
  xinference: { anybody: ['/v1/cluster/auth'], own: ['/v1/cluster/version', '/v1/models'] },
  ollama: {
    anybody: ['/api/version', '/api/tags', '/', '/api/extra/version', '/.well-known/localai.json'],
    own: ['/api/ps', 'POST /api/show'],
  },
  vllm: { anybody: ['/v1/models', '/version'], own: ['/openapi.json'] },
  'text-generation-webui': { anybody: ['/v1/internal/model/info'], own: ['/v1/models'] },
  portkey: { anybody: ['/', '/v1/models'] },
  whispercpp: { anybody: ['/'], own: ['/health'] },
  speaches: { anybody: ['/v1/models', '/openapi.json'] },
  'openai-compatible': { anybody: lists },
}

const asGet = (paths: readonly string[]): readonly string[] =>
  paths.map((path) => (path.includes(' ') ? path : `GET ${path}`))

describe.each(llmKinds)('%s asks only what is free', (kind) => {
  const { anybody, own = [] } = allowed[kind]

  it('of anybody', async () => {
    // LocalAI is asked by Ollama's as it asks for itself.
    const may = kind === 'ollama' ? [...anybody, '/readyz'] : anybody
    for (const other of Object.keys(backends) as BackendKind[]) {
      if (other === kind) continue
      const { url, requests } = await fake(other)
      await fingerprintOf(kind).recognise(questions(url))
      expect(
        requests.filter((one) => !asGet(may).includes(one)),
        `of ${other}`,
      ).toEqual([])
    }
  })

  it('of its own', async () => {
    const { url, requests } = await fake(kind)
    const asking = questions(url)
    await fingerprintOf(kind).recognise(asking)
    await fingerprintOf(kind).describe(asking)
    expect(requests.filter((one) => !asGet([...anybody, ...own]).includes(one))).toEqual([])
  })
})

it.each([
  ['litellm', undefined],
  ['litellm', 'fronted'],
  ['sglang', undefined],
  ['sglang', 'new'],
  ['tgi', undefined],
] as const)('the whole list together never asks %s (%s) for /health', async (kind, variant) => {
  const { url, requests } = await fake(kind, { variant })
  const asking = questions(url)
  for (const { describe: details, recognise } of fingerprints)
    if ((await recognise(asking)) !== undefined) {
      await details(asking)
      break
    }
  expect(requests).not.toContain('GET /health')
  expect(requests.filter((one) => !one.startsWith('GET '))).toEqual([])
})
