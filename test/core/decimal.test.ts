import fc from 'fast-check'
import { expect, it } from 'vitest'
import { scaled } from '../../src/core/decimal.js'

it.each([
  [1.5e-7, 3, 0.00015],
  ['0.00000015', 3, 0.00015],
  [2.4e-7, 3, 0.00024], // 2.4e-7 * 1000 is 0.00023999999999999998
  [1.25, -3, 0.00125],
  ['10', -3, 0.01],
  [' 2.5e-06 ', 3, 0.0025],
  ['.5', 0, 0.5],
  ['5.', 1, 50],
  [0, 3, 0],
  ['0.0', 3, 0],
  [-0, 3, 0],
])('scales %j by ten to the %i: %d', (value, power, wanted) => {
  expect(scaled(value, power)).toBe(wanted)
})

it.each([
  '-1',
  '-0.1',
  '',
  ' ',
  '.',
  '1,5',
  '$1',
  '1e',
  '0x10',
  '1e99999',
  'NaN',
  'Infinity',
  '1'.repeat(100),
  -1,
  -1e-9,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
])('knows nothing of %j', (value) => {
  expect(scaled(value, 3)).toBeUndefined()
})

it('gives the double nearest to the decimal, for every decimal', () => {
  const parts = fc.record({
    digits: fc.bigInt({ min: 0n, max: 10n ** 15n }),
    places: fc.integer({ min: 0, max: 20 }),
    power: fc.integer({ min: -9, max: 9 }),
  })
  fc.assert(
    fc.property(parts, ({ digits, places, power }) => {
      const text = written(digits, places)
      const result = scaled(text, power) ?? Number.NaN
      // The nearest double is the one that no neighbour beats, compared as fractions of integers.
      const shift = power - places
      const exact: Fraction =
        shift >= 0 ? [digits * 10n ** BigInt(shift), 1n] : [digits, 10n ** BigInt(-shift)]
      const missed = distance(result, exact)
      for (const step of [-1, 1]) {
        const other = neighbour(result, step)
        if (other >= 0) expect(less(distance(other, exact), missed)).toBe(false)
      }
    }),
  )
})

type Fraction = readonly [over: bigint, under: bigint]

function written(digits: bigint, places: number): string {
  const text = digits.toString().padStart(places + 1, '0')
  return places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`
}

/** A double as the fraction it is. */
function fraction(value: number): Fraction {
  let under = 1n
  let over = value
  while (!Number.isInteger(over)) {
    over *= 2 // exact: only the exponent moves
    under *= 2n
  }
  return [BigInt(over), under]
}

function distance(value: number, [over, under]: Fraction): Fraction {
  const [a, b] = fraction(value)
  const gap = a * under - over * b
  return [gap < 0n ? -gap : gap, b * under]
}

const less = (a: Fraction, b: Fraction): boolean => a[0] * b[1] < b[0] * a[1]

function neighbour(value: number, step: number): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  const bits = view.getBigInt64(0) + BigInt(step)
  if (bits < 0n) return -1
  view.setBigInt64(0, bits)
  return view.getFloat64(0)
}
