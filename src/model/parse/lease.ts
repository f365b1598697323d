import { z } from 'zod'
import { CorruptSnapshotError, InvalidRequestError } from '../../core/errors.js'
import type { RenewOptions, SavedLease } from '../lease.js'
import { parse } from './read.js'
import { frozenCopy, plainData, positive, text } from './words.js'

/** No lease is longer than a timer can wait for. */
const forMs = positive.max(2 ** 31 - 1)

const renewOptions = z.strictObject({
  forMs,
  facts: plainData.optional(),
  status: z.enum(['healthy', 'degraded', 'unhealthy', 'loading', 'unknown']).optional(),
})

/** Throws `InvalidRequestError`. */
export function parseRenew(input: unknown): RenewOptions {
  const options = parse(
    renewOptions,
    input,
    (issues) => new InvalidRequestError(issues, 'renewal of a lease'),
  )
  return { ...options, facts: frozenCopy(options.facts) }
}

const savedLease = z.strictObject({
  provider: text,
  renewedAt: z.number().min(0),
  forMs,
  facts: plainData,
})

/** Throws `CorruptSnapshotError`. */
export function parseSavedLease(input: unknown): SavedLease {
  const saved = parse(savedLease, input, (issues) => new CorruptSnapshotError('', { issues }))
  return Object.freeze({ ...saved, facts: frozenCopy(saved.facts) ?? {} })
}
