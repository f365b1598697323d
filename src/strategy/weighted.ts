import { DueHeap, type Timed } from '../core/heap.js'
import type { Candidate, NonEmpty, PickRequest, Strategy } from '../model/strategy.js'

/** When a candidate is due again, in virtual time: each turn costs it 1 / weight. */
interface Turn extends Timed {
  readonly candidate: Candidate
}

interface Schedule {
  readonly candidates: readonly Candidate[]
  /** Also of those who are not offered at the moment, so that they come back to what they are owed. */
  readonly dueAt: ReadonlyMap<string, number>
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
    const schedule = schedules.get(pool)
    return schedule?.candidates === candidates ? schedule : enrol(schedule, candidates)
  }
  return {
    name: 'weighted',
    pick(candidates, request) {
      const schedule = scheduleOf(candidates, request)
      schedules.set(request.pool, schedule)
      return next(schedule) ?? candidates[0]
    },
    peek: (candidates, request) =>
      scheduleOf(candidates, request).heap.first?.candidate ?? candidates[0],
  }
}

/** A new schedule: who was there keeps its turn; who comes starts with half a turn to wait. */
function enrol(before: Schedule | undefined, candidates: NonEmpty<Candidate>): Schedule {
  const now = before?.now ?? 0
  const dueAt = before === undefined ? new Map<string, number>() : turnsOf(before, candidates)
  const heap = new DueHeap<Turn>()
  for (const candidate of candidates) {
    const kept = dueAt.get(candidate.provider)
    const at = kept === undefined ? now + 0.5 / candidate.weight : Math.max(kept, now)
    heap.push({ candidate, at, slot: -1 })
  }
  return { candidates, dueAt, heap, now }
}

/** As many of those who left are remembered as there are candidates now, so that it cannot grow for ever. */
function turnsOf(schedule: Schedule, candidates: NonEmpty<Candidate>): Map<string, number> {
  const turns = new Map<string, number>()
  let spare = candidates.length + sparePlaces
  const present = new Set(candidates.map(({ provider }) => provider))
  for (const { candidate, at } of schedule.heap.items) turns.set(candidate.provider, at)
  for (const [provider, at] of schedule.dueAt)
    if (!turns.has(provider) && (present.has(provider) || spare-- > 0)) turns.set(provider, at)
  return turns
}

const sparePlaces = 64

function next(schedule: Schedule): Candidate | undefined {
  const turn = schedule.heap.popDue(Number.POSITIVE_INFINITY)
  if (turn === undefined) return undefined
  schedule.now = turn.at
  turn.at += 1 / turn.candidate.weight
  schedule.heap.push(turn)
  return turn.candidate
}
