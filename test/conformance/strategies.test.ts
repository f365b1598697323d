import { describe, expect, it } from 'vitest'
import {
  type BuiltInStrategy,
  fallback,
  fastest,
  random,
  roundRobin,
  type Strategy,
  sticky,
  twoChoices,
  weighted,
} from '../../src/index.js'
import { toStrategy } from '../../src/strategy/built-in.js'
import { seededRandom, strategyConformance } from '../../src/testing/index.js'

const builtIn: Record<BuiltInStrategy, () => Strategy> = {
  fallback,
  'round-robin': roundRobin,
  weighted,
  random: () => random(seededRandom(3)),
  'two-choices': () => twoChoices(seededRandom(3)),
  fastest,
  sticky,
}

describe.each(Object.entries(builtIn))('the built-in strategy %s', (name, make) => {
  for (const { name: promise, run } of strategyConformance(make)) it(promise, run)

  it('is what a registration gets that names it', () => {
    expect(toStrategy(name as BuiltInStrategy, seededRandom(1)).name).toBe(name)
    expect(make().name).toBe(name)
  })
})

it('takes round_robin for round-robin, and a strategy of the user as it is', () => {
  const own: Strategy = { name: 'own', pick: ([first]) => first }
  expect(toStrategy('round_robin', Math.random).name).toBe('round-robin')
  expect(toStrategy(own, Math.random)).toBe(own)
})

describe('the suite itself', () => {
  const first = (name: string): Strategy => ({ name, pick: ([one]) => one })
  let made = 0
  const broken: Record<string, () => Strategy> = {
    'has a name that stays': () => first(`other ${made++}`),
    'picks the only candidate there is': () => ({ ...first('x'), pick: ([one]) => ({ ...one }) }),
    'picks one of the candidates, whatever their number': () => ({
      ...first('x'),
      pick: (list) => (list.length > 7 ? { ...list[0] } : list[0]),
    }),
    'copes with candidates that come and go': () => {
      let last: unknown
      return {
        ...first('x'),
        pick(list) {
          last ??= list[list.length - 1]
          return (list.length % 3 === 1 ? last : list[0]) as (typeof list)[0]
        },
      }
    },
    'changes neither the candidates nor the request': () => ({
      ...first('x'),
      pick(list) {
        ;(list as unknown as unknown[]).reverse()
        return list[0]
      },
    }),
    'peeks without changing what is picked': () => {
      let turn = 0
      const next: Strategy['pick'] = (list) => list[turn++ % list.length] ?? list[0]
      return { name: 'x', pick: next, peek: next }
    },
    'peeks at some of the candidates without changing what is picked': () => {
      const good = weighted()
      return {
        ...good,
        peek: (list, request) =>
          list.length < 5 ? good.pick(list, request) : (good.peek?.(list, request) ?? list[0]),
      }
    },
  }

  it.each(Object.entries(broken))('finds one that breaks: %s', (promise, make) => {
    const found = strategyConformance(make).find(({ name }) => name === promise)
    expect(found, 'no such promise').toBeDefined()
    expect(() => found?.run()).toThrow(/strategy conformance|TypeError|read only/)
  })
})
