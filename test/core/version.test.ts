import { compare } from 'semver'
import { describe, expect, it } from 'vitest'
import { atLeast, parseRange, parseVersion } from '../../src/core/version.js'

const accepts = (range: ReturnType<typeof parseRange>, text: string): boolean => {
  const version = parseVersion(text)
  if (range === undefined || version === undefined) throw new Error('not parsed')
  return range.accepts(version)
}

describe('a version', () => {
  it.each([
    ['1', '1.0.0'],
    ['1.2', '1.2.0'],
    ['1.2.3', '1.2.3'],
    ['v1.2', '1.2.0'],
    [' 1.10 ', '1.10.0'],
    ['1.0.0-rc.1', '1.0.0-rc.1'],
    ['1.2-beta', '1.2.0-beta'],
    ['1.2.3+build.7', '1.2.3'],
    ['01.02', '1.2.0'],
    ['0', '0.0.0'],
    ['2024.11.5', '2024.11.5'],
  ])('%s is %s', (text, version) => {
    expect(parseVersion(text)?.version).toBe(version)
  })

  it.each([
    '',
    ' ',
    'latest',
    'v',
    '1.x',
    '1.2.3.4',
    '1..2',
    '-1',
    '1,2',
    'comfyui 0.3',
    '0.3 (nightly)',
    '^1.2',
    '>=1',
    '1.2.3-',
    '1.2.3-..',
    '9'.repeat(16),
    '999999999999999.999999999999999.9999999999999999',
    `1.0.0-${'a'.repeat(300)}`,
  ])('%j is none', (text) => {
    expect(parseVersion(text)).toBeUndefined()
  })

  it('1.10 is later than 1.9', () => {
    const [later, earlier] = [parseVersion('1.10'), parseVersion('1.9')]
    expect(compare(later as never, earlier as never)).toBe(1)
  })
})

describe('at least', () => {
  it('accepts everything from there on, later majors included', () => {
    const range = atLeast('1.2')
    for (const text of ['1.2', '1.2.0', '1.2.1', '1.10', '2.0', '10'])
      expect(accepts(range, text)).toBe(true)
    for (const text of ['1.1.9', '1.2.0-rc.1', '0.9', '1']) expect(accepts(range, text)).toBe(false)
    expect(range?.text).toBe('>=1.2')
    expect(accepts(atLeast('1.9'), '1.10')).toBe(true)
  })

  it('needs a version', () => {
    for (const text of ['', 'latest', '^1.2', '1.x']) expect(atLeast(text)).toBeUndefined()
  })
})

describe('a range', () => {
  it.each<[string, string[], string[]]>([
    ['1.2', ['1.2.0', '1.2', '1.2.99'], ['1.3', '1.1.9', '2', '1.3.0-rc.1']],
    ['^1.2', ['1.2', '1.99.1'], ['2.0', '1.1', '2.0.0-rc.1']],
    ['>=1.0', ['1', '1.0', '3.4', '10'], ['0.9.9']],
    ['>=1 <3', ['1', '2.99'], ['3', '0.1']],
    ['~1.2.3', ['1.2.3', '1.2.9'], ['1.3', '1.2.2']],
    ['1.2.3', ['1.2.3'], ['1.2.4']],
    ['1.x', ['1', '1.9'], ['2']],
    ['*', ['0', '7.7'], []],
    ['1 || 3', ['1.5', '3'], ['2']],
  ])('%s', (text, inside, outside) => {
    const range = parseRange(text)
    expect(range?.text).toBe(text)
    for (const one of inside) expect(accepts(range, one)).toBe(true)
    for (const one of outside) expect(accepts(range, one)).toBe(false)
  })

  it.each(['', '  ', 'latest', '>=x.y', 'not a range', '1.2.3.4', 'a'.repeat(300)])(
    '%j is none',
    (text) => {
      expect(parseRange(text)).toBeUndefined()
    },
  )
})
