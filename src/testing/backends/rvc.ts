import { agreement, call, page, part, wrongMethod } from './gradio-page.js'
import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const voices = ['bittern.pth', 'wren.pth']

const parts = [
  part(1, 'markdown', { value: '<h2>Voices</h2>' }),
  part(4, 'dropdown', { choices: voices, label: '\u97F3\u8272' }),
  part(7, 'radio', { choices: ['pm', 'rmvpe'] }),
]
const calls = [call('infer_clean'), call('infer_convert', [7]), call('infer_change_voice', [4])]

/** RVC on Gradio 3.34. Variants: `fork` without its title, `gradio3.14` with more to do, `agreed` a wrapper of it. */
export const rvc: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /config': page('3.34.0\n', 'RVC WebUI', parts, calls),
    'GET /api/status': wrongMethod,
  },
  unknown: detailNotFound,
  variants: {
    fork: { routes: { 'GET /config': page('3.34.0\n', 'Voices', parts, calls) } },
    'gradio3.14': {
      routes: {
        'GET /config': page('3.14.0', 'RVC WebUI', parts, [
          ...calls,
          call('pymss_separate'),
          call('train_start'),
        ]),
      },
    },
    agreed: {
      routes: {
        'GET /config': detailNotFound,
        'GET /api/status': agreement('rvc', ['voice_cloning'], ['wren']),
      },
    },
  },
}
