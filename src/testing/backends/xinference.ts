import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const row = (id: string, model_type: string, facts: object): object => ({
  id,
  object: 'model',
  created: 0,
  owned_by: 'xinference',
  model_type,
  model_name: id,
  replica: 1,
  ...facts,
})

/** Xinference. */
export const xinference: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /status': { json: { uptime: 60, workers: {} } },
    'GET /v1/cluster/auth': { json: { auth: false }, open: true },
    'GET /v1/cluster/version': {
      json: { version: '3.1.0', 'full-revisionid': '0123abcd' },
      open: true,
    },
    'GET /v1/models': {
      json: {
        object: 'list',
        data: [
          row('dunlin', 'LLM', { model_ability: ['chat', 'tools'], context_length: 18_432 }),
          row('dunlin-paint', 'image', { model_ability: ['text2image'] }),
          row('dunlin-ears', 'audio', { model_ability: ['audio2text'] }),
        ],
      },
    },
  },
  unknown: detailNotFound,
  refused: { status: 401, json: { detail: 'Not authenticated' } },
  variants: {
    secured: { routes: { 'GET /v1/cluster/auth': { json: { auth: true }, open: true } } },
  },
}
