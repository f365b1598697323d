import { field, nameOf } from '../../core/foreign.js'
import type { ParameterSpec } from '../../model/parameter.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { gradioApp, localModels } from './gradio-app.js'
import { type GradioApp, ofType, textsOf, valuesOf } from './gradio-config.js'

/** AudioLDM and AudioLDM 2. Neither has a title, a port or a version of its own. */
export const audioldm: Fingerprint = gradioApp({
  kind: 'audioldm',
  title: 'AudioLDM',
  ports: [7863, 7860],
  agreedPath: '/api/ready',
  capabilities: ['audio_generation'],
  advice:
    'start it with `python app.py`; it takes the first free port from 7860 on, so say which with its ports',

  mark: (app) =>
    headingOf(app) !== undefined && checkpoints(app).length > 0
      ? 'has the heading and the models of AudioLDM'
      : undefined,

  tell(app) {
    const models = checkpoints(app)
    const duration = durationOf(app)
    const isSecond = headingOf(app)?.endsWith('2') === true
    const abilities = ['audio_generation', ...(isSecond ? ['music_generation'] : [])]
    const parameters = {
      ...(duration && { duration }),
      sample_rate: { type: 'int', values: [...new Set(models.map(rateOf))] },
      models: { type: 'array', items: { type: 'string', values: models } },
    } as const
    return {
      models: localModels('audioldm', abilities, models),
      capabilities: abilities.map((name) =>
        name === 'audio_generation' ? { name, version: '1.0', parameters } : name,
      ),
      ...(duration?.max !== undefined && { limits: { duration: duration.max } }),
      metadata: { family: isSecond ? 'AudioLDM 2' : 'AudioLDM' },
    }
  },
})

/** `AudioLDM` or `AudioLDM 2`, whichever its page names first. */
const headingOf = (app: GradioApp): string | undefined =>
  textsOf(app, 'html')
    .map((text) => /AudioLDM(?: ?2\b)?/.exec(text)?.[0])
    .find((found) => found !== undefined)

const checkpoints = (app: GradioApp): readonly string[] =>
  [...new Set(ofType(app, 'dropdown').flatMap(valuesOf))]
    .filter((value) => value.startsWith('audioldm'))
    .slice(0, 1_000)

/** In hertz; the name of a model says when it is another one. */
const rateOf = (model: string): number => (model.endsWith('_48k') ? 48_000 : 16_000)

function durationOf(app: GradioApp): ParameterSpec | undefined {
  const slider = ofType(app, 'slider').find(({ props }) =>
    /^duration/i.test(nameOf(field(props, 'label')) ?? ''),
  )
  if (slider === undefined) return undefined
  const [min, max, usual] = ['minimum', 'maximum', 'value'].map((key) => {
    const value = field(slider.props, key)
    return typeof value === 'number' && Number.isFinite(value) ? value : undefined
  })
  return { type: 'float', min, max, default: usual, description: 'seconds' }
}
