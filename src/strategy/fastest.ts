import type { Candidate, NonEmpty, Strategy } from '../model/strategy.js'

/**
 * The one with the least expected wait: recent peak latency times the calls it has, plus one. A
 * provider nobody measured yet costs nothing, so each is tried; ties go to the earlier one.
 * Source: Twitter Finagle, `PeakEwma` load metric.
 */
export function fastest(): Strategy {
  return { name: 'fastest', pick: cheapest, peek: cheapest }
}

function cheapest(candidates: NonEmpty<Candidate>): Candidate {
  let best = candidates[0]
  let least = cost(best)
  for (const candidate of candidates) {
    const own = cost(candidate)
    if (own >= least) continue
    best = candidate
    least = own
  }
  return best
}

/** Without a measurement, the load alone decides, far below any that was measured. */
const cost = ({ latencyMs, load }: Candidate): number => (latencyMs || 1e-6) * (load + 1)
