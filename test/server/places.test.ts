import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { Entries } from '../../src/server/entries.js'
import { byRegistration, entryOf, registrationKey } from '../../src/server/registration.js'

const capabilities = ['a', 'b', 'c@1.0']
const op = fc.record({
  what: fc.constantFrom('register', 'update', 'remove', 'judge', 'renew', 'forget'),
  id: fc.integer({ min: 0, max: 5 }).map((i) => `p${i}`),
  capabilities: fc.subarray(capabilities),
  registeredAt: fc.integer({ min: 0, max: 2 }),
})

/** What is shown must be what would be found by looking at everybody anew. */
function same(registry: ServiceRegistry, entries: Entries): void {
  const all = registry
    .list()
    .toSorted(byRegistration)
    .map((view) => entryOf(view))
  expect(entries.all()).toEqual(all)
  expect(entries.size).toBe(all.length)
  for (const capability of capabilities) {
    const having = all.filter((entry) => entry.capabilities.includes(capability))
    expect(entries.having(capability)).toEqual(having)
    expect(entries.known(capability)).toBe(having.length > 0)
  }
}

describe('the entries of a registry', () => {
  it('are what everybody looked at anew would show, whatever becomes of them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 30 }), async (ops) => {
        const registry = new ServiceRegistry()
        const entries = new Entries(registry)
        let serial = 0
        for (const { what, id, capabilities: some, registeredAt } of ops) {
          const has = registry.get(id) !== undefined
          const connect = (): object => ({})
          if (what === 'register') {
            serial += 1
            const metadata = { [registrationKey]: { registeredAt, serial, name: id } }
            registry.register({
              service: 's',
              name: id,
              connect,
              capabilities: some,
              metadata,
              replace: true,
            })
          } else if (has && what === 'update') registry.update(id, { capabilities: some })
          else if (has && what === 'remove') registry.unregister(id)
          else if (has && what === 'judge')
            registry.updateFromHealth(id, { status: registeredAt > 0 ? 'unhealthy' : 'healthy' })
          else if (has && what === 'renew') registry.renew(id, { forMs: 60_000, facts: { serial } })
          same(registry, entries)
        }
        const late = new Entries(registry)
        same(registry, late)
        entries.close()
        late.close()
        await registry.close()
      }),
      { numRuns: 60, seed: 1 },
    )
  })

  it('of a capability come in turn, those who do not pass left out, although they come and go', async () => {
    const registry = new ServiceRegistry()
    const entries = new Entries(registry)
    const add = (id: string, serial: number): void => {
      const metadata = { [registrationKey]: { registeredAt: 1, serial, name: id } }
      registry.register({
        service: 's',
        name: id,
        connect: () => ({}),
        capabilities: ['a'],
        metadata,
      })
    }
    for (const [i, id] of ['p', 'q', 'r'].entries()) add(id, i + 1)
    let place = entries.next('a', undefined, () => true)?.place
    const turn = (passes: (id: string) => boolean = () => true): string | undefined => {
      const next = entries.next('a', place, ({ id }) => passes(id))
      place = next?.place ?? place
      return next?.entry.id
    }
    expect([turn(), turn(), turn()]).toEqual(['q', 'r', 'p'])
    expect(turn((id) => id !== 'q')).toBe('r')
    registry.unregister('r') // whose turn it was
    expect([turn(), turn()]).toEqual(['p', 'q'])
    add('s', 9)
    expect([turn(), turn()]).toEqual(['s', 'p'])
    expect(turn((id) => id === 'p')).toBe('p')
    expect(turn(() => false)).toBeUndefined()
    expect(entries.next('b', undefined, () => true)).toBeUndefined()
    await registry.close()
  })
})
