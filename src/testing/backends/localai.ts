import type { Answer, Backend } from './route.js'

const rows = [
  {
    id: 'otter-7b',
    object: 'model',
    capabilities: ['chat', 'completion', 'tools'],
    input_modalities: ['text'],
    output_modalities: ['text'],
  },
  {
    id: 'otter-ears',
    object: 'model',
    capabilities: ['transcript'],
    input_modalities: ['audio'],
    output_modalities: ['text'],
  },
]

const tags = {
  models: rows.map(({ id }) => ({
    name: `${id}:latest`,
    model: `${id}:latest`,
    size: 0,
    digest: `sha256:${'0b'.repeat(32)}`,
    details: { format: 'gguf', family: '' },
  })),
}

const notFound: Answer = {
  status: 404,
  json: { error: { code: 404, message: 'Not Found', type: '' } },
}

/** LocalAI, with the Ollama it always imitates. */
export const localai: Backend = {
  routes: {
    'GET /.well-known/localai.json': {
      json: { version: 'v4.1.0', endpoints: { models: '/v1/models' } },
      open: true,
    },
    'GET /': { contentType: 'text/html', text: '<html><title>LocalAI</title></html>', open: true },
    'GET /healthz': { open: true },
    'GET /readyz': { contentType: 'text/plain; charset=utf-8', open: true },
    'GET /version': { json: { version: 'v4.1.0 (0a1b2c3)' } },
    'GET /v1/models': {
      json: { object: 'list', data: rows.map(({ id, object }) => ({ id, object })) },
    },
    'GET /v1/models/capabilities': { json: { object: 'list', data: rows } },
    'GET /api/version': { json: { version: '0.9.0' } },
    'GET /api/tags': { json: tags },
    'GET /api/ps': { json: tags },
  },
  unknown: notFound,
  refused: {
    status: 401,
    json: { error: { code: 401, message: 'An authentication key is required', type: '' } },
  },
  variants: {
    old: { routes: { 'GET /v1/models/capabilities': notFound } },
    loading: {
      routes: {
        'GET /readyz': {
          status: 503,
          json: { status: 'starting', reason: 'preloading' },
          open: true,
        },
      },
    },
    // With an option it says so at its root, too.
    ollama: { routes: { 'GET /': { text: 'Ollama is running', open: true } } },
    // Without a model only its root and version are left to go by.
    'empty-ollama': {
      routes: {
        'GET /': { text: 'Ollama is running', open: true },
        'GET /api/tags': { json: { models: [] } },
        'GET /v1/models': { json: { object: 'list', data: [] } },
        'GET /v1/models/capabilities': { json: { object: 'list', data: [] } },
      },
    },
  },
}
