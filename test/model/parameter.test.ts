import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  accepts,
  brokenLimit,
  describeSpec,
  limitText,
  type ParameterSpec,
} from '../../src/model/parameter.js'

describe('a spec', () => {
  it.each<[ParameterSpec, unknown, string | undefined]>([
    [{ type: 'int', min: 64, max: 2_048 }, 64, undefined],
    [{ type: 'int', min: 64, max: 2_048 }, 63, 'min'],
    [{ type: 'int', min: 64, max: 2_048 }, 2_049, 'max'],
    [{ type: 'int' }, 1.5, 'type'],
    [{ type: 'int', max: 3 }, 'abc', 'type'],
    [{ max: 3 }, Number.NaN, 'min'],
    [{ max: 3 }, true, 'type'],
    [{ max: 3 }, 'abcd', 'max'],
    [{ max: 3 }, [1, 2, 3], undefined],
    [{ type: 'string', max: 2 }, '😀😀', undefined],
    [{ type: 'string', max: 2 }, '😀😀😀', 'max'],
    [{ values: [0] }, -0, undefined],
    [{ values: [1, 2] }, 3, 'values'],
    [{ type: 'array', items: { type: 'string' } }, ['a', 'b'], undefined],
    [{ type: 'array', items: { type: 'string' } }, ['a', 1], 'items'],
    [{ type: 'array', items: { type: 'string' } }, [undefined], 'items'],
    [{ items: { type: 'string' } }, 'a', 'type'],
    [{ items: { items: { values: ['x'] } } }, [['x'], ['x', 'y']], 'items'],
    [{ type: 'int', required: true }, undefined, 'required'],
    [{ type: 'int' }, undefined, undefined],
    [{ type: 'int', required: true }, null, 'type'],
    [{}, null, undefined],
  ])('%o of %o breaks %s', (spec, value, limit) => {
    expect(brokenLimit(spec, value)).toBe(limit)
  })

  it.each<[ParameterSpec, string]>([
    [{ type: 'int', min: 64, max: 2_048 }, 'an integer from 64 to 2048'],
    [{ type: 'float', max: 2 }, 'a number up to 2'],
    [{ type: 'number', min: 0 }, 'a number from 0'],
    [{ type: 'string', min: 1, max: 5 }, 'a text of length from 1 to 5'],
    [{ type: 'array', max: 4, items: { type: 'string' } }, 'a list of length up to 4, each a text'],
    [{ type: 'boolean' }, 'true or false'],
    [{ type: 'object' }, 'an object'],
    [{}, 'a value'],
    [{ max: 2 }, 'a number, or a text or list whose length is up to 2'],
    [{ values: ['a', 2] }, 'one of "a", 2'],
    [{ values: ['only'] }, '"only"'],
    [{ values: Array.from({ length: 12 }, (_, at) => at) }, /^one of 0, .* 9 and 2 more$/.source],
  ])('%o reads %s', (spec, text) => {
    expect(describeSpec(spec)).toMatch(text.startsWith('^') ? new RegExp(text) : text)
  })

  it('says of one limit what it is', () => {
    const width: ParameterSpec = { type: 'int', min: 64, max: 2_048, required: true }
    expect(limitText(width, 'max')).toBe('up to 2048')
    expect(limitText(width, 'min')).toBe('from 64')
    expect(limitText(width, 'type')).toBe('an integer from 64 to 2048')
    const tags: ParameterSpec = { items: { values: ['a', 'b'] } }
    expect(limitText(tags, 'items')).toBe('each one of "a", "b"')
    expect(limitText(width, 'required')).toBe('required')
    expect(limitText({ type: 'string', max: 3 }, 'max')).toBe('of length up to 3')
  })

  it('takes integers between its bounds and no others', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer(), fc.integer(), (min, max, value) => {
        expect(accepts({ type: 'int', min, max }, value)).toBe(!(value < min) && !(value > max))
      }),
    )
  })
})
