import { InvalidRegistrationError, oneLine } from '../../core/errors.js'
import { countOf, type Fields, isObject, nameOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { preview } from '../../model/parse/read.js'

/** No list of anybody is longer; the longest known has a few thousand. */
const mostRows = 50_000

/** Runs an importer. Whatever a body does to it, the error says what was expected. */
export function importing<T>(expected: string, body: unknown, read: () => T | undefined): T {
  let models: T | undefined
  try {
    models = read()
  } catch (error) {
    if (error instanceof InvalidRegistrationError) throw error
    throw refusal(`expected ${expected} whose fields can be read; reading threw: ${oneLine(error)}`)
  }
  if (models === undefined) throw refusal(`expected ${expected}, got ${preview(body, [])}`)
  return models
}

const refusal = (message: string): Error =>
  new InvalidRegistrationError([{ field: '', message }], 'list of models')

/** The models of the rows that say which model they are about; others are skipped. */
export function fromRows<T>(
  rows: readonly T[],
  toModel: (row: T) => ModelInput | undefined,
): readonly ModelInput[] {
  if (rows.length > mostRows)
    throw refusal(`expected at most ${mostRows} models, got ${rows.length}`)
  return rows.map(toModel).filter((model) => model !== undefined)
}

/** A list below `key`, or a body that is the list itself. */
export function listIn(body: unknown, key: string): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body
  const list = isObject(body) && Object.hasOwn(body, key) ? body[key] : undefined
  return Array.isArray(list) ? list : undefined
}

export type Abilities = Readonly<Record<string, boolean>>

/** Which capability follows from which word. */
export type Vocabulary = Readonly<Record<string, readonly string[]>>

/** What the words in a list mean. A word that is not in the list says nothing. */
export function abilitiesOf(words: unknown, vocabulary: Vocabulary): Abilities {
  const able: Record<string, boolean> = {}
  for (const word of Array.isArray(words) ? words.slice(0, 1_000) : [words])
    if (typeof word === 'string' && Object.hasOwn(vocabulary, word))
      for (const name of vocabulary[word] ?? []) able[name] = true
  return able
}

/** What flags mean: true, false, or nothing when they are neither. */
export function flagsOf(row: Fields, meaning: Readonly<Record<string, string>>): Abilities {
  const able: Record<string, boolean> = {}
  for (const [flag, name] of Object.entries(meaning)) {
    const value = Object.hasOwn(row, flag) ? row[flag] : undefined
    if (typeof value === 'boolean') able[name] = value
  }
  return able
}

const inputs = { image: 'vision', audio: 'audio_input', video: 'video_input', pdf: 'pdf_input' }
const outputs: Vocabulary = {
  text: ['text_generation', 'chat'],
  image: ['image_generation'],
  video: ['video_generation'],
  audio: ['audio_output'],
}

/** A list of modalities is whole: what is not in it, the model does not take. */
export function abilitiesOfModalities(
  input: readonly string[] | undefined,
  output: readonly string[] | undefined,
): Abilities {
  const able: Record<string, boolean> = abilitiesOf(output, outputs)
  if (input === undefined || input.length === 0) return able
  const taken = input.map((one) => (one === 'file' ? 'pdf' : one))
  for (const [modality, name] of Object.entries(inputs)) able[name] = taken.includes(modality)
  return able
}

/** The first of these that is a number of tokens. */
export const tokens = (...values: readonly unknown[]): number | undefined =>
  values.map(countOf).find((count) => count !== undefined)

/** Other names, without the model's own. */
export function aliasesOf(id: string, ...names: readonly unknown[]): readonly string[] | undefined {
  const aliases = names.map((name) => nameOf(name)).filter((name) => name !== undefined)
  const others = [...new Set(aliases)].filter((name) => name !== id)
  return others.length === 0 ? undefined : others
}
