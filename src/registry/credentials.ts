import { Cooldown } from '../guard/cooldown.js'
import type { Provider } from '../model/provider.js'

/** One cool-down for all providers that name the same credential, as long as there is one. */
export class Credentials {
  readonly #cooldowns = new Map<string, Cooldown>()

  cooldownOf({ credential }: Provider): Cooldown | undefined {
    if (credential === undefined) return undefined
    let cooldown = this.#cooldowns.get(credential)
    if (cooldown === undefined) {
      cooldown = new Cooldown()
      this.#cooldowns.set(credential, cooldown)
    }
    return cooldown
  }

  /** One of those who named it has left. */
  tidy({ credential }: Provider): void {
    if (credential !== undefined && this.#cooldowns.get(credential)?.shared === false)
      this.#cooldowns.delete(credential)
  }
}
