import type { AddressPolicy } from '../core/address.js'
import { type Clock, systemClock } from '../core/clock.js'
import type { TlsOptions } from '../core/connection.js'
import { type InputIssue, InvalidOptionsError } from '../core/errors.js'
import { type Random, systemRandom } from '../core/random.js'
import { urlIssue, withoutSlash } from '../discovery/sources/http-registry.js'
import { positiveIssue } from '../discovery/sources/look-up.js'
import { grpcUrl, grpcUrlIssue, isGrpcUrl } from './grpc-url.js'
import { tlsIssue } from './tls.js'
import { tokenIn } from './token.js'

/** Where a registry is, and how it is asked. */
export interface RegistryAccess {
  /**
   * `http` and `https` for REST, `grpc` and `grpcs` for gRPC. Default: the environment's `REGISTRY_URL`; else gRPC at
   * its `SERVICE_REGISTRY_HOST` and `SERVICE_REGISTRY_PORT`, if one is set; else `http://localhost:5000`.
   */
  readonly url?: string | undefined
  /** Shown to the registry as a bearer token, and to nobody else. */
  readonly token?: string | undefined
  /** For one answer of the registry. Default 5,000. */
  readonly timeoutMs?: number | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
  /** Whom to trust, and what to show, when `url` is https or grpcs. Certificates are always verified. */
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

const usualUrl = 'http://localhost:5000'

/** Over REST alone. Throws `InvalidOptionsError`, for the `issues` too that somebody else has found. */
export function accessOf(
  options: RegistryAccess,
  what: string,
  issues: readonly (InputIssue | undefined)[] = [],
): Access {
  const { url = process.env.REGISTRY_URL || usualUrl } = options
  return checked({ ...options, url }, what, [urlIssue(url, usualUrl), ...issues])
}

/** Over REST or gRPC, as the URL says. Throws as `accessOf` does. */
export function anyAccessOf(
  options: RegistryAccess,
  what: string,
  issues: readonly (InputIssue | undefined)[] = [],
): Access {
  const { url = urlOfEnvironment(process.env) } = options
  const issue = isGrpcUrl(url) ? grpcUrlIssue(url) : urlIssue(url, usualUrl)
  return checked({ ...options, url }, what, [issue, ...issues])
}

function urlOfEnvironment({
  REGISTRY_URL: url,
  SERVICE_REGISTRY_HOST: host,
  SERVICE_REGISTRY_PORT: port,
}: NodeJS.ProcessEnv): string {
  if (url) return url
  return host || port ? grpcUrl(host || 'localhost', port || '50051') : usualUrl
}

function checked(
  options: RegistryAccess & { readonly url: string },
  what: string,
  issues: readonly (InputIssue | undefined)[],
): Access {
  const { url, timeoutMs = 5_000 } = options
  const { token, policy, tls, clock = systemClock, random = systemRandom } = options
  const own = [positiveIssue('timeoutMs', timeoutMs), tokenIssue(token), tlsIssue(tls)]
  const found = [...issues, ...own].filter((issue) => issue !== undefined)
  if (found.length > 0) throw new InvalidOptionsError(found, what)
  return { url: withoutSlash(url), timeoutMs, token, policy, tls, clock, random }
}

/** Never shows the token. */
function tokenIssue(token: unknown): InputIssue | undefined {
  if (token === undefined || tokenIn(token) !== undefined) return undefined
  return { field: 'token', message: 'expected a text of visible ASCII characters without spaces' }
}
