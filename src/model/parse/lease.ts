import { z } from 'zod'
import { CorruptSnapshotError, InvalidRequestError } from '../../core/errors.js'
import { healths } from '../health.js'
import type { RenewOptions, SavedLease } from '../lease.js'
import { hasOnly, isObject, isPlainData, isTime } from './plainly.js'
import { parseQuick, type Quick } from './read.js'
import { frozenCopy, isText, plainData, positive, text } from './words.js'

/** No lease is longer than a timer can wait for. */
const longestMs = 2 ** 31 - 1
const forMs = positive.max(longestMs)

const knownStatuses: ReadonlySet<unknown> = new Set([undefined, ...healths])
const renewFields: ReadonlySet<string> = new Set(['forMs', 'facts', 'status'])

/** Renewals are most of what a server does. */
export const renewOptions: Quick<RenewOptions> = {
  schema: z.strictObject({
    forMs,
    facts: plainData.optional(),
    status: z.enum(healths).optional(),
  }),
  plainly: (value): value is RenewOptions => {
    if (!isObject(value) || !hasOnly(value, renewFields) || !isSpan(value.forMs)) return false
    const { facts, status } = value
    return (facts === undefined || isPlainData(facts)) && knownStatuses.has(status)
  },
}

const isSpan = (value: unknown): boolean => isTime(value) && value > 0 && value <= longestMs

/** Throws `InvalidRequestError`. */
export function parseRenew(input: unknown): RenewOptions {
  const options = parseQuick(
    renewOptions,
    input,
    (issues) => new InvalidRequestError(issues, 'renewal of a lease'),
  )
  return { ...options, facts: frozenCopy(options.facts) }
}

const leaseFields: ReadonlySet<string> = new Set(['provider', 'renewedAt', 'forMs', 'facts'])

export const savedLease: Quick<SavedLease> = {
  schema: z.strictObject({
    expired: z.boolean().optional(),
    provider: text,
    renewedAt: z.number().min(0),
    forMs,
    facts: plainData,
  }),
  plainly: (value): value is SavedLease => {
    if (!isObject(value) || !hasOnly(value, leaseFields)) return false
    const { provider, renewedAt, forMs, facts } = value
    return isText(provider) && isTime(renewedAt) && isSpan(forMs) && isPlainData(facts)
  },
}

/** Throws `CorruptSnapshotError`. */
export function parseSavedLease(input: unknown): SavedLease {
  const saved = parseQuick(savedLease, input, (issues) => new CorruptSnapshotError('', { issues }))
  return Object.freeze({ ...saved, facts: frozenCopy(saved.facts) ?? {} })
}
