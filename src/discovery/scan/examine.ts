import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { type Clock, systemClock } from '../../core/clock.js'
import { type HttpFailure, InvalidOptionsError } from '../../core/errors.js'
import { fingerprints as known } from '../fingerprints/all.js'
import type { Step } from './asking.js'
import type { Fingerprint } from './fingerprint.js'
import { toFound } from './found.js'
import { inspect } from './inspect.js'
import type { Found } from './report.js'

export interface ExamineOptions {
  /** Sent as a bearer token once the program is recognised, never before. */
  readonly key?: string | undefined
  /** More programs that it may be. They are asked before those that are known. */
  readonly fingerprints?: readonly Fingerprint[] | undefined
  /** For it to be recognised. Default 5,000. */
  readonly timeoutMs?: number | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
}

/** What one address is, and how that was found out. */
export interface Examination {
  /** Without path and user info. */
  readonly address: string
  readonly found: Found | undefined
  /** Such as `is Ollama`, or `could not be connected to`. */
  readonly why: string
  /** Why there is no answer at all; `undefined` when something answers. */
  readonly failure: HttpFailure | undefined
  /** Every question that was put. */
  readonly steps: readonly Step[]
}

/**
 * Says what listens at an address, by the same questions as a scan. An agreed path counts at any port.
 *
 * Rejects with `InvalidOptionsError` when the address is no URL with http or https, and with the reason of `signal`.
 */
export async function examine(address: string, options: ExamineOptions = {}): Promise<Examination> {
  const origin = originOf(address)
  const { key, timeoutMs = 5_000, policy = defaultAddressPolicy, clock = systemClock } = options
  const { signal = new AbortController().signal } = options
  signal.throwIfAborted()
  const fingerprints = [...(options.fingerprints ?? []), ...known]
  const inspection = await inspect(origin, {
    fingerprints,
    kinds: new Set(fingerprints.map(({ kind }) => kind)),
    keyOf: () => key,
    timeoutMs,
    policy,
    clock,
    signal,
  })
  signal.throwIfAborted()
  const { steps } = inspection
  if (inspection.fingerprint === undefined) {
    const { failure, why } = inspection
    return Object.freeze({ address: origin, found: undefined, why, failure, steps })
  }
  const found = toFound(origin, inspection, key)
  const why = `is ${found.title}`
  return Object.freeze({ address: origin, found, why, failure: undefined, steps })
}

function originOf(address: string): string {
  const text = address.includes('://') ? address : `http://${address}`
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.host !== '') return url.origin
  const message = 'expected an address with http or https, such as http://127.0.0.1:8188'
  throw new InvalidOptionsError([{ field: 'address', message }], 'examine')
}
