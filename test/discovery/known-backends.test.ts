import { expect, it } from 'vitest'
import { knownBackends } from '../../src/discovery/index.js'
import { ServiceRegistry } from '../../src/index.js'

it('S012-19: registers the four back ends of the story as they are', () => {
  const registry = new ServiceRegistry()
  for (const backend of Object.values(knownBackends))
    registry.register({ ...backend, connect: (record) => ({ at: record.address }) })
  expect(registry.list().map(({ name, address }) => [name, address])).toEqual([
    ['comfyui', 'http://127.0.0.1:8188'],
    ['wan2gp', 'http://127.0.0.1:7860'],
    ['rvc', 'http://127.0.0.1:7865'],
    ['audioldm', 'http://127.0.0.1:7863'],
  ])
  const able = (capability: string, models: readonly string[] = []): string[] =>
    Object.values(
      registry.explain('media', { requires: [{ name: capability, parameters: { models } }] })
        .candidates,
    )
      .filter(({ verdict }) => typeof verdict === 'string')
      .map(({ provider }) => provider)
  expect(able('video_generation')).toEqual(['comfyui', 'wan2gp'])
  expect(able('video_generation', ['causvid'])).toEqual(['wan2gp'])
  expect(able('voice_cloning')).toEqual(['rvc'])
  expect(able('audio_generation', ['audioldm-l'])).toEqual(['audioldm'])
})

it('says what each can do, frozen all over', () => {
  const { comfyui, rvc } = knownBackends
  expect(comfyui.capabilities.map(({ name }) => name)).toEqual([
    'image_generation',
    'video_generation',
  ])
  expect(comfyui.capabilities[0]?.parameters).toEqual({
    checkpoints: { type: 'boolean' },
    loras: { type: 'boolean' },
    controlnet: { type: 'boolean' },
  })
  expect(rvc.capabilities[0]?.parameters?.audio_formats?.items?.values).toEqual(['wav', 'mp3'])
  const frozen = (value: unknown): boolean =>
    typeof value !== 'object' ||
    value === null ||
    (Object.isFrozen(value) && Object.values(value).every(frozen))
  expect(frozen(knownBackends)).toBe(true)
})
