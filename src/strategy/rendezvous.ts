import type { Candidate, NonEmpty } from '../model/strategy.js'

/**
 * The candidate that scores highest for this key. When one leaves, only its keys move; when it comes
 * back, they return. Weights are respected.
 * Source: D. Thaler and C. Ravishankar, "Using Name-Based Mappings to Increase Hit Rates", 1998;
 * weighted form: J. Schindelhauer and G. Schomaker, 2005.
 */
export function rendezvous(candidates: NonEmpty<Candidate>, key: string): Candidate {
  const seed = hash(key, 0x811c9dc5)
  let best = candidates[0]
  let highest = Number.NEGATIVE_INFINITY
  for (const candidate of candidates) {
    const unit = (mix(hash(candidate.provider, seed)) + 0.5) / 2 ** 32
    const score = -candidate.weight / Math.log(unit)
    if (score <= highest) continue
    highest = score
    best = candidate
  }
  return best
}

/** FNV-1a over UTF-16 units. */
function hash(text: string, seed: number): number {
  let value = seed
  for (let at = 0; at < text.length; at++)
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193)
  return value >>> 0
}

/** The finalizer of MurmurHash3: FNV alone leaves similar names with similar scores. */
function mix(value: number): number {
  let mixed = value ^ (value >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
