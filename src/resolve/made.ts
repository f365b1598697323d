import type { Clock } from '../core/clock.js'

/** What hangs while it is closed is not waited for longer: the process may want to end. */
const longestCloseMs = 2_000

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

  /** When those are closed that nobody calls any more; the others follow when their calls have ended. */
  async closed(clock: Clock): Promise<void> {
    if (this.#closing.size === 0) return
    const enough = new AbortController()
    const late = clock.sleep(longestCloseMs, enough.signal).catch(() => {})
    await Promise.race([Promise.all(this.#closing), late])
    enough.abort()
  }
}

async function close(instance: Closable): Promise<void> {
  const way = instance[Symbol.asyncDispose] ?? instance[Symbol.dispose]
  if (typeof way === 'function') await way.call(instance)
}
