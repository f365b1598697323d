/*
 * Traps of the service registry story (S012) about capabilities and their versions. Some are shown
 * in more depth in `model/`, `catalog/` and `resolve/`; here is one of each.
 */
import { describe, expect, it } from 'vitest'
import { CapabilityCatalog } from '../../src/catalog/capability-catalog.js'
import { NoProviderError } from '../../src/index.js'
import { scene } from '../registry/scene.js'

describe('B-S10: versions are compared as versions', () => {
  const chosen = (version: string, requirement: object | string): string | undefined => {
    const { registry } = scene()
    registry.register({
      service: 'video',
      name: 'a',
      provider: {},
      capabilities: [{ name: 'video_generation', version }],
    })
    return registry.resolve('video', { requires: [requirement as string] })?.provider
  }
  const least = (minVersion: string) => ({ name: 'video_generation', minVersion })

  it('"1.10" is later than "1.9"', () => {
    expect(chosen('1.10', least('1.9'))).toBe('a')
    expect(chosen('1.9', least('1.10'))).toBeUndefined()
    expect(chosen('1.10', 'video_generation@>=1.9')).toBe('a')
    const catalog = new CapabilityCatalog()
    const compared = catalog.compare('video_generation@1.9', 'video_generation@1.10')
    expect(compared).toMatchObject({ verdict: 'compatible', added: ['version 1.10'], missing: [] })
  })

  it('a range keeps its major, a minimum does not', () => {
    expect(chosen('2.0', 'video_generation@^1.2')).toBeUndefined()
    expect(chosen('2.0', least('1.2'))).toBe('a')
  })

  it('what is no version meets no minimum', () => {
    expect(chosen('unknown', least('0'))).toBeUndefined()
    expect(chosen('unknown', 'video_generation')).toBe('a')
  })

  it('a minimum of a capability that is missing does not drop the provider silently', async () => {
    const { registry } = scene()
    registry.register({ service: 'video', name: 'a', provider: {}, capabilities: ['upscale'] })
    const request = { requires: [least('1.0')] }
    expect(registry.explain('video', request).candidates).toMatchObject([
      {
        provider: 'a',
        verdict: { reason: 'incapable', missing: ['video_generation@>=1.0'] },
      },
    ])
    const required = registry.requireService('video', request)
    await expect(required).rejects.toThrow(NoProviderError)
    await expect(required).rejects.toThrow('a lacks video_generation@>=1.0')
  })

  it('comparison says what was added and what is missing', () => {
    const catalog = new CapabilityCatalog()
    const before = ['image_generation@1.0', 'upscale'] as const
    const after = [
      {
        name: 'image_generation',
        version: '1.1',
        parameters: { width: { type: 'int', min: 64, max: 4_096 } },
      },
      'controlnet',
    ] as const
    expect(catalog.compare(before, after)).toEqual({
      verdict: 'incompatible',
      added: ['image_generation: version 1.1', 'image_generation: width up to 4096', 'controlnet'],
      missing: ['upscale'],
    })
  })
})

describe('B-S11: voice_cloning is used, so it is defined', () => {
  const rvc = {
    name: 'voice_cloning',
    version: '1.0',
    parameters: { audio_formats: { type: 'array', items: { values: ['wav', 'mp3'] } } },
  } as const

  it('with audio formats and models, whose values are judged', () => {
    const catalog = new CapabilityCatalog()
    expect(Object.keys(catalog.get('voice_cloning', '1.0')?.parameters ?? {})).toEqual([
      'models',
      'audio_formats',
    ])
    const given = { models: ['rvc-v2'], audio_formats: ['wav', 'mp3'] }
    expect(catalog.validate('voice_cloning', given).valid).toBe(true)
    expect(catalog.validate(rvc, given).valid).toBe(true)
    expect(catalog.validate(rvc, { audio_formats: ['flac'] }).issues).toEqual([
      {
        field: 'audio_formats[0]',
        message: 'expected one of "wav", "mp3" for voice_cloning, got "flac"',
      },
    ])
  })

  it('and can be asked for by format', () => {
    const { registry } = scene()
    registry.register({ service: 'voice', name: 'rvc', provider: {}, capabilities: [rvc] })
    const asked = (...audio_formats: string[]) =>
      registry.resolve('voice', {
        requires: [{ name: 'voice_cloning', minVersion: '1.0', parameters: { audio_formats } }],
      })?.provider
    expect(asked('wav')).toBe('rvc')
    expect(asked('flac')).toBeUndefined()
  })
})

it('S012-11: values that a definition refuses go to nobody, until it is another one', () => {
  const { registry } = scene()
  registry.register({
    service: 'image',
    name: 'a',
    provider: {},
    capabilities: ['image_generation'],
  })
  const request = { requires: [{ name: 'image_generation', parameters: { width: 4_096 } }] }
  expect(registry.resolve('image', request)).toBeUndefined()
  expect(registry.explain('image', request).candidates[0]?.verdict).toEqual({
    reason: 'incapable',
    missing: ['image_generation with {"width":4096} (width up to 2048)'],
  })
  registry.capabilities.define({
    name: 'image_generation',
    version: '1.1',
    parameters: { width: { type: 'int', min: 64, max: 4_096 } },
  })
  expect(registry.resolve('image', request)?.provider).toBe('a')
})

it('B-S2, of definitions: the same content again is no change', () => {
  let changes = 0
  const catalog = new CapabilityCatalog(undefined, () => {
    changes += 1
  })
  for (const one of catalog.list()) catalog.define(structuredClone(one))
  expect(changes).toBe(0)
})

it('B-S9, of definitions: what is kept survives JSON', () => {
  const catalog = new CapabilityCatalog()
  expect(JSON.parse(JSON.stringify(catalog.list()))).toEqual(catalog.list())
})
