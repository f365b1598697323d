import { isObject } from '../../core/foreign.js'
import type { CheckReport } from '../../model/health.js'
import { type HealthAnswer, readHealthAnswer } from '../../model/health-answer.js'

/**
 * Reads what a program says of itself in the body of a health answer with a good status: how it is, its version, models,
 * features, limits and load, as `updateFromHealth` does. A body that is no object says no more than the status did. Throws
 * `InvalidRequestError` when it is far too large. For `httpProbe({ read: healthAnswer })`.
 */
export function healthAnswer(body: unknown): CheckReport {
  if (!isObject(body)) return { status: 'healthy' }
  const answer = readHealthAnswer(body, () => true)
  const { status, version, apiVersion, models, limits, load } = answer
  return { status, version, apiVersion, models, limits, load, capabilities: abilitiesOf(answer) }
}

function abilitiesOf(answer: HealthAnswer): CheckReport['capabilities'] {
  const { capabilities, exhaustive, lacks } = answer
  return exhaustive || capabilities === undefined ? capabilities : flags(capabilities, lacks)
}

function flags(
  has: readonly string[],
  lacks: readonly string[],
): Readonly<Record<string, boolean>> {
  const all = [
    ...lacks.map((name) => [name, false] as const),
    ...has.map((name) => [name, true] as const),
  ]
  return Object.fromEntries(all)
}
