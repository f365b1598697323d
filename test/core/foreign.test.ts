import { expect, it } from 'vitest'
import { countOf, field, firstField, nameOf, namesOf } from '../../src/core/foreign.js'

it('reads only own fields of objects', () => {
  const body: unknown = JSON.parse('{"a":{"b":1},"__proto__":{"x":1},"list":[1]}')
  expect(field(body, 'a', 'b')).toBe(1)
  expect(field(body, 'a', 'b', 'c')).toBeUndefined()
  expect(field(body, 'constructor')).toBeUndefined()
  expect(field(body, 'list', 'length')).toBeUndefined()
  expect(field(body, 'x')).toBeUndefined()
  expect(field(null, 'a')).toBeUndefined()
  expect(field('text', 'length')).toBeUndefined()
  expect(firstField({ a: null, b: 0 }, ['x', 'a', 'b'])).toBe(0)
})

it('takes names of one line, trimmed', () => {
  expect(nameOf(' a b ')).toBe('a b')
  for (const no of ['', '  ', 'a\nb', 'a\u0000', 'a\u2028b', 'x'.repeat(513), 1, null, ['a']])
    expect(nameOf(no)).toBeUndefined()
  expect(namesOf(['a', 1, 'a', '', 'b'])).toEqual(['a', 'b'])
  expect(namesOf('a')).toBeUndefined()
  expect(
    namesOf(
      Array(5)
        .fill('x')
        .map((x, i) => `${x}${i}`),
      2,
    ),
  ).toEqual(['x0', 'x1'])
})

it('takes counts of 1 or more', () => {
  expect([1, 128_000.0, '4096'].map(countOf)).toEqual([1, 128_000, 4096])
  for (const no of [
    0,
    -1,
    1.5,
    '1.5',
    '',
    'many',
    '99999999999999999999',
    1e30,
    Number.NaN,
    true,
    null,
  ])
    expect(countOf(no)).toBeUndefined()
})
