import { connect, type NetConnectOpts } from 'node:net'
import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { pinned } from '../../core/pinned.js'
import type { Probe } from '../../model/provider.js'
import { addressOf, hostOf, portOf } from './address.js'

export interface TcpProbeOptions {
  /** Default: that of the provider's `address`. */
  readonly host?: string | undefined
  /** Default: that of the provider's `address`, or the usual one of its scheme. */
  readonly port?: number | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
}

/** Well when something accepts a connection. It sends nothing, and says nothing about who answers. */
export function tcpProbe(options: TcpProbeOptions = {}): Probe {
  const { host, port, policy = defaultAddressPolicy } = options
  const target = (provider: Parameters<Probe['check']>[0]): { host: string; port: number } => {
    if (host !== undefined && port !== undefined) return { host, port }
    const url = addressOf(provider, 'give tcpProbe a host and a port')
    return { host: host ?? hostOf(url), port: port ?? portOf(url) }
  }
  return Object.freeze<Probe>({
    name: 'tcp',
    async check(provider, signal) {
      const { hostname, addresses, ...rest } = await policy.check(target(provider))
      return accepts({ ...rest, host: hostname, lookup: pinned(addresses), signal })
    },
  })
}

function accepts(options: NetConnectOpts): Promise<true> {
  return new Promise((resolve, reject) => {
    const socket = connect(options)
    socket.unref() // whoever waits for the check has a timer of its own
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
