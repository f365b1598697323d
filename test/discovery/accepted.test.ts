import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Accepted } from '../../src/discovery/accepted.js'
import type { Sighting } from '../../src/index.js'

const sighting = (rest: object = {}): Sighting => ({ service: 'llm', name: 'a', ...rest })

/** Whether the second is known after the first. */
function isKnown(first: Sighting, second: unknown): boolean {
  const accepted = new Accepted()
  accepted.keep(first.name, first)
  return accepted.has(second as Sighting)
}

describe('what was accepted', () => {
  it('is known again, made of new objects or given again, until it is forgotten', () => {
    const accepted = new Accepted()
    const one = sighting({ models: ['m'], metadata: { zone: 'x', list: [1, { deep: null }] } })
    expect(accepted.has(one)).toBe(false)
    accepted.keep('a', one)
    expect([accepted.has(one), accepted.has(structuredClone(one))]).toEqual([true, true])
    expect(accepted.has({ ...one, name: 'b' })).toBe(false)
    accepted.forget('a')
    expect(accepted.has(one)).toBe(false)
  })

  it('is another when a source changes its own objects', () => {
    const accepted = new Accepted()
    const models = ['m']
    const metadata: Record<string, unknown> = { slots: 4 }
    const one = sighting({ models, metadata })
    accepted.keep('a', one)
    metadata.slots = 5
    expect(accepted.has(one)).toBe(false)
    accepted.keep('a', one)
    models.push('n')
    expect(accepted.has(one)).toBe(false)
  })

  it('goes by the functions themselves, and trusts no object of a class', () => {
    const connect = (): object => ({})
    expect(isKnown(sighting({ connect }), sighting({ connect }))).toBe(true)
    expect(isKnown(sighting({ connect }), sighting({ connect: () => ({}) }))).toBe(false)
    const check = (): boolean => true
    const probe = { name: 'p', check }
    expect(isKnown(sighting({ probe }), sighting({ probe: { name: 'p', check } }))).toBe(true)
    const metadata = { date: new Map() }
    expect(isKnown(sighting({ metadata }), sighting({ metadata }))).toBe(false)
    expect(isKnown(sighting({ metadata }), sighting({ metadata: { date: {} } }))).toBe(false)
  })

  it.each<[object, unknown]>([
    [{}, { version: '1' }],
    [{ version: '1' }, {}],
    [{ version: '1' }, { version: '2' }],
    [{ version: undefined }, { health: undefined }],
    [{ models: ['a', 'b'] }, { models: ['b', 'a'] }],
    [{ models: ['a'] }, { models: { 0: 'a', length: 1 } }],
    [{ metadata: {} }, { metadata: [] }],
    [{ metadata: {} }, { metadata: null }],
    [{ weight: 0 }, { weight: -0 }],
  ])('%j is not %j', (first, second) => {
    expect(isKnown(sighting(first), { ...sighting(), ...(second as object) })).toBe(false)
  })

  it('throws at nothing a source may give', () => {
    for (const one of [null, undefined, 1, 'a', [], Object.create(null)])
      expect(isKnown(sighting(), one)).toBe(false)
  })

  it('agrees with a comparison of texts, whatever the data', () => {
    const data = fc.jsonValue({ maxDepth: 3 })
    fc.assert(
      fc.property(data, data, (a, b) => {
        const text = (value: unknown): string => JSON.stringify(value, sorted)
        const [first, second] = [sighting({ metadata: a }), sighting({ metadata: b })]
        expect(isKnown(first, structuredClone(first))).toBe(true)
        if (text(a) !== text(b)) expect(isKnown(first, second)).toBe(false)
      }),
    )
  })
})

/** For `JSON.stringify`: keys in one order. */
const sorted = (_: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
