import { call, page, part, signIn, signIn6, wrongMethod } from './gradio-page.js'
import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const colours = ['red', 'green']
const labelled = colours.map((colour) => [colour.toUpperCase(), colour])

const components = (choices: readonly unknown[]) => [
  part(1, 'markdown', { value: '# Paint mixer' }),
  part(2, 'dropdown', { choices, label: 'Colour' }),
]

/** An app nobody has heard of, made with Gradio 5 unless a variant says otherwise. */
export const gradio: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /config': page('5.30.0', 'Paint mixer', components(labelled), [
      call('mix', [2]),
      call('internal', [], { show_api: false }),
    ]),
    'GET /gradio_api/app_id': {
      text: '{"app_id":9007199254740993777}',
      contentType: 'application/json',
    },
  },
  unknown: detailNotFound,
  refused: signIn,
  variants: {
    gradio3: {
      routes: {
        'GET /config': page('3.34.0\n', 'Gradio', components(colours), [
          call('mix', [2]),
          call(null),
        ]),
        'GET /api/health': wrongMethod,
        'GET /api/status': wrongMethod,
        'GET /api/ready': wrongMethod,
      },
    },
    gradio4: {
      routes: {
        'GET /config': page('4.44.1', 'Paint mixer', components(labelled), [call('mix', [2])]),
      },
    },
    gradio6: {
      routes: {
        'GET /config': page('6.25.0', 'Paint mixer', components(labelled), [
          call('mix', [2], { api_visibility: 'public' }),
          call('internal', [], { api_visibility: 'private' }),
        ]),
      },
      refused: signIn6,
    },
  },
}
