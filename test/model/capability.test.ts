import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Capability,
  canonical,
  lackOf,
  meets,
  parseRequirement,
  type RequirementInput,
} from '../../src/model/capability.js'

const meetsOne = (capability: Capability, input: RequirementInput): boolean => {
  const parsed = parseRequirement(input)
  if ('problem' in parsed) throw new Error(parsed.problem)
  return meets([capability], parsed)
}

describe('versions', () => {
  it.each([
    ['1.2', { name: 'x', minVersion: '1.2' }, true],
    ['1.10', { name: 'x', minVersion: '1.9' }, true],
    ['1.9', { name: 'x', minVersion: '1.10' }, false],
    ['2.0', { name: 'x', minVersion: '1.2' }, true],
    ['10', { name: 'x', minVersion: '9.9.9' }, true],
    ['1.1.9', { name: 'x', minVersion: '1.2' }, false],
    ['2.0.0-beta.1', { name: 'x', minVersion: '1.2' }, true],
    ['1', { name: 'x', minVersion: '1.0.0' }, true],
    ['1.2.9', 'x@1.2', true],
    ['1.3', 'x@1.2', false],
    ['1.9.9', 'x@^1.2', true],
    ['2.0', 'x@^1.2', false],
    ['1.1', 'x@^1.2', false],
    ['1.2.3', 'x@~1.2.3', true],
    ['1.3', 'x@>=1 <2', true],
    ['2.1', 'x@>=1 <2', false],
    ['3.0', 'x@1 || 3', true],
    ['v1.2.3', 'x@1.2.3', true],
    ['1.2.3+build.5', 'x@1.2.3', true],
    ['0', 'x@*', true],
    ['latest', 'x', true],
    ['latest', 'x@*', false],
    ['latest', { name: 'x', minVersion: '0' }, false],
    ['1.2.3.4', 'x@*', false],
    ['1..2', 'x@*', false],
    ['-1', 'x@*', false],
    ['', 'x@*', false],
    [undefined, 'x@*', false],
    [undefined, 'x', true],
    ['1.0', { name: 'x', range: '^1' }, true],
    ['1.0', { name: 'x' }, true],
  ] as const)('%s and %o: %s', (version, input, expected) => {
    expect(meetsOne({ name: 'x', version }, input)).toBe(expected)
    expect(meetsOne({ name: 'y', version }, input)).toBe(false)
  })

  it('compare by number, part by part, whatever the numbers', () => {
    const part = fc.nat(40)
    fc.assert(
      fc.property(fc.tuple(part, part, part), fc.tuple(part, part, part), (own, least) => {
        const expected = own[0] - least[0] || own[1] - least[1] || own[2] - least[2]
        const input = { name: 'x', minVersion: least.join('.') }
        expect(meetsOne({ name: 'x', version: own.join('.') }, input)).toBe(expected >= 0)
      }),
      { numRuns: 300 },
    )
  })

  it('one of several versions of a capability is enough', () => {
    const parsed = parseRequirement('x@^2')
    if ('problem' in parsed) throw new Error(parsed.problem)
    expect(
      meets(
        [
          { name: 'x', version: '1' },
          { name: 'x', version: '2.5' },
        ],
        parsed,
      ),
    ).toBe(true)
    expect(meets([], parsed)).toBe(false)
  })
})

describe('parameters', () => {
  const image: Capability = {
    name: 'image',
    parameters: {
      width: { type: 'int', min: 64, max: 2_048 },
      scale: { type: 'float', max: 2 },
      style: { values: ['photo', 'line', ['a', { b: 1 }]] },
      prompt: { type: 'string', min: 1, max: 5 },
      tags: { type: 'array', max: 2 },
      seed: { type: 'number' },
      hires: { type: 'boolean' },
      options: { type: 'object' },
      free: {},
    },
  }
  it.each([
    [{ width: 64 }, true],
    [{ width: 2_048 }, true],
    [{ width: 63 }, false],
    [{ width: 2_049 }, false],
    [{ width: 64.5 }, false],
    [{ width: '64' }, false],
    [{ scale: 1.5 }, true],
    [{ scale: Number.NaN }, false],
    [{ scale: Number.POSITIVE_INFINITY }, false],
    [{ style: 'photo' }, true],
    [{ style: 'oil' }, false],
    [{ style: ['a', { b: 1 }] }, true],
    [{ prompt: '' }, false],
    [{ prompt: 'hello' }, true],
    [{ prompt: 'hello!' }, false],
    [{ tags: ['a', 'b'] }, true],
    [{ tags: ['a', 'b', 'c'] }, false],
    [{ tags: 'ab' }, false],
    [{ seed: -1 }, true],
    [{ hires: true }, true],
    [{ hires: 1 }, false],
    [{ options: {} }, true],
    [{ options: [] }, false],
    [{ options: null }, false],
    [{ free: Symbol.iterator.toString() }, true],
    [{ unheardOf: 1 }, true],
    [{ toString: 1 }, true],
    [{ width: 64, style: 'oil' }, false],
    [{}, true],
  ])('%o: %s', (parameters, expected) => {
    expect(meetsOne(image, { name: 'image', parameters })).toBe(expected)
  })

  it('of a capability that declares none are unknown, and unknown is not a no', () => {
    expect(meetsOne({ name: 'image' }, { name: 'image', parameters: { width: 1 } })).toBe(true)
  })
})

describe('what is lacking', () => {
  const image: Capability = {
    name: 'image',
    version: '1.0',
    parameters: {
      width: { type: 'int', min: 64, max: 2_048 },
      style: { values: ['photo', 'line'] },
      seed: { type: 'int', required: true },
    },
  }
  const lacking = (input: RequirementInput, capabilities = [image]): string | undefined => {
    const parsed = parseRequirement(input)
    if ('problem' in parsed) throw new Error(parsed.problem)
    return lackOf(capabilities, parsed)
  }
  const width = (value: unknown): RequirementInput => ({
    name: 'image',
    parameters: { width: value },
  })

  it.each<[RequirementInput, string | undefined]>([
    ['image@>=1', undefined],
    ['sound', 'sound'],
    ['image@>=2', 'image@>=2'],
    [width(64), undefined],
    [width(4_096), 'image with {"width":4096} (width up to 2048)'],
    [width(1), 'image with {"width":1} (width from 64)'],
    [width(64.5), 'image with {"width":64.5} (width an integer from 64 to 2048)'],
    [
      { name: 'image', parameters: { style: 'oil' } },
      'image with {"style":"oil"} (style one of "photo", "line")',
    ],
    [{ name: 'image', parameters: { style: 'photo' } }, undefined],
  ])('of %o: %s', (input, text) => {
    expect(lacking(input)).toBe(text)
  })

  it('is nothing as soon as one of several capabilities will do', () => {
    const wide = { name: 'image', version: '1.1', parameters: { width: { max: 9_999 } } }
    expect(lacking(width(4_096), [image, wide])).toBeUndefined()
  })
})

it('what is defined counts where nothing is declared, and nowhere else', () => {
  const parsed = parseRequirement({ name: 'image', parameters: { width: 4_096 } })
  if ('problem' in parsed) throw new Error(parsed.problem)
  const asked: Capability[] = []
  const requirement = {
    ...parsed,
    defined: (capability: Capability) => {
      asked.push(capability)
      return { width: { max: 2_048 } }
    },
  }
  const silent: Capability = { name: 'image' }
  const wide: Capability = { name: 'image', parameters: { width: { max: 4_096 } } }
  expect(meets([silent], requirement)).toBe(false)
  expect(meets([silent], parsed)).toBe(true)
  expect(meets([wide], requirement)).toBe(true)
  expect(asked).toEqual([silent])
})

describe('requirements', () => {
  it.each([
    ['', /name before the "@"/],
    ['@1', /name before the "@"/],
    ['x@', /a version range such as .* got ""/],
    ['x@latest', /got "latest"/],
    [`x@${'1'.repeat(300)}`, /version range/],
    [{ name: 'x', minVersion: '^1' }, /a version such as 1.2, got "\^1"/],
    [{ name: 'x', minVersion: '1', range: '1' }, /minVersion or range, not both/],
  ])('%o is none: %s', (input, problem) => {
    expect(parseRequirement(input)).toEqual({ problem: expect.stringMatching(problem) })
  })

  it.each([
    ['x', 'x'],
    ['x@^1.2', 'x@^1.2'],
    [{ name: 'x', minVersion: '1.2' }, 'x@>=1.2'],
    [{ name: 'x', range: '1' }, 'x@1'],
    [{ name: 'x', parameters: { w: 1, a: 'b' } }, 'x with {"a":"b","w":1}'],
  ])('%o reads %s', (input, text) => {
    expect(parseRequirement(input)).toMatchObject({ text })
  })

  it('have the same key when they mean the same, and another when they do not', () => {
    const key = (input: RequirementInput): string =>
      (parseRequirement(input) as { key: string }).key
    expect(key('x@^1')).toBe(key({ name: 'x', range: '^1' }))
    expect(key('x')).toBe(key({ name: 'x' }))
    expect(key({ name: 'x', parameters: { a: 1, b: { d: 1, c: 2 } } })).toBe(
      key({ name: 'x', parameters: { b: { c: 2, d: 1 }, a: 1 } }),
    )
    const different: RequirementInput[] = [
      'x',
      'x@>=1.2',
      { name: 'x', minVersion: '1.2' },
      { name: 'x', parameters: {} },
      { name: 'x', parameters: { w: null } },
      { name: 'x', parameters: { w: Number.NaN } },
      { name: 'x', parameters: { w: Number.POSITIVE_INFINITY } },
      { name: 'x', parameters: { w: undefined } },
      { name: 'x', parameters: { w: 'null' } },
      { name: 'x', parameters: { w: 1 } },
      { name: 'x', parameters: { w: '1' } },
      { name: 'x', parameters: { w: [1] } },
      { name: 'x', parameters: { w: { 0: 1 } } },
    ]
    expect(new Set(different.map(key)).size).toBe(different.length)
  })
})

it('canonical is the same for the same data only', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
      const same = (value: unknown) =>
        JSON.stringify(value, (_, one) =>
          one !== null && typeof one === 'object' && !Array.isArray(one)
            ? Object.fromEntries(Object.entries(one).sort(([x], [y]) => (x < y ? -1 : 1)))
            : one,
        )
      expect(canonical(a) === canonical(b)).toBe(same(a) === same(b))
    }),
    { numRuns: 500 },
  )
})
