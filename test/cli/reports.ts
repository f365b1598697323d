import type { Examination } from '../../src/discovery/scan/examine.js'
import type { Found, Progress, ScanReport } from '../../src/discovery/scan/report.js'

/** A program that was found, and of which hardly anything is known. */
export function found(kind: string, port: number, fields: Partial<Found> = {}): Found {
  return {
    name: `${kind}@127.0.0.1:${port}`,
    kind,
    title: kind,
    service: 'llm',
    protocol: 'openai',
    address: `http://127.0.0.1:${port}`,
    alsoAt: [],
    health: 'healthy',
    version: undefined,
    apiVersion: undefined,
    capabilities: [],
    models: [],
    limits: undefined,
    metadata: {},
    evidence: `GET / says ${kind}`,
    weak: false,
    needsCredentials: false,
    ...fields,
  }
}

export const models = (provider: string, ...ids: string[]) => ids.map((id) => ({ id, provider }))

export const ollama = found('ollama', 11_434, {
  title: 'Ollama',
  alsoAt: ['http://[::1]:11434'],
  version: '0.12.3',
  capabilities: [{ name: 'chat' }, { name: 'embeddings' }],
  models: models('ollama', 'redshank:8b', 'redshank:30b', 'knot-embed', 'curlew', 'dunlin'),
  evidence: 'GET /api/version has a version, /api/tags has models with digests',
})

export const comfyui = found('comfyui', 8_188, {
  title: 'ComfyUI',
  service: 'media',
  protocol: 'comfyui',
  version: '0.4.1',
  health: 'loading',
  capabilities: [{ name: 'image_generation', version: '1.0' }],
  models: models('comfyui', 'heron.safetensors'),
  evidence: 'GET /system_stats has comfyui_version',
})

export const litellm = found('litellm', 4_000, {
  title: 'LiteLLM',
  health: 'unhealthy',
  needsCredentials: true,
  evidence: 'GET /health/liveliness says so',
})

export const report = (fields: Partial<ScanReport> = {}): ScanReport => ({
  found: [],
  unknown: [],
  missing: [],
  problems: [],
  ports: 436,
  complete: true,
  elapsedMs: 812.4,
  ...fields,
})

export const progress = (fields: Partial<Progress> = {}): Progress => ({
  done: 0,
  total: 436,
  elapsedMs: 0,
  asking: [],
  found: [],
  ...fields,
})

export const examination = (fields: Partial<Examination> = {}): Examination => ({
  address: 'http://127.0.0.1:9000',
  found: undefined,
  why: 'answers, and is none of the programs that are known',
  failure: undefined,
  steps: [],
  ...fields,
})
