import { type InputIssue, InvalidRequestError, oneLine } from '../core/errors.js'
import { field, firstField, isObject, nameOf } from '../core/foreign.js'
import type { Health } from './health.js'
import { preview, safeParse } from './parse/read.js'
import { frozenCopy, plainData } from './parse/words.js'

/** What a health answer says about a provider. What it does not speak of is `undefined`: unknown, not gone. */
export interface HealthAnswer {
  readonly status: Health
  readonly version: string | undefined
  readonly apiVersion: string | undefined
  readonly models: readonly string[] | undefined
  readonly limits: Readonly<Record<string, unknown>> | undefined
  /** How busy it is, from 0 (idle) to 1 (full). */
  readonly load: number | undefined
  /** Names of what it says it can do. */
  readonly capabilities: readonly string[] | undefined
  /** Whether they are all it can do: a list is whole, a record leaves out what it does not know. */
  readonly exhaustive: boolean
  /** Names of what it says it cannot do. */
  readonly lacks: readonly string[]
  /** Features that no capability is known for, and fields that could not be read. */
  readonly ignored: readonly string[]
}

const mostFeatures = 1_000
const mostModels = 10_000
const mostLimits = 1_000

const wordsOf = (text: string): readonly string[] => text.split(' ')

const statusWords: readonly (readonly [Health, readonly string[]])[] = [
  [
    'healthy',
    wordsOf(
      'healthy ok okay ready up pass passing alive online running available connected serving operational green true',
    ),
  ],
  ['degraded', wordsOf('degraded warn warning partial impaired yellow')],
  [
    'loading',
    wordsOf('loading loading_model starting starting_up initializing initialising warming_up'),
  ],
  [
    'unhealthy',
    wordsOf(
      'unhealthy down error fail failed failing failure critical dead offline unavailable not_ready not_serving out_of_service disconnected stopped stopping shutting_down red false',
    ),
  ],
]

const healthByWord: ReadonlyMap<string, Health> = new Map(
  statusWords.flatMap(([health, words]) => words.map((word): [string, Health] => [word, health])),
)

/** Other people's words for what we have one name for. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  image_generation: wordsOf(
    'txt2img img2img text2image image2image text_to_image image_to_image t2i i2i inpaint inpainting outpainting image images image_edit',
  ),
  video_generation: wordsOf(
    'txt2vid img2vid text2video image2video text_to_video image_to_video t2v i2v ti2v txt2video img2video video video_to_video v2v',
  ),
  audio_generation: wordsOf(
    'txt2audio text2audio text_to_audio t2a sound_generation sound_effects music music_generation text_to_music',
  ),
  voice_cloning: wordsOf('voice_conversion voice_clone rvc speech_to_speech'),
  text_generation: wordsOf('completion completions text_completion generate text llm'),
  chat: wordsOf('chat_completion chat_completions conversation messages'),
  embeddings: wordsOf('embedding embed text_embedding text_embeddings'),
  vision: wordsOf('image_input multimodal image_understanding'),
  function_calling: wordsOf('tools tool_use tool_calling tool_calls functions function_call'),
  structured_output: wordsOf('structured_outputs json_schema response_schema'),
  reasoning: wordsOf('thinking reasoning_effort'),
  speech_to_text: wordsOf('stt asr transcribe transcription transcript audio_transcription'),
  text_to_speech: wordsOf('tts speech_synthesis audio_speech text2speech'),
  rerank: wordsOf('reranking reranker'),
  moderation: wordsOf('moderations'),
  upscale: wordsOf('upscaling upscaler super_resolution'),
}

const nameByWord = new Map(
  Object.entries(synonyms).flatMap(([name, words]) =>
    [name, ...words].map((word): [string, string] => [word, name]),
  ),
)

/**
 * Reads the body of a health answer that came with a 2xx status: `{ status, version, api_version,
 * models, features, limits, load }`, all of them optional. `known` says which capability names are defined. Throws
 * `InvalidRequestError` when the body is no object, or too large to be an answer.
 */
export function readHealthAnswer(
  body: unknown,
  known: (capability: string) => boolean,
): HealthAnswer {
  try {
    if (!isObject(body)) throw refused('', `expected an object, got ${preview(body, [])}`)
    return read(body, known)
  } catch (error) {
    if (error instanceof InvalidRequestError) throw error
    throw refused('', `expected fields that can be read; reading one threw: ${oneLine(error)}`)
  }
}

/** How it is by its body alone, whatever else is in it; `unknown` when it is no object. Never throws. */
export const statusOfAnswer = (body: unknown): Health =>
  isObject(body) ? statusOf(body) : 'unknown'

function read(body: object, known: (capability: string) => boolean): HealthAnswer {
  const ignored: string[] = []
  const features = featuresOf(firstField(body, ['features', 'capabilities']), known, ignored)
  const models = modelsOf(field(body, 'models'), ignored)
  const limits = limitsOf(firstField(body, ['limits', 'resource_limits']), ignored)
  const load = loadOf(firstField(body, ['load']), ignored)
  return Object.freeze({
    status: statusOf(body),
    version: versionOf(field(body, 'version')),
    apiVersion: versionOf(firstField(body, ['api_version', 'apiVersion'])),
    models,
    limits,
    load,
    capabilities: features && Object.freeze([...features.has]),
    exhaustive: features?.exhaustive ?? false,
    lacks: Object.freeze([...(features?.lacks ?? [])]),
    ignored: Object.freeze(ignored),
  })
}

const wordOf = (text: string): string =>
  text
    .trim()
    .replace(/[\s-]+/g, '_')
    .toLowerCase()

function statusOf(body: object): Health {
  const said = firstField(body, ['status', 'state', 'health'])
  if (typeof said === 'string') return healthByWord.get(wordOf(said.slice(0, 100))) ?? 'unknown'
  if (typeof said === 'boolean') return said ? 'healthy' : 'unhealthy'
  if (said !== undefined) return 'unknown'
  if (firstField(body, ['healthy', 'ok', 'alive']) === false) return 'unhealthy'
  if (field(body, 'ready') === false) return 'loading'
  const error = errorText(field(body, 'error'))
  if (error !== undefined) return /\bloading\b/i.test(error) ? 'loading' : 'unhealthy'
  return 'healthy'
}

/** The message of an error in place of a status; `undefined` when there is none. */
function errorText(error: unknown): string | undefined {
  if (typeof error === 'string') return error === '' ? undefined : error.slice(0, 500)
  if (error === true) return 'error'
  if (!isObject(error)) return undefined
  const message = field(error, 'message')
  return typeof message === 'string' ? message.slice(0, 500) : 'error'
}

function versionOf(value: unknown): string | undefined {
  const version = typeof value === 'number' ? String(value) : nameOf(value, 256)
  return version === 'unknown' ? undefined : version
}

interface Features {
  readonly has: ReadonlySet<string>
  readonly lacks: ReadonlySet<string>
  readonly exhaustive: boolean
}

function featuresOf(
  value: unknown,
  known: (capability: string) => boolean,
  ignored: string[],
): Features | undefined {
  if (value === undefined) return undefined
  const flags = flagsOf(value)
  if (flags === undefined) {
    ignored.push('features')
    return undefined
  }
  checkSize('features', flags.length, mostFeatures)
  const has = new Set<string>()
  const lacks = new Set<string>()
  for (const [feature, able] of flags) {
    const word = wordOf(feature)
    const name = [feature, word].find(known) ?? nameByWord.get(word)
    if (name === undefined) ignored.push(feature)
    else (able ? has : lacks).add(name)
  }
  for (const name of has) lacks.delete(name) // one of its ways is enough
  return { has, lacks, exhaustive: Array.isArray(value) }
}

/** A list of names, or a record of booleans; what is neither true nor false is unknown. */
function flagsOf(value: unknown): readonly (readonly [string, boolean])[] | undefined {
  if (Array.isArray(value)) {
    checkSize('features', value.length, mostFeatures)
    return value.flatMap((one): [string, boolean][] => {
      const name = nameOf(isObject(one) ? field(one, 'name') : one)
      return name === undefined ? [] : [[name, true]]
    })
  }
  if (!isObject(value)) return undefined
  return Object.entries(value).flatMap(([key, able]): [string, boolean][] => {
    const name = nameOf(key)
    return name === undefined || typeof able !== 'boolean' ? [] : [[name, able]]
  })
}

function modelsOf(value: unknown, ignored: string[]): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) {
    ignored.push('models')
    return undefined
  }
  checkSize('models', value.length, mostModels)
  const names = value.map((one) =>
    nameOf(isObject(one) ? firstField(one, ['id', 'name', 'model']) : one),
  )
  return Object.freeze([...new Set(names.filter((name) => name !== undefined))])
}

function limitsOf(
  value: unknown,
  ignored: string[],
): Readonly<Record<string, unknown>> | undefined {
  if (value === undefined) return undefined
  const invalid = (issues: readonly InputIssue[]): Error =>
    new InvalidRequestError(issues, 'health answer')
  const limits = safeParse(plainData, value, invalid)
  if (!limits.success) {
    ignored.push('limits')
    return undefined
  }
  checkSize('limits', Object.keys(limits.data).length, mostLimits)
  return frozenCopy(limits.data)
}

/**
 * A share from 0 to 1, or a text with a per cent sign. A bare number above 1 is nothing: it may be per cent, jobs that wait,
 * or a load average.
 */
function loadOf(value: unknown, ignored: string[]): number | undefined {
  if (value === undefined) return undefined
  const load = typeof value === 'string' ? shareOf(value) : value
  if (typeof load === 'number' && load >= 0 && load <= 1) return load
  ignored.push('load')
  return undefined
}

function shareOf(text: string): number | undefined {
  const percent = /^(\d{1,3}(?:\.\d{1,12})?) ?%$/.exec(text.slice(0, 100).trim())?.[1]
  return percent === undefined ? undefined : Number(percent) / 100
}

function checkSize(name: string, size: number, most: number): void {
  if (size > most) throw refused(name, `expected at most ${most} entries, got ${size}`)
}

const refused = (name: string, message: string): Error =>
  new InvalidRequestError([{ field: name, message }], 'health answer')
