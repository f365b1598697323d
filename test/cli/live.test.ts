import { describe, expect, it } from 'vitest'
import { Live } from '../../src/cli/scan/live.js'
import { Painted } from './painted.js'

describe('lines that are drawn over themselves', () => {
  function live(columns = 20, rows = 5) {
    const painted = new Painted()
    const screen = { columns, rows }
    const shell = { screen: () => screen, err: (text: string) => painted.write(text) }
    return { painted, screen, live: new Live(shell) }
  }

  it('are those that were shown last, below what was there', () => {
    const { painted, live: lines } = live()
    painted.write('before\n')
    lines.show(['a', 'bbb', 'c'])
    lines.show(['dd', 'e'])
    expect(painted.lines).toEqual(['before', 'dd', 'e'])
    lines.clear()
    painted.write('after\n')
    expect(painted.lines).toEqual(['before', 'after'])
  })

  it('are not drawn again when they are there already', () => {
    const { painted, live: lines } = live()
    lines.show(['a'])
    lines.show(['a'])
    expect(painted.writes).toHaveLength(1)
    lines.clear()
    lines.clear()
    expect(painted.writes).toHaveLength(2)
    expect(painted.cursorShown).toBe(true)
  })

  it('are no more than the terminal has rows', () => {
    const { painted, live: lines } = live()
    lines.show(['1', '2', '3', '4', '5', '6'])
    expect(painted.lines).toEqual(['1', '2', '3', '4'])
  })

  it('are found again when the terminal became narrower', () => {
    const { painted, screen, live: lines } = live()
    lines.show(['x'.repeat(19), 'y'])
    screen.columns = 10
    lines.show(['z'])
    expect(painted.writes.at(-1)?.replaceAll('\u001b', '^')).toMatch(/^\r\^\[3A/)
  })

  it('are nowhere without a terminal', () => {
    const painted = new Painted()
    const lines = new Live({ screen: () => undefined, err: (text) => painted.write(text) })
    lines.show(['a'])
    lines.clear()
    expect(painted.writes).toEqual([])
  })
})
