import { field, nameOf, namesOf } from '../../core/foreign.js'
import type { ModelInput } from '../../model/llm-model.js'
import { modelsFromNames } from '../models/complete.js'
import { modelsFromOpenAI } from '../models/openai.js'
import type { Abilities } from '../models/rows.js'
import type { Reply } from '../scan/asking.js'
import type { Description } from '../scan/fingerprint.js'
import { goodObject } from './read.js'

/*
 * What the servers of language models have in common: a list of models, and what the program adds to what the list says.
 */

/** No program serves more; of a longer list the rest is left out. */
const mostModels = 10_000

/** The list below `key` of a good answer, cut where it is too long. */
export function rowsOf(reply: Reply, key = 'data'): readonly unknown[] | undefined {
  const rows = field(goodObject(reply), key)
  return Array.isArray(rows) ? rows.slice(0, mostModels) : undefined
}

/** The models of a good answer with a list as OpenAI has it, below `data` or `models`. */
export function openAIModels(
  reply: Reply,
  provider: string,
  key = 'data',
): readonly ModelInput[] | undefined {
  const rows = rowsOf(reply, key)
  return rows && modelsFromOpenAI({ data: rows }, { provider })
}

/** Whether there are rows, and all of them have this owner. */
export const isOwnedBy = (rows: readonly unknown[] | undefined, owner: string): boolean =>
  rows !== undefined && rows.length > 0 && rows.every((row) => field(row, 'owned_by') === owner)

export const idsOf = (models: readonly ModelInput[]): readonly string[] => [
  ...new Set(models.map(({ id }) => id)),
]

export const versionOf = (value: unknown): string | undefined => nameOf(value, 128)

/** What is known of a model's abilities as a record: what is in a list, it can do. */
export function abilitiesOfModel({ capabilities }: ModelInput): Abilities {
  const names = namesOf(capabilities)
  if (names !== undefined) return Object.fromEntries(names.map((name) => [name, true]))
  const known = Object.entries(capabilities ?? {}).flatMap(([name, can]): [string, boolean][] =>
    typeof can === 'boolean' ? [[name, can]] : [],
  )
  return Object.fromEntries(known)
}

/** What the program knows about each of its models; what a model's own row says is better. */
export const withAbilities = (
  models: readonly ModelInput[],
  able: Abilities,
): readonly ModelInput[] =>
  models.map((model) => ({ ...model, capabilities: { ...able, ...abilitiesOfModel(model) } }))

/** What the program's engine does for each model that writes text. */
export const withStructuredOutput = (models: readonly ModelInput[]): readonly ModelInput[] =>
  models.map((model) => {
    const able = abilitiesOfModel(model)
    return able.text_generation === true
      ? { ...model, capabilities: { structured_output: true, ...able } }
      : model
  })

/**
 * What the models can do together. Of a model of which nothing is said, its name tells; a program that could do nothing
 * would never be chosen.
 */
export function capabilitiesOf(models: readonly ModelInput[]): readonly string[] {
  const able = models.map(abilitiesOfModel)
  const silent = models.filter((_, at) => Object.keys(able[at] ?? {}).length === 0)
  const said = able.flatMap((one) => Object.keys(one).filter((name) => one[name]))
  const told = modelsFromNames(silent).flatMap((one) => Object.keys(abilitiesOfModel(one)))
  return [...new Set([...said, ...told])]
}

/** Models as a program describes them, and what they can do together. */
export const offering = (
  models: readonly ModelInput[] | undefined,
): Pick<Description, 'models' | 'capabilities'> =>
  models === undefined ? {} : { models, capabilities: capabilitiesOf(models) }

/** A record without what is unknown; `undefined` when nothing is left. */
export function known(
  facts: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> | undefined {
  const entries = Object.entries(facts).filter(([, value]) => value !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
