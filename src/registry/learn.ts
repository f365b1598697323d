import type { CapabilityCatalog } from '../catalog/capability-catalog.js'
import type { HealthChecks, Judge } from '../health/checks.js'
import type { Capability } from '../model/capability.js'
import type { CheckReport } from '../model/health.js'
import { type HealthAnswer, readHealthAnswer } from '../model/health-answer.js'
import type { Provider } from '../model/provider.js'
import { type Learnable, learnable, withProbed } from '../model/told.js'
import type { Seat } from '../resolve/seat.js'

/**
 * What else changes of a provider with its record: then one event shows both. What comes back tells more, after that of
 * the record.
 */
export type Also = () => (() => void) | undefined

/** Who takes up what providers say of themselves. */
export interface Learner {
  readonly capabilities: CapabilityCatalog
  readonly checks: HealthChecks<Seat>
  turn<T>(change: () => T): T
  change(seat: Seat, record: Provider, also: Also): void
  log(level: 'debug' | 'warn', message: string, fields: Readonly<Record<string, unknown>>): void
}

/** Takes up what a health answer says of a provider: its record and its health, in one turn. */
export function learnFromHealth(parts: Learner, seat: Seat, body: unknown): void {
  const answer = read(parts, body)
  takeUp(parts, seat, answer, () =>
    parts.checks.learn(seat, answer.status, 'its health answer says so'),
  )
}

/** The same for what a check reports, which has its verdict already. What cannot be read changes nothing. */
export function learnFromCheck(
  parts: Learner,
  seat: Seat,
  report: CheckReport,
  judge: Judge,
): void {
  let answer: HealthAnswer
  try {
    answer = read(parts, report)
  } catch (error) {
    parts.log('warn', 'what a check learned cannot be read', {
      provider: seat.provider.name,
      error,
    })
    judge()()
    return
  }
  takeUp(parts, seat, answer, judge)
}

const read = ({ capabilities }: Learner, body: unknown): HealthAnswer =>
  readHealthAnswer(body, (name) => capabilities.has(name))

function takeUp(parts: Learner, seat: Seat, answer: HealthAnswer, judge: Judge): void {
  const before = seat.provider
  const record: Provider = {
    ...before,
    version: answer.version ?? before.version,
    apiVersion: answer.apiVersion ?? before.apiVersion,
    models: answer.models ?? before.models,
    limits: answer.limits ?? before.limits,
    capabilities: capabilitiesAfter(parts, before.capabilities, answer),
  }
  parts.turn(() =>
    parts.change(seat, record, () => {
      const tell = judge()
      seat.load = answer.load
      seat.told = withProbed(
        seat.told,
        learnable.filter((field) => isSaid(answer, field)),
      )
      return tell
    }),
  )
  if (answer.ignored.length > 0)
    parts.log('debug', 'part of a health answer was not understood', {
      provider: before.name,
      ignored: answer.ignored,
    })
}

/** Whether it says anything about this; of capabilities, anything that could be understood. */
function isSaid(answer: HealthAnswer, field: Learnable): boolean {
  if (field !== 'capabilities') return answer[field] !== undefined
  return answer.exhaustive || answer.lacks.length > 0 || (answer.capabilities ?? []).length > 0
}

/**
 * A list of features is what the program says it can do: what it could have named and did not, is gone.
 * Capabilities that nobody has defined it cannot know, so they stay.
 */
function capabilitiesAfter(
  { capabilities }: Learner,
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
