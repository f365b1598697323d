import { DueHeap, type Timed } from '../core/heap.js'
import type { Candidate, NonEmpty, PickRequest, Strategy } from '../model/strategy.js'

/** When a candidate is due again, in virtual time: each turn costs it 1 / weight. */
interface Turn extends Timed {
  readonly candidate: Candidate
}

interface Schedule {
  candidates: readonly Candidate[]
  readonly turns: Map<string, Turn>
  readonly heap: DueHeap<Turn>
  now: number
}

/**
 * Shares of the weights, spread evenly: with weights 2 and 1, never three in a row. O(log n).
 * Source: earliest deadline first, as in A. Demers, S. Keshav and S. Shenker, "Analysis and
 * Simulation of a Fair Queueing Algorithm", 1989.
 */
export function weighted(): Strategy {
  const schedules = new WeakMap<PickRequest['pool'], Schedule>()
  const scheduleOf = (candidates: NonEmpty<Candidate>, { pool }: PickRequest): Schedule => {
    let schedule = schedules.get(pool)
    if (schedule === undefined) {
      schedule = { candidates: [], turns: new Map(), heap: new DueHeap(), now: 0 }
      schedules.set(pool, schedule)
    }
    if (schedule.candidates !== candidates) enrol(schedule, candidates)
    return schedule
  }
  return {
    name: 'weighted',
    pick: (candidates, request) => next(scheduleOf(candidates, request)) ?? candidates[0],
    peek: (candidates, request) =>
      scheduleOf(candidates, request).heap.first?.candidate ?? candidates[0],
  }
}

/** Who stays keeps its turn; who comes (back) starts with half a turn to wait, so that ties follow the order. */
function enrol(schedule: Schedule, candidates: NonEmpty<Candidate>): void {
  const { turns, heap } = schedule
  const before = new Map(turns)
  turns.clear()
  heap.clear()
  for (const candidate of candidates) {
    const kept = before.get(candidate.provider)?.at
    const at =
      kept === undefined ? schedule.now + 0.5 / candidate.weight : Math.max(kept, schedule.now)
    const turn: Turn = { candidate, at, slot: -1 }
    turns.set(candidate.provider, turn)
    heap.push(turn)
  }
  schedule.candidates = candidates
}

function next(schedule: Schedule): Candidate | undefined {
  const turn = schedule.heap.popDue(Number.POSITIVE_INFINITY)
  if (turn === undefined) return undefined
  schedule.now = turn.at
  turn.at += 1 / turn.candidate.weight
  schedule.heap.push(turn)
  return turn.candidate
}
