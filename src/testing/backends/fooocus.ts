import { call, page, part } from './gradio-page.js'
import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

/** Fooocus on Gradio 3. */
export const fooocus: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /config': page(
      '3.41.2',
      'Fooocus 2.5.5',
      [
        part(5, 'dropdown', {
          label: 'Base Model (SDXL only)',
          choices: [['heron', 'heron.safetensors']],
        }),
      ],
      [call(null, [5])],
    ),
  },
  unknown: detailNotFound,
}
