import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ModelCatalog } from '../../../src/catalog/model-catalog.js'
import { InvalidRegistrationError } from '../../../src/core/errors.js'
import {
  modelsFromAnthropic,
  modelsFromGemini,
  modelsFromLiteLLM,
  modelsFromLiteLLMPrices,
  modelsFromModelsDev,
  modelsFromOllama,
  modelsFromOpenAI,
  modelsFromOpenRouter,
} from '../../../src/discovery/index.js'
import type { ModelInput } from '../../../src/model/llm-model.js'

type Importer = (body: unknown) => readonly ModelInput[]

const importers: readonly (readonly [string, Importer])[] = [
  ['modelsFromAnthropic', modelsFromAnthropic],
  ['modelsFromGemini', modelsFromGemini],
  ['modelsFromLiteLLM', modelsFromLiteLLM],
  ['modelsFromLiteLLMPrices', modelsFromLiteLLMPrices],
  ['modelsFromModelsDev', modelsFromModelsDev],
  ['modelsFromOllama', modelsFromOllama],
  ['modelsFromOpenAI', modelsFromOpenAI],
  ['modelsFromOpenRouter', modelsFromOpenRouter],
]

/** Either a clear refusal, or models that the catalogue takes. */
function survives(importer: Importer, body: unknown): readonly ModelInput[] | undefined {
  let models: readonly ModelInput[]
  try {
    models = importer(body)
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidRegistrationError)
    return undefined
  }
  new ModelCatalog({ now: () => 1 }).update(models, { kind: 'catalogue', source: 'test' })
  return models
}

/** Words that importers look for, so that chance gets far into them. */
const keys = [
  'data',
  'models',
  'id',
  'name',
  'model',
  'model_name',
  'model_info',
  'model_group',
  'litellm_provider',
  'mode',
  'max_tokens',
  'capabilities',
  'architecture',
  'input_modalities',
  'pricing',
  'prompt',
  'modalities',
  'limit',
  'cost',
  'owned_by',
  'aliases',
  'meta',
  'n_ctx',
  'supported_parameters',
  'input_cost_per_token',
  'supports_vision',
  'loaded_instances',
  '__proto__',
  'constructor',
  'toString',
  'length',
]
const leaf = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e300,
    '',
    ' ',
    'chat',
    'a\nb',
    '-1',
    '0.1',
    '__proto__',
    'm',
  ),
  fc.string(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
/** As JSON.parse makes it: `__proto__` is a field like any other. */
const asObject = (entries: [string, unknown][]): unknown => Object.fromEntries(entries)

const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.array(fc.tuple(fc.constantFrom(...keys), tie('tree')), { maxLength: 5 }).map(asObject),
  ),
}))

describe.each(importers)('%s', (_, importer) => {
  it('survives whatever it is given', () => {
    fc.assert(
      fc.property(tree, (body) => {
        survives(importer, body)
        survives(importer, { data: [body] })
        survives(importer, { models: [body] })
        survives(importer, { house: { models: { one: body } }, 'a/b': body })
      }),
      { numRuns: 300 },
    )
    expect(Object.hasOwn(Object.prototype, 'data')).toBe(false)
  })

  it.each([
    [undefined],
    [null],
    [true],
    [7],
    ['<html>'],
    [{ error: { message: 'no key' } }],
    [{ data: 5 }],
    [{ detail: 'Not Found' }],
  ])('says what it expected instead of %j', (body) => {
    expect(() => importer(body)).toThrow(InvalidRegistrationError)
    expect(() => importer(body)).toThrow(/Invalid list of models:\n {2}it: expected .*, got /)
  })

  it('refuses bodies that cannot be read and lists that are too long', () => {
    const trap = {
      get id(): string {
        throw new Error('boo')
      },
      get name(): string {
        throw new Error('boo')
      },
      get litellm_provider(): string {
        throw new Error('boo')
      },
    }
    const body = { data: [trap], models: [trap], x: trap, house: { models: { a: trap } } }
    expect(() => importer(body)).toThrow(/threw: boo/)
    const rows = Array.from({ length: 50_001 }, (_, n) => [
      `m${n}`,
      { id: `m${n}`, name: `m${n}`, litellm_provider: 'p' },
    ])
    const all = Object.fromEntries(rows)
    const list = Object.values(all)
    const long =
      importer === modelsFromModelsDev
        ? { p: { models: all } }
        : importer === modelsFromLiteLLMPrices
          ? all
          : { data: list, models: list }
    expect(() => importer(long)).toThrow(/at most 50000 models, got 50001/)
  })

  it('reads deep bodies and long texts', () => {
    let deep: unknown = 1
    for (let level = 0; level < 20_000; level += 1) deep = { models: deep }
    survives(importer, {
      data: [{ id: 'm', name: 'm', capabilities: deep }],
      models: [{ id: 'm', capabilities: deep }],
    })
    const row = {
      id: 'x'.repeat(1e6),
      name: 'y'.repeat(1e6),
      capabilities: Array(1e5).fill('chat'),
      aliases: Array(1e5).fill('z'),
    }
    survives(importer, { data: [row], models: [row] })
  })
})
