import { clean } from '../clean.js'
import type { Shell } from '../shell.js'
import { widthOf } from '../table.js'

const up = (rows: number): string => (rows > 0 ? `\u001b[${rows}A` : '')
const restOfLine = '\u001b[K'
const restOfScreen = '\u001b[J'
const hideCursor = '\u001b[?25l'
const showCursor = '\u001b[?25h'

/** Lines at the end of a terminal that are drawn over themselves, each time in one write, so that nothing flickers. */
export class Live {
  readonly #shell: Pick<Shell, 'screen' | 'err'>
  #shown: readonly string[] = []

  constructor(shell: Pick<Shell, 'screen' | 'err'>) {
    this.#shell = shell
  }

  /** Lines that fit. Does nothing where nothing may be drawn, or when they are there already. */
  show(lines: readonly string[]): void {
    const screen = this.#shell.screen()
    if (screen === undefined) return
    const fitting = lines.slice(0, Math.max(1, screen.rows - 1))
    if (fitting.join('\n') === this.#shown.join('\n')) return
    const begin = this.#shown.length === 0 ? hideCursor : this.#back(screen.columns)
    const body = fitting.map((line) => `${line}${restOfLine}\n`).join('')
    this.#shell.err(`${begin}${body}${restOfScreen}`)
    this.#shown = fitting
  }

  /** Takes away what is shown, and gives the cursor back. */
  clear(): void {
    if (this.#shown.length === 0) return
    const columns = this.#shell.screen()?.columns ?? 80
    this.#shell.err(`${this.#back(columns)}${restOfScreen}${showCursor}`)
    this.#shown = []
  }

  /** To the first of its lines. A terminal that became narrower shows each on more rows. */
  #back(columns: number): string {
    const rows = this.#shown.map((line) =>
      Math.max(1, Math.ceil(widthOf(clean(line)) / Math.max(1, columns))),
    )
    return `\r${up(rows.reduce((sum, one) => sum + one, 0))}`
  }
}
