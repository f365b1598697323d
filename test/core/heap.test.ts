import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DueHeap, type Timed } from '../../src/core/heap.js'

const item = (at: number): Timed => ({ at, slot: -1 })

describe('DueHeap', () => {
  it('is empty at first', () => {
    const heap = new DueHeap()
    expect(heap.size).toBe(0)
    expect(heap.first).toBeUndefined()
    expect(heap.nextAt).toBe(Number.POSITIVE_INFINITY)
    expect(heap.popDue(Number.POSITIVE_INFINITY)).toBeUndefined()
    expect(() => heap.remove(item(1))).not.toThrow()
  })

  it('gives what is due, inclusive, earliest first', () => {
    const heap = new DueHeap<Timed>()
    for (const at of [5, 1, 3]) heap.push(item(at))
    expect(heap.popDue(0.9)).toBeUndefined()
    expect(heap.popDue(1)?.at).toBe(1)
    expect(heap.nextAt).toBe(3)
    expect(heap.popDue(9)?.at).toBe(3)
    expect(heap.first?.at).toBe(5)
    expect(heap.size).toBe(1)
  })

  it('members know whether they are in it, and leave once', () => {
    const heap = new DueHeap<Timed>()
    const [a, b] = [item(1), item(2)]
    heap.push(a)
    heap.push(b)
    expect([a.slot, b.slot]).toEqual([0, 1])
    heap.remove(a)
    heap.remove(a)
    expect([a.slot, b.slot]).toEqual([-1, 0])
    heap.clear()
    expect(b.slot).toBe(-1)
    expect(heap.size).toBe(0)
    heap.push(b)
    expect(heap.popDue(2)).toBe(b)
    expect(b.slot).toBe(-1)
  })

  it('is a sorted list under any pushes, removals and pops', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('push' as const), at: fc.integer({ min: 0, max: 20 }) }),
      fc.record({ do: fc.constant('remove' as const), at: fc.nat({ max: 50 }) }),
      fc.record({ do: fc.constant('pop' as const), at: fc.integer({ min: 0, max: 20 }) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const heap = new DueHeap<Timed>()
        const list: Timed[] = []
        for (const one of steps) {
          if (one.do === 'push') {
            const added = item(one.at)
            heap.push(added)
            list.push(added)
          } else if (one.do === 'remove' && list.length > 0) {
            const [gone] = list.splice(one.at % list.length, 1)
            if (gone) heap.remove(gone)
            expect(gone?.slot).toBe(-1)
          } else if (one.do === 'pop') {
            const earliest = Math.min(...list.map(({ at }) => at))
            const popped = heap.popDue(one.at)
            expect(popped?.at).toBe(earliest <= one.at ? earliest : undefined)
            if (popped) list.splice(list.indexOf(popped), 1)
          }
          expect(heap.size).toBe(list.length)
          expect(heap.nextAt).toBe(Math.min(...list.map(({ at }) => at)))
          expect(new Set(list.map(({ slot }) => slot)).size).toBe(list.length)
        }
        const rest: number[] = []
        for (let one = heap.popDue(99); one; one = heap.popDue(99)) rest.push(one.at)
        expect(rest).toEqual(list.map(({ at }) => at).sort((a, b) => a - b))
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})
