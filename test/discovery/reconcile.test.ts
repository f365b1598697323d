import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sightings } from '../../src/discovery/reconcile.js'

const graceMs = 100
const see = (names: readonly string[]) => names.map((name) => ({ service: 's', name }))

describe('what a source has seen', () => {
  it('tells who is missing once, and who is gone when the grace ends', () => {
    const seen = new Sightings({ graceMs })
    seen.see(see(['a', 'b']), false, 0)
    expect(seen.see(see(['a']), false, 10)).toMatchObject({ missing: ['b'], gone: [] })
    expect(seen.see(see(['a']), false, 109)).toMatchObject({ missing: [], gone: [] })
    expect(seen.nextAt).toBe(110)
    expect(seen.see(see(['a']), false, 110)).toMatchObject({ missing: [], gone: ['b'] })
    expect([seen.size, seen.nextAt]).toEqual([1, Number.POSITIVE_INFINITY])
  })

  it('does not believe a sudden emptiness, unless it is repeated or known', () => {
    const seen = new Sightings({ graceMs })
    seen.see(see(['a']), false, 0)
    expect(seen.see([], false, 1)).toBeUndefined()
    expect(seen.see([], false, 2)).toMatchObject({ missing: ['a'] })
    seen.see(see(['a']), false, 3)
    expect(seen.see([], true, 4)).toMatchObject({ missing: ['a'] })
    expect(new Sightings({ graceMs }).see([], false, 0)).toMatchObject({ missing: [], gone: [] })
  })

  it('knows when the first grace ends, of however many', () => {
    const seen = new Sightings({ graceMs })
    seen.see(see(Array.from({ length: 300_000 }, (_, i) => `p${i}`)), false, 0)
    expect(seen.see([], true, 7)?.missing).toHaveLength(300_000)
    expect(seen.nextAt).toBe(107)
  })

  it('agrees with a plain reading of the rules, whatever it sees', () => {
    const step = fc.record({
      names: fc.subarray(['a', 'b', 'c', 'd']),
      authoritative: fc.boolean(),
      waitMs: fc.integer({ min: 0, max: 120 }),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const seen = new Sightings({ graceMs })
        /** By name: since when missing, or null while it is there. */
        const model = new Map<string, number | null>()
        let emptyBefore = false
        let now = 0
        for (const { names, authoritative, waitMs } of steps) {
          now += waitMs
          const anyThere = [...model.values()].includes(null)
          const believed: boolean = names.length > 0 || !anyThere || authoritative || emptyBefore
          emptyBefore = !believed
          const found = seen.see(see(names), authoritative, now)
          expect(found !== undefined).toBe(believed)
          if (found === undefined) continue
          const missing = [...model].filter(([name, at]) => at === null && !names.includes(name))
          for (const [name] of missing) model.set(name, now)
          for (const name of names) model.set(name, null)
          const gone = [...model].filter(([, at]) => at !== null && now - at >= graceMs)
          for (const [name] of gone) model.delete(name)
          expect(new Set(found.missing)).toEqual(new Set(missing.map(([name]) => name)))
          expect(new Set(found.gone)).toEqual(new Set(gone.map(([name]) => name)))
          expect(new Set(seen.names())).toEqual(new Set(model.keys()))
        }
      }),
      { numRuns: 1_000 },
    )
  })
})
