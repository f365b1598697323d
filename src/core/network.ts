import { BlockList, isIP } from 'node:net'
import type { ForbiddenReason } from './errors.js'

/** Addresses with the same beginning. */
export interface Network {
  readonly base: string
  readonly prefix: number
  has(address: string): boolean
}

/** The network a text stands for; a single address is a network of one. */
export function networkOf(text: string): Network | undefined {
  const [base = '', bits, ...rest] = text.split('/')
  const family = isIP(base)
  const most = family === 4 ? 32 : 128
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN
  if (family === 0 || base.includes('%') || rest.length > 0 || !(prefix <= most)) return undefined
  const list = new BlockList()
  list.addSubnet(base, prefix, family === 4 ? 'ipv4' : 'ipv6')
  const has = (address: string): boolean =>
    isIP(address) === family && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
  return { base, prefix, has }
}

export const networks = (...texts: string[]): Network[] =>
  texts.flatMap((text) => networkOf(text) ?? [])

const loopback6 = networks('::1')
/** Loopback, and what only this site can reach. */
export const privateNetworks: readonly Network[] = networks(
  '127.0.0.0/8',
  '::1',
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  'fc00::/7',
)

/**
 * What no allow-list opens, so that `0.0.0.0/0` or a name under somebody else's control cannot lead to it.
 * From the IANA special-purpose registries (RFC 6890) and the documentation of the clouds.
 */
const neverAllowed: readonly (readonly [ForbiddenReason, readonly Network[]])[] = [
  [
    'metadata',
    networks(
      '169.254.169.254',
      '169.254.170.2', // AWS ECS
      '168.63.129.16', // Azure
      '100.100.100.200', // Alibaba
      '192.0.0.192', // Oracle
      'fd00:ec2::/32', // AWS
      'fd20:ce::254', // Google
      'fd00:c1::a9fe:a9fe', // Oracle
      'fd00:42::42', // Scaleway
    ),
  ],
  ['link-local', networks('169.254.0.0/16', 'fe80::/10', 'fec0::/10')],
  ['unspecified', networks('0.0.0.0/8', '::')],
  ['broadcast', networks('255.255.255.255')],
  ['multicast', networks('224.0.0.0/4', 'ff00::/8')],
  [
    'documentation',
    networks('192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'),
  ],
  // Mapped, compatible, translated, local NAT64, 6to4 and Teredo. The public NAT64 prefix is looked through.
  [
    'embedded-ipv4',
    networks(
      '::ffff:0:0/96',
      '::/96',
      '::ffff:0:0:0/96',
      '64:ff9b:1::/48',
      '2002::/16',
      '2001::/32',
    ),
  ],
  ['reserved', networks('192.0.0.0/24', '192.88.99.0/24', '100::/64', '5f00::/16')],
]

const [nat64] = networks('64:ff9b::/96')

/** The IPv4 address that a NAT64 gateway would connect to. */
function behindNat64(address: string): string | undefined {
  if (!nat64?.has(address)) return undefined
  const [, tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const [high = 0, low = 0] = ['0', '0', ...tail.split(':')]
    .slice(-2)
    .map((hex) => Number(`0x${hex || 0}`))
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}

/** Why no list may open this address; `undefined` if one may. */
export function neverReason(address: string): ForbiddenReason | undefined {
  if (includes(loopback6, address)) return undefined // the one good address in ::/96
  const behind = behindNat64(address)
  return neverAllowed.find(
    ([, list]) => includes(list, address) || (behind !== undefined && includes(list, behind)),
  )?.[0]
}

export const includes = (list: readonly Network[], address: string): boolean =>
  list.some((network) => network.has(address))

/** The same for a whole network. */
export function neverReasonOf({ base, prefix }: Network): ForbiddenReason | undefined {
  if (includes(loopback6, base)) return undefined
  return neverAllowed.find(([, list]) =>
    list.some((closed) => closed.has(base) && prefix >= closed.prefix),
  )?.[0]
}
