import { isIP } from 'node:net'
import { type AddressPolicy, createAddressPolicy, parseTarget } from '../core/address.js'
import { type Clock, later } from '../core/clock.js'
import { ForbiddenAddressError, HttpError } from '../core/errors.js'
import { OperationError } from './operation-error.js'

/** A name that takes longer does not resolve. */
const resolveMs = 2_000

export type ResolveName = (hostname: string) => Promise<readonly string[]>

/** Loopback, private networks, and what is listed. Resolving a name is limited to 2 s. */
export const locationPolicy = (
  clock: Clock,
  allow: readonly string[] = [],
  resolve: ResolveName = lookUp,
): AddressPolicy =>
  createAddressPolicy({ allow, resolve: (hostname) => inTime(clock, resolve(hostname)) })

async function lookUp(hostname: string): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises')
  return (await lookup(hostname, { all: true })).map(({ address }) => address)
}

function inTime<T>(clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const disarm = later(clock, resolveMs, () =>
      reject(new Error(`no answer within ${resolveMs} ms`)),
    )
    work.then(resolve, reject).finally(disarm)
  })
}

/** The 400 text of a bad location; its code says what is wrong with it. */
const refused = (reason: string): OperationError =>
  new OperationError(
    'invalid',
    `LOCATION_${reason.replaceAll('-', '_').toUpperCase()}`,
    'location must be a valid localhost or private network URL',
  )

/** Rejects with `invalid` unless a health check may be sent there now. */
export function checkLocation(location: string, policy: AddressPolicy): Promise<void> {
  return judged(location, () => policy.check(location))
}

/** The same, as far as it can be said without looking a name up: that is done for nobody whose token is not known. */
export function checkForm(location: string, policy: AddressPolicy): Promise<void> {
  return judged(location, async () => {
    const { hostname } = parseTarget(location)
    if (isIP(hostname) !== 0) await policy.check(location)
  })
}

async function judged(location: string, judge: () => Promise<unknown>): Promise<void> {
  if (!/^https?:/i.test(location)) throw refused('scheme')
  try {
    await judge()
  } catch (error) {
    if (error instanceof ForbiddenAddressError) throw refused(error.reason)
    if (error instanceof HttpError) throw refused('unresolved')
    throw error
  }
}

/** `path` below a location, which may end in slashes, or in a query that is not meant for it. */
export function below(location: string, path: string): string {
  const url = new URL(location)
  url.search = ''
  url.hash = ''
  url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`
  return url.href
}
