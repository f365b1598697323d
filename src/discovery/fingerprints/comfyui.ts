import { field, nameOf, namesOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import type { Asking } from '../scan/asking.js'
import type { Description, Fingerprint } from '../scan/fingerprint.js'
import { goodList, goodObject } from './read.js'

/** Folders whose files are models one makes pictures, films or sound with. */
const folders = ['checkpoints', 'diffusion_models'] as const

const films = /ltx|wan|hunyuan.*video|cogvideo|mochi|cosmos|svd/i
const sounds = /ace.?step|stable.?audio/i

/**
 * ComfyUI. Nodes that call paid services elsewhere are no capability of this machine, so only what it has the models
 * for counts.
 */
export const comfyui: Fingerprint = {
  kind: 'comfyui',
  title: 'ComfyUI',
  service: 'media',
  protocol: 'comfyui',
  ports: [8188],
  advice:
    'start it with `python main.py`; it listens on 127.0.0.1:8188 unless --listen or --port say otherwise',

  async recognise(asking) {
    const body = goodObject(await asking.get('/system_stats'))
    if (body === undefined || !Array.isArray(field(body, 'devices'))) return undefined
    const version = nameOf(field(body, 'system', 'comfyui_version'))
    if (version === undefined && nameOf(field(body, 'system', 'python_version')) === undefined)
      return undefined
    const named = version === undefined ? 'system.python_version' : 'system.comfyui_version'
    return { evidence: `GET /system_stats has ${named} and devices`, version }
  },

  async describe(asking) {
    const lists = await Promise.all(folders.map((folder) => files(asking, folder)))
    const models = lists.flat()
    const [upscalers, controlnets] = await Promise.all([
      files(asking, 'upscale_models'),
      files(asking, 'controlnet'),
    ])
    return describe(models, upscalers.length > 0, controlnets.length > 0)
  },
}

async function files(asking: Asking, folder: string): Promise<readonly string[]> {
  return namesOf(goodList(await asking.get(`/models/${folder}`)), 10_000) ?? []
}

function describe(models: readonly string[], upscales: boolean, controls: boolean): Description {
  const inputs = models.map(
    (id): ModelInput => ({ id, provider: 'comfyui', capabilities: [ability(id)] }),
  )
  const capabilities = [...new Set(models.map(ability))]
  return {
    models: inputs,
    capabilities: [
      ...capabilities,
      ...(upscales ? ['upscale'] : []),
      ...(controls ? ['controlnet'] : []),
    ],
  }
}

const ability = (model: string): string =>
  sounds.test(model)
    ? 'audio_generation'
    : films.test(model)
      ? 'video_generation'
      : 'image_generation'
