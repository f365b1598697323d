import { describe, expect, it } from 'vitest'
import { clean, cleanLines, toJson } from '../../src/cli/clean.js'

describe('a text of anybody’s', () => {
  it.each([
    ['plain', 'plain'],
    ['\u001b[31mred\u001b[0m', 'red'],
    ['\u001b]0;title\u0007after', 'after'],
    ['\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\', 'link'],
    ['\u009b31mred', 'red'],
    ['\u001bPq#0\u001b\\x', 'x'],
    ['\u001bcreset', 'reset'],
    ['a\u001b', 'a'],
    ['two\nlines\r\n\tand a tab', 'two lines and a tab'],
    ['bell\u0007 back\u0008 null\u0000 del\u007f', 'bell back null del'],
    ['\u202eturned\u202c \u2066isolated\u2069 \u200bzero', 'turned isolated zero'],
    ['half \ud800 letter', 'half  letter'],
    ['größer 漢字 ✓', 'größer 漢字 ✓'],
    ['\u001b[', ''],
  ])('%j becomes %j', (given, shown) => {
    expect(clean(given)).toBe(shown)
  })

  it('keeps the lines of a message', () => {
    expect(cleanLines('one\u001b[2J\ntwo\u0007')).toBe('one\ntwo')
  })

  it('is the same after JSON, which has nothing a terminal obeys', () => {
    const value = { 'k\u001b[2J': 'a\u009b31m\u202e\n\u2028\u007f\u{e0001}', list: [1, null] }
    const json = toJson(value)
    expect(JSON.parse(json)).toEqual(value)
    expect(json.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\u2028]/u)
    expect(json.endsWith('}\n')).toBe(true)
  })
})
