import type { Candidate, NonEmpty, PickRequest, Strategy } from '../model/strategy.js'
import { rendezvous } from './rendezvous.js'

/** Each key keeps its provider while that one is admissible; without a key, the first in order. */
export function sticky(): Strategy {
  return { name: 'sticky', pick: stick, peek: stick }
}

function stick(candidates: NonEmpty<Candidate>, { key }: PickRequest): Candidate {
  return key === undefined ? candidates[0] : rendezvous(candidates, key)
}
