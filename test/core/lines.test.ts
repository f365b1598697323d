import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { linesOf } from '../../src/core/lines.js'

const tooLong = (): Error => new Error('too long')

async function cut(chunks: readonly Uint8Array[], most = 1_000): Promise<string[]> {
  async function* given(): AsyncGenerator<Uint8Array> {
    yield* chunks
  }
  const lines: string[] = []
  for await (const line of linesOf(given(), most, tooLong)) lines.push(line)
  return lines
}

const bytes = (...parts: readonly string[]): Uint8Array[] => parts.map((part) => Buffer.from(part))

describe('a line', () => {
  it.each([
    ['LF', 'a\nb\n'],
    ['CRLF', 'a\r\nb\r\n'],
    ['CR', 'a\rb\r'],
    ['one of each', 'a\rb\n'],
  ])('ends with %s', async (_, text) => {
    expect(await cut(bytes(text))).toEqual(['a', 'b'])
  })

  it('ends once with a CRLF that two chunks share, and twice with CR, CR or LF, LF', async () => {
    expect(await cut(bytes('a\r', '\nb'))).toEqual(['a', 'b'])
    expect(await cut(bytes('a\r', '', '\n', '\nb'))).toEqual(['a', '', 'b'])
    expect(await cut(bytes('a\r', '\rb'))).toEqual(['a', '', 'b'])
    expect(await cut(bytes('a\n', '\rb'))).toEqual(['a', '', 'b'])
  })

  it('is there as soon as its CR is', async () => {
    let asked = 0
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a\r')
      asked += 1
    }
    const lines = linesOf(slow(), 10, tooLong)
    expect(await lines.next()).toEqual({ value: 'a', done: false })
    expect(asked).toBe(0)
  })

  it('may be as long as allowed, its end not counted', async () => {
    expect(await cut(bytes('abc\r\nabc\r'), 3)).toEqual(['abc', 'abc'])
    await expect(cut(bytes('ab', 'cd'), 3)).rejects.toThrow('too long')
  })

  it('is the same wherever the chunks are cut', async () => {
    const text = fc
      .array(fc.constantFrom('a', 'ü', '😀', '\r', '\n', '\r\n'))
      .map((all) => all.join(''))
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 5 }), async (whole, size) => {
        const all = Buffer.from(whole)
        const chunks: Uint8Array[] = []
        for (let at = 0; at < all.length; at += size) chunks.push(all.subarray(at, at + size))
        const expected = whole.split(/\r\n|\n|\r/)
        if (expected.at(-1) === '') expected.pop()
        expect(await cut(chunks)).toEqual(expected)
      }),
    )
  })
})
