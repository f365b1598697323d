import type { CheckAnswer, CheckReport, CheckSettings, Health } from '../model/health.js'

/** What came of one check. */
export interface Finding {
  readonly health: Health
  /** Why it failed. */
  readonly problem: unknown
  readonly tookMs: number
  /** What it learned besides. */
  readonly learned: CheckReport | undefined
}

const states: ReadonlySet<unknown> = new Set([
  'healthy',
  'degraded',
  'unhealthy',
  'loading',
  'unknown',
])

/** Anything but a clear yes is a no. Throws what a getter of the answer throws. */
export function findingOf(answer: CheckAnswer | undefined, tookMs: number): Finding {
  if (typeof answer !== 'object' || answer === null || !('status' in answer))
    return {
      health: answer === true ? 'healthy' : 'unhealthy',
      problem: no,
      tookMs,
      learned: undefined,
    }
  const { status, message = no } = answer
  const health = states.has(status) ? status : 'unhealthy'
  return { health, problem: message, tookMs, learned: hasLearned(answer) ? answer : undefined }
}

const no = 'its check said no'

const hasLearned = (report: CheckReport): boolean => {
  const { version, apiVersion, models, capabilities, limits, load } = report
  return [version, apiVersion, models, capabilities, limits, load].some((one) => one !== undefined)
}

/** Checks in a row: those passed count up from 0, those failed count down, the others do not count. */
export function streakAfter(streak: number, health: Health): number {
  if (health === 'unhealthy') return Math.min(0, streak) - 1
  if (health === 'healthy' || health === 'degraded') return Math.max(0, streak) + 1
  return streak
}

/** What the monitor makes of a finding, with its streak. Nobody waits for it, so it need not hurry. */
export function observed(
  before: Health,
  { health, tookMs }: Finding,
  streak: number,
  { rise, fall, slowMs }: CheckSettings,
): Health {
  if (health === 'unhealthy') {
    if (-streak >= fall) return 'unhealthy'
    return before === 'unhealthy' || before === 'loading' ? before : 'degraded'
  }
  if (health === 'loading' || health === 'unknown') return health
  if (before === 'unhealthy' && streak < rise) return before
  return tookMs > slowMs ? 'degraded' : health
}
