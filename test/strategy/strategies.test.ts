import { describe, expect, it } from 'vitest'
import {
  type Candidate,
  fallback,
  fastest,
  type NonEmpty,
  type PickRequest,
  random,
  roundRobin,
  type Strategy,
  sticky,
  twoChoices,
  weighted,
} from '../../src/index.js'
import { rendezvous } from '../../src/strategy/rendezvous.js'
import { seededRandom } from '../../src/testing/index.js'
import { tally } from '../registry/scene.js'

const candidate = (provider: string, more: Partial<Candidate> = {}): Candidate => ({
  provider,
  priority: 2,
  group: 0,
  weight: 1,
  metadata: {},
  health: 'unknown',
  load: 0,
  reportedLoad: undefined,
  latencyMs: 0,
  ...more,
})

const some = (...list: readonly Candidate[]): NonEmpty<Candidate> =>
  list as unknown as NonEmpty<Candidate>

const requestIn = (pool: object, key?: string): PickRequest => ({
  service: 'llm',
  handler: undefined,
  key,
  tenant: undefined,
  pool,
})

const picksOf = (
  strategy: Strategy,
  candidates: NonEmpty<Candidate>,
  times: number,
  request = requestIn({}),
): string[] => Array.from({ length: times }, () => strategy.pick(candidates, request).provider)

const a = candidate('a')
const b = candidate('b')
const c = candidate('c')

it('fallback takes the first in order', () => {
  expect(picksOf(fallback(), some(b, a, c), 3)).toEqual(['b', 'b', 'b'])
})

describe('round-robin', () => {
  it('takes each in turn', () => {
    expect(picksOf(roundRobin(), some(a, b, c), 7).join('')).toBe('abcabca')
  })

  it('keeps the turns of pools apart', () => {
    const strategy = roundRobin()
    const [one, other] = [requestIn({}), requestIn({})]
    const seen = [one, other, one, other].map(
      (request) => strategy.pick(some(a, b), request).provider,
    )
    expect(seen).toEqual(['a', 'a', 'b', 'b'])
  })

  it('goes on after the last one when others come and go', () => {
    const strategy = roundRobin()
    const request = requestIn({})
    expect(strategy.pick(some(a, b, c), request)).toBe(a)
    expect(strategy.pick(some(candidate('x'), a, b, c), request)).toBe(b)
    expect(strategy.pick(some(b, c), request)).toBe(c)
    expect(strategy.pick(some(a, b, c), request)).toBe(a)
  })
})

describe('weighted', () => {
  const [heavy, middle, light] = [
    candidate('h', { weight: 5 }),
    candidate('m', { weight: 3 }),
    candidate('l', { weight: 2 }),
  ]

  it('gives shares of the weights', () => {
    const counts = tally(picksOf(weighted(), some(heavy, middle, light), 1_000))
    expect(counts.get('h')).toBeCloseTo(500, -1)
    expect(counts.get('m')).toBeCloseTo(300, -1)
    expect(counts.get('l')).toBeCloseTo(200, -1)
  })

  it('spreads them: nobody is ever more than one turn and a half from its share', () => {
    const request = requestIn({})
    const list = some(heavy, middle, light)
    const smooth = weighted()
    const seen = new Map<string, number>()
    for (let turn = 1; turn <= 500; turn++) {
      const { provider } = smooth.pick(list, request)
      seen.set(provider, (seen.get(provider) ?? 0) + 1)
      for (const { provider: name, weight } of list)
        expect(Math.abs((seen.get(name) ?? 0) - (turn * weight) / 10)).toBeLessThanOrEqual(1.5)
    }
  })

  it('never gives three in a row with weights 2 and 1', () => {
    const list = some(candidate('x', { weight: 2 }), candidate('y'))
    expect(picksOf(weighted(), list, 300).join('')).not.toContain('xxx')
  })

  it('takes fractions and far apart weights', () => {
    const list = some(candidate('x', { weight: 0.01 }), candidate('y', { weight: 0.99 }))
    const counts = tally(picksOf(weighted(), list, 1_000))
    expect(counts.get('x')).toBe(10)
  })

  it('keeps what is owed to those who were filtered out for a look-up', () => {
    const strategy = weighted()
    const request = requestIn({})
    const counts = new Map<string, number>()
    for (let turn = 0; turn < 600; turn++) {
      const offered = turn % 3 === 0 ? some(heavy) : some(heavy, middle, light)
      const { provider } = strategy.pick(offered, request)
      if (turn % 3 !== 0) counts.set(provider, (counts.get(provider) ?? 0) + 1)
    }
    // Of 600 turns 200 are h's by force; the shares of m and l hold over all of them.
    expect(counts.get('m')).toBeGreaterThan(170)
    expect(counts.get('l')).toBeGreaterThan(110)
  })

  it('does not let one that was away catch up all at once', () => {
    const strategy = weighted()
    const request = requestIn({})
    const both = some(a, b)
    const alone = some(a)
    strategy.pick(both, request)
    for (let turn = 0; turn < 50; turn++) strategy.pick(alone, request)
    const back = Array.from({ length: 6 }, () => strategy.pick(both, request).provider)
    expect(tally(back).get('b')).toBeLessThanOrEqual(4)
    expect(tally(back).get('a')).toBeGreaterThanOrEqual(2)
  })

  it('forgets those who left long ago', () => {
    const strategy = weighted()
    const request = requestIn({})
    for (let at = 0; at < 1_000; at++)
      expect(strategy.pick(some(candidate(`gone-${at}`)), request).provider).toBe(`gone-${at}`)
    expect(strategy.pick(some(a), request)).toBe(a)
  })
})

it('random is even', () => {
  const counts = tally(picksOf(random(seededRandom(5)), some(a, b, c), 6_000))
  for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(150)
})

it('random copes with a source of chance that is out of range', () => {
  for (const odd of [1, Number.NaN, -1])
    expect(
      picksOf(
        random(() => odd),
        some(a, b),
        1,
      ),
    ).toEqual(['a'])
})

describe('two-choices', () => {
  it('takes the less loaded of the two it draws', () => {
    const loads = some(candidate('busy', { load: 9 }), candidate('idle', { load: 1 }))
    expect(tally(picksOf(twoChoices(seededRandom(2)), loads, 200)).get('idle')).toBe(200)
  })

  it('draws all of them equally often when nobody is busy', () => {
    const counts = tally(picksOf(twoChoices(seededRandom(2)), some(a, b, c), 6_000))
    for (const count of counts.values()) expect(Math.abs(count - 2_000)).toBeLessThan(150)
  })

  it('takes the one that said it is less busy, where both have as many calls and both said so', () => {
    const picked = (...list: Candidate[]) =>
      tally(picksOf(twoChoices(seededRandom(2)), some(...list), 200))
    const full = candidate('full', { reportedLoad: 0.9 })
    const idle = candidate('idle', { reportedLoad: 0.1 })
    expect(picked(full, idle).get('idle')).toBe(200)
    expect(picked(full, candidate('idle', { reportedLoad: 0.1, load: 1 })).get('full')).toBe(200)
    for (const other of [candidate('silent'), candidate('same', { reportedLoad: 0.9 })])
      expect(Math.abs((picked(full, other).get('full') ?? 0) - 100)).toBeLessThan(30)
  })

  it('never takes the most loaded of three', () => {
    const loads = some(
      candidate('x', { load: 3 }),
      candidate('y', { load: 2 }),
      candidate('z', { load: 7 }),
    )
    expect(tally(picksOf(twoChoices(seededRandom(2)), loads, 500)).has('z')).toBe(false)
  })
})

describe('fastest', () => {
  it('takes the least expected wait, by latency and load', () => {
    const list = some(
      candidate('slow', { latencyMs: 100 }),
      candidate('quick', { latencyMs: 30, load: 1 }),
      candidate('busy', { latencyMs: 10, load: 9 }),
    )
    expect(picksOf(fastest(), list, 2)).toEqual(['quick', 'quick'])
  })

  it('tries what nobody measured yet, and takes the earlier of equals', () => {
    expect(picksOf(fastest(), some(candidate('known', { latencyMs: 1 }), b, c), 1)).toEqual(['b'])
    expect(picksOf(fastest(), some(b, candidate('c', { load: 1 })), 1)).toEqual(['b'])
    expect(picksOf(fastest(), some(candidate('b', { load: 1 }), c), 1)).toEqual(['c'])
  })
})

describe('sticky', () => {
  const ten = Array.from({ length: 10 }, (_, at) => candidate(`provider-${at}`))
  const keys = Array.from({ length: 2_000 }, (_, at) => `session-${at}`)
  const home = (list: readonly Candidate[], key: string): string =>
    sticky().pick(some(...list), requestIn({}, key)).provider

  it('gives a key the same provider always, in whatever order they come', () => {
    for (const key of keys.slice(0, 100)) expect(home([...ten].reverse(), key)).toBe(home(ten, key))
  })

  it('moves only the keys of the one that left, and they return with it', () => {
    const rest = ten.filter(({ provider }) => provider !== 'provider-3')
    for (const key of keys) {
      const before = home(ten, key)
      if (before === 'provider-3') expect(home(rest, key)).not.toBe(before)
      else expect(home(rest, key)).toBe(before)
    }
  })

  it('spreads the keys evenly, and those of one that left over all others', () => {
    const counts = tally(keys.map((key) => home(ten, key)))
    expect(counts.size).toBe(10)
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(70)
    const rest = ten.slice(1)
    const moved = keys.filter((key) => home(ten, key) === 'provider-0')
    expect(tally(moved.map((key) => home(rest, key))).size).toBe(9)
  })

  it('respects weights', () => {
    const list = some(candidate('x', { weight: 3 }), candidate('y'))
    const counts = tally(keys.map((key) => rendezvous(list, key).provider))
    expect((counts.get('x') ?? 0) / 2_000).toBeCloseTo(0.75, 1)
  })

  it('takes the first without a key, and an empty key for a key', () => {
    expect(sticky().pick(some(b, a), requestIn({}))).toBe(b)
    expect(home(ten, '')).toBe(home([...ten].reverse(), ''))
  })
})
