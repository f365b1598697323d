import { countOf, type Fields, field, nameOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { flagsOf } from '../models/rows.js'
import type { Asking } from '../scan/asking.js'
import type { Description, Fingerprint } from '../scan/fingerprint.js'
import { goodList, goodObject } from './read.js'
import { known, versionOf } from './served.js'

const flags = {
  txt2img: 'image_generation',
  vision: 'vision',
  audio: 'audio_input',
  transcribe: 'speech_to_text',
  tts: 'text_to_speech',
  embeddings: 'embeddings',
}

/** KoboldCpp. It imitates Ollama, ComfyUI, AUTOMATIC1111 and OpenAI; only here it gives its own name. */
export const koboldcpp: Fingerprint = {
  kind: 'koboldcpp',
  title: 'KoboldCpp',
  service: 'llm',
  protocol: 'openai',
  ports: [5001],
  advice:
    'start it with `koboldcpp --model <file>`; it listens on port 5001 unless --port says otherwise',

  async recognise(asking) {
    const body = await aboutItself(asking)
    if (body === undefined) return undefined
    return {
      evidence: "GET /api/extra/version has result 'KoboldCpp'",
      version: versionOf(field(body, 'version')),
    }
  },

  async describe(asking) {
    const body = await aboutItself(asking)
    if (body === undefined) return {}
    const able = abilities(body)
    const [text, pictures] = await Promise.all([
      textModel(asking, able),
      able.image_generation === true ? pictureModels(asking) : [],
    ])
    return describe(body, able, text, pictures)
  },
}

async function aboutItself(asking: Asking): Promise<Fields | undefined> {
  const body = goodObject(await asking.get('/api/extra/version'))
  return field(body, 'result') === 'KoboldCpp' ? body : undefined
}

/** Versions without the flag had always a language model. */
function abilities(body: Fields): Readonly<Record<string, boolean>> {
  const writes = field(body, 'llm') !== false
  return { text_generation: writes, chat: writes, ...flagsOf(body, flags) }
}

async function textModel(
  asking: Asking,
  able: Readonly<Record<string, boolean>>,
): Promise<ModelInput | undefined> {
  const paths = ['/api/v1/model', '/api/extra/true_max_context_length', '/api/v1/config/max_length']
  const [model, context, output] = (await Promise.all(paths.map((path) => asking.get(path)))).map(
    goodObject,
  )
  const id = nameOf(field(model, 'result'))
  // Without a model it says that it is inactive, with a password it says nothing.
  if (id === undefined || /\b(?:inactive|protected-model)\b/.test(id)) return undefined
  const own = ['text_generation', 'chat', 'vision', 'audio_input']
  return {
    id,
    provider: 'koboldcpp',
    capabilities: Object.fromEntries(Object.entries(able).filter(([name]) => own.includes(name))),
    contextLength: countOf(field(context, 'value')),
    maxOutputTokens: countOf(field(output, 'value')),
  }
}

async function pictureModels(asking: Asking): Promise<readonly ModelInput[]> {
  const rows = goodList(await asking.get('/sdapi/v1/sd-models')) ?? []
  return rows.slice(0, 100).flatMap((row): ModelInput[] => {
    const id = nameOf(field(row, 'model_name')) ?? nameOf(field(row, 'title'))
    return id === undefined
      ? []
      : [{ id, provider: 'koboldcpp', capabilities: ['image_generation'] }]
  })
}

function describe(
  body: Fields,
  able: Readonly<Record<string, boolean>>,
  text: ModelInput | undefined,
  pictures: readonly ModelInput[],
): Description {
  const isProtected = field(body, 'protected')
  return {
    version: versionOf(field(body, 'version')),
    models: text === undefined ? pictures : [text, ...pictures],
    capabilities: Object.keys(able).filter((name) => able[name]),
    limits: known({ contextLength: text?.contextLength, maxOutputTokens: text?.maxOutputTokens }),
    metadata: typeof isProtected === 'boolean' ? { protected: isProtected } : undefined,
  }
}
