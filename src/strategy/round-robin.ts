import type { PickRequest, Strategy } from '../model/strategy.js'

/**
 * Each in turn, over all admissible providers of the group; priority fixes only who is first.
 *
 * The resolver rotates by itself, by place in the order instead of by index, so that providers may
 * come and go; `pick` says the same for whoever composes strategies.
 */
export function roundRobin(): Strategy {
  const last = new WeakMap<PickRequest['pool'], string>()
  return {
    name: 'round-robin',
    pick(candidates, { pool }) {
      const previous = last.get(pool)
      const at = candidates.findIndex(({ provider }) => provider === previous)
      const next = candidates[(at + 1) % candidates.length] ?? candidates[0]
      last.set(pool, next.provider)
      return next
    },
  }
}
