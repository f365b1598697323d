import { z } from 'zod'
import {
  type InputIssue,
  InvalidOptionsError,
  InvalidRegistrationError,
  InvalidRequestError,
} from '../../core/errors.js'
import {
  defaultContext,
  evidence,
  type Model,
  type ModelInput,
  type Provenance,
  sortedOnce,
} from '../llm-model.js'
import type { ModelEvidence, ModelQuery } from '../model-query.js'
import { parse } from './read.js'
import { capabilityName, count, frozenCopy, text, texts } from './words.js'

/** No update holds more models, and no model more capabilities or aliases. */
const mostModels = 100_000
const mostOfAModel = 1_000

/** Key texts are joined by line breaks, so they hold none. */
const key = text.refine((value) => !/[\r\n]/.test(value), 'expected one line')
const names = z.array(text).max(mostOfAModel)
const capabilities = z.array(capabilityName).max(mostOfAModel)
const price = z.number().min(0)
const time = z.number().min(0)
const costs = { input: price, output: price, cached: price }

const flags = z
  .record(capabilityName, z.boolean().nullish())
  .refine(
    (value) => Object.keys(value).length <= mostOfAModel,
    `expected at most ${mostOfAModel} capabilities`,
  )

const modelInput = z.strictObject({
  id: key,
  provider: key,
  name: text.nullish(),
  capabilities: z
    .union([capabilities, flags], 'expected a list of names, or a record of names and booleans')
    .nullish(),
  contextLength: count.nullish(),
  maxOutputTokens: count.nullish(),
  inputModalities: names.nullish(),
  outputModalities: names.nullish(),
  costPer1k: z
    .strictObject({
      input: costs.input.nullish(),
      output: costs.output.nullish(),
      cached: costs.cached.nullish(),
    })
    .nullish(),
  aliases: names.nullish(),
})

export const parseModelInput = (input: unknown): ModelInput =>
  parse(modelInput, input, (issues) => new InvalidRegistrationError(issues, 'model'))

/** Throws `InvalidRegistrationError`, whose fields begin with the index of the entry: `[2].id`. */
export const parseModelInputs = (input: unknown): readonly ModelInput[] =>
  parse(
    z.array(modelInput).max(mostModels),
    input,
    (issues) => new InvalidRegistrationError(issues, 'models'),
  )

const modelEvidence = z.strictObject({
  kind: z.enum(evidence),
  source: text,
  at: time.optional(),
})

export const parseModelEvidence = (input: unknown): ModelEvidence =>
  parse(
    modelEvidence,
    input,
    (issues: readonly InputIssue[]) => new InvalidOptionsError(issues, 'evidence of models'),
  )

const modelQuery = z.strictObject({
  requires: capabilities.optional(),
  minContext: count.optional(),
  maxCostPer1k: z
    .union(
      [
        price,
        z.strictObject({
          input: costs.input.optional(),
          output: costs.output.optional(),
          cached: costs.cached.optional(),
        }),
      ],
      'expected US dollars of 0 or more, or { input?, output?, cached? }',
    )
    .optional(),
  providers: names.optional(),
  modalities: z.strictObject({ input: names.optional(), output: names.optional() }).optional(),
  includeUnknown: z.boolean().optional(),
  sort: z.enum(['cost', 'context', 'output', 'id']).optional(),
})

export const parseModelQuery = (input: unknown): ModelQuery =>
  parse(modelQuery, input, (issues) => new InvalidRequestError(issues, 'model query'))

const provenance = z.strictObject({ kind: z.enum(evidence), source: text, at: time })

/**
 * A model as a snapshot holds it. JSON drops what is undefined, so everything that can be is optional.
 * Many updates may have made it longer than one may be, and it must be read all the same.
 * Gives a frozen model whose provenance is as it was saved.
 */
const savedModel: z.ZodType<Model> = z
  .strictObject({
    id: key,
    provider: key,
    name: text.nullish(),
    capabilities: z.array(capabilityName).optional(),
    lacks: z.array(capabilityName).optional(),
    contextLength: count.optional(),
    maxOutputTokens: count.nullish(),
    inputModalities: texts.nullish(),
    outputModalities: texts.nullish(),
    costPer1k: z
      .strictObject({
        input: costs.input.optional(),
        output: costs.output.optional(),
        cached: costs.cached.optional(),
      })
      .optional(),
    aliases: texts.optional(),
    provenance: z.record(z.string().max(5_000), provenance).optional(),
  })
  .transform(
    (saved): Model => ({
      id: saved.id,
      provider: saved.provider,
      name: saved.name ?? undefined,
      capabilities: sortedOnce(saved.capabilities),
      lacks: sortedOnce(saved.lacks),
      contextLength: saved.contextLength ?? defaultContext,
      maxOutputTokens: saved.maxOutputTokens ?? undefined,
      inputModalities: saved.inputModalities ? sortedOnce(saved.inputModalities) : undefined,
      outputModalities: saved.outputModalities ? sortedOnce(saved.outputModalities) : undefined,
      costPer1k: frozenCopy(saved.costPer1k ?? {}),
      aliases: sortedOnce(saved.aliases),
      provenance: shared(saved.provenance ?? {}),
    }),
  )
  .transform((model) => Object.freeze(model))

/** Most fields were learned at once; then they share one record of it. */
function shared(provenance: Readonly<Record<string, Provenance>>): Model['provenance'] {
  const seen = new Map<string, Provenance>()
  const entries = Object.entries(provenance).map(([field, by]): [string, Provenance] => {
    const key = `${by.kind} ${by.at} ${by.source}`
    const same = seen.get(key) ?? Object.freeze(by)
    seen.set(key, same)
    return [field, same]
  })
  return Object.freeze(Object.fromEntries(entries))
}

/** Throws `InvalidRegistrationError`. */
export const parseModel = (input: unknown): Model =>
  parse(savedModel, input, (issues) => new InvalidRegistrationError(issues, 'model'))

/** As `parseModel`, for all or none. */
export const parseModels = (input: unknown): readonly Model[] =>
  parse(z.array(savedModel), input, (issues) => new InvalidRegistrationError(issues, 'models'))
