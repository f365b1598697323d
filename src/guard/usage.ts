/** How many calls one instance is used by, so that it can be let go of after the last of them. */
export class Usage {
  calls = 0
  #over: (() => void) | undefined

  end(): void {
    this.calls -= 1
    if (this.calls === 0) this.#over?.()
  }

  /** No call begins any more. Calls `over` when none is left: at once, or at the end of the last. */
  whenOver(over: () => void): void {
    this.#over = over
    if (this.calls === 0) over()
  }
}
