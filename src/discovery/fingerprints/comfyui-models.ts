import { namesOf } from '../../core/foreign.js'
import type { Asking } from '../scan/asking.js'
import { parametersOf } from './comfyui-nodes.js'
import { goodList } from './read.js'

/** Where ComfyUI keeps models, and the node that loads them. */
const folders = {
  checkpoints: ['CheckpointLoaderSimple', 'ckpt_name'],
  diffusion_models: ['UNETLoader', 'unet_name'],
  loras: ['LoraLoader', 'lora_name'],
  vae: ['VAELoader', 'vae_name'],
  controlnet: ['ControlNetLoader', 'control_net_name'],
  upscale_models: ['UpscaleModelLoader', 'model_name'],
} as const

export type Folder = keyof typeof folders

const names: readonly Folder[] = [
  'checkpoints',
  'diffusion_models',
  'loras',
  'vae',
  'controlnet',
  'upscale_models',
]

/** The files of each folder. */
export async function filesByFolder(
  asking: Asking,
): Promise<ReadonlyMap<Folder, readonly string[]>> {
  const found = names.map(async (name) => [name, await filesIn(asking, name)] as const)
  return new Map(await Promise.all(found))
}

/** Older ones do not list folders; their nodes list what can be loaded. */
async function filesIn(asking: Asking, folder: Folder): Promise<readonly string[]> {
  const listed = namesOf(goodList(await asking.get(`/models/${folder}`)), 10_000)
  if (listed !== undefined) return listed
  const [node, input] = folders[folder]
  const { [input]: choice } = await parametersOf(asking, node, [input])
  return namesOf(choice?.values, 10_000) ?? []
}
