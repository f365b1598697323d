import { agreement, call, page, part } from './gradio-page.js'
import { detailNotFound } from './not-found.js'
import type { Backend } from './route.js'

const heading = (text: string) =>
  part(1, 'markdown', {
    value: `<div align=center><H1>${text}<FONT SIZE=4> of the marsh</FONT></H1></div>`,
  })

const families = [
  ['Wan2.2', 'wan2_2'],
  ['Flux 1', 'flux'],
  ['Speech', 'tts'],
]

const lists = [
  part(2, 'dropdown', { elem_id: 'family_list', choices: families, value: 'wan2_2' }),
  part(3, 'dropdown', {
    elem_id: 'model_base_types_list',
    choices: [
      ['\u{1F7E6} Text2Video 14B', 't2v_2_2'],
      ['\u{1F7E8} Image2Video 14B', 'i2v_2_2'],
      ['\u{2B1B} TextImage2Video 5B', 'ti2v_2_2'],
    ],
    value: 't2v_2_2',
  }),
  part(4, 'dropdown', {
    elem_id: 'model_list',
    choices: [['\u{1F7E6} Text2Video 14B', 't2v_2_2']],
  }),
]

/** Wan2GP 12 on Gradio 5. Variants: `old` without a title or lists, `agreed` a wrapper of it. */
export const wan2gp: Backend = {
  headers: { Server: 'uvicorn' },
  routes: {
    'GET /config': page(
      '5.29.0',
      'WanGP',
      [heading('Wan<SUP style="color: blue;">GP</SUP> v12.41 '), ...lists],
      [call('change_family', [2])],
    ),
  },
  unknown: detailNotFound,
  variants: {
    old: {
      routes: {
        'GET /config': page('5.23.0', 'Gradio', [heading('Wan 2.1<SUP>GP</SUP> v4.2 ')], []),
      },
    },
    agreed: {
      routes: {
        'GET /config': detailNotFound,
        'GET /api/health': agreement('wan2gp', ['video_generation'], ['heron-video']),
      },
    },
  },
}
