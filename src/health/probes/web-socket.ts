import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { sayGoodbye, shakeHands } from '../../core/web-socket.js'
import type { Probe } from '../../model/provider.js'
import { addressOf, hostOf, portOf } from './address.js'

export interface WebSocketProbeOptions {
  /** Of the socket, on the provider's `address`. Default: the path of the address. */
  readonly path?: string | undefined
  /** Instead of the provider's `address`: `ws:`, `wss:`, `http:` or `https:`. */
  readonly url?: string | undefined
  /** Such as an `authorization`. An `origin` is never sent: back ends refuse those they do not know. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
}

/** Well when the opening handshake of a WebSocket succeeds (RFC 6455, 4). No message is sent. */
export function webSocketProbe(options: WebSocketProbeOptions = {}): Probe {
  const { path, url, headers, policy = defaultAddressPolicy } = options
  const fixed = url === undefined ? undefined : new URL(url)
  return Object.freeze<Probe>({
    name: 'websocket',
    async check(provider, signal) {
      const base = fixed ?? addressOf(provider, 'give webSocketProbe a url')
      const target = path === undefined ? base : new URL(path, base)
      const socket = await shakeHands(
        {
          host: hostOf(target),
          port: portOf(target),
          path: `${target.pathname || '/'}${target.search}`,
          secure: secure.has(target.protocol),
        },
        { headers, policy, signal },
      )
      sayGoodbye(socket)
      return true
    },
  })
}

const secure: ReadonlySet<string> = new Set(['https:', 'wss:'])
