import type { Strategy } from '../model/strategy.js'

/**
 * The first in order. The resolver finds it in a bit set without asking; `pick` says the same for
 * whoever composes strategies.
 */
export function fallback(): Strategy {
  return { name: 'fallback', pick: ([first]) => first, peek: ([first]) => first }
}
