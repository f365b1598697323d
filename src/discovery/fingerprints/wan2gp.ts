import type { ModelInput } from '../../model/llm-model.js'
import type { Fingerprint } from '../scan/fingerprint.js'
import { gradioApp } from './gradio-app.js'
import {
  type Choice,
  choicesOf,
  type GradioApp,
  textsOf,
  valuesOf,
  withElementId,
} from './gradio-config.js'

/** What a family of models makes; films, unless it is one of these. */
const abilities: ReadonlyMap<string, string> = new Map([
  ['flux', 'image_generation'],
  ['flux2', 'image_generation'],
  ['qwen', 'image_generation'],
  ['z_image', 'image_generation'],
  ['hidream', 'image_generation'],
  ['ideogram4', 'image_generation'],
  ['krea2', 'image_generation'],
  ['tts', 'text_to_speech'],
  ['music', 'audio_generation'],
])

const abilityOf = (family: string): string => abilities.get(family) ?? 'video_generation'

/** `WanGP v12.60`, and before it had a title `Wan 2.1GP v4`, in which the number is of the model. */
const heading = /^Wan ?(?:\d[\d.]{0,9})? ?GP\b(?: v(\d[\d.]{0,15}))?/

const headingOf = (app: GradioApp): RegExpExecArray | undefined =>
  textsOf(app, 'markdown')
    .map((text) => heading.exec(text))
    .find((found) => found !== null)

/** Its page shows all families, but only the models of the one that is chosen there. */
export const wan2gp: Fingerprint = gradioApp({
  kind: 'wan2gp',
  title: 'Wan2GP',
  ports: [7860],
  agreedPath: '/api/health',
  capabilities: ['video_generation'],
  advice:
    'start it with `python wgp.py`; it listens on localhost:7860 unless --server-port says otherwise',

  mark: (app) =>
    app.title === 'WanGP' ? 'has the title WanGP' : headingOf(app) && 'has the heading of Wan2GP',

  tell(app) {
    const families = valuesOf(withElementId(app, 'family_list'))
    const { models, missing } = modelsOf(app)
    const capabilities = families.length === 0 ? ['video_generation'] : families.map(abilityOf)
    return {
      version: headingOf(app)?.[1],
      models,
      capabilities: [...new Set(capabilities)],
      metadata: {
        ...(families.length > 0 && { families }),
        ...(missing.length > 0 && { notDownloaded: missing }),
      },
    }
  },
})

/** A square before the name says whether the files of a model are there: blue all, yellow some, black none. */
const square = /^(\u{1F7E6}|\u{1F7E8}|\u{2B1B})\s*/u

function modelsOf(app: GradioApp) {
  const lists = ['model_base_types_list', 'model_list'].map((id) => withElementId(app, id))
  const choices = new Map(lists.flatMap(choicesOf).map((choice) => [choice.value, choice]))
  const all = [...choices.values()]
  const isMissing = ({ label }: Choice): boolean => label.startsWith('\u{2B1B}')
  const family = chosen(app)
  const ability = family === undefined ? undefined : [abilityOf(family)]
  const toModel = ({ label, value }: Choice): ModelInput => ({
    id: value,
    provider: 'wan2gp',
    name: label.replace(square, ''),
    capabilities: ability,
  })
  return {
    models: all.filter((choice) => !isMissing(choice)).map(toModel),
    missing: all.filter(isMissing).map(({ value }) => value),
  }
}

function chosen(app: GradioApp): string | undefined {
  const families = withElementId(app, 'family_list')
  return valuesOf(families).find((family) => family === families?.props.value)
}
