import {
  defaultContext,
  evidence,
  type Model,
  type ModelCost,
  type ModelInput,
  type Provenance,
  sortedOnce,
} from './llm-model.js'

/** One thing that is said about a model, by its name in `Model.provenance`. */
type Fact = readonly [field: string, value: unknown, by: Provenance]
type Known = Map<string, { readonly value: unknown; readonly by: Provenance }>

const singleFields = ['name', 'contextLength', 'maxOutputTokens'] as const
const listFields = ['inputModalities', 'outputModalities', 'aliases'] as const
const plainFields = [...singleFields, ...listFields] as const
const costFields = ['input', 'output', 'cached'] as const

/** Of values without provenance: anything else that is said about them is better. */
const nobody: Provenance = Object.freeze({ kind: 'inferred', source: 'unknown', at: 0 })

/** A probe beats a declaration and so on; the newer of the same kind, the later of the same time. */
function wins(said: Provenance, known: Provenance): boolean {
  const better = evidence.indexOf(known.kind) - evidence.indexOf(said.kind)
  return better > 0 || (better === 0 && said.at >= known.at)
}

/** What is known after `input` was said; unknown (left out, null) never erases. */
export const learn = (previous: Model | undefined, input: ModelInput, by: Provenance): Model =>
  merge(previous, input, factsOfInput(input, by))

/** Two records of one model as one, field by field by their own provenance. */
export const mergeModels = (previous: Model | undefined, model: Model): Model =>
  merge(previous, model, factsOfModel(model))

function merge(
  previous: Model | undefined,
  { id, provider }: { readonly id: string; readonly provider: string },
  facts: readonly Fact[],
): Model {
  const known: Known = new Map()
  for (const [field, value, by] of previous === undefined ? [] : factsOfModel(previous))
    known.set(field, { value, by })
  let moved = false
  for (const [field, value, by] of facts) {
    const old = known.get(field)
    if (old !== undefined && !wins(by, old.by)) continue
    known.set(field, { value, by })
    moved ||= old === undefined || !sameFact(old.by, by) || !sameValue(old.value, value)
  }
  return previous !== undefined && !moved ? previous : toModel(id, provider, known)
}

function factsOfInput(input: ModelInput, by: Provenance): readonly Fact[] {
  const { capabilities, costPer1k } = input
  const abilities: readonly (readonly [string, boolean | null | undefined])[] = isList(capabilities)
    ? capabilities.map((name) => [name, true])
    : Object.entries(capabilities ?? {})
  const all: readonly (readonly [string, unknown])[] = [
    ...singleFields.map((field) => [field, input[field]] as const),
    ...listFields.map((field) => [field, listOf(input[field])] as const),
    ...abilities.map(([name, can]) => [`capabilities.${name}`, can] as const),
    ...costFields.map((field) => [`costPer1k.${field}`, costPer1k?.[field]] as const),
  ]
  return all.flatMap(([field, value]): Fact[] =>
    value === undefined || value === null ? [] : [[field, value, by]],
  )
}

function factsOfModel(model: Model): readonly Fact[] {
  const by = (field: string): Provenance =>
    Object.hasOwn(model.provenance, field) ? (model.provenance[field] ?? nobody) : nobody
  const said = (field: string): boolean => Object.hasOwn(model.provenance, field)
  // These two have a value when nobody said anything.
  const isDefault = (field: (typeof plainFields)[number]): boolean =>
    (field === 'contextLength' && model.contextLength === defaultContext) ||
    (field === 'aliases' && model.aliases.length === 0)
  const all: readonly (readonly [string, unknown])[] = [
    ...plainFields
      .filter((field) => said(field) || !isDefault(field))
      .map((field) => [field, model[field]] as const),
    ...model.lacks.map((name) => [`capabilities.${name}`, false] as const),
    ...model.capabilities.map((name) => [`capabilities.${name}`, true] as const),
    ...costFields.map((field) => [`costPer1k.${field}`, model.costPer1k[field]] as const),
  ]
  return all.flatMap(([field, value]): Fact[] =>
    value === undefined ? [] : [[field, value, by(field)]],
  )
}

function toModel(id: string, provider: string, known: Known): Model {
  const number = (field: string): number | undefined => {
    const value = known.get(field)?.value
    return typeof value === 'number' ? value : undefined
  }
  const list = (field: string): readonly string[] | undefined => {
    const value = known.get(field)?.value
    return isList(value) ? value : undefined
  }
  const name = known.get('name')?.value
  return Object.freeze({
    id,
    provider,
    name: typeof name === 'string' ? name : undefined,
    capabilities: abilities(known, true),
    lacks: abilities(known, false),
    contextLength: number('contextLength') ?? defaultContext,
    maxOutputTokens: number('maxOutputTokens'),
    inputModalities: list('inputModalities'),
    outputModalities: list('outputModalities'),
    costPer1k: toCost(known),
    aliases: list('aliases') ?? sortedOnce(),
    provenance: Object.freeze(
      Object.fromEntries([...known].map(([field, { by }]) => [field, by] as const).sort(byField)),
    ),
  })
}

const prefix = 'capabilities.'

function abilities(known: Known, wanted: boolean): readonly string[] {
  const names: string[] = []
  for (const [field, { value }] of known)
    if (value === wanted && field.startsWith(prefix)) names.push(field.slice(prefix.length))
  return sortedOnce(names)
}

function toCost(known: Known): ModelCost {
  const cost: { -readonly [K in keyof ModelCost]: number } = {}
  for (const field of costFields) {
    const value = known.get(`costPer1k.${field}`)?.value
    if (typeof value === 'number') cost[field] = value
  }
  return Object.freeze(cost)
}

const byField = (a: readonly [string, unknown], b: readonly [string, unknown]): number =>
  a[0] < b[0] ? -1 : 1

/** Whether two records of one model say the same, whoever said it. */
export function sameModel(a: Model, b: Model): boolean {
  if (a === b) return true
  return (
    plainFields.every((field) => sameValue(a[field], b[field])) &&
    sameValue(a.capabilities, b.capabilities) &&
    sameValue(a.lacks, b.lacks) &&
    costFields.every((field) => a.costPer1k[field] === b.costPer1k[field]) &&
    // 4,096 because nobody said is not 4,096 because somebody did.
    Object.hasOwn(a.provenance, 'contextLength') === Object.hasOwn(b.provenance, 'contextLength')
  )
}

/** Whether both rest on the same kinds of evidence, whatever their source and age. */
export function sameEvidence(a: Model, b: Model): boolean {
  const fields = Object.keys(b.provenance)
  return (
    fields.length === Object.keys(a.provenance).length &&
    fields.every((field) => a.provenance[field]?.kind === b.provenance[field]?.kind)
  )
}

const sameFact = (a: Provenance, b: Provenance): boolean =>
  a.kind === b.kind && a.source === b.source && a.at === b.at

const listOf = (list: readonly string[] | null | undefined): readonly string[] | undefined =>
  list === null || list === undefined ? undefined : sortedOnce(list)

const isList = (value: unknown): value is readonly string[] => Array.isArray(value)

function sameValue(a: unknown, b: unknown): boolean {
  if (!isList(a) || !isList(b)) return a === b
  return a.length === b.length && a.every((one, index) => one === b[index])
}
