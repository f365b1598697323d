import type { AddressPolicy } from '../core/address.js'
import { type Clock, systemClock } from '../core/clock.js'
import type { TlsOptions } from '../core/connection.js'
import { type InputIssue, InvalidOptionsError } from '../core/errors.js'
import { type Random, systemRandom } from '../core/random.js'
import { urlIssue, withoutSlash } from '../discovery/sources/http-registry.js'
import { positiveIssue } from '../discovery/sources/look-up.js'

/** Where a registry is, and how it is asked. */
export interface RegistryAccess {
  /** Default: the environment's `REGISTRY_URL`, else `http://localhost:5000`. */
  readonly url?: string | undefined
  /** Shown to the registry as a bearer token, and to nobody else. */
  readonly token?: string | undefined
  /** For one answer of the registry. Default 5,000. */
  readonly timeoutMs?: number | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
  /** Whom to trust, and what to show, when `url` is https. Certificates are always verified. */
  readonly tls?: TlsOptions | undefined
  readonly clock?: Clock | undefined
  /** Chance, for delays. */
  readonly random?: Random | undefined
}

/** The same, checked and complete. */
export interface Access extends Pick<RegistryAccess, 'token' | 'policy' | 'tls'> {
  readonly url: string
  readonly timeoutMs: number
  readonly clock: Clock
  readonly random: Random
}

/** Throws `InvalidOptionsError`, for the `issues` too that somebody else has found. */
export function accessOf(
  options: RegistryAccess,
  what: string,
  issues: readonly (InputIssue | undefined)[] = [],
): Access {
  const { url = process.env.REGISTRY_URL || 'http://localhost:5000', timeoutMs = 5_000 } = options
  const { token, policy, tls, clock = systemClock, random = systemRandom } = options
  const found = [
    urlIssue(url, 'http://localhost:5000'),
    positiveIssue('timeoutMs', timeoutMs),
    tokenIssue(token),
    ...issues,
  ].filter((issue) => issue !== undefined)
  if (found.length > 0) throw new InvalidOptionsError(found, what)
  return { url: withoutSlash(url), timeoutMs, token, policy, tls, clock, random }
}

/** Never shows the token. */
function tokenIssue(token: unknown): InputIssue | undefined {
  const isToken = typeof token === 'string' && /^[\x21-\x7e]{1,4096}$/.test(token)
  if (token === undefined || isToken) return undefined
  return { field: 'token', message: 'expected a text of visible ASCII characters without spaces' }
}
