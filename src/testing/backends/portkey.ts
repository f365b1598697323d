import type { Backend } from './route.js'

/** Portkey's AI gateway. */
export const portkey: Backend = {
  routes: {
    'GET /': { text: 'AI Gateway says hey!' },
    'GET /v1/models': {
      status: 400,
      json: {
        status: 'failure',
        message: 'Either x-portkey-config or x-portkey-provider header is required',
      },
    },
  },
  unknown: { status: 404, json: { message: 'Not Found', ok: false } },
}
