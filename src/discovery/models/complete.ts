import type { ModelInput } from '../../model/llm-model.js'
import { capabilitiesOfModel } from '../../model/model-families.js'
import { importing } from './rows.js'

type Named = Pick<ModelInput, 'id' | 'provider'>

/** What is taken of a model whose name says nothing: most lists are of language models. */
const ordinary = ['text_generation', 'chat']

/**
 * What the names of models give away, for lists that say nothing else; text generation and chat where a
 * name says nothing. Suggested evidence: `inferred`, so that whatever anybody says is better.
 */
export const modelsFromNames = (models: readonly Named[]): readonly ModelInput[] =>
  importing('a list of models with id and provider', models, () =>
    models.map(({ id, provider }) => {
      const told = capabilitiesOfModel(id)
      return { id, provider, capabilities: told.length > 0 ? told : ordinary }
    }),
  )

/**
 * What a catalogue says about the models that somebody serves: its entries, under the id and provider
 * they are served by. An entry is found by the model's id or aliases, with or without the folder before
 * the name; of several, the one of the same provider, else the first. Suggested evidence: `catalogue`.
 */
export function modelsFromCatalogue(
  served: readonly ModelInput[],
  catalogue: readonly ModelInput[],
): readonly ModelInput[] {
  return importing('two lists of models with id and provider', served, () => {
    const byName = new Map<string, ModelInput[]>()
    for (const entry of catalogue)
      for (const name of namesOf(entry)) {
        const entries = byName.get(name)
        if (entries === undefined) byName.set(name, [entry])
        else entries.push(entry)
      }
    return served.flatMap((model): ModelInput[] => {
      const entry = entryFor(model, byName)
      if (entry === undefined) return []
      const { aliases: _, ...facts } = entry
      return [{ ...facts, id: model.id, provider: model.provider }]
    })
  })
}

/** The one that says most comes first. */
const namesOf = ({ id, provider, aliases }: ModelInput): readonly string[] => [
  ...new Set([`${provider}/${id}`, ...(aliases ?? []), id]),
]

function entryFor(
  model: ModelInput,
  byName: ReadonlyMap<string, readonly ModelInput[]>,
): ModelInput | undefined {
  const names = namesOf(model)
  for (const name of [...names, ...names.map(lastPart)]) {
    const entries = byName.get(name)
    if (entries !== undefined)
      return entries.find(({ provider }) => provider === model.provider) ?? entries[0]
  }
  return undefined
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf('/') + 1)
