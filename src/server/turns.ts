import type { ProviderView } from '../model/provider.js'
import { byRegistration } from './registration.js'

/** All are forgotten when there are more. */
const mostTurns = 10_000

/** Who came last, by what was asked for: each in turn, although providers come and go. */
export class Turns {
  readonly #last = new Map<string, ProviderView>()

  /** `views` are in the order of registration. */
  next(key: string, views: readonly ProviderView[]): ProviderView | undefined {
    const last = this.#last.get(key)
    const after = last && views.find((view) => byRegistration(view, last) > 0)
    const chosen = after ?? views[0]
    if (chosen === undefined) return undefined
    if (this.#last.size >= mostTurns) this.#last.clear()
    this.#last.set(key, chosen)
    return chosen
  }
}
