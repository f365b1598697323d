import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DependencyCycleError } from '../../src/core/errors.js'
import type { Provider } from '../../src/model/provider.js'
import { provider, World } from '../catalog/declared.js'

// --- the oracle: lists, and nothing remembered ---------------------------------------------------

/** What a text accepts as `capability` or `capability@range`, written out. */
const fits: Readonly<Record<string, readonly string[]>> = {
  x: ['x', 'x@1', 'x@1.5', 'x@2'],
  'x@1': ['x@1', 'x@1.5'],
  'x@>=1.5': ['x@1.5', 'x@2'],
  'x@^2': ['x@2'],
  y: ['y'],
}

const offersOf = ({ capabilities }: Provider): string[] =>
  capabilities.map(({ name, version }) => (version === undefined ? name : `${name}@${version}`))

class Scan {
  readonly all: readonly Provider[]

  constructor(all: Iterable<Provider>) {
    this.all = [...all]
  }

  candidates(text: string, dependent: Provider): Provider[] {
    return this.all.filter(
      (one) =>
        one !== dependent &&
        (one.name === text ||
          one.service === text ||
          offersOf(one).some((offer) => fits[text]?.includes(offer))),
    )
  }

  /** What each could be served by, text by text; texts without candidates left out. */
  needs(one: Provider): Provider[][] {
    return one.dependencies
      .map((text) => this.candidates(text, one))
      .filter((candidates) => candidates.length > 0)
  }

  missing(one: Provider): string[] {
    return one.dependencies.filter((text) => this.candidates(text, one).length === 0)
  }

  /** Rounds until nobody more can be started. */
  startable(): Set<Provider> {
    const started = new Set<Provider>()
    for (let before = -1; before < started.size; ) {
      before = started.size
      for (const one of this.all)
        if (this.needs(one).every((list) => list.some((c) => started.has(c)))) started.add(one)
    }
    return started
  }

  /** Steps from each to each along what nobody can serve; Infinity where there is no way. */
  distances(): (from: Provider, to: Provider) => number {
    const started = this.startable()
    const blocked = (from: Provider, to: Provider): boolean =>
      !started.has(from) &&
      this.needs(from).some((list) => list.includes(to) && !list.some((c) => started.has(c)))
    const far = new Map<Provider, Map<Provider, number>>()
    for (const a of this.all)
      far.set(a, new Map(this.all.map((b) => [b, blocked(a, b) ? 1 : Number.POSITIVE_INFINITY])))
    const at = (a: Provider, b: Provider): number => far.get(a)?.get(b) ?? Number.POSITIVE_INFINITY
    for (const via of this.all)
      for (const a of this.all)
        for (const b of this.all) far.get(a)?.set(b, Math.min(at(a, b), at(a, via) + at(via, b)))
    return at
  }

  closure(start: Provider, step: (one: Provider) => Provider[]): Provider[] {
    const found = new Set([start])
    for (const one of found) for (const next of step(one)) found.add(next)
    found.delete(start)
    return this.all.filter((one) => found.has(one))
  }

  below(one: Provider): Provider[] {
    return this.closure(one, (at) => this.needs(at).flat())
  }

  above(one: Provider): Provider[] {
    return this.closure(one, (at) =>
      this.all.filter((other) => this.needs(other).some((list) => list.includes(at))),
    )
  }

  /** Again and again the first that is free, else the first that is served; then whoever is left. */
  order(of: readonly Provider[]): string[] {
    const left = [...of]
    const order: string[] = []
    const complete = (one: Provider): boolean =>
      this.needs(one).every((list) => list.every((c) => !left.includes(c)))
    const served = (one: Provider): boolean =>
      this.needs(one).every((list) => list.some((c) => !left.includes(c)))
    while (left.length > 0) {
      const next = left.find(complete) ?? left.find(served)
      if (next === undefined) break
      left.splice(left.indexOf(next), 1)
      order.push(next.name)
    }
    return [...order, ...left.map(({ name }) => name)]
  }
}

// --- what happens --------------------------------------------------------------------------------

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
const name = fc.constantFrom(...names)
const services = ['s', 't', 'a', 'x@1']
const texts = [...names, 's', 't', 'x', 'x@1', 'x@>=1.5', 'x@^2', 'y', 'gone']
const some = (list: readonly string[], maxLength: number): fc.Arbitrary<string[]> =>
  fc.array(fc.constantFrom(...list), { maxLength })

const record = fc
  .record({
    name,
    service: fc.constantFrom(...services),
    needs: some(texts, 3),
    can: some(['x', 'x@1', 'x@1.5', 'x@2', 'y'], 2),
  })
  .map(({ name, ...rest }) => provider(name, rest))

const action = fc.oneof(
  { weight: 4, arbitrary: record.map((to) => ({ do: 'put' as const, to })) },
  { weight: 1, arbitrary: name.map((of) => ({ do: 'remove' as const, of })) },
)

const sorted = (list: readonly string[]): string[] => [...list].sort()

function compare(world: World, available: ReadonlySet<string>): void {
  const scan = new Scan([...world.members.values()].map(({ provider }) => provider))
  const rebuilt = new World().add(...scan.all)
  const started = scan.startable()
  for (const { dependencies } of [world, rebuilt]) {
    for (const one of scan.all) {
      const below = scan.below(one)
      const missing = new Set([one, ...below].flatMap((at) => scan.missing(at)))
      const told = dependencies.dependenciesOf(one.name)
      expect(told.slice(0, below.length)).toEqual(scan.order(below))
      expect(sorted(told.slice(below.length))).toEqual(sorted([...missing]))
      expect(dependencies.dependentsOf(one.name)).toEqual(scan.order(scan.above(one)))
    }
    if (started.size === scan.all.length)
      expect(dependencies.startOrder()).toEqual(scan.order(scan.all))
    else expectCircle(() => dependencies.startOrder(), scan)
  }
  for (const one of scan.all) {
    const lost = one.dependencies.filter(
      (text) => !scan.candidates(text, one).some((c) => available.has(c.name)),
    )
    const told = world.loss(one.name, ...available).map((line) => line.slice(0, line.indexOf(': ')))
    expect(told).toEqual([...new Set(lost)])
    const affected = scan.all.flatMap((other) => {
      const texts = other.dependencies.filter((text) => scan.candidates(text, other).includes(one))
      return texts.length === 0 ? [] : [`${other.name}: ${sorted([...new Set(texts)]).join(' ')}`]
    })
    const heard = world.dependencies
      .affectedBy(world.get(one.name))
      .map(
        ({ member, dependencies }) => `${member.provider.name}: ${sorted(dependencies).join(' ')}`,
      )
    expect(sorted(heard)).toEqual(sorted(affected))
  }
}

function expectCircle(fn: () => unknown, scan: Scan): void {
  let thrown: unknown
  try {
    fn()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(DependencyCycleError)
  if (!(thrown instanceof DependencyCycleError)) return
  expectSteps(thrown.cycle, scan)
}

/** Each waits for the next, and the last for the first. */
function expectSteps(cycle: readonly string[], scan: Scan): void {
  const far = scan.distances()
  const at = (name: string | undefined): Provider => {
    const found = scan.all.find((one) => one.name === name)
    if (found === undefined) throw new Error(`nobody is named ${name}`)
    return found
  }
  expect(new Set(cycle).size).toBe(cycle.length)
  for (const [place, name] of cycle.entries())
    expect(far(at(name), at(cycle[(place + 1) % cycle.length]))).toBe(1)
}

it('says what a scan of everybody says, whatever came, left and changed', () => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 14 }), fc.uniqueArray(name), (actions, available) => {
      const world = new World()
      for (const step of actions) {
        if (step.do === 'remove') world.remove(step.of)
        else if (world.members.has(step.to.name)) world.change(step.to)
        else world.add(step.to)
        compare(world, new Set(available))
      }
    }),
    { numRuns: 400 },
  )
})

it('refuses exactly those who would close a circle, and names the shortest', () => {
  let refused = 0
  fc.assert(
    fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
      const world = new World()
      for (const step of actions) {
        if (step.do === 'remove') {
          world.remove(step.of)
          continue
        }
        const { to } = step
        const others = [...world.members.values()].map(({ provider }) => provider)
        const scan = new Scan([...others.filter((one) => one.name !== to.name), to])
        const far = scan.distances()(to, to)
        const cycle = world.dependencies.cycleWith(to)
        expect(cycle?.length ?? Number.POSITIVE_INFINITY).toBe(far)
        if (cycle !== undefined) {
          refused += 1
          expect(cycle[0]).toBe(to.name)
          expectSteps(cycle, scan)
        } else if (world.members.has(to.name)) world.change(to)
        else world.add(to)
      }
    }),
    { numRuns: 400 },
  )
  expect(refused).toBeGreaterThan(50)
})

it('keeps an order for everybody as long as only newcomers are refused and nobody leaves', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 25 }), (records) => {
      const world = new World()
      for (const one of records)
        if (!world.members.has(one.name) && world.dependencies.cycleWith(one) === undefined)
          world.add(one)
      expect(sorted(world.dependencies.startOrder())).toEqual(sorted([...world.members.keys()]))
    }),
    { numRuns: 300 },
  )
})

it('judges a batch as a scan of the result does', () => {
  fc.assert(
    fc.property(fc.uniqueArray(record, { selector: ({ name }) => name }), (batch) => {
      const world = new World().add(provider('a', { needs: ['x'] }))
      const came = new Set(batch.map(({ name }) => name))
      const stay = [...world.members.values()]
        .map(({ provider }) => provider)
        .filter(({ name }) => !came.has(name))
      const scan = new Scan([...stay, ...batch])
      const far = scan.distances()
      const cycle = world.dependencies.cycleWith(batch)
      expect(cycle !== undefined).toBe(
        batch.some((one) => far(one, one) < Number.POSITIVE_INFINITY),
      )
      if (cycle !== undefined) expectSteps(cycle, scan)
    }),
    { numRuns: 300 },
  )
})
