import { closest } from '../../model/did-you-mean.js'
import { Failure } from '../failure.js'
import { counted } from '../words.js'
import { isActive, type RemoteEntry } from './entry.js'
import { timeText } from './entry-words.js'
import { nameIn } from './filters.js'
import type { Remote } from './remote.js'

/** Why somebody is asked for a capability, or is not. */
export interface Verdict {
  readonly entry: RemoteEntry
  readonly isCandidate: boolean
  readonly why: string
}

export interface Explanation {
  readonly capability: string
  /** Of everybody who has it, in this version or another one; candidates first, in their turn. */
  readonly verdicts: readonly Verdict[]
  /** How many there are that have nothing of that name. */
  readonly others: number
  /** What was probably meant, when nobody has it. */
  readonly near: string | undefined
}

/** A registry compares capabilities as they are written, and asks each of those that are active in turn. */
export function explanationOf(capability: string, all: readonly RemoteEntry[]): Explanation {
  const related = all.filter(({ capabilities }) =>
    capabilities.some((one) => nameIn(one) === nameIn(capability)),
  )
  const verdicts = related.map((entry) => verdictOn(entry, capability))
  const hasNone = !related.some(({ capabilities }) => capabilities.includes(capability))
  const known = [...new Set(all.flatMap(({ capabilities }) => capabilities))]
  return {
    capability,
    verdicts: [
      ...verdicts.filter(({ isCandidate }) => isCandidate),
      ...verdicts.filter(({ isCandidate }) => !isCandidate),
    ],
    others: all.length - related.length,
    near: hasNone ? nearest(capability, known) : undefined,
  }
}

/** The same in another version is nearer than another name. */
const nearest = (capability: string, known: readonly string[]): string | undefined =>
  known.find((one) => nameIn(one) === nameIn(capability)) ?? closest(capability, known)

function verdictOn(entry: RemoteEntry, capability: string): Verdict {
  const { capabilities, failedChecks = 0, status } = entry
  if (!capabilities.includes(capability)) {
    const versions = capabilities.filter((one) => nameIn(one) === nameIn(capability))
    const why = `has ${versions.join(', ')}, which is asked for as it is written`
    return { entry, isCandidate: false, why }
  }
  if (!isActive(entry)) return { entry, isCandidate: false, why: whyUnhealthy(entry) }
  const why = status === 'degraded' ? `is degraded, and still asked${rateOf(entry)}` : 'is healthy'
  const misses =
    failedChecks === 0 ? '' : `; ${counted(failedChecks, 'health check')} in a row failed`
  return { entry, isCandidate: true, why: why + misses }
}

/** As many missed checks make a location unhealthy. */
const mostMisses = 3
/** Below it an agent that says so is unhealthy. */
const leastRate = 0.3

function whyUnhealthy(entry: RemoteEntry): string {
  const { failedChecks = 0, location, telemetry } = entry
  if (failedChecks >= mostMisses)
    return `is unhealthy: ${failedChecks} health checks in a row failed at ${location}`
  if (telemetry !== undefined && telemetry.totalExecutions > 0 && telemetry.successRate < leastRate)
    return `is unhealthy${rateOf(entry)}`
  const seen = timeText(entry.lastSeenAt)
  return `is unhealthy: ${seen === undefined ? 'it is silent' : `nothing was heard of it since ${seen}`}`
}

const rateOf = ({ telemetry }: RemoteEntry): string =>
  telemetry === undefined || telemetry.totalExecutions === 0
    ? ''
    : `: it says that ${Math.round(telemetry.successRate * 100)} % of its work went well`

/** Rejects with why there is nobody, and what to do. */
export async function nobody(capability: string, remote: Remote): Promise<never> {
  const { near, verdicts } = explanationOf(capability, await remote.list())
  const having = verdicts.filter(({ entry }) => entry.capabilities.includes(capability)).length
  const hint =
    near === undefined
      ? 'switchgear list capabilities says what there is'
      : `did you mean '${near}'?`
  throw new Failure(
    having === 0
      ? `nobody at ${remote.url} has '${capability}'; ${hint}`
      : `none of ${counted(having, 'registration')} at ${remote.url} that have '${capability}' is well; switchgear explain ${capability} says why`,
  )
}
