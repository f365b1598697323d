import fc from 'fast-check'
import { expect, it } from 'vitest'
import { messagesOf } from '../../src/core/frames.js'

const frame = (first: number, payload: Buffer): Buffer => {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = first
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, payload])
}
const text = (value: string, first = 0x81): Buffer => frame(first, Buffer.from(value))

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function read(bytes: Buffer, size = bytes.length || 1, most = 1_000_000) {
  const messages: string[] = []
  const pongs: string[] = []
  const pong = (payload: Buffer): void => {
    pongs.push(payload.toString())
  }
  for await (const one of messagesOf(inChunks(bytes, size), most, pong)) messages.push(one)
  return { messages, pongs }
}

it('reads messages, however they are cut into frames and chunks', async () => {
  const long = 'é'.repeat(40_000)
  const bytes = Buffer.concat([
    text('one'),
    text('t', 0x01),
    frame(0x89, Buffer.from('ping')),
    text('w', 0x00),
    text('o', 0x80),
    frame(0x82, Buffer.alloc(300)),
    text('x'.repeat(200)),
    text(long),
    text(''),
    frame(0x88, Buffer.from([3, 232])),
    text('after the goodbye'),
  ])
  for (const size of [1, 2, 7, 1_000, bytes.length]) {
    const { messages, pongs } = await read(bytes, size)
    expect(messages).toEqual(['one', 'two', 'x'.repeat(200), long, ''])
    expect(pongs).toEqual(['ping'])
  }
})

it.each<[string, Buffer]>([
  ['a mask, which no server may use', Buffer.from([0x81, 0x80, 0, 0, 0, 0])],
  ['reserved bits', text('x', 0xf1)],
  ['a ping that is too long', frame(0x89, Buffer.alloc(126))],
  ['more than is read', text('x'.repeat(101))],
  ['more than is read in parts', Buffer.concat([text('x'.repeat(60), 1), text('x'.repeat(60), 0)])],
  ['8 EiB', Buffer.from([0x81, 127, 127, 255, 255, 255, 255, 255, 255, 255])],
  ['half a frame', text('xyz').subarray(0, 3)],
])('ends at %s', async (_, bytes) => {
  const { messages } = await read(Buffer.concat([text('before'), bytes]), 5, 100)
  expect(messages).toEqual(['before'])
})

it('is not kept busy by a message in frames without end', async () => {
  const empty = Buffer.concat(Array<Buffer>(400_000).fill(text('', 0x00)))
  const bytes = Buffer.concat([text('t', 0x01), empty, text('wo', 0x80), text('next')])
  expect((await read(bytes)).messages).toEqual(['two', 'next'])
})

it('counts what it keeps of a message, however it is cut', async () => {
  const bytes = Buffer.concat([text('abc', 0x01), text('def', 0x00), text('g', 0x80), text('next')])
  expect((await read(bytes, 100, 7)).messages).toEqual(['abcdefg', 'next'])
  expect((await read(bytes, 100, 6)).messages).toEqual([])
})

it('never throws, whatever comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 50 }), (b, n) =>
      read(Buffer.from(b), n, 1_000).then(() => true),
    ),
  )
})
