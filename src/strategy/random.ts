import { type Random, systemRandom } from '../core/random.js'
import type { Strategy } from '../model/strategy.js'

/** Any of them, with equal chance. */
export function random(chance: Random = systemRandom): Strategy {
  return {
    name: 'random',
    pick: (candidates) => candidates[Math.floor(chance() * candidates.length)] ?? candidates[0],
  }
}
