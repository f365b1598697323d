import type { Logger } from '../core/logger.js'
import type { Caller } from './operations.js'

/** One line per change: what, which id, from which address. */
export function audit(
  logger: Logger,
  what: string,
  id: string,
  { from }: Caller,
  facts: Readonly<Record<string, unknown>> = {},
): void {
  logger.info(what, { id, ...(from !== undefined && { from }), ...facts })
}
