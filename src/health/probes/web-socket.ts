import { createHash, randomBytes } from 'node:crypto'
import { request as overHttp } from 'node:http'
import { request as overTls } from 'node:https'
import type { LookupFunction } from 'node:net'
import { type AddressPolicy, defaultAddressPolicy } from '../../core/address.js'
import { pinned } from '../../core/pinned.js'
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
  const own = Object.entries(headers ?? {}).filter(([name]) => !ours.has(name.toLowerCase()))
  return Object.freeze<Probe>({
    name: 'websocket',
    async check(provider, signal) {
      const base = fixed ?? addressOf(provider, 'give webSocketProbe a url')
      const target = path === undefined ? base : new URL(path, base)
      const { addresses } = await policy.check({ host: hostOf(target), port: portOf(target) })
      return shakesHands(target, own, pinned(addresses), signal)
    },
  })
}

type Headers = readonly (readonly [string, string])[]

const handshake = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
}

/** What the handshake says itself, and what it never says. */
const ours: ReadonlySet<string> = new Set([
  ...Object.keys(handshake),
  'sec-websocket-key',
  'origin',
])

const secure: ReadonlySet<string> = new Set(['https:', 'wss:'])
const salt = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** "Normal closure", 1000, masked with zeros: a client has to mask. */
const goodbye = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])

function shakesHands(
  url: URL,
  own: Headers,
  lookup: LookupFunction,
  signal: AbortSignal,
): Promise<true> {
  const key = randomBytes(16).toString('base64')
  const accept = createHash('sha1').update(`${key}${salt}`).digest('base64')
  const send = secure.has(url.protocol) ? overTls : overHttp
  return new Promise((resolve, reject) => {
    const request = send({
      host: hostOf(url),
      port: portOf(url),
      lookup,
      path: `${url.pathname || '/'}${url.search}`,
      headers: { ...Object.fromEntries(own), ...handshake, 'sec-websocket-key': key },
      agent: false,
      signal,
    })
    request.once('error', reject)
    request.once('response', ({ statusCode }) => {
      request.destroy()
      reject(new Error(`answered with status ${statusCode}, not as a WebSocket`))
    })
    request.once('upgrade', ({ headers }, socket) => {
      socket.once('error', () => {}) // it has said what was asked
      if (headers['sec-websocket-accept'] === accept) resolve(true)
      else reject(new Error('answered the handshake of a WebSocket with a wrong key'))
      socket.end(goodbye, () => socket.destroy())
    })
    request.end()
  })
}
