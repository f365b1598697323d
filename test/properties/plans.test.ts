import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Catalog, orderOf } from '../../src/catalog/catalog.js'
import type { Capability } from '../../src/model/capability.js'
import { parseRegistration } from '../../src/model/parse/registration.js'
import type { ServiceRequest } from '../../src/model/request.js'
import { type Plan, Plans } from '../../src/resolve/plan.js'
import type { Seat } from '../../src/resolve/seat.js'
import { scene } from '../registry/scene.js'

const mostPlans = 4_096

interface Seated {
  provider: ReturnType<typeof parseRegistration>['record']
  order: number
  admissible: boolean
}

/** The catalogue and the plans, with as much of a seat as they look at. */
class Table {
  readonly catalog = new Catalog<Seated>()
  readonly plans = new Plans(this.catalog as unknown as Catalog<Seat>)
  readonly seats: Seated[] = []
  #serial = 0

  seat(handler: readonly string[], capabilities: readonly (string | Capability)[]): Seated {
    this.#serial += 1
    const name = `p${this.#serial}`
    const { record } = parseRegistration({
      service: 's',
      name,
      provider: {},
      handler,
      capabilities,
    })
    const seat = { provider: record, order: orderOf(record, this.#serial), admissible: true }
    this.catalog.put(seat, undefined)
    this.seats.push(seat)
    return seat
  }

  leave(seat: Seated): void {
    this.catalog.remove(seat)
    this.seats.splice(this.seats.indexOf(seat), 1)
  }

  /** The members of each pool of a plan, as a scan would find them. */
  check(plan: Plan, { handler, requires = [], fallbackToGlobal }: ServiceRequest): void {
    const scopes = handler === undefined ? ['*'] : [handler, '*']
    if (fallbackToGlobal === false && handler !== undefined) scopes.pop()
    const expected = scopes.map((scope) =>
      this.seats
        .filter(({ provider }) => provider.handlers.includes(scope))
        .filter(({ provider }) =>
          requires.every((name) => provider.capabilities.some((one) => one.name === name)),
        )
        .sort((a, b) => a.order - b.order)
        .map(({ provider }) => provider.name),
    )
    const found = plan.pools.map(({ roster }) => [...roster].map(({ provider }) => provider.name))
    expect(found).toEqual(expected)
  }
}

const names = ['a', 'b', 'c']
const some = fc.subarray(names)
const asked: fc.Arbitrary<ServiceRequest> = fc.record(
  { handler: fc.constantFrom('A', 'B'), requires: some, fallbackToGlobal: fc.boolean() },
  { requiredKeys: [] },
)
const change = fc.oneof(
  {
    weight: 2,
    arbitrary: fc.record({ handlers: fc.constantFrom(['*'], ['A'], ['A', 'B']), some }),
  },
  { weight: 2, arbitrary: fc.record({ leaves: fc.nat(100) }) },
  { weight: 3, arbitrary: fc.record({ asked }) },
)

it('are kept true by each change, without being made again', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 50 }), (changes) => {
      const table = new Table()
      const known = new Map<Plan, ServiceRequest>()
      for (const one of changes) {
        if ('some' in one) table.seat(one.handlers, one.some)
        else if ('leaves' in one) {
          const seat = table.seats[one.leaves % Math.max(1, table.seats.length)]
          if (seat !== undefined) table.leave(seat)
        } else known.set(table.plans.find('s', one.asked), one.asked)
        for (const [plan, request] of known) {
          expect(table.plans.find('s', request)).toBe(plan)
          table.check(plan, request)
        }
      }
    }),
    { numRuns: 150 },
  )
})

it('number 4,096 at most; those in use stay, and those made again are true', () => {
  const table = new Table()
  for (let at = 0; at < 60; at++)
    table.seat(at % 3 === 0 ? ['*'] : [`h${at}`, `h${at + 1}`], names.slice(at % 3))
  const hot: ServiceRequest = { handler: 'h1', requires: ['b', 'a'] }
  const plan = table.plans.find('s', hot)
  const requests = Array.from(
    { length: mostPlans + 2_000 },
    (_, at): ServiceRequest => ({ handler: `h${at}`, requires: names.slice(at % 3) }),
  )
  for (const [at, request] of requests.entries()) {
    table.check(table.plans.find('s', request), request)
    if (at % 100 === 0) expect(table.plans.find('s', hot)).toBe(plan)
    if (at % 500 === 0) table.leave(table.seats[at % table.seats.length] as Seated)
    if (at % 700 === 0) table.seat([`h${at + 3}`], names)
    expect(table.plans.size).toBeLessThanOrEqual(mostPlans)
  }
  for (const request of [...requests.slice(0, 300), hot])
    table.check(table.plans.find('s', request), request)
})

it('are found again when one that goes on further was evicted to make room for them', () => {
  const table = new Table()
  table.plans.find('s', { handler: 'X', requires: ['a', 'b'] })
  for (let at = 0; at < mostPlans - 1; at++) table.plans.find('s', { handler: `h${at}` })
  const plan = table.plans.find('s', { handler: 'X', requires: ['a'] })
  expect(table.plans.find('s', { handler: 'X', requires: ['a'] })).toBe(plan)
  expect(table.plans.size).toBe(mostPlans)
  for (let at = 0; at < 2 * mostPlans; at++) {
    const request = { handler: 'Y', requires: ['a', `c${at}`] }
    expect(table.plans.find('s', request)).toBe(table.plans.find('s', request))
  }
})

it('with the object form stay while they are used', () => {
  const table = new Table()
  const hot: ServiceRequest = { requires: [{ name: 'a', minVersion: '1.2' }] }
  const plan = table.plans.find('s', hot)
  for (let at = 0; at < 3 * mostPlans; at++) {
    table.plans.find('s', { handler: `h${at}` })
    if (at % 50 === 0) expect(table.plans.find('s', hot)).toBe(plan)
  }
})

it('leave nothing behind when they and the providers are gone', () => {
  const table = new Table()
  for (let at = 0; at < 100; at++) table.seat([`h${at % 7}`], ['a'])
  for (let at = 0; at < 300; at++)
    table.plans.find(`s${at % 5}`, { handler: `h${at}`, requires: ['a', `b${at}`] })
  table.plans.clear()
  expect(table.plans.size).toBe(0)
  for (const seat of [...table.seats]) table.leave(seat)
  expect([...table.catalog.scopes()]).toEqual([])
})

it('answer true look-ups through the registry past 4,096 of them', () => {
  const { registry } = scene()
  for (let at = 0; at < 50; at++)
    registry.register({ service: 'llm', name: `p${at}`, handler: `h${at}`, provider: {} })
  registry.registerGlobal({ service: 'llm', name: 'all', provider: {} })
  for (let round = 0; round < 2; round++)
    for (let at = 0; at < mostPlans + 500; at++)
      expect(registry.resolve('llm', { handler: `h${at}` })?.provider).toBe(
        at < 50 ? `p${at}` : 'all',
      )
})
