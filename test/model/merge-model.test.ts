import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Evidence, evidence, type Model, type ModelInput } from '../../src/model/llm-model.js'
import { learn, mergeModels, sameModel } from '../../src/model/merge-model.js'
import { parseModel } from '../../src/model/parse/model.js'

type Said = readonly [said: Omit<ModelInput, 'id' | 'provider'>, kind: Evidence, at?: number]

const knowing = (...said: readonly Said[]): Model => {
  let model: Model | undefined
  for (const [input, kind, at = 1] of said)
    model = learn(model, { id: 'm', provider: 'p', ...input }, { kind, source: kind, at })
  if (model === undefined) throw new Error('nothing was said')
  return model
}

describe('what is better known', () => {
  it.each([
    ['probed', 'declared'],
    ['declared', 'catalogue'],
    ['catalogue', 'inferred'],
  ] as const)('%s beats %s, whichever comes first and however old it is', (good, bad) => {
    for (const said of [
      [
        [{ contextLength: 10 }, good, 1],
        [{ contextLength: 20 }, bad, 9],
      ],
      [
        [{ contextLength: 20 }, bad, 9],
        [{ contextLength: 10 }, good, 1],
      ],
    ] as const) {
      const model = knowing(...said)
      expect(model.contextLength).toBe(10)
      expect(model.provenance.contextLength).toEqual({ kind: good, source: good, at: 1 })
    }
  })

  it('newer beats older of the same kind, and the later word of the same time', () => {
    const [old, young]: [Said, Said] = [
      [{ name: 'old' }, 'declared', 1],
      [{ name: 'new' }, 'declared', 2],
    ]
    expect(knowing(old, young).name).toBe('new')
    expect(knowing(young, old).name).toBe('new')
    expect(knowing([{ name: 'a' }, 'declared', 1], [{ name: 'b' }, 'declared', 1]).name).toBe('b')
  })

  it('unknown never erases', () => {
    const full = knowing([
      {
        name: 'M',
        capabilities: ['chat'],
        contextLength: 8,
        maxOutputTokens: 4,
        inputModalities: ['text'],
        outputModalities: ['text'],
        costPer1k: { input: 1, output: 2, cached: 0 },
        aliases: ['n'],
      },
      'inferred',
    ])
    const nothing: ModelInput = {
      id: 'm',
      provider: 'p',
      name: null,
      capabilities: { chat: null },
      contextLength: undefined,
      maxOutputTokens: null,
      inputModalities: null,
      outputModalities: null,
      costPer1k: { input: null, output: undefined },
      aliases: null,
    }
    expect(learn(full, nothing, { kind: 'probed', source: 's', at: 9 })).toBe(full)
    expect(
      learn(
        full,
        { ...nothing, capabilities: [], costPer1k: null },
        full.provenance.name ?? nobody,
      ),
    ).toBe(full)
  })

  it('goes field by field: capabilities and prices one by one, in three values', () => {
    const model = knowing(
      [
        {
          capabilities: { vision: true, chat: true, tools: false },
          costPer1k: { input: 1, output: 5 },
        },
        'catalogue',
      ],
      [{ capabilities: { vision: false }, costPer1k: { input: 0 } }, 'declared'],
      [{ capabilities: ['vision'] }, 'inferred', 9],
    )
    expect(model).toMatchObject({
      capabilities: ['chat'],
      lacks: ['tools', 'vision'],
      costPer1k: { input: 0, output: 5 },
    })
    expect(model.provenance['capabilities.vision']?.kind).toBe('declared')
    expect(model.provenance['capabilities.chat']?.kind).toBe('catalogue')
    expect(model.provenance['costPer1k.output']?.kind).toBe('catalogue')
    expect(model.provenance['costPer1k.input']?.kind).toBe('declared')
  })

  it('has 4,096 tokens of context as long as nobody has said', () => {
    const model = knowing([{}, 'declared'])
    expect(model.contextLength).toBe(4_096)
    expect(model.provenance).toEqual({})
    const said = knowing([{ contextLength: 4_096 }, 'inferred'])
    expect(said.provenance.contextLength?.kind).toBe('inferred')
    expect(sameModel(model, said)).toBe(false)
  })

  it('is frozen all over, and harmless with names of prototypes', () => {
    const model = knowing([
      {
        capabilities: ['constructor', '__proto__', 'toString'],
        aliases: ['a'],
        costPer1k: { input: 1 },
      },
      'declared',
    ])
    expect(model.capabilities).toEqual(['__proto__', 'constructor', 'toString'])
    for (const part of [
      model,
      model.capabilities,
      model.lacks,
      model.aliases,
      model.costPer1k,
      model.provenance,
    ])
      expect(Object.isFrozen(part)).toBe(true)
    expect(Object.isFrozen(model.provenance['capabilities.__proto__'])).toBe(false) // given frozen by the catalogue
    expect(({} as Record<string, unknown>).chat).toBeUndefined()
  })
})

const nobody = { kind: 'inferred', source: 's', at: 0 } as const

// --- properties ----------------------------------------------------------------------------------

const words = fc.subarray(['a', 'b', 'c'])
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> =>
  fc.oneof(of, fc.constantFrom(null, undefined))
const price = maybe(fc.constantFrom(0, 1, 2))
const anyInput: fc.Arbitrary<ModelInput> = fc.record({
  id: fc.constant('m'),
  provider: fc.constant('p'),
  name: maybe(fc.constantFrom('x', 'y')),
  capabilities: maybe(
    fc.oneof(
      words,
      fc.dictionary(fc.constantFrom('a', 'b', 'c'), maybe(fc.boolean()), { noNullPrototype: true }),
    ),
  ),
  contextLength: maybe(fc.constantFrom(4_096, 1, 2)),
  maxOutputTokens: maybe(fc.constantFrom(1, 2)),
  inputModalities: maybe(words),
  outputModalities: maybe(words),
  costPer1k: maybe(fc.record({ input: price, output: price, cached: price })),
  aliases: maybe(words),
})
/** Things said at distinct times or with distinct kinds. */
const statements = fc.uniqueArray(
  fc.record({ input: anyInput, kind: fc.constantFrom(...evidence), at: fc.nat(6) }),
  { minLength: 1, maxLength: 6, selector: ({ kind, at }) => `${kind} ${at}` },
)
type Statement = { readonly input: ModelInput; readonly kind: Evidence; readonly at: number }

const told = (all: readonly Statement[]): Model => {
  let model: Model | undefined
  for (const { input, kind, at } of all)
    model = learn(model, input, { kind, source: `${kind}${at}`, at })
  if (model === undefined) throw new Error('nothing was said')
  return model
}

const rank: Readonly<Record<Evidence, number>> = {
  probed: 4,
  declared: 3,
  catalogue: 2,
  inferred: 1,
}

/** Each field by itself: of all who know it, the best of the best kind. Written without the code's own words. */
function oracle(all: readonly Statement[], read: (input: ModelInput) => unknown): unknown {
  const know = all.filter(({ input }) => read(input) !== undefined && read(input) !== null)
  const [best] = know.sort((a, b) => rank[b.kind] - rank[a.kind] || b.at - a.at)
  return best === undefined ? undefined : read(best.input)
}

const can =
  (name: string) =>
  (input: ModelInput): unknown => {
    const said = input.capabilities
    if (said === null || said === undefined) return undefined
    if (Array.isArray(said)) return said.includes(name) ? true : undefined
    return Object.entries(said).find(([key]) => key === name)?.[1]
  }

it('knows of each field what the best evidence says', () => {
  fc.assert(
    fc.property(statements, (all) => {
      const model = told(all)
      expect(model.name).toBe(oracle(all, ({ name }) => name))
      expect(model.contextLength).toBe(oracle(all, ({ contextLength }) => contextLength) ?? 4_096)
      expect(model.maxOutputTokens).toBe(oracle(all, ({ maxOutputTokens }) => maxOutputTokens))
      expect(model.inputModalities).toEqual(oracle(all, ({ inputModalities }) => inputModalities))
      expect(model.aliases).toEqual(oracle(all, ({ aliases }) => aliases) ?? [])
      for (const name of ['input', 'output', 'cached'] as const)
        expect(model.costPer1k[name]).toBe(oracle(all, ({ costPer1k }) => costPer1k?.[name]))
      for (const name of ['a', 'b', 'c']) {
        const able = oracle(all, can(name))
        expect(model.capabilities.includes(name)).toBe(able === true)
        expect(model.lacks.includes(name)).toBe(able === false)
      }
    }),
  )
})

it('does not depend on the order in which things are said', () => {
  const shuffled = statements.chain((all) =>
    fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
  )
  fc.assert(
    fc.property(shuffled, ([all, other]) => {
      expect(told(other)).toEqual(told(all))
    }),
  )
})

it('learns nothing from hearing it again', () => {
  fc.assert(
    fc.property(statements, (all) => {
      const model = told(all)
      expect(told([...all, ...all])).toEqual(model)
      expect(mergeModels(model, model)).toBe(model)
      expect(mergeModels(undefined, model)).toEqual(model)
    }),
  )
})

it('merges two records of a model as if everything had been said to one', () => {
  const two = statements.chain((all) => fc.tuple(fc.constant(all), fc.nat(all.length)))
  fc.assert(
    fc.property(two, ([all, at]) => {
      if (at === 0 || at === all.length) return
      expect(mergeModels(told(all.slice(0, at)), told(all.slice(at)))).toEqual(told(all))
    }),
  )
})

it('survives being written down', () => {
  fc.assert(
    fc.property(statements, (all) => {
      const model = told(all)
      expect(parseModel(JSON.parse(JSON.stringify(model)))).toEqual(model)
    }),
  )
})
