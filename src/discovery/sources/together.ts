import type { Sighting } from '../../model/sighting.js'
import type { View } from '../source.js'
import { unique } from './look-up.js'

/** Everything that is seen in one place. */
export interface Part {
  readonly sightings: readonly Sighting[]
  /** Whether nothing would be believed at once. */
  readonly authoritative: boolean
}

/**
 * What is seen in several places as one view: first when all have answered, then whenever one has news.
 * When one fails, all do; their signal aborts as soon as nobody listens any more.
 */
export async function* together(
  signal: AbortSignal,
  watch: (stop: AbortSignal) => readonly AsyncGenerator<Part>[],
): AsyncGenerator<View, void, undefined> {
  const stop = new AbortController()
  const parts = watch(AbortSignal.any([signal, stop.signal]))
  const latest = new Map<number, Part>()
  const pending = parts.map(nextOf)
  try {
    for (;;) {
      const { at, value } = await Promise.race(pending)
      const part = parts[at]
      if (value === undefined || part === undefined) return
      latest.set(at, value)
      pending[at] = nextOf(part, at)
      if (latest.size === parts.length) yield viewOf([...latest.values()])
    }
  } finally {
    stop.abort()
  }
}

/** Looked at sooner or later, or not at all: a failure of one that nobody waits for is no failure. */
function nextOf(part: AsyncGenerator<Part>, at: number) {
  const next = part.next().then(({ value, done }) => ({ at, value: done ? undefined : value }))
  next.catch(() => {})
  return next
}

const viewOf = (parts: readonly Part[]): View => ({
  sightings: unique(parts.flatMap(({ sightings }) => sightings)),
  authoritative: parts.every(({ authoritative }) => authoritative),
})
