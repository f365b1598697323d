import { isDeepStrictEqual } from 'node:util'
import type { Found, ScanReport } from '../../discovery/scan/report.js'
import { capabilitiesOf, healthOf, modelsOf, short, some } from './found-words.js'

/** What became different between two scans. */
export type Change =
  | { readonly event: 'appeared' | 'gone'; readonly found: Found }
  | { readonly event: 'changed'; readonly found: Found; readonly before: Found }

/** What is there, from scan to scan. */
export class Seen {
  #found: ReadonlyMap<string, Found> = new Map()

  get found(): readonly Found[] {
    return [...this.#found.values()]
  }

  /**
   * Takes up a report. Who accepts connections and is too busy to answer, or was not asked in time, is not gone; what
   * one did not come to say is as it was.
   */
  take(report: ScanReport): readonly Change[] {
    const now = new Map(report.found.map((found) => [found.name, found]))
    const busy = new Set(report.unknown.flatMap(({ address, silent }) => (silent ? address : [])))
    for (const [name, found] of this.#found) {
      const seen = now.get(name)
      if (seen?.partial === true) now.set(name, { ...found, health: seen.health })
      if (seen !== undefined) continue
      if (busy.has(found.address)) now.set(name, { ...found, health: 'unknown' })
      else if (!report.complete) now.set(name, found)
    }
    const changes = [...this.#gone(now), ...this.#new(now)]
    this.#found = now
    return changes
  }

  #gone(now: ReadonlyMap<string, Found>): readonly Change[] {
    return this.found
      .filter(({ name }) => !now.has(name))
      .map((found): Change => ({ event: 'gone', found }))
  }

  #new(now: ReadonlyMap<string, Found>): readonly Change[] {
    return [...now.values()].flatMap((found): readonly Change[] => {
      const before = this.#found.get(found.name)
      if (before === undefined) return [{ event: 'appeared', found }]
      return isDeepStrictEqual(before, found) ? [] : [{ event: 'changed', found, before }]
    })
  }
}

/** What is different about a back end, in words; empty when it is nothing that people look at. */
export function differences(before: Found, now: Found): readonly string[] {
  const health = [healthOf(before).text, healthOf(now).text] as const
  const version = [short(before.version ?? 'unknown'), short(now.version ?? 'unknown')] as const
  return [
    ...(health[0] === health[1] ? [] : [`${health[0]} → ${health[1]}`]),
    ...(version[0] === version[1] ? [] : [`version ${version[0]} → ${version[1]}`]),
    ...listChange('models', modelsOf(before), modelsOf(now)),
    ...listChange('can', capabilitiesOf(before), capabilitiesOf(now)),
  ]
}

const mostNamed = 5

function listChange(what: string, before: readonly string[], now: readonly string[]) {
  const had = new Set(before)
  const has = new Set(now)
  const changes = [
    ...now.filter((one) => !had.has(one)).map((one) => `+${one}`),
    ...before.filter((one) => !has.has(one)).map((one) => `-${one}`),
  ]
  return changes.length === 0 ? [] : [`${what} ${some(changes, mostNamed)}`]
}
