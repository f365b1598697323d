import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { savedCircuitEntry } from '../../../src/model/parse/circuit.js'
import { renewOptions, savedLease } from '../../../src/model/parse/lease.js'
import type { Quick } from '../../../src/model/parse/read.js'
import { fieldReaders } from '../../../src/model/parse/registration.js'
import { savedHealth } from '../../../src/model/parse/snapshot.js'
import { frozenCopy } from '../../../src/model/parse/words.js'

/** What is nearly right, so that both ways are taken and the border between them is met. */
const word = fc.constantFrom(
  'chat',
  '@chat',
  'a@1',
  '',
  ' ',
  '\u00a0',
  'x'.repeat(4_096),
  'x'.repeat(4_097),
)
const number = fc.constantFrom(
  0,
  -0,
  1,
  2,
  9,
  4,
  0.5,
  -1,
  32_767,
  32_768,
  -32_768,
  -32_769,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 53,
  NaN,
  Infinity,
  -Infinity,
)
const odd = fc.constantFrom<unknown>(
  null,
  undefined,
  true,
  1n,
  Symbol('odd'),
  () => {},
  new Date(0),
  new Map(),
  Object.create({ inherited: 1 }),
  JSON.parse('{"__proto__": 1}'),
  { [Symbol('key')]: 1 },
  Object.defineProperty({}, 'hidden', { value: 1 }),
  Object.assign([1], { more: () => {} }),
  new Array(2),
  Object.freeze({ a: 1 }),
)
const any = fc.oneof(word, number, odd)
const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    any,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'constructor', '__proto__'), tie('value'), {
      maxKeys: 3,
    }),
  ),
})).value
const deep = fc.integer({ min: 30, max: 35 }).map((levels) => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { a: value }
  return { a: value }
})
const capability = fc.oneof(
  word,
  any,
  fc.record(
    {
      name: fc.oneof(word, any),
      version: fc.oneof(word, any),
      constraints: fc.oneof(plain, deep),
      parameters: plain,
      more: any,
    },
    { requiredKeys: [] },
  ),
)
const value = fc.oneof(
  any,
  plain,
  deep,
  fc.array(capability, { maxLength: 3 }),
  fc.array(word, { maxLength: 3 }),
)

/** What is plainly right is what the schema gives back, unchanged. */
function agree(
  { schema, plainly }: Pick<Quick<unknown>, 'schema'> & { plainly: (value: unknown) => boolean },
  input: unknown,
): boolean {
  if (!plainly(input)) return false
  const read = schema.safeParse(input)
  expect(read.error?.issues ?? []).toEqual([])
  // Whoever takes it copies it, and then the prototype of plain data is no matter.
  expect(isDeepStrictEqual(frozenCopy(read.data), frozenCopy(input))).toBe(true)
  return true
}

describe('what is plainly right', () => {
  it.each(fieldReaders)('in $field of a registration is so by its schema', (reader) => {
    let taken = 0
    fc.assert(
      fc.property(value, (input) => {
        if (agree(reader, input)) taken += 1
      }),
      { numRuns: 300, seed: 1 },
    )
    expect(taken).toBeGreaterThan(0)
  })

  const provider = fc.oneof(
    { weight: 4, arbitrary: fc.constant('a') },
    { weight: 1, arbitrary: any },
  )
  const time = fc.oneof(
    { weight: 2, arbitrary: fc.constant(1_000) },
    { weight: 1, arbitrary: fc.oneof(number, any) },
  )
  const also = fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    { weight: 1, arbitrary: fc.constant({ more: 1 }) },
  )
  it.each([
    [
      'a lease',
      savedLease,
      { provider, renewedAt: time, forMs: time, facts: fc.oneof(fc.constant({}), plain, deep) },
    ],
    [
      'a renewal',
      renewOptions,
      {
        forMs: time,
        facts: fc.oneof(fc.constant({}), plain, deep),
        status: fc.oneof(fc.constantFrom('healthy', 'well'), any),
      },
    ],
    [
      'a verdict',
      savedHealth,
      {
        provider,
        status: fc.oneof(fc.constantFrom('healthy', 'unknown', 'well'), any),
        checkedAt: time,
      },
    ],
    [
      'a circuit',
      savedCircuitEntry,
      {
        provider,
        state: fc.constantFrom('open', 'closed', 'ajar'),
        failures: time,
        openedAt: time,
        retryAt: time,
        reason: fc.oneof(word, any),
      },
    ],
  ] as const)(
    'in %s is so by its schema',
    (_, quick: {
      schema: Quick<unknown>['schema']
      plainly: (value: unknown) => boolean
    }, fields: Record<string, fc.Arbitrary<unknown>>) => {
      let taken = 0
      const entry = fc
        .tuple(fc.record(fields, { requiredKeys: [] }), also)
        .map(([one, more]) => ({ ...one, ...more }))
      fc.assert(
        fc.property(fc.oneof(entry, value), (input) => {
          if (agree(quick, input)) taken += 1
        }),
        { numRuns: 2_000, seed: 1 },
      )
      expect(taken).toBeGreaterThan(20)
    },
  )
})
