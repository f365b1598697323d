import type { Answer, Backend } from './route.js'

const name = 'koboldcpp/Marsh-Heron-12B'

const list: Answer = {
  json: {
    object: 'list',
    data: [{ id: name, object: 'model', created: 1, owned_by: 'koboldcpp' }],
  },
}

const machine = {
  system: { os: 'posix', comfyui_version: 'v0.3.4', python_version: '3.10.12', argv: [] },
  devices: [{ name: 'koboldcpp', type: 'cuda', index: 0, vram_total: 1_000, vram_free: 1_000 }],
}

const tags = {
  models: [
    {
      name: 'koboldcpp',
      model: `${name}:latest`,
      size: 400_000_000,
      digest: 'c0ffee'.repeat(10).padEnd(64, '0'),
      details: { format: 'gguf', family: 'koboldcpp', families: ['koboldcpp'] },
    },
  ],
}

const picture = { title: 'Heron', model_name: 'heron', hash: '8888888888', sha256: '8'.repeat(64) }

/** KoboldCpp with all it imitates: Ollama, ComfyUI, AUTOMATIC1111 and OpenAI. */
export const koboldcpp: Backend = {
  routes: {
    'GET /': { contentType: 'text/html', text: '<html><title>KoboldAI Lite</title></html>' },
    'GET /api/extra/version': {
      json: {
        result: 'KoboldCpp',
        version: '1.99',
        protected: false,
        llm: true,
        txt2img: true,
        vision: true,
        audio: false,
        transcribe: true,
        tts: false,
        embeddings: false,
      },
    },
    'GET /api/v1/model': { json: { result: name } },
    'GET /api/extra/true_max_context_length': { json: { value: 16_384 } },
    'GET /api/v1/config/max_length': { json: { value: 512 } },
    'GET /v1/models': list,
    'GET /api/version': { json: { version: '0.7.0' } },
    'GET /api/tags': { json: tags },
    'GET /api/ps': { json: tags },
    'GET /sdapi/v1/sd-models': { json: [picture] },
    'GET /sdapi/v1/options': { json: { sd_model_checkpoint: 'heron' } },
    'GET /system_stats': { json: machine },
    'GET /object_info': { json: { KSampler: { input: { required: {} } } } },
    'GET /models/checkpoints': { json: ['heron'] },
    'WS /ws': {
      messages: [
        {
          type: 'status',
          data: {
            status: { exec_info: { queue_remaining: 0 } },
            sid: 'ffff000012345678ffff000012345678',
          },
        },
      ],
      closes: 1_000,
    },
  },
  // It looks at the end of a path only.
  unknown: ({ path }) => (path.endsWith('/v1/models') ? list : { status: 404 }),
  variants: {
    old: {
      routes: {
        'GET /api/extra/version': {
          json: {
            result: 'KoboldCpp',
            version: '1.70',
            protected: false,
            txt2img: false,
            vision: false,
          },
        },
      },
    },
    protected: {
      routes: {
        'GET /api/extra/version': {
          json: { result: 'KoboldCpp', version: '1.99', protected: true },
        },
        'GET /api/v1/model': { json: { result: 'koboldcpp/protected-model' } },
      },
    },
    empty: {
      routes: { 'GET /api/v1/model': { json: { result: 'koboldcpp/inactive' } } },
    },
  },
}
