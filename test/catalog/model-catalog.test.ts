import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { ModelCatalog, type ModelChange } from '../../src/catalog/model-catalog.js'
import {
  InvalidOptionsError,
  InvalidRegistrationError,
  InvalidRequestError,
} from '../../src/core/errors.js'
import type { Model, ModelInput } from '../../src/model/llm-model.js'
import type { ModelQuery } from '../../src/model/model-query.js'

let now = 1_000
let changes: ModelChange[] = []
let confirmed: string[] = []
let catalog: ModelCatalog

beforeEach(() => {
  now = 1_000
  changes = []
  confirmed = []
  catalog = newCatalog()
})

const newCatalog = (): ModelCatalog =>
  new ModelCatalog({
    now: () => now,
    changed: (change) => changes.push(change),
    confirmed: ({ id }) => confirmed.push(id),
  })

const news = (): string[] => changes.splice(0).map(({ type, model }) => `${type} ${model.id}`)
const ids = (models: readonly Model[]): string[] => models.map(({ id }) => id)
const openai = (id: string, more: Partial<ModelInput> = {}): ModelInput => ({
  id,
  provider: 'openai',
  ...more,
})
const problem = (run: () => unknown): InvalidRegistrationError => {
  try {
    run()
  } catch (error) {
    if (error instanceof InvalidRegistrationError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('register', () => {
  it('declares a model by hand and gives it back, complete and frozen', () => {
    const model = catalog.register(
      openai('gpt', { capabilities: ['chat'], costPer1k: { input: 0.1 } }),
    )
    expect(model).toEqual({
      id: 'gpt',
      provider: 'openai',
      name: undefined,
      capabilities: ['chat'],
      lacks: [],
      contextLength: 4_096,
      maxOutputTokens: undefined,
      inputModalities: undefined,
      outputModalities: undefined,
      costPer1k: { input: 0.1 },
      aliases: [],
      provenance: {
        'capabilities.chat': { kind: 'declared', source: 'manual', at: 1_000 },
        'costPer1k.input': { kind: 'declared', source: 'manual', at: 1_000 },
      },
    })
    expect(Object.isFrozen(model.provenance['capabilities.chat'])).toBe(true)
    expect(catalog.get('gpt')).toBe(model)
    expect(news()).toEqual(['added gpt'])
  })

  it('merges with what is known', () => {
    catalog.register(openai('gpt', { capabilities: ['chat'] }))
    const model = catalog.register(openai('gpt', { contextLength: 8 }))
    expect(model).toMatchObject({ capabilities: ['chat'], contextLength: 8 })
    expect(catalog.size).toBe(1)
    expect(news()).toEqual(['added gpt', 'changed gpt'])
  })

  it('gives the model back although a listener removed it', () => {
    const quick = new ModelCatalog({
      now: () => 1,
      changed: ({ type, model }) => type === 'added' && quick.remove(model.id),
    })
    expect(quick.register(openai('gpt')).id).toBe('gpt')
    expect(quick.size).toBe(0)
  })

  it('refuses what is wrong, naming the field', () => {
    const wrong: unknown[] = [
      undefined,
      {},
      { id: '', provider: 'p' },
      { id: 'a\nb', provider: 'p' },
      { id: 'a', provider: 'p', contextLength: 0 },
      { id: 'a', provider: 'p', contextLength: Number.NaN },
      { id: 'a', provider: 'p', costPer1k: { input: -1 } },
      { id: 'a', provider: 'p', costPer1k: { inputs: 1 } },
      { id: 'a', provider: 'p', capabilities: ['a@1'] },
      { id: 'a', provider: 'p', capabilities: { a: 'yes' } },
      { id: 'a', provider: 'p', context: 5 },
    ]
    // @ts-expect-error wrong on purpose
    for (const one of wrong) expect(() => catalog.register(one)).toThrow(InvalidRegistrationError)
    const error = problem(() => catalog.register(openai('a', { contextLength: 0.5 })))
    expect(error.issues.map(({ field }) => field)).toEqual(['contextLength'])
    expect(catalog.size).toBe(0)
    expect(changes).toEqual([])
  })
})

describe('update', () => {
  const by = { kind: 'catalogue', source: 'list' } as const

  it('says what was added and what changed, and tells each once, after the turn', () => {
    catalog.update([openai('a'), openai('b', { contextLength: 1 })], by)
    const sizes: number[] = []
    const watched = new ModelCatalog({ now: () => 1, changed: () => sizes.push(watched.size) })
    watched.update([openai('a'), openai('b'), openai('c')], by)
    expect(sizes).toEqual([3, 3, 3])
    news()
    const update = catalog.update(
      [openai('b', { contextLength: 2 }), openai('c'), openai('c', { name: 'C' }), openai('a')],
      by,
    )
    expect(ids(update.added)).toEqual(['c'])
    expect(ids(update.changed)).toEqual(['b'])
    expect(update.added[0]?.name).toBe('C')
    expect(changes[0]).toMatchObject({
      previous: { contextLength: 1 },
      model: { contextLength: 2 },
    })
    expect(news()).toEqual(['changed b', 'added c'])
  })

  it('tells nothing when nothing is new, and keeps the newer age', () => {
    catalog.update([openai('a', { contextLength: 1 })], by)
    news()
    now = 2_000
    expect(catalog.update([openai('a', { contextLength: 1 })], by)).toEqual({
      added: [],
      changed: [],
    })
    expect(news()).toEqual([])
    expect(confirmed).toEqual([])
    expect(catalog.get('a')?.provenance.contextLength?.at).toBe(2_000)
    expect(catalog.list()[0]).toBe(catalog.get('a'))
  })

  it('tells the store when better evidence says the same', () => {
    catalog.update([openai('a', { contextLength: 1 })], by)
    news()
    catalog.update([openai('a', { contextLength: 1 })], { kind: 'probed', source: 'x' })
    expect(news()).toEqual([])
    expect(confirmed).toEqual(['a'])
  })

  it('takes over all or nothing, and names the entry and the field', () => {
    catalog.register(openai('kept'))
    news()
    const good = openai('new', { contextLength: 5 })
    const bad = { id: 'bad', provider: 'p', costPer1k: { input: 'free' } }
    // @ts-expect-error wrong on purpose
    const error = problem(() => catalog.update([good, openai('kept', { name: 'K' }), bad], by))
    expect(error.issues).toEqual([
      { field: '[2].costPer1k.input', message: 'expected number, got "free"' },
    ])
    expect(ids(catalog.list())).toEqual(['kept'])
    expect(catalog.get('kept')?.name).toBeUndefined()
    expect(changes).toEqual([])
  })

  it('refuses wrong evidence', () => {
    const wrong: unknown[] = [
      undefined,
      {},
      { kind: 'guess', source: 's' },
      { kind: 'probed' },
      { ...by, at: -1 },
    ]
    // @ts-expect-error wrong on purpose
    for (const one of wrong) expect(() => catalog.update([], one)).toThrow(InvalidOptionsError)
  })

  it('takes a time to come for now, so that it keeps nothing out', () => {
    catalog.update([openai('a', { name: 'future' })], { ...by, at: 9e15 })
    expect(catalog.get('a')?.provenance.name?.at).toBe(1_000)
    now += 1
    catalog.update([openai('a', { name: 'present' })], by)
    expect(catalog.get('a')?.name).toBe('present')
  })

  it('survives hostile models', () => {
    const trap = {
      id: 'x',
      provider: 'p',
      get name(): string {
        throw new Error('boo')
      },
    }
    expect(problem(() => catalog.update([trap], by)).message).toContain('boo')
    const proto = JSON.parse(
      '{"id":"__proto__","provider":"constructor","capabilities":{"__proto__":true,"chat":true}}',
    )
    catalog.update([proto], by)
    expect(catalog.get('__proto__', 'constructor')?.capabilities).toEqual(['chat'])
    expect(({} as Record<string, unknown>).chat).toBeUndefined()
    // @ts-expect-error wrong on purpose
    expect(() => catalog.update({ length: 1e9 }, by)).toThrow(InvalidRegistrationError)
    expect(() => catalog.update(Array(100_001).fill(openai('a')), by)).toThrow(
      InvalidRegistrationError,
    )
  })
})

describe('get, list and remove', () => {
  beforeEach(() => {
    catalog.register(openai('gpt', { aliases: ['best'] }))
    catalog.register({ id: 'gpt', provider: 'azure', aliases: ['blue'] })
    catalog.register({ id: 'best', provider: 'other' })
  })

  it('finds by id, then by alias, and the first of several providers', () => {
    expect(catalog.get('gpt')?.provider).toBe('openai')
    expect(catalog.get('gpt', 'azure')?.provider).toBe('azure')
    expect(catalog.get('blue')?.provider).toBe('azure')
    expect(catalog.get('best')?.provider).toBe('other')
    expect(catalog.get('best', 'openai')?.id).toBe('gpt')
    expect(catalog.get('gpt', 'nobody')).toBeUndefined()
    expect(catalog.get('constructor')).toBeUndefined()
  })

  it('finds by the first added, although another got the alias before', () => {
    catalog.register({ id: 'first', provider: 'p' })
    catalog.register({ id: 'second', provider: 'p', aliases: ['x'] })
    catalog.register({ id: 'first', provider: 'p', aliases: ['x'] })
    expect(catalog.get('x')?.id).toBe('first')
  })

  it('forgets aliases and capabilities that were taken back', () => {
    catalog.register(openai('gpt', { aliases: ['new'], capabilities: ['chat'] }))
    catalog.register(openai('gpt', { capabilities: { chat: false } }))
    expect(catalog.get('best', 'openai')).toBeUndefined()
    expect(catalog.get('new')?.id).toBe('gpt')
    expect(catalog.find({ requires: ['chat'] })).toEqual([])
  })

  it('lists in order, frozen, and providers only while they have models', () => {
    expect(ids(catalog.list())).toEqual(['gpt', 'gpt', 'best'])
    expect(Object.isFrozen(catalog.list())).toBe(true)
    expect(catalog.list()).toBe(catalog.list())
    expect(catalog.providers()).toEqual(['azure', 'openai', 'other'])
    expect(catalog.remove('gpt', 'azure')).toBe(true)
    expect(catalog.providers()).toEqual(['openai', 'other'])
  })

  it('removes at one provider or at all, and tells', () => {
    news()
    expect(catalog.remove('gpt', 'nobody')).toBe(false)
    expect(catalog.remove('blue')).toBe(false)
    expect(catalog.remove('gpt')).toBe(true)
    expect(news()).toEqual(['removed gpt', 'removed gpt'])
    expect(catalog.get('blue')).toBeUndefined()
    expect(catalog.remove('gpt')).toBe(false)
    catalog.clear()
    expect(news()).toEqual(['removed best'])
    expect([catalog.size, catalog.list(), catalog.providers(), catalog.find()]).toEqual([
      0,
      [],
      [],
      [],
    ])
  })
})

describe('restore', () => {
  it('keeps provenance as it was saved, and tells nothing', () => {
    catalog.update([openai('a', { contextLength: 1 })], { kind: 'probed', source: 's', at: 7 })
    const saved: Model[] = JSON.parse(JSON.stringify(catalog.list()))
    const before = catalog.list()
    catalog = newCatalog()
    news()
    expect(catalog.restore(saved)).toEqual([{ type: 'added', model: before[0] }])
    expect(catalog.list()).toEqual(before)
    expect(news()).toEqual([])
    expect(catalog.restore(saved)).toEqual([])
  })

  it('merges with what is known, by evidence', () => {
    catalog.register(openai('a', { name: 'declared', contextLength: 5 }))
    const saved = newCatalog()
    saved.update([openai('a', { name: 'probed' })], { kind: 'probed', source: 's', at: 1 })
    saved.update([openai('a', { contextLength: 9 })], { kind: 'inferred', source: 's' })
    expect(catalog.restore(saved.list())).toMatchObject([{ type: 'changed' }])
    expect(catalog.get('a')).toMatchObject({ name: 'probed', contextLength: 5 })
  })

  it('takes values without provenance for the weakest evidence there is', () => {
    // @ts-expect-error as an old file may hold it
    catalog.restore([{ id: 'a', provider: 'p', capabilities: ['chat'], contextLength: 8 }])
    expect(catalog.get('a')).toMatchObject({
      capabilities: ['chat'],
      contextLength: 8,
      provenance: { contextLength: { kind: 'inferred', at: 0 } },
    })
    catalog.update([{ id: 'a', provider: 'p', contextLength: 9 }], {
      kind: 'inferred',
      source: 's',
    })
    expect(catalog.get('a')?.contextLength).toBe(9)
  })

  it('takes back whatever updates made, however much it became', () => {
    for (let part = 0; part < 3; part += 1) {
      const capabilities = Array.from({ length: 1_000 }, (_, n) => `c${part}-${n}`)
      catalog.register(openai('a', { capabilities }))
    }
    const other = newCatalog()
    other.restore(JSON.parse(JSON.stringify(catalog.list())))
    expect(other.list()).toEqual(catalog.list())
  })

  it('refuses all when one is bad', () => {
    const good = catalog.register(openai('a'))
    catalog.clear()
    const bad = { ...good, provenance: { name: { kind: 'sure' } } }
    // @ts-expect-error wrong on purpose
    const error = problem(() => catalog.restore([good, bad]))
    expect(error.issues[0]?.field).toBe('[1].provenance.name.kind')
    expect(catalog.size).toBe(0)
  })
})

describe('find', () => {
  beforeEach(() => {
    catalog.register(
      openai('big', {
        capabilities: ['chat', 'vision'],
        contextLength: 200_000,
        maxOutputTokens: 10,
        costPer1k: { input: 2, output: 4 },
      }),
    )
    catalog.register(
      openai('small', {
        capabilities: { chat: true, vision: false },
        contextLength: 8_000,
        maxOutputTokens: 99,
        costPer1k: { input: 0, output: 0, cached: 0 },
      }),
    )
    catalog.register({ id: 'dark', provider: 'lab', capabilities: ['chat'] })
    catalog.register({
      id: 'half',
      provider: 'lab',
      costPer1k: { input: 1 },
      inputModalities: ['text', 'image'],
      outputModalities: ['text'],
    })
  })

  it.each<[string, ModelQuery, string[]]>([
    ['everything, as added', {}, ['big', 'small', 'dark', 'half']],
    ['what is known to be able', { requires: ['vision'] }, ['big']],
    [
      'also what may be able, never what is not',
      { requires: ['vision'], includeUnknown: true },
      ['big', 'dark', 'half'],
    ],
    ['all of several', { requires: ['chat', 'vision'] }, ['big']],
    ['nothing that nobody can', { requires: ['fly'] }, []],
    ['an unknown context as 4,096', { minContext: 4_096 }, ['big', 'small', 'dark', 'half']],
    ['more context', { minContext: 4_097 }, ['big', 'small']],
    ['a bound on both prices; unknown is never within', { maxCostPer1k: 3 }, ['small']],
    ['free', { maxCostPer1k: 0, includeUnknown: true }, ['small']],
    ['a bound on one price', { maxCostPer1k: { input: 1 } }, ['small', 'half']],
    ['a bound on cached input', { maxCostPer1k: { cached: 1 } }, ['small']],
    ['no bound at all', { maxCostPer1k: {} }, ['big', 'small', 'dark', 'half']],
    ['of one provider', { providers: ['lab'] }, ['dark', 'half']],
    ['of no provider', { providers: [] }, []],
    ['of several', { providers: ['lab', 'openai', 'x'] }, ['big', 'small', 'dark', 'half']],
    ['known modalities', { modalities: { input: ['image'], output: ['text'] } }, ['half']],
    [
      'unknown modalities too',
      { modalities: { input: ['audio'] }, includeUnknown: true },
      ['big', 'small', 'dark'],
    ],
    ['cheapest first, unknown last', { sort: 'cost' }, ['small', 'big', 'dark', 'half']],
    ['longest context first', { sort: 'context' }, ['big', 'small', 'dark', 'half']],
    ['longest output first', { sort: 'output' }, ['small', 'big', 'dark', 'half']],
    ['by id', { sort: 'id' }, ['big', 'dark', 'half', 'small']],
  ])('%s', (_, query, wanted) => {
    const found = catalog.find(query)
    expect(ids(found)).toEqual(wanted)
    expect(Object.isFrozen(found)).toBe(true)
  })

  it('refuses a query it does not understand', () => {
    const wrong: unknown[] = [
      null,
      { require: ['chat'] },
      { requires: 'chat' },
      { requires: ['chat@1'] },
      { minContext: 0 },
      { maxCostPer1k: -1 },
      { maxCostPer1k: { inputs: 1 } },
      { modalities: ['text'] },
      { sort: 'price' },
      { providers: [1] },
    ]
    // @ts-expect-error wrong on purpose
    for (const query of wrong) expect(() => catalog.find(query)).toThrow(InvalidRequestError)
    // @ts-expect-error wrong on purpose
    expect(() => catalog.find({ require: [] })).toThrow(/require: is not a known field/)
  })
})

// --- against a scan ------------------------------------------------------------------------------

const word = fc.constantFrom('a', 'b', 'c')
const input: fc.Arbitrary<ModelInput> = fc.record(
  {
    id: fc.constantFrom('m1', 'm2', 'm3', 'm4'),
    provider: fc.constantFrom('p', 'q'),
    capabilities: fc.dictionary(word, fc.boolean(), { noNullPrototype: true }),
    contextLength: fc.constantFrom(1, 4_096, 9_000),
    maxOutputTokens: fc.constantFrom(1, 2),
    inputModalities: fc.subarray(['a', 'b', 'c']),
    costPer1k: fc.record({ input: fc.nat(2), output: fc.nat(2) }, { requiredKeys: [] }),
    aliases: fc.subarray(['a', 'b', 'c']),
  },
  { requiredKeys: ['id', 'provider'] },
)
const query: fc.Arbitrary<ModelQuery> = fc.record(
  {
    requires: fc.subarray(['a', 'b', 'c']),
    minContext: fc.constantFrom(1, 4_096, 4_097),
    maxCostPer1k: fc.oneof(fc.nat(2), fc.record({ input: fc.nat(2) })),
    providers: fc.subarray(['p', 'q', 'r']),
    modalities: fc.record({ input: fc.subarray(['a', 'b']) }),
    includeUnknown: fc.boolean(),
    sort: fc.constantFrom('cost', 'context', 'output', 'id'),
  },
  { requiredKeys: [] },
)
const step = fc.oneof(
  { weight: 4, arbitrary: input.map((model) => ({ model })) },
  { weight: 1, arbitrary: fc.record({ gone: fc.constantFrom('m1', 'm2', 'm3') }) },
)

/** The rules of `find` once more, over everything that is listed. */
function scan(all: readonly Model[], q: ModelQuery): Model[] {
  const bound =
    typeof q.maxCostPer1k === 'number'
      ? { input: q.maxCostPer1k, output: q.maxCostPer1k }
      : q.maxCostPer1k
  const found: Model[] = []
  for (const model of all) {
    let good = q.providers === undefined || q.providers.some((one) => one === model.provider)
    for (const name of q.requires ?? []) {
      const said = model.capabilities.includes(name)
        ? 'yes'
        : model.lacks.includes(name)
          ? 'no'
          : '?'
      if (said === 'no' || (said === '?' && q.includeUnknown !== true)) good = false
    }
    if (q.minContext !== undefined && model.contextLength < q.minContext) good = false
    if (bound?.input !== undefined && !((model.costPer1k.input ?? 1e9) <= bound.input)) good = false
    if (bound?.output !== undefined && !((model.costPer1k.output ?? 1e9) <= bound.output))
      good = false
    for (const one of q.modalities?.input ?? []) {
      if (
        model.inputModalities === undefined
          ? q.includeUnknown !== true
          : !model.inputModalities.includes(one)
      )
        good = false
    }
    if (good) found.push(model)
  }
  if (q.sort === undefined) return found
  const value = (model: Model): number => {
    const { input: a = 1e9, output: b = 1e9 } = model.costPer1k
    if (q.sort === 'cost') return Math.min(a + b, 1e9)
    if (q.sort === 'context') return 1e9 - model.contextLength
    return q.sort === 'output' ? 1e9 - (model.maxOutputTokens ?? 0) : 0
  }
  const name = ({ id, provider }: Model): string => `${id} ${provider}`
  return found.sort((a, b) => value(a) - value(b) || (name(a) < name(b) ? -1 : 1))
}

it('finds what a scan finds, after any changes', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 20 }),
      fc.array(query, { maxLength: 5 }),
      (steps, queries) => {
        const own = new ModelCatalog({ now: () => 1 })
        for (const one of steps) 'model' in one ? own.register(one.model) : own.remove(one.gone)
        for (const asked of queries) expect(own.find(asked)).toEqual(scan(own.list(), asked))
        for (const alias of ['a', 'b', 'c'])
          expect(own.get(alias)).toBe(own.list().find(({ aliases }) => aliases.includes(alias)))
        expect(own.providers()).toEqual(
          [...new Set(own.list().map(({ provider }) => provider))].sort(),
        )
      },
    ),
    { numRuns: 300 },
  )
})
