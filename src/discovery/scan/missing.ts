import type { Fingerprint } from './fingerprint.js'
import type { Found, Missing, Tried } from './report.js'

interface Attempt {
  readonly origin: string
  readonly kinds: ReadonlySet<string>
  readonly why: string
}

/** What was found nowhere: where it was looked for, why it was not there, and what to do. */
export function missingOf(
  fingerprints: readonly Fingerprint[],
  found: readonly Found[],
  attempts: readonly Attempt[],
): readonly Missing[] {
  const there = new Set(found.map(({ kind }) => kind))
  return fingerprints
    .filter(({ kind, ports }) => !there.has(kind) && ports.length > 0)
    .map(({ kind, title, advice }) => ({ kind, title, tried: triedFor(kind, attempts), advice }))
}

const triedFor = (kind: string, attempts: readonly Attempt[]): readonly Tried[] =>
  attempts.flatMap(({ origin, kinds, why }) => (kinds.has(kind) ? [{ address: origin, why }] : []))
