import { describe, expect, it } from 'vitest'
import { Catalog, lastOrderOf, orderOf, serialOf } from '../../src/catalog/catalog.js'
import type { Member } from '../../src/catalog/scope.js'
import { parseRegistration } from '../../src/model/parse/registration.js'
import { toRequirements } from '../../src/model/parse/request.js'
import { inTurn } from '../../src/strategy/built-in.js'

let serial = 0
const member = (more: object = {}): Member & { admissible: boolean } => {
  serial += 1
  const { record } = parseRegistration({ service: 's', name: `p${serial}`, provider: {}, ...more })
  return { provider: record, order: orderOf(record, serial), admissible: true }
}

describe('order', () => {
  it('is group, then priority, then registration, in one exact number', () => {
    const orders = [-32_768, -1, 0, 1, 32_767].flatMap((group) =>
      [0, 1, 2, 3, 9].flatMap((priority) =>
        [1, 2, 2 ** 32 - 1].map((number) =>
          orderOf({ group, priority } as Member['provider'], number),
        ),
      ),
    )
    expect(orders).toEqual([...orders].sort((a, b) => a - b))
    expect(new Set(orders).size).toBe(orders.length)
    expect(orders.every(Number.isSafeInteger)).toBe(true)
    expect(serialOf(orders.at(-1) ?? 0)).toBe(2 ** 32 - 1)
  })

  it('knows the end of a group', () => {
    const last = orderOf({ group: 4, priority: 9 } as Member['provider'], 2 ** 32 - 1)
    const next = orderOf({ group: 5, priority: 0 } as Member['provider'], 0)
    expect(lastOrderOf(4)).toBeGreaterThanOrEqual(last)
    expect(lastOrderOf(4)).toBeLessThan(next)
  })
})

describe('the catalogue', () => {
  it('keeps pools true for capabilities in any order, versions apart', () => {
    const catalog = new Catalog<Member>()
    const scope = catalog.scope('s', '*')
    const requirements = toRequirements(['a', 'b@^1'])
    const pool = scope.lend(requirements, 'ab')
    const mixed = member({ capabilities: ['a@1', 'b@1.2', 'a@2', 'c', 'b@2'] })
    catalog.put(mixed, undefined)
    catalog.put(member({ capabilities: ['a', 'b@2'] }), undefined)
    expect([...pool.roster]).toEqual([mixed])
    const later = scope.lend(requirements, 'ab')
    expect(later).toBe(pool)
    mixed.admissible = false
    catalog.flip(mixed)
    expect(pool.roster.first()).toBeUndefined()
    catalog.remove(mixed)
    expect(pool.roster.size).toBe(0)
  })

  it('forgets services and scopes that nobody uses', () => {
    const catalog = new Catalog<Member>()
    const one = member({ handler: ['A', 'B'] })
    catalog.put(one, undefined)
    const scope = catalog.scope('other', 'A')
    const pool = scope.lend([], '')
    catalog.tidy(scope)
    expect(catalog.find('other', 'A')).toBe(scope)
    scope.giveBack(pool)
    catalog.tidy(scope)
    expect(catalog.find('other', 'A')).toBeUndefined()
    catalog.remove(one)
    expect([...catalog.scopes()]).toEqual([])
    expect(catalog.size).toBe(0)
  })

  it('changes a member in place: its groups keep strategy and turns', () => {
    const catalog = new Catalog<Member>()
    const one = member({ handler: ['A', 'B'] })
    catalog.put(one, inTurn)
    const pool = catalog.scope('s', 'A').lend([], '')
    pool.turns.set(0, { order: 5 } as never)
    catalog.change(one, undefined, () => {
      one.order += 1
    })
    expect(catalog.find('s', 'A')?.groups.get(0)).toMatchObject({ strategy: inTurn, size: 1 })
    expect(catalog.find('s', 'B')?.groups.get(0)).toMatchObject({ strategy: inTurn, size: 1 })
    expect(pool.turns.size).toBe(1)
    expect([...pool.roster]).toEqual([one])
    catalog.remove(one)
    expect(pool.turns.size).toBe(0)
    expect(catalog.find('s', 'B')).toBeUndefined()
  })
})
