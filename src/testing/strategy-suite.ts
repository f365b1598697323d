import type { Candidate, NonEmpty, PickRequest, Strategy } from '../model/strategy.js'
import { seededRandom } from './seeded-random.js'

/** One promise a strategy must keep. `run` throws when it does not. */
export interface Conformance {
  readonly name: string
  run(): void
}

/**
 * What every strategy must do, to be run with any test runner:
 *
 * `for (const { name, run } of strategyConformance(() => mine())) it(name, run)`
 */
export function strategyConformance(make: () => Strategy): readonly Conformance[] {
  return [
    { name: 'has a name that stays', run: () => hasName(make) },
    { name: 'picks the only candidate there is', run: () => picksTheOnlyOne(make()) },
    { name: 'picks one of the candidates, whatever their number', run: () => picksOneOf(make()) },
    { name: 'copes with candidates that come and go', run: () => copesWithChange(make()) },
    { name: 'changes neither the candidates nor the request', run: () => changesNothing(make()) },
    { name: 'peeks without changing what is picked', run: () => peeksPurely(make) },
    {
      name: 'peeks at some of the candidates without changing what is picked',
      run: () => peeksAtSome(make),
    },
  ]
}

function hasName(make: () => Strategy): void {
  const { name } = make()
  expect(typeof name === 'string' && name.trim() !== '', 'the name is empty')
  expect(make().name === name, 'the name differs from one instance to the next')
}

function picksTheOnlyOne(strategy: Strategy): void {
  const only = candidate(0)
  for (let turn = 0; turn < 10; turn++)
    expect(strategy.pick([only], request(turn)) === only, 'it picked something else')
}

function picksOneOf(strategy: Strategy): void {
  for (const count of [1, 2, 3, 7, 64, 1_000]) {
    const offered = candidates(count)
    for (let turn = 0; turn < 50; turn++)
      expect(offered.includes(strategy.pick(offered, request(turn))), `with ${count} candidates`)
  }
}

function copesWithChange(strategy: Strategy): void {
  const chance = seededRandom(7)
  const everybody = candidates(20)
  for (let turn = 0; turn < 500; turn++) {
    const present = everybody.filter(() => chance() < 0.5)
    const offered: NonEmpty<Candidate> = [everybody[turn % 20] ?? everybody[0], ...present]
    expect(offered.includes(strategy.pick(offered, request(turn))), `at turn ${turn}`)
  }
}

function changesNothing(strategy: Strategy): void {
  const offered = Object.freeze(candidates(5))
  const before = [...offered]
  for (let turn = 0; turn < 20; turn++) strategy.pick(offered, Object.freeze(request(turn)))
  expect(
    before.every((one, at) => one === offered[at]),
    'the list of candidates was reordered',
  )
}

function peeksPurely(make: () => Strategy): void {
  const strategy = make()
  if (strategy.peek === undefined) return
  const offered = candidates(5)
  for (let turn = 0; turn < 50; turn++) {
    const foreseen = strategy.peek(offered, request(turn))
    expect(strategy.peek(offered, request(turn)) === foreseen, 'two peeks in a row differ')
    expect(strategy.pick(offered, request(turn)) === foreseen, 'pick did not follow peek')
  }
}

/** As `explain` does for a request that excludes some. Beside it, one that nobody looks at. */
function peeksAtSome(make: () => Strategy): void {
  const strategy = make()
  const beside = make()
  if (strategy.peek === undefined) return
  const offered = candidates(5)
  for (let turn = 0; turn < 50; turn++) {
    const some: NonEmpty<Candidate> = [
      offered[turn % 5] ?? offered[0],
      ...offered.slice(turn % 3, 2),
    ]
    strategy.peek(some, request(turn))
    const picked = strategy.pick(offered, request(turn))
    expect(picked === beside.pick(offered, request(turn)), 'a peek changed what is picked')
  }
}

const pool = {}

function request(turn: number): PickRequest {
  return { service: 'llm', handler: undefined, key: `key-${turn % 3}`, tenant: undefined, pool }
}

function candidates(count: number): NonEmpty<Candidate> {
  return [candidate(0), ...Array.from({ length: count - 1 }, (_, at) => candidate(at + 1))]
}

function candidate(at: number): Candidate {
  return Object.freeze({
    provider: `provider-${at}`,
    priority: 2,
    group: 0,
    weight: 1 + (at % 4),
    metadata: Object.freeze({}),
    health: 'unknown',
    load: at % 3,
    reportedLoad: at % 2 === 0 ? undefined : (at % 7) / 7,
    latencyMs: at % 5,
  })
}

function expect(holds: boolean, what: string): void {
  if (!holds) throw new Error(`strategy conformance: ${what}`)
}
