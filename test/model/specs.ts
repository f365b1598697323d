import fc from 'fast-check'
import type { ParameterSpec } from '../../src/model/parameter.js'

const small = { min: -3, max: 5 } as const
const bound = fc.option(fc.integer(small), { nil: undefined })
const length = fc.option(fc.nat(3), { nil: undefined })

const bounds = (one: fc.Arbitrary<number | undefined>) =>
  fc.tuple(one, one).map(([a, b]) => {
    const [min, max] = a !== undefined && b !== undefined && a > b ? [b, a] : [a, b]
    return { ...(min !== undefined && { min }), ...(max !== undefined && { max }) }
  })

const leaf: fc.Arbitrary<ParameterSpec> = fc.oneof(
  bounds(bound).map((range) => ({ type: 'int' as const, ...range })),
  bounds(bound).map((range) => ({ type: 'float' as const, ...range })),
  bounds(bound).map((range) => ({ type: 'number' as const, ...range })),
  bounds(length).map((range) => ({ type: 'string' as const, ...range })),
  fc.constantFrom<ParameterSpec>({ type: 'boolean' }, { type: 'object' }, {}),
  fc
    .uniqueArray(fc.constantFrom<unknown>(1, 2, 'a', 'b', null, true), { minLength: 1 })
    .map((values) => ({ values })),
)

/** Specs that a definition may have: each of them could be met. */
export const specs: fc.Arbitrary<ParameterSpec> = fc.oneof(
  { weight: 3, arbitrary: leaf },
  fc
    .tuple(bounds(length), fc.option(leaf, { nil: undefined }))
    .map(([range, items]) => ({ type: 'array' as const, ...range, ...(items && { items }) })),
)

export const values: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -4, max: 6 }) },
  fc.constantFrom<unknown>(0.5, 1.5, -0, null, true, false, '', 'a', 'b', 'ab', '😀', 'abcd'),
  fc.array(fc.constantFrom<unknown>(1, 2, 'a', 'b', 0.5, null, true), { maxLength: 4 }),
  fc.constantFrom<unknown>({}, { a: 1 }),
)
