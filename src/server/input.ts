import type { Invocation, Telemetry } from './entry.js'
import { OperationError } from './operation-error.js'
import type { Reputation } from './operations.js'

const isAmount = (value: number): boolean => Number.isFinite(value) && value >= 0

const invalid = (reason: string, message: string): OperationError =>
  new OperationError('invalid', reason, message)

/** Throws `invalid` when it is out of range. The figures are not compared with one another. */
export function checkTelemetry(telemetry: Telemetry): void {
  for (const [name, value] of Object.entries(telemetry))
    if (typeof value !== 'number' || !isAmount(value))
      throw invalid('INVALID_TELEMETRY', `telemetry.${name} must be a number of 0 or more`)
  if (telemetry.successRate > 1)
    throw invalid('INVALID_TELEMETRY', 'telemetry.successRate must be from 0 to 1')
}

export function checkVotes(votes: Reputation): void {
  for (const [name, value] of Object.entries(votes))
    if (typeof value !== 'number' || !isAmount(value))
      throw invalid('INVALID_VOTES', `${name} must be a number of 0 or more`)
}

const longestName = 256

export function checkInvocation(invocation: Invocation): void {
  const { consumerId, providerId, capability, latencyMs } = invocation
  for (const [name, value] of Object.entries({ consumerId, providerId, capability }))
    if (value.trim() === '' || value.length > longestName)
      throw invalid(
        'INVALID_INVOCATION',
        `${name} must be a non-empty string of at most ${longestName} characters`,
      )
  if (!isAmount(latencyMs))
    throw invalid('INVALID_INVOCATION', 'latency_ms must be a number of 0 or more')
}
