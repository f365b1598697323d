import { expect, it } from 'vitest'
import { LabelValues, other } from '../../src/telemetry/label-values.js'

it('keep a label that two values share while one of them is there', () => {
  const labels = new LabelValues()
  const [one, two] = ['http://user:one@a', 'http://user:two@a'].map((value) => labels.of(value))
  expect(one).toBe(two)
  for (let value = 2; value < 200; value++) labels.of(`value ${value}`)
  expect(labels.of('one more')).toBe(other)
  const gone = labels.makeRoom((value) => value !== 'http://user:one@a' && value !== 'value 7')
  expect([...gone]).toEqual(['value 7'])
  expect(labels.of('one more')).toBe('one more')
})

it('make no room before it is needed', () => {
  const labels = new LabelValues()
  labels.of('one')
  expect(labels.makeRoom(() => false).size).toBe(0)
  expect(labels.of('one')).toBe('one')
})
