import type { Sighting } from '../model/sighting.js'

/** Everything a source sees at one time. */
export type View =
  | readonly Sighting[]
  | {
      readonly sightings: readonly Sighting[]
      /** That nothing is there is believed at once. Otherwise only the second time in a row. */
      readonly authoritative?: boolean | undefined
    }

/**
 * Sees providers. It does the least there is to do: it looks, and yields everything it sees. The
 * registry checks what it is given, compares it with what this source gave before, keeps the last good
 * view while the source fails, and asks again.
 */
export interface Source {
  /** Unique in a registry; the `origin` of what it sees. */
  readonly name: string
  /**
   * Yields at once what there is, and again whenever that may be different. Throws when it cannot
   * look. May end, if nothing will ever be different. Stops when the signal aborts.
   */
  watch(signal: AbortSignal): AsyncIterable<View>
}
