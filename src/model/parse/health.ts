import { z } from 'zod'
import { hasMethods } from '../../core/methods.js'
import type { Check, CheckOptions, CheckSettings } from '../health.js'
import type { Probe, RegistrationHealth } from '../provider.js'
import { count, fn, positive, wait } from './words.js'

const settings = {
  intervalMs: positive.optional(),
  timeoutMs: positive.optional(),
  rise: count.optional(),
  fall: count.optional(),
  slowMs: positive.optional(),
}

export const isProbe: z.ZodType<Probe> = z.custom<Probe>(
  (value) => hasMethods(value, 'check') && 'name' in value && typeof value.name === 'string',
  'expected a probe, with a name and a check function',
)

/** The `health` of a registration. */
export const registrationHealth: z.ZodType<RegistrationHealth> = z
  .strictObject({
    check: fn<Check>('a function that checks').optional(),
    probe: isProbe.optional(),
    ...settings,
  })
  .superRefine((given, context) => {
    if (given.check === undefined || given.probe === undefined) return
    context.addIssue({
      code: 'custom',
      path: ['probe'],
      message: 'expected either check or probe, got both',
      input: given.probe,
    })
  })

/** The `health` of a registry. */
export const registryHealth: z.ZodType<CheckOptions> = z.strictObject({
  ...settings,
  maxAgeMs: wait.optional(),
  concurrency: count.optional(),
  monitor: z.boolean().optional(),
})

const defaults: CheckSettings = Object.freeze({
  intervalMs: 30_000,
  timeoutMs: 2_000,
  rise: 1,
  fall: 3,
  slowMs: 1_000,
})

/** One object for all providers that say nothing of their own. */
export function checkSettings(
  given: CheckOptions = {},
  base: CheckSettings = defaults,
): CheckSettings {
  const {
    intervalMs = base.intervalMs,
    timeoutMs = base.timeoutMs,
    rise = base.rise,
    fall = base.fall,
    slowMs = base.slowMs,
  } = given
  return Object.freeze({ intervalMs, timeoutMs, rise, fall, slowMs })
}
