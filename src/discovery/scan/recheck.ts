import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { systemClock } from '../../core/clock.js'
import type { CheckAnswer } from '../../model/health.js'
import type { Probe } from '../../model/provider.js'
import { agreed } from './agreed.js'
import type { Fingerprint } from './fingerprint.js'
import { Questions } from './questions.js'
import type { Found } from './report.js'

/**
 * Asks an address whether the program that was found there still is. Another program in its place, or none, is not
 * well; what it says of its version and its models is taken up.
 */
export function recheck(
  fingerprint: Fingerprint,
  {
    weak,
    needsCredentials,
    key,
    policy = defaultAddressPolicy,
  }: Pick<Found, 'weak' | 'needsCredentials'> & {
    readonly key?: string | undefined
    readonly policy?: AddressPolicy | undefined
  },
): Probe {
  const { title } = fingerprint
  return Object.freeze<Probe>({
    name: 'scan',
    async check({ address = '' }, signal): Promise<CheckAnswer> {
      const { origin } = new URL(address)
      const asking = new Questions(origin, {
        timeoutMs: longestMs,
        policy,
        clock: systemClock,
        signal,
      })
      const recognition = await fingerprint.recognise(asking)
      const found =
        recognition ?? (weak ? (await agreed(fingerprint, asking))?.recognition : undefined)
      if (found === undefined)
        return { status: 'unhealthy', message: asking.end?.message ?? `is no longer ${title}` }
      const { health = 'healthy', version, models } = found
      if (needsCredentials || (found.needsCredentials === true && key === undefined))
        return { status: 'unhealthy', message: `${title} wants a key; give one for its kind` }
      return { status: health, version, models }
    },
  })
}

/** The deadline of the check comes first: its signal. */
const longestMs = 3_600_000
