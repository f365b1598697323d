import type { Answer, Backend } from './route.js'

const list = (...rows: readonly object[]): Answer => ({ json: { object: 'list', data: rows } })
const notHere: Answer = { status: 404, text: 'not found' }

/** A server nobody knows that speaks OpenAI's protocol. */
export const openaiCompatible: Backend = {
  routes: {
    'GET /v1/models': list({ id: 'dotterel-1b', object: 'model', created: 1, owned_by: 'moor' }),
  },
  unknown: notHere,
  refused: {
    status: 401,
    json: {
      error: {
        message: 'You must provide an API key',
        type: 'invalid_request_error',
        param: null,
        code: null,
      },
    },
  },
  variants: {
    lmdeploy: {
      routes: {
        'GET /v1/models': list({ id: 'dotterel-1b', object: 'model', owned_by: 'lmdeploy' }),
      },
    },
    'docker-model-runner': {
      routes: {
        'GET /v1/models': notHere,
        'GET /engines/v1/models': list({
          id: 'ai/dotterel:1b',
          object: 'model',
          owned_by: 'docker',
        }),
      },
    },
    empty: { routes: { 'GET /v1/models': list() } },
  },
}
