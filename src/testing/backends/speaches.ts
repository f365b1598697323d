import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

/** Speaches, with the Gradio page that it has at its root. */
export const speaches: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /health': { json: { message: 'OK' }, open: true },
    'GET /v1/models': {
      json: {
        data: [
          {
            id: 'fens/wren-ears',
            object: 'model',
            created: 0,
            owned_by: 'fens',
            language: ['en'],
            task: 'automatic-speech-recognition',
          },
          {
            id: 'fens/wren-voice',
            object: 'model',
            created: 0,
            owned_by: 'fens',
            language: ['en'],
            task: 'text-to-speech',
          },
        ],
        object: 'list',
      },
    },
    'GET /api/ps': { json: { models: [] } },
    'GET /openapi.json': { json: { info: { title: 'Speaches', version: '0.9.1' }, paths: {} } },
    'GET /config': {
      json: {
        version: '5.30.0',
        mode: 'blocks',
        title: 'Speaches Playground',
        api_prefix: '/gradio_api',
        components: [],
        dependencies: [],
      },
    },
  },
  unknown: detailNotFound,
  refused: { status: 403, json: { detail: 'Not authenticated' } },
  variants: { empty: { routes: { 'GET /v1/models': { json: { data: [], object: 'list' } } } } },
}
