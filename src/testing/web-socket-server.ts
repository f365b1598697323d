import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

/* As much of RFC 6455 as a server needs that only ever speaks unasked. */

const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const textFrame = 1
const closeFrame = 8

/** Says the messages, and closes with the code if there is one; otherwise stays until the other side closes. */
export function greet(
  request: IncomingMessage,
  socket: Duplex,
  messages: readonly string[],
  closes: number | undefined,
): void {
  const key = request.headers['sec-websocket-key'] ?? ''
  const accept = createHash('sha1').update(`${key}${magic}`).digest('base64')
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  for (const message of messages) socket.write(frame(textFrame, Buffer.from(message)))
  socket.on('data', (chunk: Buffer) => {
    if (((chunk[0] ?? 0) & 0x0f) === closeFrame) socket.end(frame(closeFrame, code(1000)))
  })
  if (closes !== undefined) socket.end(frame(closeFrame, code(closes)))
}

function code(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

/** One whole frame, unmasked, as servers send them. */
function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload
  if (length < 126) return Buffer.concat([Buffer.from([0x80 | opcode, length]), payload])
  const head = Buffer.alloc(length < 65_536 ? 4 : 10)
  head[0] = 0x80 | opcode
  if (length < 65_536) {
    head[1] = 126
    head.writeUInt16BE(length, 2)
  } else {
    head[1] = 127
    head.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([head, payload])
}
