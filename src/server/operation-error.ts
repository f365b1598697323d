import { SwitchgearError } from '../core/errors.js'
import type { RefusalKind } from '../wire/status.js'

/** An operation of the server was refused, and changed nothing. `statusOf[kind]` says how over each transport. */
export class OperationError extends SwitchgearError {
  override readonly name = 'OperationError'
  readonly code = 'SWITCHGEAR_OPERATION_REFUSED'
  readonly kind: RefusalKind
  /** Stable, for programs, such as `SERVICE_NOT_FOUND`. */
  readonly reason: string

  constructor(kind: RefusalKind, reason: string, message: string) {
    super(message)
    this.kind = kind
    this.reason = reason
  }

  get retryable(): boolean {
    return this.kind === 'unavailable' || this.kind === 'rate-limited'
  }
}
