import { describe, expect, it } from 'vitest'
import { fingerprints } from '../../../src/discovery/fingerprints/all.js'
import { backends } from '../../../src/testing/backends/all.js'
import type { Backend } from '../../../src/testing/backends/route.js'
import { fake, fingerprintOf, questions, recognised } from './ask.js'

const own = [
  'comfyui',
  'wan2gp',
  'rvc',
  'audioldm',
  'fooocus',
  'automatic1111',
  'gradio',
  'mcp',
  'a2a',
] as const

const doubles = own.flatMap((kind) => {
  const { variants = {} }: Backend = backends[kind]
  return [undefined, ...Object.keys(variants)].map((variant) => ({ kind, variant }))
})

/** Only a wrapper is there, and what wrappers agreed to answer is looked at elsewhere. */
const isWrapper = (variant: string | undefined): boolean => variant === 'agreed'

const describeFake = async (kind: (typeof own)[number], variant?: string) => {
  const { url } = await fake(kind, { variant })
  return fingerprintOf(kind).describe(questions(url))
}

describe('every program is recognised as itself', () => {
  it.each(doubles)('$kind ($variant)', async ({ kind, variant }) => {
    const { url } = await fake(kind, { variant })
    expect((await recognised(url))?.kind).toBe(isWrapper(variant) ? undefined : kind)
  })
})

it('takes up of the choices of ComfyUI what can be a choice', async () => {
  const samplers = ['euler', '\u001b[2J', 'x'.repeat(100_000), '', 7, null, ['a'], true]
  const required = {
    sampler_name: [samplers, { default: '\u001b[2J' }],
    scheduler: ['COMBO', { options: ['karras', {}] }],
    steps: ['INT', { min: 1, max: Number.POSITIVE_INFINITY, default: 20 }],
  }
  const json = { KSampler: { input: { required } } }
  const { url } = await fake('comfyui', { routes: { 'GET /object_info/KSampler': { json } } })
  const { capabilities = [] } = await fingerprintOf('comfyui').describe(questions(url))
  expect(capabilities).toContainEqual(
    expect.objectContaining({
      name: 'image_generation',
      parameters: expect.objectContaining({
        sampler_name: { values: ['euler', 7, true], default: undefined },
        scheduler: { values: ['karras'], default: undefined },
        steps: { type: 'int', min: 1, max: undefined, default: 20 },
      }),
    }),
  )
})

describe('no program is taken for another of its like, whatever the order', () => {
  const particular = fingerprints.filter(({ kind }) => kind !== 'gradio')

  it.each(doubles)('$kind ($variant)', async ({ kind, variant }) => {
    const { url } = await fake(kind, { variant })
    const claims: string[] = []
    for (const one of particular)
      if ((await one.recognise(questions(url))) !== undefined) claims.push(one.kind)
    expect(claims).toEqual(kind === 'gradio' || isWrapper(variant) ? [] : [kind])
  })
})

describe('ComfyUI', () => {
  it('has its version, and what it has models and nodes for', async () => {
    const { url } = await fake('comfyui')
    expect((await recognised(url))?.recognition).toMatchObject({ version: '0.3.70' })
    const { capabilities, models, metadata } = await describeFake('comfyui')
    expect(models?.map(({ id, capabilities: can }) => [id, can])).toEqual([
      ['heron_xl.safetensors', ['image_generation']],
      ['ltx-marsh.safetensors', ['video_generation']],
      ['ace_step_reed.safetensors', ['audio_generation']],
    ])
    expect(namesOf(capabilities)).toEqual([
      'image_generation',
      'video_generation',
      'audio_generation',
      'upscale',
    ])
    expect(metadata).toMatchObject({
      folders: { checkpoints: 2, diffusion_models: 1, loras: 1, upscale_models: 1, controlnet: 0 },
      devices: [{ name: 'cpu', memory: 32_000 }],
    })
  })

  it('tells the ranges of its nodes as parameters, whichever shape a choice has', async () => {
    const { capabilities } = await describeFake('comfyui')
    expect(capabilities?.[0]).toEqual({
      name: 'image_generation',
      version: '1.0',
      parameters: {
        width: { type: 'int', min: 16, max: 16_384, default: 512 },
        height: { type: 'int', min: 16, max: 16_384, default: 512 },
        steps: { type: 'int', min: 1, max: 10_000, default: 20 },
        cfg: { type: 'float', min: 0, max: 100, default: 8 },
        sampler_name: { values: ['euler', 'heun'] },
        scheduler: { values: ['normal', 'karras'] },
        models: { type: 'array', items: { type: 'string', values: ['heron_xl.safetensors'] } },
      },
    })
  })

  it('does not count nodes that call paid services elsewhere', async () => {
    const { capabilities } = await describeFake('comfyui', 'remote')
    expect(namesOf(capabilities)).not.toContain('video_generation')
    expect(namesOf(capabilities)).toContain('image_generation')
  })

  it('has the models that its nodes list when it does not list its folders', async () => {
    const { capabilities, models } = await describeFake('comfyui', 'unlisted')
    expect(models?.map(({ id }) => id)).toEqual(['heron_xl.safetensors'])
    expect(namesOf(capabilities)).toEqual(['image_generation', 'upscale'])
  })

  it('can do nothing without models', async () => {
    expect(await describeFake('comfyui', 'empty')).toMatchObject({ capabilities: [], models: [] })
  })

  it('goes by its models when it does not tell about nodes', async () => {
    const { capabilities } = await describeFake('comfyui', 'silent')
    expect(namesOf(capabilities)).toContain('video_generation')
  })

  it('is recognised without a version, as older ones are', async () => {
    const { url } = await fake('comfyui', { variant: 'old' })
    expect((await recognised(url))?.recognition).toEqual({
      evidence: 'GET /system_stats has system.python_version and devices',
      version: undefined,
    })
  })
})

describe('Wan2GP', () => {
  it('has the version of its heading, its families, and the models of the chosen one', async () => {
    const told = await describeFake('wan2gp')
    expect(told.version).toBe('12.41')
    expect(told.models).toEqual([
      model('wan2gp', 't2v_2_2', 'Text2Video 14B', 'video_generation'),
      model('wan2gp', 'i2v_2_2', 'Image2Video 14B', 'video_generation'),
    ])
    expect(told.capabilities).toEqual(['video_generation', 'image_generation', 'text_to_speech'])
    expect(told.metadata).toMatchObject({
      gradio: '5.29.0',
      families: ['wan2_2', 'flux', 'tts'],
      notDownloaded: ['ti2v_2_2'],
      endpoints: ['/change_family'],
    })
  })

  it('is recognised by its heading while it had no title', async () => {
    const told = await describeFake('wan2gp', 'old')
    expect(told).toMatchObject({ version: '4.2', models: [], capabilities: ['video_generation'] })
  })
})

describe('RVC', () => {
  it('has its voices, and says what more it does', async () => {
    expect(await describeFake('rvc')).toMatchObject({
      models: [{ id: 'bittern.pth' }, { id: 'wren.pth' }],
      capabilities: ['voice_cloning'],
      metadata: { gradio: '3.34.0' },
    })
    const { capabilities, version } = await describeFake('rvc', 'gradio3.14')
    expect(capabilities).toEqual(['voice_cloning', 'audio_separation', 'training'])
    expect(version, 'that of Gradio is not its own').toBeUndefined()
  })
})

describe('AudioLDM', () => {
  it('has its models and the range of its slider', async () => {
    const models = ['audioldm-s-full', 'audioldm-m-full']
    expect(await describeFake('audioldm')).toEqual({
      models: models.map((id) => ({
        id,
        provider: 'audioldm',
        capabilities: ['audio_generation'],
      })),
      capabilities: [
        {
          name: 'audio_generation',
          version: '1.0',
          parameters: {
            duration: { type: 'float', min: 2.5, max: 10, default: 5, description: 'seconds' },
            sample_rate: { type: 'int', values: [16_000] },
            models: { type: 'array', items: { type: 'string', values: models } },
          },
        },
      ],
      limits: { duration: 10 },
      metadata: { gradio: '3.50.2', endpoints: [], family: 'AudioLDM' },
    })
  })

  it('makes music in its second version', async () => {
    const { capabilities, limits, metadata } = await describeFake('audioldm', 'second')
    expect(namesOf(capabilities)).toEqual(['audio_generation', 'music_generation'])
    expect(capabilities?.[0]).toMatchObject({
      parameters: { sample_rate: { values: [48_000, 16_000] } },
    })
    expect(limits).toEqual({ duration: 15 })
    expect(metadata).toMatchObject({ family: 'AudioLDM 2', endpoints: ['/text2audio'] })
  })
})

describe('Fooocus', () => {
  it('has the version of its title', async () => {
    expect(await describeFake('fooocus')).toMatchObject({
      version: '2.5.5',
      models: [{ id: 'heron.safetensors' }],
      capabilities: ['image_generation'],
    })
  })
})

describe('the Stable Diffusion web UI', () => {
  it('has models, samplers and the version at the foot of its page', async () => {
    const told = await describeFake('automatic1111')
    expect(told.version).toBe('v1.10.1')
    expect(told.models?.map(({ id }) => id)).toEqual(['heron', 'new'])
    expect(namesOf(told.capabilities)).toEqual(['image_generation', 'upscale'])
    expect(told.capabilities?.[0]).toMatchObject({
      parameters: { sampler_name: { values: ['Euler a'] } },
    })
    expect(told.metadata).toEqual({ api: true })
  })

  it('is there without --api, and with nothing but its API', async () => {
    expect(await describeFake('automatic1111', 'no-api')).toMatchObject({
      version: 'v1.10.1',
      metadata: { api: false },
      capabilities: ['image_generation'],
    })
    const { models } = await describeFake('automatic1111', 'no-page')
    expect(models?.length).toBe(2)
  })

  it('can do nothing but make images larger without models', async () => {
    expect(await describeFake('automatic1111', 'empty')).toMatchObject({
      models: [],
      capabilities: ['upscale'],
      metadata: { api: true },
    })
  })

  it('says when it is Forge', async () => {
    const { metadata, version } = await describeFake('automatic1111', 'forge')
    expect(metadata).toMatchObject({ variant: 'Forge' })
    expect(version).toBe('f2.0.1v1.10.1-previous')
  })

  it('is not there where a password is asked for everything', async () => {
    const locked = { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="all"' } }
    const { url } = await fake('gradio', {
      routes: { 'GET /config': locked, 'GET /sdapi/v1/sd-models': locked },
    })
    expect(await fingerprintOf('automatic1111').recognise(questions(url))).toBeUndefined()
  })
})

describe('any other Gradio app', () => {
  it('tells its title and the functions that it offers', async () => {
    expect(await describeFake('gradio')).toEqual({
      metadata: {
        title: 'Paint mixer',
        gradio: '5.30.0',
        appId: '9007199254740993777',
        endpoints: ['/mix'],
      },
    })
    expect((await describeFake('gradio', 'gradio6')).metadata?.endpoints).toEqual(['/mix'])
  })

  it('has no title where Gradio gives one, and no blank after its version', async () => {
    const { metadata } = await describeFake('gradio', 'gradio3')
    expect(metadata).toEqual({ gradio: '3.34.0', endpoints: ['/mix'] })
  })

  it.each([undefined, 'gradio6'])('wants credentials (%s)', async (variant) => {
    const { url } = await fake('gradio', { variant, key: 'me:secret' })
    expect(await recognised(url)).toMatchObject({
      kind: 'gradio',
      recognition: { needsCredentials: true },
    })
  })
})

describe('an A2A agent', () => {
  const skills = [
    { id: 'film-a-marsh', name: 'Film a marsh', tags: ['film', 'marsh'], outputs: ['video/mp4'] },
    { id: 'tell', name: 'Tell', tags: [] },
  ]

  it.each([
    [undefined, '1.0'],
    ['v0.3', '0.3.0'],
    ['v0.2', '0.2.5'],
  ])('is described by its card (%s)', async (variant, apiVersion) => {
    expect(await describeFake('a2a', variant)).toMatchObject({
      version: '4.5.6',
      apiVersion,
      capabilities: ['video_generation', 'text_generation', 'streaming'],
      metadata: {
        name: 'Marsh filmer',
        skills,
        interfaces: [{ url: 'http://127.0.0.1:9/a2a', binding: 'JSONRPC' }],
      },
    })
  })
})

const model = (provider: string, id: string, name: string, capability: string) => ({
  id,
  provider,
  name,
  capabilities: [capability],
})

function namesOf(capabilities: readonly (string | { readonly name: string })[] = []) {
  return capabilities.map((one) => (typeof one === 'string' ? one : one.name))
}
