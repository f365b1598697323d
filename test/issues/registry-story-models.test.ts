/* Traps of the service registry story that concern models and health answers (pitfalls.md, B-S). */
import { expect, it } from 'vitest'
import { ModelCatalog } from '../../src/catalog/model-catalog.js'
import { knownBackends } from '../../src/discovery/index.js'
import { InvalidRegistrationError, type Model, ServiceRegistry } from '../../src/index.js'

const withBackends = (): ServiceRegistry => {
  const registry = new ServiceRegistry()
  for (const backend of Object.values(knownBackends))
    registry.register({ ...backend, connect: () => ({}) })
  return registry
}

it("B-S3: a back end's own models are found, whatever their names begin with", () => {
  const registry = withBackends()
  expect(registry.modelsOf('wan2gp', 'video_generation')).toEqual(['causvid', 'hunyuan-video'])
  expect(registry.modelsOf('comfyui', 'video_generation')).toEqual(['ltx-video', 'cogvideo'])
  expect(registry.modelsOf('comfyui', 'image_generation')).toEqual([])
  expect(registry.modelsOf('rvc', 'voice_cloning')).toEqual(['rvc-v2'])
  expect(registry.modelsOf('audioldm', 'audio_generation')).toEqual([
    'audioldm-l',
    'audioldm-s-full',
  ])
  expect(registry.modelsOf('wan2gp', 'voice_cloning')).toEqual([])
})

it('B-S3: also without a declared list, by their names', () => {
  const registry = new ServiceRegistry()
  registry.register({
    service: 'video',
    name: 'plain',
    provider: {},
    capabilities: ['video_generation', 'image_generation'],
    models: ['cogvideo', 'causvid', 'hunyuan-video', 'ltx-video', 'sd-xl', 'flux-dev'],
  })
  expect(registry.modelsOf('plain', 'video_generation')).toEqual([
    'cogvideo',
    'causvid',
    'hunyuan-video',
    'ltx-video',
  ])
  expect(registry.modelsOf('plain', 'image_generation')).toEqual(['sd-xl', 'flux-dev'])
})

it.each([
  ['unhealthy', 'unhealthy'],
  ['error', 'unhealthy'],
  ['starting', 'loading'],
  ['degraded', 'degraded'],
  ['healthy', 'healthy'],
])('B-S7: a health answer of %s makes a provider %s', (status, wanted) => {
  const registry = withBackends()
  registry.updateFromHealth('wan2gp', { status, features: ['t2v'], models: ['causvid'] })
  expect(registry.get('wan2gp')?.health).toBe(wanted)
})

it('B-S8: the same id at two providers is two models', () => {
  const { models } = new ServiceRegistry()
  models.register({ id: 'gpt', provider: 'openai', contextLength: 1 })
  models.register({ id: 'gpt', provider: 'azure', contextLength: 2 })
  expect(models.size).toBe(2)
  expect(models.get('gpt', 'openai')?.contextLength).toBe(1)
  expect(models.get('gpt', 'azure')?.contextLength).toBe(2)
  // The set of providers of the story only grows.
  models.remove('gpt', 'azure')
  expect(models.providers()).toEqual(['openai'])
})

it('B-S9: a bad third entry changes nothing and is named', () => {
  const { models } = new ServiceRegistry()
  const good = ['a', 'b'].map((id) => ({ id, provider: 'p' }))
  const bad = { id: 'c', provider: 'p', contextLength: -1 }
  const by = { kind: 'catalogue', source: 'list' } as const
  expect(() => models.update([...good, bad], by)).toThrow(InvalidRegistrationError)
  expect(() => models.update([...good, bad], by)).toThrow(/\[2\]\.contextLength/)
  expect(models.list()).toEqual([])
})

it('B-S9: a model is plain JSON, its times included', () => {
  const one = new ModelCatalog({ now: () => 1_700_000_000_000 })
  one.register({ id: 'a', provider: 'p', capabilities: { chat: true, vision: false } })
  const saved: Model[] = JSON.parse(JSON.stringify(one.list()))
  const other = new ModelCatalog({ now: () => 0 })
  other.restore(saved)
  expect(other.list()).toEqual(one.list())
})
