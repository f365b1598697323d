import { field } from '../../core/foreign.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { goodObject } from './read.js'
import { idsOf, openAIModels, rowsOf, versionOf } from './served.js'

const tasks: ReadonlySet<unknown> = new Set([
  'automatic-speech-recognition',
  'text-to-speech',
  'speaker-embedding',
  'voice-activity-detection',
  'speaker-diarization',
])

/** Speaches. It has a page made with Gradio, so it is asked before Gradio. */
export const speaches: Fingerprint = {
  kind: 'speaches',
  title: 'Speaches',
  service: 'media',
  protocol: 'openai',
  ports: [8000],
  advice: 'start its container; it listens on port 8000 unless UVICORN_PORT says otherwise',

  async recognise(asking) {
    const list = await asking.get('/v1/models')
    const rows = rowsOf(list)
    if (rows === undefined || !rows.every((row) => tasks.has(field(row, 'task')))) return undefined
    if (rows.length > 0)
      return {
        evidence: 'GET /v1/models has models with tasks of speech',
        models: idsOf(openAIModels(list, 'speaches') ?? []),
      }
    const api = goodObject(await asking.get('/openapi.json'))
    return field(api, 'info', 'title') === 'Speaches'
      ? { evidence: "GET /openapi.json has the title 'Speaches'" }
      : undefined
  },

  async describe(asking) {
    const [list, api] = await Promise.all([asking.get('/v1/models'), asking.get('/openapi.json')])
    return {
      version: versionOf(field(goodObject(api), 'info', 'version')),
      models: openAIModels(list, 'speaches'),
    }
  },
}
