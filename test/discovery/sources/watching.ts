import { expect, onTestFinished } from 'vitest'
import type { Source, View } from '../../../src/discovery/source.js'
import type { Sighting } from '../../../src/model/sighting.js'
import { FakeClock } from '../../../src/testing/index.js'

export interface Watching {
  readonly stop: AbortController
  /** The next view, whole. */
  next(): Promise<{ sightings: readonly Sighting[]; authoritative: boolean } | undefined>
  /** The names in the next view. */
  names(): Promise<readonly string[] | undefined>
  /** Views are taken until one has exactly these names. */
  until(...names: readonly string[]): Promise<readonly Sighting[]>
}

/** Watches until the test is over. */
export function watching(source: Source): Watching {
  const stop = new AbortController()
  const views = source.watch(stop.signal)[Symbol.asyncIterator]()
  onTestFinished(() => stop.abort())
  const next: Watching['next'] = async () => {
    const { value, done } = await views.next()
    return done === true ? undefined : whole(value)
  }
  const names: Watching['names'] = async () => (await next())?.sightings.map(({ name }) => name)
  return {
    stop,
    next,
    names,
    async until(...wanted) {
      for (;;) {
        const view = await next()
        if (view === undefined) throw new Error('it ended')
        const found = view.sightings.map(({ name }) => name)
        if (found.sort().join() === [...wanted].sort().join()) return view.sightings
      }
    },
  }
}

const whole = (view: View) =>
  'sightings' in view
    ? { sightings: view.sightings, authoritative: view.authoritative === true }
    : { sightings: view, authoritative: false }

/** Knows who waits for it, so that time need not pass before somebody does. */
export class PatientClock extends FakeClock {
  readonly #waits = new Set<{ readonly ms: number }>()

  override every(ms: number, fn: () => void): () => void {
    const wait = { ms }
    this.#waits.add(wait)
    const stop = super.every(ms, fn)
    return () => {
      this.#waits.delete(wait)
      stop()
    }
  }

  isAwaited(ms: number): boolean {
    return [...this.#waits].some((wait) => wait.ms === ms)
  }
}

/** Once somebody waits for that long, it passes; then something comes to be so. */
export async function passing(clock: PatientClock, ms: number, isSo: () => boolean): Promise<void> {
  const soon = { timeout: 10_000, interval: 5 }
  await expect.poll(() => clock.isAwaited(ms), soon).toBe(true)
  await clock.advance(ms)
  await expect.poll(isSo, soon).toBe(true)
}
