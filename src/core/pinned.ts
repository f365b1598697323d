import { isIP, type LookupFunction } from 'node:net'

/** Stands in for the resolver of `net.connect`, and knows one answer. */
export const pinned = (addresses: readonly string[]): LookupFunction => {
  const all = addresses.map((address) => ({ address, family: isIP(address) }))
  return (_hostname, options, done) => {
    const [first = { address: '', family: 0 }] = all
    process.nextTick(() =>
      options.all ? done(null, [...all]) : done(null, first.address, first.family),
    )
  }
}
