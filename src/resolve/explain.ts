import type { Pool } from '../catalog/scope.js'
import { lackOf } from '../model/capability.js'
import { everyHandler } from '../model/provider.js'
import type { ProviderRefusal, Refusal } from '../model/refusal.js'
import type { ServiceRequest } from '../model/request.js'
import type { Plan } from './plan.js'
import type { Seat } from './seat.js'
import { excludedBy } from './select.js'

/** Why one provider would be chosen, could be, or cannot. */
export interface ExplainedCandidate {
  readonly provider: string
  readonly scope: 'handler' | 'global'
  readonly group: number
  readonly priority: number
  readonly verdict: 'chosen' | 'eligible' | Refusal
}

export interface Explanation {
  readonly chosen: string | undefined
  readonly candidates: readonly ExplainedCandidate[]
}

/** An outage of a very large pool must not make each failing call list all of it. */
const mostRefusals = 1_000

/** All candidates of a request in the order they would be tried. */
function* candidatesOf(plan: Plan): Generator<{ readonly pool: Pool<Seat>; readonly seat: Seat }> {
  for (const pool of plan.pools)
    for (const seat of [...pool.scope.members].sort((a, b) => a.order - b.order))
      yield { pool, seat }
}

/** Why this provider is no choice for the request now. Changes nothing. */
function refusalOf(
  { pool, seat }: { readonly pool: Pool<Seat>; readonly seat: Seat },
  request: ServiceRequest,
  now: number,
): Refusal | undefined {
  const missing = pool.requirements
    .map((requirement) => lackOf(seat.provider.capabilities, requirement))
    .filter((lack) => lack !== undefined)
  if (missing.length > 0) return { reason: 'incapable', missing: Object.freeze(missing) }
  const constraint = excludedBy(seat, request)
  if (constraint !== undefined) return { reason: 'excluded', constraint }
  return seat.refusal(now)
}

export function refusalsOf(
  plan: Plan,
  request: ServiceRequest,
  now: number,
): readonly ProviderRefusal[] {
  const refusals: ProviderRefusal[] = []
  for (const candidate of candidatesOf(plan)) {
    if (refusals.length === mostRefusals) break
    const refusal = refusalOf(candidate, request, now) ?? { reason: 'connecting' }
    refusals.push(Object.freeze({ provider: candidate.seat.provider.name, ...refusal }))
  }
  return Object.freeze(refusals)
}

/** Everything considered for a request, with the one a look-up would take now. */
export function explain(
  plan: Plan,
  request: ServiceRequest,
  chosen: Seat | undefined,
  now: number,
): Explanation {
  const candidates = [...candidatesOf(plan)].map((candidate): ExplainedCandidate => {
    const { pool, seat } = candidate
    const { name, group, priority } = seat.provider
    const verdict =
      refusalOf(candidate, request, now) ??
      (seat === chosen ? ('chosen' as const) : ('eligible' as const))
    return Object.freeze({
      provider: name,
      scope: pool.scope.handler === everyHandler ? 'global' : 'handler',
      group,
      priority,
      verdict: typeof verdict === 'string' ? verdict : Object.freeze(verdict),
    })
  })
  return Object.freeze({ chosen: chosen?.provider.name, candidates: Object.freeze(candidates) })
}
