import type { Model, ModelCost } from '../model/llm-model.js'
import type { ModelQuery } from '../model/model-query.js'

/** Whether everything that the query asks for holds. */
export function fits(model: Model, query: ModelQuery): boolean {
  const { requires, minContext = 0, maxCostPer1k, providers, modalities } = query
  const unknownFits = query.includeUnknown === true
  return (
    model.contextLength >= minContext &&
    (providers === undefined || providers.includes(model.provider)) &&
    (requires === undefined || requires.every((name) => isAble(model, name, unknownFits))) &&
    isWithin(model.costPer1k, maxCostPer1k) &&
    takes(model.inputModalities, modalities?.input, unknownFits) &&
    takes(model.outputModalities, modalities?.output, unknownFits)
  )
}

const isAble = (model: Model, capability: string, unknownFits: boolean): boolean =>
  model.capabilities.includes(capability) || (unknownFits && !model.lacks.includes(capability))

function isWithin(cost: ModelCost, limit: ModelQuery['maxCostPer1k']): boolean {
  if (limit === undefined) return true
  const { input, output, cached } =
    typeof limit === 'number' ? { input: limit, output: limit, cached: undefined } : limit
  return atMost(cost.input, input) && atMost(cost.output, output) && atMost(cost.cached, cached)
}

const atMost = (price: number | undefined, limit: number | undefined): boolean =>
  limit === undefined || (price !== undefined && price <= limit)

const takes = (
  known: readonly string[] | undefined,
  wanted: readonly string[] = [],
  unknownFits: boolean,
): boolean =>
  wanted.length === 0 ||
  (known === undefined ? unknownFits : wanted.every((one) => known.includes(one)))

/** What models are sorted by, the least first. */
const measures = {
  cost: ({ costPer1k: { input, output } }: Model): number =>
    input === undefined || output === undefined ? Number.POSITIVE_INFINITY : input + output,
  context: ({ contextLength }: Model): number => -contextLength,
  output: ({ maxOutputTokens }: Model): number => -(maxOutputTokens ?? 0),
  id: (): number => 0,
} as const

export function comparing(sort: NonNullable<ModelQuery['sort']>): (a: Model, b: Model) => number {
  const measure = measures[sort]
  return (a, b) =>
    ascending(measure(a), measure(b)) || ascending(a.id, b.id) || ascending(a.provider, b.provider)
}

const ascending = <T extends number | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0)
