import { expect, it } from 'vitest'
import { closest } from '../../src/model/did-you-mean.js'

it.each<[string, readonly string[], string | undefined]>([
  ['widht', ['height', 'width'], 'width'],
  ['Width', ['width'], 'width'],
  ['framse', ['fps', 'frames'], 'frames'],
  ['fp', ['fps'], 'fps'],
  ['sample_rat', ['sample_rate', 'duration'], 'sample_rate'],
  ['colour', ['width', 'height', 'steps'], undefined],
  ['a', ['bcd'], undefined],
  ['', ['a'], undefined],
  ['a', [], undefined],
  ['x'.repeat(1_000), ['x'.repeat(999)], undefined],
  ['stepz', ['step', 'steps'], 'step'],
])('%s among %o: %s', (name, known, meant) => {
  expect(closest(name, known)).toBe(meant)
})
