import { type AddressPolicy, createAddressPolicy } from '../../core/address.js'

/**
 * What the user names on the command line may be asked, wherever it is: that host and no other. What nothing ever
 * connects to stays closed.
 */
export function policyFor(hosts: readonly string[]): AddressPolicy {
  return createAddressPolicy({ allow: hosts.map(plain).filter(mayBeListed) })
}

const plain = (host: string): string => host.trim().replace(/^\[(.*)\]$/, '$1')

/** A network or a suffix is more than a host. */
function mayBeListed(host: string): boolean {
  if (/[/*]/.test(host)) return false
  try {
    createAddressPolicy({ allow: [host] })
    return true
  } catch {
    return false // no host, or one that stays closed: the scan says so
  }
}
