import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Capability } from '../../src/model/capability.js'
import { compareCapabilities } from '../../src/model/compare.js'
import type { ParameterSpec, ParameterSpecs } from '../../src/model/parameter.js'
import { accepts } from '../../src/model/parameter.js'
import { specs, values } from './specs.js'

const compare = (a: Capability, b: Capability) => compareCapabilities([a], [b])
const withWidth = (width: ParameterSpec): Capability => ({ name: 'x', parameters: { width } })

describe('versions', () => {
  it.each<[string | undefined, string | undefined, string, string[], string[]]>([
    ['1.2', '1.2', 'equal', [], []],
    ['1.2', '1.2.0', 'equal', [], []],
    ['1.9', '1.10', 'compatible', ['version 1.10'], []],
    ['1.10', '1.9', 'incompatible', [], ['version 1.10']],
    ['1.2', '2.0', 'incompatible', ['version 2.0'], ['version 1.2']],
    ['2.0', '1.9', 'incompatible', ['version 1.9'], ['version 2.0']],
    ['1.0.0-beta', '1.0.0', 'compatible', ['version 1.0.0'], []],
    [undefined, '1.2', 'compatible', ['version 1.2'], []],
    ['1.2', undefined, 'incompatible', [], ['version 1.2']],
    ['nightly', 'latest', 'equal', [], []],
    ['nightly', '1.0', 'compatible', ['version 1.0'], []],
  ])('%s to %s: %s', (a, b, verdict, added, missing) => {
    expect(compare({ name: 'x', version: a }, { name: 'x', version: b })).toEqual({
      verdict,
      added,
      missing,
    })
  })
})

describe('parameters', () => {
  it.each<[ParameterSpec, ParameterSpec, string[], string[]]>([
    [{ type: 'int', max: 2_048 }, { type: 'int', max: 4_096 }, ['width up to 4096'], []],
    [{ type: 'int', min: 64 }, { type: 'int', min: 128 }, [], ['width from 64']],
    [{ type: 'int', max: 9 }, { type: 'int' }, ['width above 9'], []],
    [{ type: 'int', min: 9 }, { type: 'int' }, ['width below 9'], []],
    [
      { type: 'int', min: 1, max: 5 },
      { type: 'int', min: 3, max: 9 },
      ['width up to 9'],
      ['width from 1'],
    ],
    [{ values: [1, 2] }, { values: [2, 3, 4] }, ['width one of 3, 4'], ['width 1']],
    [{ values: [1, 2] }, { type: 'int', min: 1 }, ['width an integer from 1'], []],
    [{ type: 'int' }, { type: 'number' }, ['width a number'], []],
    [{ type: 'float' }, { type: 'number' }, [], []],
    [{ type: 'int' }, { type: 'string' }, ['width a text'], ['width an integer']],
    [{ type: 'boolean' }, { values: [true] }, [], ['width false']],
    [{ type: 'boolean' }, { values: [false, true] }, [], []],
    [{ type: 'string' }, { type: 'string', min: 0 }, [], []],
    [{ type: 'string', max: 3 }, { type: 'string', max: 2 }, [], ['width of length up to 3']],
    [{ type: 'int' }, { type: 'int', required: true }, [], ['calls without width']],
    [{ type: 'int', required: true }, { type: 'int' }, ['calls without width'], []],
    [{ type: 'int', default: 1 }, { type: 'int', default: 2, description: 'other' }, [], []],
    [
      { items: { values: ['wav'] } },
      { items: { values: ['wav', 'mp3'] } },
      ['each of width "mp3"'],
      [],
    ],
    [{ type: 'array' }, { items: { type: 'int' } }, [], ['each of width a value']],
    [{}, { max: 1 }, [], ['width a value']],
    [{ max: 1 }, { max: 1 }, [], []],
  ])('%o to %o', (a, b, added, missing) => {
    expect(compare(withWidth(a), withWidth(b))).toMatchObject({ added, missing })
  })

  it('that only one of them has', () => {
    const both = { name: 'x', parameters: { a: {}, b: { required: true } } }
    const one = { name: 'x', parameters: { a: {} } }
    expect(compare(one, both)).toEqual({
      verdict: 'incompatible',
      added: ['parameter b'],
      missing: ['calls without b'],
    })
    expect(compare(both, one)).toMatchObject({ missing: ['parameter b'] })
  })

  it('are those of the definition where a capability declares none', () => {
    const defined = (): ParameterSpecs => ({ width: { type: 'int', max: 2_048 }, steps: {} })
    const wider = { name: 'x', parameters: { width: { type: 'int', max: 4_096 } } } as const
    expect(compareCapabilities([{ name: 'x' }], [wider], defined)).toEqual({
      verdict: 'compatible',
      added: ['width up to 4096'],
      missing: [],
    })
  })

  it('named like parts of every object are parameters like others', () => {
    const odd = { name: 'x', parameters: { constructor: {}, toString: {} } }
    expect(compare({ name: 'x' }, odd).added).toEqual([
      'parameter constructor',
      'parameter toString',
    ])
  })
})

describe('constraints', () => {
  it.each<[Record<string, unknown>, Record<string, unknown>, string[], string[]]>([
    [{ gpu: 'a' }, { gpu: 'a' }, [], []],
    [{ gpu: 'a' }, {}, ['freedom from the constraint gpu'], []],
    [{}, { gpu: 'a' }, [], ['freedom from the constraint gpu']],
    [{ gpu: 'a' }, { gpu: 'b' }, ['constraint gpu: "b"'], ['constraint gpu: "a"']],
  ])('%o to %o', (a, b, added, missing) => {
    const result = compare({ name: 'x', constraints: a }, { name: 'x', constraints: b })
    expect(result).toMatchObject({ added, missing })
  })
})

describe('lists', () => {
  it('tell by name what came and went', () => {
    const before = [{ name: 'a', version: '1.0' }, { name: 'b' }, { name: 'same' }]
    const after = [{ name: 'a', version: '1.2' }, { name: 'same' }, { name: 'c', version: '3' }]
    expect(compareCapabilities(before, after)).toEqual({
      verdict: 'incompatible',
      added: ['a: version 1.2', 'c@3'],
      missing: ['b'],
    })
  })

  it('of one capability each name no prefix, of different ones both', () => {
    expect(compareCapabilities([{ name: 'a' }], [{ name: 'b' }])).toEqual({
      verdict: 'incompatible',
      added: ['b'],
      missing: ['a'],
    })
    expect(compareCapabilities([], [])).toMatchObject({ verdict: 'equal' })
  })

  it('with several versions of one keep what any of them keeps', () => {
    const one = { name: 'x', version: '1.0' }
    const two = { name: 'x', version: '2.0' }
    expect(compareCapabilities([one], [two, one])).toEqual({
      verdict: 'compatible',
      added: ['x: version 2.0'],
      missing: [],
    })
    expect(compareCapabilities([one, two], [two]).missing).toEqual(['x: version 1.0'])
    const wide = [one, two].map((capability) => ({ ...capability, parameters: { a: {} } }))
    expect(compareCapabilities(wide, [one, two]).missing).toEqual(['x: parameter a'])
  })
})

describe('whatever is compared', () => {
  const capability = fc.record(
    {
      name: fc.constantFrom('x', 'y'),
      version: fc.constantFrom('1', '1.2', '1.10', '2.0', 'nightly'),
      parameters: fc.dictionary(fc.constantFrom('a', 'b', 'c'), specs),
      constraints: fc.dictionary(fc.constantFrom('k', 'l'), fc.nat(1)),
    },
    { requiredKeys: ['name'] },
  )
  const lists = fc.array(capability, { maxLength: 4 })

  it('is equal to itself', () => {
    fc.assert(
      fc.property(lists, (list) => {
        expect(compareCapabilities(list, structuredClone(list))).toEqual({
          verdict: 'equal',
          added: [],
          missing: [],
        })
      }),
    )
  })

  it('misses one way what it adds the other way', () => {
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const there = compareCapabilities(a, b)
        const back = compareCapabilities(b, a)
        expect(there.added).toEqual(back.missing)
        expect(there.missing).toEqual(back.added)
      }),
    )
  })

  it('takes every value that was taken before, unless something is missing', () => {
    let kept = 0
    fc.assert(
      fc.property(specs, specs, values, (a, b, value) => {
        if (compare(withWidth(a), withWidth(b)).missing.length > 0) return
        kept += 1
        if (accepts(a, value)) expect(accepts(b, value)).toBe(true)
      }),
      { numRuns: 3_000 },
    )
    expect(kept).toBeGreaterThan(100)
  })
})
