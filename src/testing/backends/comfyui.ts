import type { Answer, Backend } from './route.js'

const machine = (version: string | undefined) => ({
  system: { os: 'posix', comfyui_version: version, python_version: '3.12.4', argv: ['main.py'] },
  devices: [{ name: 'cpu', type: 'cpu', index: null, vram_total: 32_000, vram_free: 8_000 }],
})

const node = (name: string, required: unknown, more: object = {}): Answer => ({
  json: { [name]: { name, input: { required }, output: [], python_module: 'nodes', ...more } },
})

const size = ['INT', { default: 512, min: 16, max: 16_384, step: 8 }]

const greeting = {
  type: 'status',
  data: { status: { exec_info: { queue_remaining: 0 } }, sid: '0123456789abcdef0123456789abcdef' },
}

const latestNodes: Backend['routes'] = {
  'GET /object_info/KSampler': node('KSampler', {
    steps: ['INT', { default: 20, min: 1, max: 10_000 }],
    cfg: ['FLOAT', { default: 8, min: 0, max: 100, step: 0.1 }],
    sampler_name: ['COMBO', { options: ['euler', 'heun'], multiselect: false }],
    scheduler: [['normal', 'karras'], {}],
  }),
  'GET /object_info/EmptyLatentImage': node('EmptyLatentImage', { width: size, height: size }),
  'GET /object_info/SaveImage': node('SaveImage', { images: ['IMAGE'] }),
  'GET /object_info/SaveVideo': node('SaveVideo', { video: ['VIDEO', {}] }, { api_node: false }),
  'GET /object_info/EmptyLTXVLatentVideo': node('EmptyLTXVLatentVideo', { width: size }),
  'GET /object_info/SaveAudio': node('SaveAudio', { audio: ['AUDIO'] }),
  'GET /object_info/EmptyLatentAudio': node('EmptyLatentAudio', {}),
}

/**
 * ComfyUI with models for pictures, films and sounds. Variants: `empty` has none, `old` says no version, `remote` has
 * nodes for films that call paid services only, `silent` does not tell about nodes, `unlisted` does not list
 * its folders, `agreed` a wrapper of it.
 */
export const comfyui: Backend = {
  headers: { Server: 'Python/3.12 aiohttp/3.11.8' },
  routes: {
    'GET /system_stats': { json: machine('0.3.70') },
    'GET /models': { json: ['checkpoints', 'loras', 'vae', 'diffusion_models', 'upscale_models'] },
    'GET /models/checkpoints': { json: ['heron_xl.safetensors', 'ltx-marsh.safetensors'] },
    'GET /models/diffusion_models': { json: ['ace_step_reed.safetensors'] },
    'GET /models/loras': { json: ['feathers.safetensors'] },
    'GET /models/vae': { json: [] },
    'GET /models/controlnet': { json: [] },
    'GET /models/upscale_models': { json: ['4x_fen.pth'] },
    'GET /queue': { json: { queue_running: [], queue_pending: [] } },
    'GET /prompt': { json: { exec_info: { queue_remaining: 0 } } },
    'GET /ws': { status: 400, text: 'No WebSocket UPGRADE hdr: None' },
    'WS /ws': { messages: [greeting] },
    ...latestNodes,
  },
  unknown: ({ path }) =>
    path.startsWith('/object_info/')
      ? { json: {} }
      : { status: 404, contentType: 'application/octet-stream' },
  variants: {
    empty: {
      routes: {
        'GET /models/checkpoints': { json: [] },
        'GET /models/diffusion_models': { json: [] },
        'GET /models/upscale_models': { json: [] },
      },
    },
    old: { routes: { 'GET /system_stats': { json: machine(undefined) } } },
    remote: {
      routes: {
        'GET /object_info/SaveVideo': node('SaveVideo', {}, { api_node: true }),
        'GET /object_info/CreateVideo': node('CreateVideo', {}, { api_node: true }),
      },
    },
    silent: {
      routes: Object.fromEntries(Object.keys(latestNodes).map((route) => [route, { status: 404 }])),
      unknown: { status: 404 },
    },
    unlisted: {
      routes: {
        ...Object.fromEntries(
          ['checkpoints', 'diffusion_models', 'loras', 'vae', 'controlnet', 'upscale_models'].map(
            (folder) => [`GET /models/${folder}`, { status: 404 }],
          ),
        ),
        'GET /object_info/CheckpointLoaderSimple': node('CheckpointLoaderSimple', {
          ckpt_name: [['heron_xl.safetensors'], {}],
        }),
        'GET /object_info/UpscaleModelLoader': node('UpscaleModelLoader', {
          model_name: ['COMBO', { options: ['4x_fen.pth'] }],
        }),
      },
    },
    agreed: {
      routes: { 'GET /system_stats': { status: 404 }, 'GET /ws': { json: { status: 'ready' } } },
    },
  },
}
