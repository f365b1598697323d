import { isIP, isIPv6 } from 'node:net'
import {
  ForbiddenAddressError,
  type ForbiddenReason,
  HttpError,
  InvalidOptionsError,
} from './errors.js'
import {
  includes,
  type Network,
  networkOf,
  networks,
  neverReason,
  neverReasonOf,
  privateNetworks,
} from './network.js'

export interface AddressPolicyOptions {
  /**
   * Names (`api.example.com`), suffixes (`*.example.com`, not the name itself) and networks (`100.64.0.0/10`, `10.1.2.3`)
   * that may be connected to besides. Default none.
   */
  readonly allow?: readonly string[]
  /** Whether loopback and private networks may be connected to without being listed. Default true. */
  readonly privateNetworks?: boolean
  /** All IP addresses of a name. Default: as the operating system resolves it. */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>
}

/** Where a connection may go. */
export interface CheckedAddress {
  /** A name in lower case, or an IP address without brackets. */
  readonly hostname: string
  readonly port: number
  /** IP addresses that may be connected to: all that the name leads to. Connect to these, not to the name. */
  readonly addresses: readonly string[]
}

/** A host and a port, or a URL with http, https, ws or wss. */
export type AddressInput = string | URL | { readonly host: string; readonly port: number }

export interface AddressPolicy {
  /**
   * Resolves a name and checks every address it leads to.
   * Rejects with `ForbiddenAddressError`, or with `HttpError` of kind `dns` when the name leads nowhere.
   */
  check(target: AddressInput): Promise<CheckedAddress>
}

/** The form of a target, without asking anybody. Throws `ForbiddenAddressError`. */
export function parseTarget(target: AddressInput): Omit<CheckedAddress, 'addresses'> {
  if (typeof target === 'object' && !(target instanceof URL)) return parseHost(target)
  const text = String(target)
  // URL drops tabs and line breaks, and reads a backslash as a slash; other programs do not.
  if (text.length > 4_096 || /[\p{Cc}\s\\]/u.test(text) || !URL.canParse(text))
    throw new ForbiddenAddressError(text, 'not-a-url')
  const { protocol, username, password, hostname, port } = new URL(text)
  const usual = usualPorts.get(protocol)
  if (usual === undefined) throw new ForbiddenAddressError(text, 'scheme')
  if (username !== '' || password !== '') throw new ForbiddenAddressError(text, 'user-info')
  if (port === '0') throw new ForbiddenAddressError(text, 'port')
  return { hostname: plainHost(hostname, text), port: port === '' ? usual : Number(port) }
}

const usualPorts: ReadonlyMap<string, number> = new Map([
  ['http:', 80],
  ['https:', 443],
  ['ws:', 80],
  ['wss:', 443],
])

function parseHost({ host, port }: { readonly host: string; readonly port: number }) {
  const shown = `${String(host)}:${String(port)}`
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new ForbiddenAddressError(shown, 'port')
  const text = String(host)
  if (/[\p{Cc}\s\\/?#@]/u.test(text)) throw new ForbiddenAddressError(shown, 'host')
  const url = `http://${isIPv6(text) ? `[${text}]` : text}`
  const parsed = URL.canParse(url) ? new URL(url) : undefined
  if (parsed === undefined || parsed.port !== '' || (/:\d*$/.test(text) && !isIPv6(text)))
    throw new ForbiddenAddressError(shown, 'host')
  return { hostname: plainHost(parsed.hostname, shown), port }
}

const namePattern = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/

/** As URL writes hosts: lower case, spellings of IP addresses made one. */
function plainHost(hostname: string, shown: string): string {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  if (isIP(host) === 0 && (host.length > 253 || !namePattern.test(host)))
    throw new ForbiddenAddressError(shown, 'host')
  return host
}

/**
 * Decides which addresses may be connected to, so that an address given by an outsider cannot lead to what only this
 * machine can reach. Loopback and private networks may; link-local addresses, where clouds give away credentials, and
 * other special ones never; everything else only if `allow` lists it.
 *
 * Throws `InvalidOptionsError`.
 */
export function createAddressPolicy(options: AddressPolicyOptions = {}): AddressPolicy {
  const { allow = [], privateNetworks: openPrivate = true, resolve = systemResolve } = options
  const { listed, allowsName } = parseAllow(allow)
  const open = openPrivate ? [...privateNetworks, ...listed] : listed

  const judge = (address: string, named: boolean): ForbiddenReason | undefined => {
    if (isIP(address) === 0) return 'host'
    const reason = neverReason(address)
    return reason ?? (named || includes(open, address) ? undefined : 'not-listed')
  }

  return Object.freeze<AddressPolicy>({
    async check(target) {
      const { hostname, port } = parseTarget(target)
      const isName = isIP(hostname) === 0
      const addresses = isName ? await addressesOf(hostname, resolve) : [hostname]
      const named = isName && allowsName(hostname)
      for (const address of addresses) {
        const reason = judge(address, named)
        if (reason !== undefined)
          throw new ForbiddenAddressError(address, reason, isName ? hostname : undefined)
      }
      return Object.freeze({ hostname, port, addresses: Object.freeze(addresses) })
    },
  })
}

async function addressesOf(
  hostname: string,
  resolve: (hostname: string) => Promise<readonly string[]>,
): Promise<string[]> {
  let found: readonly string[]
  try {
    found = await resolve(hostname)
  } catch (cause) {
    throw new HttpError('dns', hostname, 'could not be resolved; check the name', { cause })
  }
  if (found.length === 0)
    throw new HttpError('dns', hostname, 'leads to no address; check the name')
  // A zone only says by which network interface; the address decides.
  return [...new Set(found.map((address) => String(address).replace(/%.*$/s, '')))]
}

async function systemResolve(hostname: string): Promise<readonly string[]> {
  const { lookup } = await import('node:dns/promises')
  return (await lookup(hostname, { all: true })).map(({ address }) => address)
}

function parseAllow(allow: readonly string[]): {
  readonly listed: readonly Network[]
  readonly allowsName: (hostname: string) => boolean
} {
  const issues = [...allow].flatMap((entry, index) => {
    const message = allowProblem(entry)
    return message === undefined ? [] : [{ field: `allow[${index}]`, message }]
  })
  if (issues.length > 0) throw new InvalidOptionsError(issues, 'address policy')
  const listed = networks(...allow)
  const names = new Set(allow.filter((entry) => networkOf(entry) === undefined).map(plainName))
  return {
    listed,
    allowsName: (hostname) =>
      names.has(hostname) || suffixesOf(hostname).some((one) => names.has(one)),
  }
}

const plainName = (name: string): string => name.toLowerCase().replace(/\.$/, '')

/** `a.b.c` is allowed by `*.b.c` and `*.c`. */
const suffixesOf = (hostname: string): string[] =>
  hostname
    .split('.')
    .map((_, at, labels) => `*.${labels.slice(at + 1).join('.')}`)
    .slice(0, -1)

function allowProblem(entry: unknown): string | undefined {
  const expected =
    "expected a name, a suffix such as '*.example.com', or a network such as '10.0.0.0/8'"
  if (typeof entry !== 'string') return `${expected}, not ${typeof entry}`
  const network = networkOf(entry)
  if (network === undefined) {
    const name = plainName(entry).replace(/^\*\./, '')
    const isName =
      name.length <= 253 && namePattern.test(name) && !/(?:^|\.)(?:0x[\da-f]*|\d+)$/.test(name)
    return isName ? undefined : `${expected}, not '${entry.slice(0, 100)}'`
  }
  const closed = neverReasonOf(network)
  return (
    closed &&
    `'${entry}' is never connected to (${closed}), so listing it has no effect; leave it out`
  )
}

/** Loopback and private networks only. */
export const defaultAddressPolicy: AddressPolicy = createAddressPolicy()
