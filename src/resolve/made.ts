/** What instances are closed by: the language's own way, so that nothing is closed by accident. */
interface Closable {
  readonly [Symbol.asyncDispose]?: unknown
  readonly [Symbol.dispose]?: unknown
}

/**
 * What `connect` has made, by how many providers have it. Whom none has any more is closed, once: by
 * its `Symbol.asyncDispose`, else its `Symbol.dispose`, else not at all.
 */
export class Made {
  readonly #holders = new WeakMap<object, number>()
  readonly #closing = new Set<Promise<void>>()
  readonly #failed: (error: unknown, provider: string) => void

  constructor(failed: (error: unknown, provider: string) => void) {
    this.#failed = failed
  }

  hold(instance: object): void {
    this.#holders.set(instance, (this.#holders.get(instance) ?? 0) + 1)
  }

  letGo(instance: object, provider: string): void {
    const left = (this.#holders.get(instance) ?? 1) - 1
    this.#holders.set(instance, left)
    if (left > 0) return
    this.#holders.delete(instance)
    const closing = close(instance)
      .catch((error: unknown) => this.#failed(error, provider))
      .finally(() => this.#closing.delete(closing))
    this.#closing.add(closing)
  }

  /** Those that are being closed now. */
  get closing(): readonly Promise<void>[] {
    return [...this.#closing]
  }
}

async function close(instance: Closable): Promise<void> {
  const way = instance[Symbol.asyncDispose] ?? instance[Symbol.dispose]
  if (typeof way === 'function') await way.call(instance)
}
