import { field, nameOf } from '../../core/foreign.js'
import type { Answer, Backend, Question } from './route.js'

const digest = (byte: string): string => byte.repeat(32)

const details = { format: 'gguf', family: 'wader', parameter_size: '3B' }

const rows = [
  {
    name: 'redshank:latest',
    model: 'redshank:latest',
    size: 2_000_000_001,
    digest: digest('a1'),
    details,
  },
  {
    name: 'knot-embed:v1',
    model: 'knot-embed:v1',
    size: 300_000_001,
    digest: digest('b2'),
    details,
  },
]

const shown: Readonly<Record<string, object>> = {
  'redshank:latest': {
    details,
    model_info: { 'general.architecture': 'wader', 'wader.context_length': 65_536 },
    capabilities: ['completion', 'tools'],
  },
  'knot-embed:v1': {
    details,
    model_info: { 'general.architecture': 'knot', 'knot.context_length': 2_048 },
    capabilities: ['embedding'],
  },
}

function show({ json }: Question): Answer {
  const model = nameOf(field(json, 'model')) ?? ''
  return Object.hasOwn(shown, model)
    ? { json: shown[model] }
    : { status: 404, json: { error: `model '${model}' not found` } }
}

const loaded = { ...rows[0], size_vram: 2_000_000_001, context_length: 8_192 }

/** Ollama. */
export const ollama: Backend = {
  routes: {
    'GET /': { text: 'Ollama is running' },
    'GET /api/version': { json: { version: '0.12.3' } },
    'GET /api/tags': { json: { models: rows } },
    'GET /api/ps': { json: { models: [loaded] } },
    'POST /api/show': show,
    'GET /v1/models': {
      json: {
        object: 'list',
        data: rows.map(({ name }) => ({
          id: name,
          object: 'model',
          created: 1,
          owned_by: 'library',
        })),
      },
    },
  },
  unknown: { status: 404, text: '404 page not found' },
  variants: {
    new: {
      routes: {
        'GET /api/version': { json: { version: '0.31.0' } },
        'GET /api/tags': {
          json: {
            models: [
              {
                ...rows[0],
                details: { ...details, context_length: 65_536 },
                capabilities: ['completion', 'thinking'],
              },
              {
                name: 'redshank:cloud',
                model: 'redshank:cloud',
                remote_model: 'redshank',
                remote_host: 'https://models.example:443',
                size: 320,
                digest: digest('c3'),
                details: { ...details, context_length: 131_072 },
                capabilities: ['completion'],
              },
            ],
          },
        },
      },
    },
    empty: {
      routes: {
        'GET /api/tags': { json: { models: [] } },
        'GET /api/ps': { json: { models: [] } },
        'GET /v1/models': { json: { object: 'list', data: null } },
      },
    },
    // A real one of a version that imitators call theirs.
    borrowed: { routes: { 'GET /api/version': { json: { version: '0.9.0' } } } },
  },
}
