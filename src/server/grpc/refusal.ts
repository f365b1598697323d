import type { Logger } from '../../core/logger.js'
import { statusOf } from '../../wire/status.js'
import { OperationError } from '../operation-error.js'

export interface Refusal {
  readonly code: number
  readonly details: string
}

/** Headers have bounds, and half of a surrogate pair cannot be encoded. */
const longestDetails = 1_000
const sendable = (text: string): string =>
  text.slice(0, longestDetails).replace(/\p{Surrogate}/gu, '\ufffd')

/** What a caller is told of an error. What nobody foresaw goes to the log, and not to callers. */
export function refusalOf(error: unknown, method: string, logger: Logger): Refusal {
  if (error instanceof OperationError)
    return { code: statusOf[error.kind].grpc, details: sendable(error.message) }
  logger.error('a gRPC call failed', { method, error })
  return {
    code: statusOf.internal.grpc,
    details: 'Internal error; the log of the server says more',
  }
}
