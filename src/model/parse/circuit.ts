import { z } from 'zod'
import { InvalidOptionsError } from '../../core/errors.js'
import type { CircuitBackoff, CircuitOptions, CircuitSettings } from '../provider.js'
import type { SavedCircuit } from '../saved-circuit.js'
import type { SavedCircuitEntry } from '../snapshot.js'
import { hasOnly, isMoment, isObject, isShort } from './plainly.js'
import { parse, parseQuick, type Quick } from './read.js'
import { count, isText, limitMs, longestText, positive, share, text, wait } from './words.js'

export const circuit: z.ZodType<CircuitOptions> = z.strictObject({
  failureThreshold: count.optional(),
  recoveryTimeoutMs: wait.optional(),
  successThreshold: count.optional(),
  timeoutMs: limitMs.optional(),
  halfOpenPermits: count.optional(),
  probeLeaseMs: limitMs.optional(),
  errorRatio: share.optional(),
  windowSize: count.max(100_000).optional(),
  minimumCalls: count.optional(),
  backoff: z
    .strictObject({
      factor: z.number().min(1).optional(),
      maxMs: positive.optional(),
      jitter: z.number().min(0).max(1).optional(),
    })
    .optional(),
})

const circuitDefaults: CircuitSettings = {
  failureThreshold: 5,
  recoveryTimeoutMs: 60_000,
  successThreshold: 3,
  timeoutMs: 30_000,
  halfOpenPermits: 1,
  probeLeaseMs: 30_000,
  errorRatio: undefined,
  windowSize: 100,
  minimumCalls: 20,
  backoff: undefined,
}

/** The provider's options over the registry's over the defaults. */
export function circuitSettings(
  base: CircuitOptions | undefined,
  own: CircuitOptions | undefined,
): CircuitSettings {
  const given = { ...defined(base), ...defined(own) }
  const timeoutMs = given.timeoutMs ?? circuitDefaults.timeoutMs
  const recoveryTimeoutMs = given.recoveryTimeoutMs ?? circuitDefaults.recoveryTimeoutMs
  return Object.freeze({
    ...circuitDefaults,
    // A probe without a time-out may hang for ever; its lease must not.
    probeLeaseMs: Number.isFinite(timeoutMs) ? timeoutMs : circuitDefaults.probeLeaseMs,
    ...given,
    backoff: given.backoff && toBackoff(given.backoff, recoveryTimeoutMs),
  })
}

function toBackoff(
  given: NonNullable<CircuitOptions['backoff']>,
  recoveryTimeoutMs: number,
): CircuitBackoff {
  return { factor: 2, maxMs: recoveryTimeoutMs * 10, jitter: 0.1, ...defined(given) }
}

/** An option given as `undefined` was not given. */
function defined<T extends object>(
  value: T | undefined,
): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(value ?? {}).filter(([, one]) => one !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> }
}

const savedCircuit = z.strictObject({
  state: z.enum(['closed', 'open']),
  failures: z.number().int().min(0),
  openedAt: z.number().optional(),
  retryAt: z.number().nullable().optional(),
  reason: z.string().max(longestText).optional(),
  probing: z.number().optional(),
  pause: z.strictObject({ from: z.number(), until: z.number() }).optional(),
})

export const parseSavedCircuit = (input: unknown): SavedCircuit =>
  parse(savedCircuit, input, (issues) => new InvalidOptionsError(issues, 'saved circuit'))

const entryFields: ReadonlySet<string> = new Set([
  'provider',
  'state',
  'failures',
  'openedAt',
  'retryAt',
  'reason',
])

export const savedCircuitEntry: Quick<SavedCircuitEntry> = {
  schema: savedCircuit.extend({ provider: text }),
  plainly: (value): value is SavedCircuitEntry => {
    if (!isObject(value) || !hasOnly(value, entryFields)) return false
    const { provider, state, failures, openedAt, retryAt, reason } = value
    if (!isText(provider) || (state !== 'open' && state !== 'closed')) return false
    if (!Number.isSafeInteger(failures) || Number(failures) < 0) return false
    if (openedAt !== undefined && !isMoment(openedAt)) return false
    if (retryAt !== undefined && retryAt !== null && !isMoment(retryAt)) return false
    return reason === undefined || isShort(reason)
  },
}

/** The same with the name of its provider, as snapshots have it. Throws `InvalidOptionsError`. */
export const parseSavedCircuitEntry = (input: unknown): SavedCircuitEntry => ({
  ...parseQuick(
    savedCircuitEntry,
    input,
    (issues) => new InvalidOptionsError(issues, 'saved circuit'),
  ),
})
