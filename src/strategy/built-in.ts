import type { Random } from '../core/random.js'
import { builtInStrategies, type Strategy, type StrategyChoice } from '../model/strategy.js'
import { fallback } from './fallback.js'
import { fastest } from './fastest.js'
import { random } from './random.js'
import { isRoundRobin, roundRobin } from './round-robin.js'
import { sticky } from './sticky.js'
import { twoChoices } from './two-choices.js'
import { weighted } from './weighted.js'

/** The two that the resolver finds in a bit set without building a list of candidates. */
export const inOrder: Strategy = fallback()
export const inTurn: Strategy = roundRobin()

/** The strategy a registration names. */
export function toStrategy(choice: StrategyChoice, chance: Random): Strategy {
  if (typeof choice !== 'string') return isRoundRobin(choice) ? inTurn : choice
  switch (choice) {
    case 'fallback':
      return inOrder
    case 'round-robin':
    case 'round_robin':
      return inTurn
    case 'weighted':
      return weighted()
    case 'random':
      return random(chance)
    case 'two-choices':
      return twoChoices(chance)
    case 'fastest':
      return fastest()
    case 'sticky':
      return sticky()
  }
}

/** Whether a strategy of this name can be made from its name alone. */
export const isBuiltIn = (name: string): boolean => builtInStrategies.some((one) => one === name)
