import { connect } from 'node:net'
import type { Probe } from '../../model/provider.js'
import { addressOf, hostOf, portOf } from './address.js'

export interface TcpProbeOptions {
  /** Default: that of the provider's `address`. */
  readonly host?: string | undefined
  /** Default: that of the provider's `address`, or the usual one of its scheme. */
  readonly port?: number | undefined
}

/** Well when something accepts a connection. It sends nothing, and says nothing about who answers. */
export function tcpProbe({ host, port }: TcpProbeOptions = {}): Probe {
  const target = (provider: Parameters<Probe['check']>[0]): { host: string; port: number } => {
    if (host !== undefined && port !== undefined) return { host, port }
    const url = addressOf(provider, 'give tcpProbe a host and a port')
    return { host: host ?? hostOf(url), port: port ?? portOf(url) }
  }
  return Object.freeze<Probe>({
    name: 'tcp',
    check: (provider, signal) => accepts(target(provider), signal),
  })
}

function accepts(target: { host: string; port: number }, signal: AbortSignal): Promise<true> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...target, signal })
    socket.unref() // whoever waits for the check has a timer of its own
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}
