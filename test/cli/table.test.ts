import { describe, expect, it } from 'vitest'
import { table, widthOf } from '../../src/cli/table.js'

const cells = (...texts: string[]) => texts.map((text) => ({ text }))
const plain = { width: undefined, colours: false }

describe('a table', () => {
  it('is as wide as it needs to be where no terminal says otherwise', () => {
    const long = 'x'.repeat(300)
    expect(table(['A', 'LONG', 'C'], [cells('1', long, '3'), cells('', 'b', '')], plain)).toBe(
      `A  LONG${' '.repeat(296)}  C\n1  ${long}  3\n-  b${' '.repeat(299)}  -\n`,
    )
  })

  it('cuts the widest columns until a row fits', () => {
    const rows = [cells('name', 'a'.repeat(60), 'b'.repeat(30)), cells('n', 'short', 'c')]
    const text = table(['NAME', 'FIRST', 'SECOND'], rows, { width: 40, colours: false })
    const lines = text.trimEnd().split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBe(40)
    expect(lines[1]).toBe(`name  ${'a'.repeat(15)}…  ${'b'.repeat(15)}…`)
    expect(lines[2]).toMatch(/^n {5}short/)
  })

  it('gives up cutting where there is nothing left to cut', () => {
    const text = table(['A', 'B', 'C'], [cells('a'.repeat(20), 'b'.repeat(20), 'c')], {
      width: 5,
      colours: false,
    })
    expect(text.split('\n')[1]).toBe('aaaaa…  bbbbb…  c')
  })

  it('counts the columns that letters take', () => {
    expect(['abc', '漢字', '✓', '👍', 'é', 'e\u0301', '한'].map(widthOf)).toEqual([
      3, 4, 1, 2, 1, 1, 2,
    ])
    const text = table(['A', 'B'], [cells('漢字漢字漢字', 'x')], { width: 10, colours: false })
    expect(text.split('\n')[1]).toBe('漢字漢…  x')
  })

  it('paints after it cut, and only when asked', () => {
    const rows = [[{ text: 'healthy', colour: 'green' as const }, { text: 'x' }]]
    const painted = table(['A', 'B'], rows, { width: 9, colours: true })
    expect(painted).toContain('\u001b[32mhealt…\u001b[0m  x')
    expect(table(['A', 'B'], rows, plain)).toBe('A        B\nhealthy  x\n')
  })

  it('holds each cell on its line', () => {
    const text = table(['A', 'B'], [cells('a\nb\u001b[2J', 'c')], plain)
    expect(text).toBe('A    B\na b  c\n')
  })
})
