import type { Candidate, NonEmpty, PickRequest, Strategy } from '../model/strategy.js'

/**
 * Each in turn, over all admissible providers of the group; priority fixes only who is first.
 *
 * The resolver rotates by itself, by place in the order instead of by index, so that providers may
 * come and go; `pick` says the same for whoever composes strategies.
 */
export function roundRobin(): Strategy {
  const last = new WeakMap<PickRequest['pool'], string>()
  const peek = (candidates: NonEmpty<Candidate>, { pool }: PickRequest): Candidate => {
    const previous = last.get(pool)
    const at = candidates.findIndex(({ provider }) => provider === previous)
    return candidates[(at + 1) % candidates.length] ?? candidates[0]
  }
  const strategy: Strategy = {
    name: 'round-robin',
    pick(candidates, request) {
      const next = peek(candidates, request)
      last.set(request.pool, next.provider)
      return next
    },
    peek,
  }
  made.add(strategy)
  return strategy
}

const made = new WeakSet<Strategy>()

/** Whether the resolver may rotate in its stead. */
export const isRoundRobin = (strategy: Strategy): boolean => made.has(strategy)
