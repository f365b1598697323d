import { field, nameOf } from '../../core/foreign.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { gradioApp, localModels } from './gradio-app.js'
import { type GradioApp, ofType, valuesOf } from './gradio-config.js'

/** Fooocus, which listens where RVC does. */
export const fooocus: Fingerprint = gradioApp({
  kind: 'fooocus',
  title: 'Fooocus',
  ports: [7865],
  capabilities: ['image_generation'],
  advice:
    'start it with `python launch.py`; it listens on 127.0.0.1:7865 unless --port says otherwise',

  mark: ({ title }) => (title?.startsWith('Fooocus') ? `has the title ${title}` : undefined),

  tell: (app) => ({
    version: /^Fooocus v?(\d[\w.-]{0,30})/.exec(app.title ?? '')?.[1],
    models: localModels('fooocus', ['image_generation'], checkpoints(app)),
    capabilities: ['image_generation'],
  }),
})

const checkpoints = (app: GradioApp): readonly string[] =>
  valuesOf(
    ofType(app, 'dropdown').find(({ props }) =>
      /^base model/i.test(nameOf(field(props, 'label')) ?? ''),
    ),
  )
