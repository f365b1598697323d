import { describe, expect, it } from 'vitest'
import { UnknownProviderError } from '../../src/index.js'
import { heardScene, scene } from './scene.js'

const comfyui = {
  service: 'comfyui',
  name: 'comfyui',
  provider: {},
  capabilities: ['image_generation@1.0', 'my-own'],
} as const

describe('updateFromHealth', () => {
  it('takes up version, models, features, limits and status in one turn', () => {
    const { registry, events } = heardScene()
    registry.register(comfyui)
    events.length = 0
    const seen: unknown[] = []
    registry.on('provider.changed', () => void seen.push(registry.get('comfyui')?.health))
    const view = registry.updateFromHealth('comfyui', {
      status: 'degraded',
      version: '0.3.64',
      api_version: '1.1',
      models: ['sd-xl'],
      features: ['video_generation', 'image_generation', 'telepathy'],
      limits: { vram_gb: 24 },
    })
    expect(view).toMatchObject({
      version: '0.3.64',
      apiVersion: '1.1',
      models: ['sd-xl'],
      limits: { vram_gb: 24 },
      health: 'degraded',
    })
    expect(view.capabilities).toEqual([
      { name: 'image_generation', version: '1.0' },
      { name: 'my-own' },
      { name: 'video_generation', version: '1.0' },
    ])
    expect(seen).toEqual(['degraded'])
    expect(events.map(({ type }) => type)).toEqual([
      'provider.changed',
      'capability.added',
      'provider.health-changed',
    ])
    expect(registry.resolve('comfyui', { requires: ['video_generation'] })?.provider).toBe(
      'comfyui',
    )
  })

  it('tells nothing when nothing is new', () => {
    const { registry, events } = heardScene()
    registry.register(comfyui)
    const body = { status: 'ok', version: '1.0', features: ['image_generation'] }
    registry.updateFromHealth('comfyui', body)
    events.length = 0
    registry.updateFromHealth('comfyui', body)
    expect(events).toEqual([])
  })

  it('drops what the program could have named and did not; keeps what it does not speak of', () => {
    const { registry, events } = heardScene()
    registry.register({ ...comfyui, version: '1.0', models: ['m'] })
    events.length = 0
    registry.updateFromHealth('comfyui', { status: 'ok', features: ['chat'] })
    expect(registry.get('comfyui')).toMatchObject({ version: '1.0', models: ['m'] })
    expect(registry.get('comfyui')?.capabilities.map(({ name }) => name)).toEqual([
      'my-own',
      'chat',
    ])
    expect(registry.resolve('comfyui', { requires: ['image_generation'] })).toBeUndefined()
    expect(
      events.map((event) => [event.type, 'capability' in event && event.capability.name]),
    ).toEqual([
      ['provider.changed', false],
      ['capability.removed', 'image_generation'],
      ['capability.added', 'chat'],
      ['provider.health-changed', false],
    ])
  })

  it('takes a record of features for what it says, and no more', () => {
    const { registry } = scene()
    registry.register({ ...comfyui, capabilities: ['image_generation', 'chat', 'vision'] })
    registry.updateFromHealth('comfyui', {
      status: 'ok',
      features: { image_generation: true, chat: null, vision: false, embeddings: true },
    })
    expect(registry.get('comfyui')?.capabilities.map(({ name }) => name)).toEqual([
      'image_generation',
      'chat',
      'embeddings',
    ])
  })

  it('believes a bad answer: it is unhealthy, and that counts against the circuit', () => {
    const { registry } = scene()
    registry.register({ ...comfyui, circuit: { failureThreshold: 1 } })
    registry.updateFromHealth('comfyui', { status: 'error' })
    expect(registry.get('comfyui')).toMatchObject({
      health: 'unhealthy',
      circuit: { state: 'open' },
    })
    expect(registry.metrics().healthCheckFailures).toBe(1)
  })

  it('refuses what is no answer and who is not there, and changes nothing', () => {
    const { registry, events } = heardScene()
    registry.register(comfyui)
    events.length = 0
    for (const body of [undefined, null, 'ok', [], 7])
      expect(() => registry.updateFromHealth('comfyui', body)).toThrow(/health answer/)
    expect(() => registry.updateFromHealth('nobody', {})).toThrow(UnknownProviderError)
    expect(events).toEqual([])
  })
})

describe('modelsOf', () => {
  it('gives the models of a provider, or of all of a service, for a capability', () => {
    const { registry } = scene()
    registry.register({
      service: 'video',
      name: 'wan2gp',
      provider: {},
      capabilities: ['video_generation'],
      models: ['causvid', 'hunyuan-video'],
    })
    registry.register({
      service: 'video',
      name: 'comfyui',
      provider: {},
      capabilities: ['video_generation', 'image_generation'],
      models: ['cogvideo', 'sd-xl', 'causvid'],
    })
    expect(registry.modelsOf('wan2gp', 'video_generation')).toEqual(['causvid', 'hunyuan-video'])
    expect(registry.modelsOf('comfyui', 'image_generation')).toEqual(['sd-xl'])
    expect(registry.modelsOf('video', 'video_generation')).toEqual([
      'causvid',
      'hunyuan-video',
      'cogvideo',
    ])
    expect(registry.modelsOf('wan2gp', 'image_generation')).toEqual([])
    expect(registry.modelsOf('nobody', 'image_generation')).toEqual([])
  })
})

describe('capabilityItems', () => {
  it('has a line for each capability of each provider', () => {
    const { registry } = scene()
    registry.register(comfyui)
    expect(registry.capabilityItems()).toEqual([
      {
        id: 'comfyui:image_generation',
        label: 'comfyui - image_generation',
        description: 'Version 1.0',
      },
      { id: 'comfyui:my-own', label: 'comfyui - my-own', description: '' },
    ])
  })

  it('says so when there is none', () => {
    expect(scene().registry.capabilityItems()).toEqual([
      { id: 'NONE', label: 'No Capabilities', description: '' },
    ])
  })

  it('can be kept true by an event', () => {
    const { registry } = scene()
    const menus: number[] = []
    const refresh = (): void => void menus.push(registry.capabilityItems().length)
    registry.on('provider.added', refresh)
    registry.on('provider.changed', refresh)
    registry.register(comfyui)
    registry.updateFromHealth('comfyui', { status: 'ok', features: ['image_generation', 'chat'] })
    expect(menus).toEqual([2, 3])
  })
})

describe('events of a change of nothing', () => {
  it('the same registration again tells nothing (B-S2)', () => {
    const { registry, events } = heardScene()
    registry.register({ ...comfyui, metadata: { a: [1] } })
    events.length = 0
    registry.register({ ...comfyui, metadata: { a: [1] }, replace: true })
    expect(events).toEqual([])
  })

  it('models: events for what is new, and only then', () => {
    const { registry, events } = heardScene()
    for (const type of ['model.added', 'model.changed', 'model.removed'] as const)
      registry.on(type, (event) => void events.push(event))
    registry.models.register({ id: 'm', provider: 'p' })
    registry.models.register({ id: 'm', provider: 'p' })
    registry.models.register({ id: 'm', provider: 'p', contextLength: 9 })
    registry.models.remove('m')
    expect(events.map(({ type }) => type)).toEqual([
      'model.added',
      'model.changed',
      'model.removed',
    ])
  })
})
