import { field, nameOf } from '../../core/foreign.js'
import type { Capability } from '../../model/capability.js'
import type { ModelInput } from '../../model/llm-model.js'
import type { Asking } from '../scan/asking.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { type Folder, filesByFolder } from './comfyui-models.js'
import { hasNode, hasOneOf, parametersOf } from './comfyui-nodes.js'
import { goodObject } from './read.js'

const films = /ltx|(?<![a-z])wan|hunyuan.{0,20}video|cogvideo|mochi|cosmos|svd/i
const sounds = /ace.?step|stable.?audio/i

/**
 * ComfyUI. Nodes that call paid services elsewhere are no capability of this machine, so only what it has the models
 * for counts, if the nodes that run them are there too.
 */
export const comfyui: Fingerprint = {
  kind: 'comfyui',
  title: 'ComfyUI',
  service: 'media',
  protocol: 'comfyui',
  ports: [8188],
  greeting: { path: '/ws', isItsOwn: isGreeting },
  advice:
    'start it with `python main.py`; it listens on 127.0.0.1:8188 unless --listen or --port say otherwise',

  async recognise(asking) {
    const body = goodObject(await asking.get('/system_stats'))
    const devices = field(body, 'devices')
    if (!Array.isArray(devices) || devices.some(isImitated)) return undefined
    const version = nameOf(field(body, 'system', 'comfyui_version'))
    if (version === undefined && nameOf(field(body, 'system', 'python_version')) === undefined)
      return undefined
    const named = version === undefined ? 'system.python_version' : 'system.comfyui_version'
    return { evidence: `GET /system_stats has ${named} and devices`, version }
  },

  async describe(asking) {
    const folders = await filesByFolder(asking)
    const filesIn = (folder: Folder): readonly string[] => folders.get(folder) ?? []
    const all = new Set([...filesIn('checkpoints'), ...filesIn('diffusion_models')])
    const models = [...all].slice(0, 10_000)
    return {
      models: models.map(toModel),
      capabilities: [
        ...(await abilities(asking, models)),
        ...(filesIn('upscale_models').length > 0 ? ['upscale'] : []),
        ...(filesIn('controlnet').length > 0 ? ['controlnet'] : []),
      ],
      metadata: {
        folders: Object.fromEntries([...folders].map(([folder, files]) => [folder, files.length])),
        devices: await devicesOf(asking),
      },
    }
  },
}

/** The sid that KoboldCpp gives to everybody. */
const imitatedSid = 'ffff000012345678ffff000012345678'

function isGreeting(message: unknown): boolean {
  const sid = nameOf(field(message, 'data', 'sid'))
  return field(message, 'type') === 'status' && sid !== undefined && sid !== imitatedSid
}

/** KoboldCpp answers as a ComfyUI whose graphics card is KoboldCpp. */
const isImitated = (device: unknown): boolean => field(device, 'name') === 'koboldcpp'

const abilityOf = (model: string): string =>
  sounds.test(model)
    ? 'audio_generation'
    : films.test(model)
      ? 'video_generation'
      : 'image_generation'

const toModel = (id: string): ModelInput => ({
  id,
  provider: 'comfyui',
  capabilities: [abilityOf(id)],
})

async function abilities(
  asking: Asking,
  models: readonly string[],
): Promise<readonly Capability[]> {
  const named = (ability: string) => models.filter((model) => abilityOf(model) === ability)
  const found = await Promise.all([
    images(asking, named('image_generation')),
    made(asking, 'video_generation', named('video_generation'), videoNodes),
    made(asking, 'audio_generation', named('audio_generation'), audioNodes),
  ])
  return found.filter((ability) => ability !== undefined)
}

const capability = (
  name: string,
  models: readonly string[],
  parameters: Capability['parameters'] = {},
): Capability => ({
  name,
  version: '1.0',
  parameters: {
    ...parameters,
    models: { type: 'array', items: { type: 'string', values: models } },
  },
})

async function images(asking: Asking, models: readonly string[]) {
  if (models.length === 0) return undefined
  const [samples, saves] = await Promise.all([
    hasNode(asking, 'KSampler'),
    hasNode(asking, 'SaveImage'),
  ])
  if (!samples || !saves) return undefined
  const [sampler, canvas] = await Promise.all([
    parametersOf(asking, 'KSampler', ['steps', 'cfg', 'denoise', 'sampler_name', 'scheduler']),
    parametersOf(asking, 'EmptyLatentImage', ['width', 'height', 'batch_size']),
  ])
  return capability('image_generation', models, { ...canvas, ...sampler })
}

/** One that begins, and one that saves. */
type Ends = readonly [starts: readonly string[], saves: readonly string[]]

const videoNodes: Ends = [
  [
    'EmptyLTXVLatentVideo',
    'EmptyHunyuanLatentVideo',
    'WanImageToVideo',
    'EmptyMochiLatentVideo',
    'EmptyCosmosLatentVideo',
    'SVD_img2vid_Conditioning',
  ],
  ['SaveVideo', 'CreateVideo', 'SaveWEBM', 'SaveAnimatedWEBP'],
]

const audioNodes: Ends = [
  ['EmptyAceStepLatentAudio', 'EmptyLatentAudio'],
  ['SaveAudio', 'SaveAudioMP3'],
]

async function made(
  asking: Asking,
  name: string,
  models: readonly string[],
  [starts, saves]: Ends,
): Promise<Capability | undefined> {
  if (models.length === 0) return undefined
  const there = (await hasOneOf(asking, saves)) && (await hasOneOf(asking, starts))
  return there ? capability(name, models) : undefined
}

/** What it calculates with, and how much memory that has. How much is free is another answer each time. */
async function devicesOf(asking: Asking) {
  const devices = field(goodObject(await asking.get('/system_stats')), 'devices')
  if (!Array.isArray(devices)) return []
  return devices.slice(0, 64).flatMap((device: unknown) => {
    const name = nameOf(field(device, 'name'))
    const memory = field(device, 'vram_total')
    return name === undefined ? [] : [{ name, ...(Number.isFinite(memory) && { memory }) }]
  })
}
