import type { Capability } from '../model/capability.js'
import { type HealthAnswer, readHealthAnswer } from '../model/health-answer.js'
import type { Provider } from '../model/provider.js'
import type { Seat } from '../resolve/seat.js'
import type { Composition } from './composition.js'

/** Takes up what a health answer says of a provider: its record and its health, in one turn. */
export function learnFromHealth(parts: Composition, seat: Seat, body: unknown): void {
  const known = (name: string): boolean => parts.capabilities.has(name)
  const answer = readHealthAnswer(body, known)
  const before = seat.provider
  const record: Provider = {
    ...before,
    version: answer.version ?? before.version,
    apiVersion: answer.apiVersion ?? before.apiVersion,
    models: answer.models ?? before.models,
    limits: answer.limits ?? before.limits,
    capabilities: capabilitiesAfter(parts, before.capabilities, answer),
  }
  parts.turn(() => {
    parts.change(seat, record)
    parts.checks.learn(seat, answer.status, 'its health answer says so')
  })
  if (answer.ignored.length > 0)
    parts.log('debug', 'part of a health answer was not understood', {
      provider: before.name,
      ignored: answer.ignored,
    })
}

/**
 * A list of features is what the program says it can do: what it could have named and did not, is gone.
 * Capabilities that nobody has defined it cannot know, so they stay.
 */
function capabilitiesAfter(
  { capabilities }: Composition,
  before: readonly Capability[],
  { capabilities: said = [], exhaustive, lacks }: HealthAnswer,
): readonly Capability[] {
  const kept = before.filter(
    ({ name }) =>
      !lacks.includes(name) && (!exhaustive || said.includes(name) || !capabilities.has(name)),
  )
  const had = new Set(kept.map(({ name }) => name))
  const fresh = said.filter((name) => !had.has(name) && !lacks.includes(name))
  if (fresh.length === 0 && kept.length === before.length) return before
  const added = fresh.map((name): Capability => {
    const version = capabilities.get(name)?.version
    return Object.freeze({ name, ...(version !== undefined && { version }) })
  })
  return Object.freeze([...kept, ...added])
}
