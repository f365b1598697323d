import { z } from 'zod'
import { CorruptSnapshotError, InvalidRequestError } from '../../core/errors.js'
import type { RenewOptions, SavedLease } from '../lease.js'
import { hasOnly, isObject, isPlainData, isTime } from './plainly.js'
import { parse, parseQuick, type Quick } from './read.js'
import { frozenCopy, isText, plainData, positive, text } from './words.js'

/** No lease is longer than a timer can wait for. */
const longestMs = 2 ** 31 - 1
const forMs = positive.max(longestMs)

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

const leaseFields: ReadonlySet<string> = new Set(['provider', 'renewedAt', 'forMs', 'facts'])

export const savedLease: Quick<SavedLease> = {
  schema: z.strictObject({
    provider: text,
    renewedAt: z.number().min(0),
    forMs,
    facts: plainData,
  }),
  plainly: (value): value is SavedLease => {
    if (!isObject(value) || !hasOnly(value, leaseFields)) return false
    const { provider, renewedAt, forMs, facts } = value
    if (!isText(provider) || !isTime(renewedAt) || !isPlainData(facts)) return false
    return isTime(forMs) && forMs > 0 && forMs <= longestMs
  },
}

/** Throws `CorruptSnapshotError`. */
export function parseSavedLease(input: unknown): SavedLease {
  const saved = parseQuick(savedLease, input, (issues) => new CorruptSnapshotError('', { issues }))
  return Object.freeze({ ...saved, facts: frozenCopy(saved.facts) ?? {} })
}
