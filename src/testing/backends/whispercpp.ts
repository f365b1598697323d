import type { Backend } from './route.js'

/** whisper.cpp's server. */
export const whispercpp: Backend = {
  headers: { Server: 'whisper.cpp' },
  routes: {
    'GET /': { contentType: 'text/html', text: '<html><title>Whisper.cpp Server</title></html>' },
    'GET /health': { json: { status: 'ok' } },
  },
  variants: {
    loading: { routes: { 'GET /health': { status: 503, json: { status: 'loading model' } } } },
    nameless: { headers: {} },
  },
}
