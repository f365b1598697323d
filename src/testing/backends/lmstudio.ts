import type { Backend, Question } from './route.js'

const unexpected = ({ method, path }: Pick<Question, 'method' | 'path'>) => ({
  json: { error: `Unexpected endpoint or method. (${method} ${path})` },
})

const older = [
  {
    id: 'curlew-vl-3b',
    object: 'model',
    type: 'vlm',
    publisher: 'fens',
    arch: 'curlew',
    compatibility_type: 'mlx',
    state: 'not-loaded',
    max_context_length: 20_480,
  },
  {
    id: 'text-embedding-curlew',
    object: 'model',
    type: 'embeddings',
    publisher: 'fens',
    arch: 'curlew',
    compatibility_type: 'gguf',
    state: 'not-loaded',
    max_context_length: 2_048,
  },
]

const newer = [
  {
    type: 'llm',
    publisher: 'fens',
    key: 'fens/curlew-vl-3b',
    display_name: 'Curlew VL 3B',
    loaded_instances: [{ id: 'fens/curlew-vl-3b', config: { context_length: 6_144 } }],
    max_context_length: 20_480,
    format: 'mlx',
    capabilities: { vision: true, trained_for_tool_use: false },
  },
  {
    type: 'embedding',
    publisher: 'fens',
    key: 'text-embedding-curlew',
    display_name: 'Curlew Embed',
    loaded_instances: [],
    max_context_length: 2_048,
    format: 'gguf',
  },
]

const gone = (path: string) => unexpected({ method: 'GET', path })

/** LM Studio, which answers 200 to everything. */
export const lmstudio: Backend = {
  headers: { 'X-Powered-By': 'Express' },
  routes: {
    'GET /v1/models': {
      json: {
        object: 'list',
        data: older.map(({ id }) => ({ id, object: 'model', owned_by: 'organization_owner' })),
      },
    },
    'GET /api/v0/models': { json: { object: 'list', data: older } },
    'GET /api/v1/models': { json: { models: newer } },
  },
  unknown: unexpected,
  variants: {
    old: { routes: { 'GET /api/v1/models': gone('/api/v1/models') } },
    new: { routes: { 'GET /api/v0/models': gone('/api/v0/models') } },
    empty: {
      routes: {
        'GET /v1/models': { json: { object: 'list', data: [] } },
        'GET /api/v0/models': { json: { object: 'list', data: [] } },
        'GET /api/v1/models': { json: { models: [] } },
      },
    },
  },
}
