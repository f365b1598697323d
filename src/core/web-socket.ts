import { createHash, randomBytes } from 'node:crypto'
import { request as overHttp } from 'node:http'
import { request as overTls } from 'node:https'
import type { Duplex } from 'node:stream'
import { type AddressPolicy, defaultAddressPolicy } from './address.js'
import { controlFrame, messagesOf, opcodes } from './frames.js'
import { pinned } from './pinned.js'

/** Where a WebSocket is. */
export interface WebSocketTarget {
  /** A name, or an IP address without brackets. */
  readonly host: string
  readonly port: number
  /** With its query. */
  readonly path: string
  readonly secure: boolean
}

export interface WebSocketOptions {
  /** An `origin` is never sent: back ends refuse those they do not know. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Which addresses may be connected to. Default: loopback and private networks. */
  readonly policy?: AddressPolicy | undefined
  readonly signal?: AbortSignal | undefined
}

/** A WebSocket that is listened to. It answers pings, and says nothing of its own. */
export interface WebSocketConnection {
  /** The text messages; what is binary is passed over. Ends when the connection does, however it ends. */
  readonly messages: AsyncIterable<string>
  close(): void
}

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
  'host',
])

const salt = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** "Normal closure". */
const goodbye = controlFrame(opcodes.close, Buffer.from([0x03, 0xe8]))

/** The opening handshake of a WebSocket (RFC 6455, 4). No message is sent. Rejects when it fails. */
export async function shakeHands(
  target: WebSocketTarget,
  options: WebSocketOptions = {},
): Promise<Duplex> {
  const { headers = {}, policy = defaultAddressPolicy, signal } = options
  const { host, port, path, secure } = target
  const { addresses } = await policy.check({ host, port })
  const own = Object.entries(headers).filter(([name]) => !ours.has(name.toLowerCase()))
  const key = randomBytes(16).toString('base64')
  const accept = createHash('sha1').update(`${key}${salt}`).digest('base64')
  return new Promise((resolve, reject) => {
    const request = (secure ? overTls : overHttp)({
      host,
      port,
      lookup: pinned(addresses),
      path,
      headers: { ...Object.fromEntries(own), ...handshake, 'sec-websocket-key': key },
      agent: false,
      ...(signal !== undefined && { signal }),
    })
    request.once('error', reject)
    request.once('response', ({ statusCode }) => {
      request.destroy()
      reject(new Error(`answered with status ${statusCode}, not as a WebSocket`))
    })
    request.once('upgrade', (response, socket, head) => {
      socket.on('error', () => {}) // whoever reads it sees it end
      if (head.length > 0) socket.unshift(head)
      if (response.headers['sec-websocket-accept'] === accept) resolve(socket)
      else {
        sayGoodbye(socket)
        reject(new Error('answered the handshake of a WebSocket with a wrong key'))
      }
    })
    request.end()
  })
}

/** Closes a connection as RFC 6455, 7 asks to, without waiting for the other side. */
export function sayGoodbye(socket: Duplex): void {
  socket.end(goodbye, () => socket.destroy())
}

/** No message of more bytes is read; beyond it the connection is closed. */
const mostMessageBytes = 16 * 1_024 * 1_024

/** Opens a WebSocket to listen to. Rejects when the handshake fails. */
export async function listenToWebSocket(
  target: WebSocketTarget,
  options: WebSocketOptions = {},
): Promise<WebSocketConnection> {
  const socket = await shakeHands(target, options)
  const pong = (payload: Buffer): void => {
    // Who pings and does not read gets no answers piled up.
    if (socket.writable && !socket.writableNeedDrain)
      socket.write(controlFrame(opcodes.pong, payload))
  }
  return {
    messages: messagesOf(socket, mostMessageBytes, pong),
    close: () => sayGoodbye(socket),
  }
}
