import type { Capability } from '../model/capability.js'
import type { ParameterSpec, ParameterSpecs } from '../model/parameter.js'

/** A back end as it is known before anybody asked it: `register({ ...backend, connect })`. */
export interface KnownBackend {
  readonly name: string
  /** One service for all, so that a capability chooses among them. */
  readonly service: string
  /** Where it is unless it was told otherwise. */
  readonly address: string
  readonly capabilities: readonly Capability[]
  readonly models: readonly string[]
}

/** A list of some of these. */
const some = (...values: readonly string[]): ParameterSpec =>
  Object.freeze({
    type: 'array',
    items: Object.freeze({ type: 'string', values: Object.freeze(values) }),
  })
const flag: ParameterSpec = Object.freeze({ type: 'boolean' })

const capability = (name: string, parameters: ParameterSpecs): Capability =>
  Object.freeze({ name, version: '1.0', parameters: Object.freeze(parameters) })

function backend(
  name: string,
  port: number,
  models: readonly string[],
  capabilities: readonly Capability[],
): KnownBackend {
  return Object.freeze({
    name,
    service: 'media',
    address: `http://127.0.0.1:${port}`,
    capabilities: Object.freeze(capabilities),
    models: Object.freeze(models),
  })
}

/** What ComfyUI, Wan2GP, RVC and AudioLDM are for. What one of them answers itself is better: discover it. */
export const knownBackends: Readonly<
  Record<'comfyui' | 'wan2gp' | 'rvc' | 'audioldm', KnownBackend>
> = Object.freeze({
  comfyui: backend(
    'comfyui',
    8188,
    ['ltx-video', 'cogvideo'],
    [
      capability('image_generation', { checkpoints: flag, loras: flag, controlnet: flag }),
      capability('video_generation', { models: some('ltx-video', 'cogvideo') }),
    ],
  ),
  wan2gp: backend(
    'wan2gp',
    7860,
    ['causvid', 'hunyuan-video'],
    [capability('video_generation', { models: some('causvid', 'hunyuan-video') })],
  ),
  rvc: backend(
    'rvc',
    7865,
    ['rvc-v2'],
    [capability('voice_cloning', { models: some('rvc-v2'), audio_formats: some('wav', 'mp3') })],
  ),
  audioldm: backend(
    'audioldm',
    7863,
    ['audioldm-l', 'audioldm-s-full'],
    [capability('audio_generation', { models: some('audioldm-l', 'audioldm-s-full') })],
  ),
})
