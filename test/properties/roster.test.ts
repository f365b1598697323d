import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Placed, Roster, Turn } from '../../src/catalog/roster.js'

interface Member extends Placed {
  admissible: boolean
}

const change = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), at: fc.nat(4_000) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove' as const), at: fc.nat(4_000) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('flip' as const), at: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('empty' as const), at: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crowd' as const), at: fc.nat(4_000) }) },
)

/** What a roster says, from a list and nothing else. */
class Scan {
  readonly members = new Map<number, Member>()

  get ordered(): Member[] {
    return [...this.members.values()].sort((a, b) => a.order - b.order)
  }

  get admissible(): Member[] {
    return this.ordered.filter(({ admissible }) => admissible)
  }

  next(after: number): Member | undefined {
    const { admissible } = this
    return admissible.find(({ order }) => order > after) ?? admissible[0]
  }
}

function compare(roster: Roster<Member>, scan: Scan, turn: Turn): void {
  const { ordered, admissible } = scan
  expect(roster.size).toBe(ordered.length)
  expect(roster.admissible).toBe(admissible.length)
  expect(roster.first()).toBe(admissible[0])
  const probes = [Number.NEGATIVE_INFINITY, -1, 0, 1_999.5, 4_001, Number.POSITIVE_INFINITY]
  for (let at = 0; at < ordered.length; at += 97) probes.push(ordered[at]?.order ?? 0)
  for (const order of probes)
    expect(roster.after(order), `after ${order}`).toBe(
      admissible.find((member) => member.order > order),
    )
  for (let turns = 0; turns < 3; turns++) {
    const expected = scan.next(turn.order)
    expect(roster.next(turn)).toBe(expected)
    if (expected !== undefined) expect(turn.order).toBe(expected.order)
  }
}

it('equals a full scan whatever is added, removed and flipped, also when chunks split', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0, 3, 511, 512, 513, 1_024, 1_100, 1_700),
      fc.boolean(),
      fc.array(change, { maxLength: 60 }),
      (size, atOnce, changes) => {
        const scan = new Scan()
        for (let at = 0; at < size; at++) {
          const member = { order: at * 2, admissible: at % 3 !== 0 }
          scan.members.set(member.order, member)
        }
        const roster = atOnce ? Roster.of(scan.ordered) : new Roster<Member>()
        if (!atOnce) for (const member of scan.members.values()) roster.add(member)
        const turn = new Turn()
        const add = (order: number): void => {
          if (scan.members.has(order)) return
          const member = { order, admissible: order % 5 !== 0 }
          scan.members.set(order, member)
          roster.add(member)
        }
        const remove = (member: Member | undefined): void => {
          if (member === undefined) return
          scan.members.delete(member.order)
          roster.remove(member)
          expect(roster.has(member)).toBe(false)
        }
        compare(roster, scan, turn)
        for (const { do: what, at } of changes) {
          const member = scan.ordered[at % Math.max(1, scan.members.size)]
          if (what === 'add') add(at)
          else if (what === 'crowd') for (let more = 0; more < 300; more++) add(at + more / 512)
          else if (what === 'remove') remove(member)
          else if (what === 'empty')
            for (const one of scan.ordered.slice(at % 1_000, (at % 1_000) + 520)) remove(one)
          else if (member !== undefined) {
            member.admissible = !member.admissible
            roster.flip(member)
          }
          if (what !== 'add') compare(roster, scan, turn)
        }
        compare(roster, scan, turn)
        expect([...roster]).toEqual(scan.ordered)
      },
    ),
    { numRuns: 60 },
  )
})

it('takes no notice of members it does not hold', () => {
  const roster = Roster.of<Member>([{ order: 1, admissible: true }])
  const stranger = { order: 1, admissible: false }
  roster.flip(stranger)
  roster.remove(stranger)
  roster.add(stranger)
  expect([roster.size, roster.admissible, roster.first()?.order]).toEqual([1, 1, 1])
  expect(roster.has(stranger)).toBe(false)
})

it('counts a version up with each change of what may be chosen', () => {
  const member = { order: 1, admissible: true }
  const roster = new Roster<Member>()
  const versions = [roster.version]
  const note = (): void => void versions.push(roster.version)
  roster.add(member)
  note()
  member.admissible = false
  roster.flip(member)
  note()
  roster.flip(member)
  expect(roster.version).toBe(versions.at(-1))
  member.admissible = true
  roster.flip(member)
  note()
  roster.remove(member)
  note()
  expect(new Set(versions).size).toBe(versions.length)
})
