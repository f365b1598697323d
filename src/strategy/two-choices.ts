import { type Random, systemRandom } from '../core/random.js'
import type { Candidate, Strategy } from '../model/strategy.js'

/**
 * Draws two at random and takes the one with fewer calls in flight: nearly as even as looking at
 * all of them, at a cost that does not grow, and without everybody rushing to the same idle one.
 * With equally many, the one that said it is less busy, if both have said how busy they are.
 * Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001.
 */
export function twoChoices(chance: Random = systemRandom): Strategy {
  return {
    name: 'two-choices',
    pick(candidates) {
      const count = candidates.length
      const one = Math.floor(chance() * count)
      const other = one + 1 + Math.floor(chance() * (count - 1))
      const first = candidates[one] ?? candidates[0]
      const second = candidates[other % count] ?? candidates[0]
      return isIdler(second, first) ? second : first
    },
  }
}

function isIdler(one: Candidate, other: Candidate): boolean {
  if (one.load !== other.load) return one.load < other.load
  return (one.reportedLoad ?? unsaid) < (other.reportedLoad ?? unsaid)
}

/** Neither less than anything nor more. */
const unsaid = Number.NaN
