import type { Fingerprint } from '../scan/fingerprint.js'
import { gradioApp, localModels } from './gradio-app.js'
import { endpoint, type GradioApp, valuesOf } from './gradio-config.js'

/** The names of its functions are the same in all languages; the labels of its page are not. */
export const rvc: Fingerprint = gradioApp({
  kind: 'rvc',
  title: 'RVC',
  ports: [7865, 7866, 7867],
  agreedPath: '/api/status',
  capabilities: ['voice_cloning'],
  advice:
    'start its web UI with `python infer-web.py` or go-web; it listens on 7865, or the next free port',

  mark(app) {
    const has = (name: string): boolean => endpoint(app, name) !== undefined
    if (has('infer_convert') && has('infer_change_voice'))
      return 'has the functions infer_convert and infer_change_voice'
    return app.title?.startsWith('RVC WebUI') ? `has the title ${app.title}` : undefined
  },

  tell(app) {
    const has = (name: string): boolean => endpoint(app, name) !== undefined
    const separates = has('uvr_convert') || has('pymss_separate')
    return {
      models: localModels('rvc', ['voice_cloning'], voices(app)),
      capabilities: [
        'voice_cloning',
        ...(separates ? ['audio_separation'] : []),
        ...(has('train_start') ? ['training'] : []),
      ],
    }
  },
})

function voices(app: GradioApp): readonly string[] {
  const list = endpoint(app, 'infer_change_voice')?.inputs[0]
  return valuesOf(app.components.find(({ id }) => id === list))
}
