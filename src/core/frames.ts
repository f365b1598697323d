/*
 * The frames of a WebSocket (RFC 6455, 5), as far as a client needs them that only listens: it reads text,
 * passes over what is binary, and answers pings.
 */

export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A frame with at most 125 bytes, masked with zeros: a client has to mask. */
export const controlFrame = (opcode: number, payload: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload])

/**
 * The text messages, until the other side says goodbye, breaks off, or sends what is no frame or a message of more
 * than `most` bytes. Never throws.
 */
export async function* messagesOf(
  chunks: AsyncIterable<Buffer>,
  most: number,
  pong: (payload: Buffer) => void,
): AsyncGenerator<string, void, undefined> {
  const bytes = new Bytes(chunks)
  let parts: Buffer[] = []
  let length = 0
  let isText = false
  try {
    for (;;) {
      const frame = await readFrame(bytes, most - length)
      if (frame === undefined || frame.opcode === opcodes.close) return
      if (frame.opcode === opcodes.ping) pong(frame.payload)
      if (frame.opcode > opcodes.binary) continue
      if (frame.opcode !== opcodes.continuation) {
        isText = frame.opcode === opcodes.text
        parts = []
        length = 0
      }
      length += frame.payload.length
      if (frame.payload.length > 0) parts.push(frame.payload) // of empty ones there may be no end
      if (!frame.last) continue
      if (isText) yield Buffer.concat(parts).toString('utf8')
      parts = []
      length = 0
    }
  } catch {
    // It broke off. What it still had to say is asked for in another way, or it is not.
  } finally {
    await bytes.end()
  }
}

interface Frame {
  readonly opcode: number
  readonly last: boolean
  readonly payload: Buffer
}

/** `undefined` at the end, and for what no server may send. */
async function readFrame(bytes: Bytes, most: number): Promise<Frame | undefined> {
  const head = await bytes.take(2)
  const [first = 0, second = 0] = head ?? []
  const masked = second >= 0x80
  const reserved = (first & 0x70) !== 0
  if (head === undefined || masked || reserved) return undefined
  const length = await readLength(bytes, second)
  const opcode = first & 0x0f
  if (length === undefined || length > (opcode > opcodes.binary ? 125 : most)) return undefined
  const payload = await bytes.take(length)
  return payload && { opcode, last: first >= 0x80, payload }
}

async function readLength(bytes: Bytes, short: number): Promise<number | undefined> {
  if (short < 126) return short
  const long = await bytes.take(short === 126 ? 2 : 8)
  if (long === undefined) return undefined
  return short === 126 ? long.readUInt16BE() : Number(long.readBigUInt64BE())
}

/** Bytes in whatever portions they come, taken in the portions that are asked for. */
class Bytes {
  readonly #source: AsyncIterator<Buffer>
  #chunks: Buffer[] = []
  #length = 0

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]()
  }

  /** `undefined` when it ends before so many came. */
  async take(count: number): Promise<Buffer | undefined> {
    while (this.#length < count) {
      const { done, value } = await this.#source.next()
      if (done) return undefined
      this.#chunks.push(value)
      this.#length += value.length
    }
    const [only = Buffer.alloc(0)] = this.#chunks
    const all = this.#chunks.length > 1 ? Buffer.concat(this.#chunks) : only
    this.#chunks = [all.subarray(count)]
    this.#length -= count
    return all.subarray(0, count)
  }

  async end(): Promise<void> {
    await this.#source.return?.()
  }
}
