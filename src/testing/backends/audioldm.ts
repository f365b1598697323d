import { agreement, call, page, part, wrongMethod } from './gradio-page.js'
import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const parts = (heading: string, models: readonly string[], maximum: number) => [
  part(1, 'html', { value: `<div><h1>${heading}</h1></div>` }),
  part(3, 'slider', { label: 'Duration (seconds)', minimum: 2.5, maximum, step: 2.5, value: 5 }),
  part(4, 'slider', { label: 'Guidance scale', minimum: 0, maximum: 4, value: 2.5 }),
  part(8, 'dropdown', { choices: models.map((model) => [model, model]), value: models[0] }),
  part(9, 'video', { elem_id: 'output-video' }),
]

const first = ['audioldm-s-full', 'audioldm-m-full']
const second = ['audioldm_48k', 'audioldm2-full']

/** AudioLDM on Gradio 3.50. Variants: `second` is AudioLDM 2, `agreed` a wrapper. */
export const audioldm: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /config': page('3.50.2', 'Gradio', parts('AudioLDM: sounds from words', first, 10), [
      call(null, [3, 4, 8]),
    ]),
    'GET /api/ready': wrongMethod,
  },
  unknown: detailNotFound,
  variants: {
    second: {
      routes: {
        'GET /config': page('3.50.2', 'Gradio', parts('AudioLDM 2: sounds, music', second, 15), [
          call('text2audio', [3, 4, 8]),
        ]),
      },
    },
    agreed: {
      routes: {
        'GET /config': detailNotFound,
        'GET /api/ready': agreement('audioldm', ['audio_generation'], ['audioldm-s-full'], {
          duration: 30,
        }),
      },
    },
  },
}
