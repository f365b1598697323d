/** A sequence that starts with escape, or a letter. */
const pieces =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /(?:\u001b\[([?\d;]*)([A-Za-z]))|([^\u001b])/gu

/** As much of a terminal as is needed to see what somebody would see. */
export class Painted {
  /** All that was written, as it came. */
  readonly writes: string[] = []
  cursorShown = true
  #lines: string[] = ['']
  #row = 0

  write(text: string): void {
    this.writes.push(text)
    for (const [, parameters, end, plain] of text.matchAll(pieces))
      if (plain !== undefined) this.#put(plain)
      else this.#obey(parameters ?? '', end ?? '')
  }

  get lines(): readonly string[] {
    return this.#lines.map((line) => line.trimEnd()).filter((line) => line !== '')
  }

  #column = 0

  #put(letter: string): void {
    if (letter === '\r') this.#column = 0
    else if (letter === '\n') {
      this.#row += 1
      this.#column = 0
      this.#lines[this.#row] ??= ''
    } else {
      const line = (this.#lines[this.#row] ?? '').padEnd(this.#column)
      this.#lines[this.#row] = line.slice(0, this.#column) + letter + line.slice(this.#column + 1)
      this.#column += 1
    }
  }

  #obey(parameters: string, end: string): void {
    if (end === 'A') this.#row -= Number(parameters || 1)
    else if (end === 'K') this.#cut()
    else if (end === 'J') {
      this.#cut()
      this.#lines.length = this.#row + 1
    } else if (parameters === '?25') this.cursorShown = end === 'h'
    else if (end !== 'm') throw new Error(`unknown to this terminal: ${parameters}${end}`)
  }

  #cut(): void {
    this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column)
  }
}
