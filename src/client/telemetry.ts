import { type InputIssue, InvalidRequestError } from '../core/errors.js'
import { isObject } from '../core/foreign.js'

/** What an agent says of its own work. Plain numbers of 0 or more. */
export interface AgentTelemetry {
  /** From 0 to 1. Below 0.3 it is unhealthy, below 0.5 degraded, where there were executions. */
  readonly successRate: number
  readonly totalExecutions: number
  /** Default 0. */
  readonly failedExecutions?: number | undefined
  /** Default 0. */
  readonly avgDurationMs?: number | undefined
  /** In seconds or milliseconds since the epoch, as the agent counts. Default 0: not told. */
  readonly lastExecutionAt?: number | undefined
}

/** As both transports send it. */
export interface SentTelemetry {
  readonly success_rate: number
  readonly total_executions: number
  readonly failed_executions: number
  readonly avg_duration_ms: number
  readonly last_execution_at: number
}

/** Throws `InvalidRequestError`: a rate that was forgotten is no rate of 0. */
export function toSent(telemetry: AgentTelemetry): SentTelemetry {
  const issues = isObject(telemetry)
    ? [...issuesOf(telemetry)]
    : [{ field: 'telemetry', message: 'expected figures such as { successRate, totalExecutions }' }]
  if (issues.length > 0) throw new InvalidRequestError(issues, 'telemetry')
  const { successRate, totalExecutions } = telemetry
  const { failedExecutions = 0, avgDurationMs = 0, lastExecutionAt = 0 } = telemetry
  return {
    success_rate: successRate,
    total_executions: totalExecutions,
    failed_executions: failedExecutions,
    avg_duration_ms: avgDurationMs,
    last_execution_at: lastExecutionAt,
  }
}

const needed = ['successRate', 'totalExecutions']
const welcome = ['failedExecutions', 'avgDurationMs', 'lastExecutionAt']

function* issuesOf(telemetry: Readonly<Record<string, unknown>>): Generator<InputIssue> {
  for (const key of [...needed, ...welcome]) {
    const value = telemetry[key]
    if (value === undefined && welcome.includes(key)) continue
    const most = key === 'successRate' ? 1 : Number.MAX_SAFE_INTEGER
    if (typeof value === 'number' && value >= 0 && value <= most) continue
    const range = most === 1 ? 'from 0 to 1' : 'of 0 or more'
    yield { field: `telemetry.${key}`, message: `expected a number ${range}` }
  }
}
