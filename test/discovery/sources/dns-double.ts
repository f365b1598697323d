import { createSocket } from 'node:dgram'
import { onTestFinished } from 'vitest'

/** What a DNS server says of a name: records, or why there are none. */
export type DnsAnswer =
  | {
      readonly srv: readonly (readonly [
        priority: number,
        weight: number,
        port: number,
        target: string,
      ])[]
    }
  | { readonly txt: readonly (readonly string[])[] }
  | 'NXDOMAIN'
  | 'SERVFAIL'
  | 'REFUSED'
  | 'silence'

const codes = { NXDOMAIN: 3, SERVFAIL: 2, REFUSED: 5 } as const
const srvType = 33

/** A DNS server over UDP whose answers are made up as they are asked for (RFC 1035, RFC 2782). */
export async function serveDns(answer: (type: 'SRV' | 'TXT', name: string) => DnsAnswer) {
  const asked: string[] = []
  const socket = createSocket('udp4')
  socket.on('message', (query, { port, address }) => {
    const { name, type, end } = questionOf(query)
    asked.push(`${type} ${name}`)
    const said = answer(type, name)
    if (said !== 'silence') socket.send(replyTo(query.subarray(0, end), said), port, address)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    socket.close()
  })
  return { server: `127.0.0.1:${socket.address().port}`, asked }
}

function questionOf(query: Buffer): { name: string; type: 'SRV' | 'TXT'; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const type = query.readUInt16BE(at + 1) === srvType ? 'SRV' : 'TXT'
  return { name: labels.join('.'), type, end: at + 5 }
}

function replyTo(question: Buffer, said: Exclude<DnsAnswer, 'silence'>): Buffer {
  const records = typeof said === 'string' ? [] : recordsOf(said)
  const head = Buffer.from(question)
  head.writeUInt16BE(0x8580 | (typeof said === 'string' ? codes[said] : 0), 2)
  head.writeUInt16BE(records.length, 6)
  head.writeUInt32BE(0, 8)
  return Buffer.concat([head, ...records])
}

function recordsOf(said: Exclude<DnsAnswer, string>): Buffer[] {
  if ('txt' in said)
    return said.txt.map((texts) =>
      record(
        16,
        Buffer.concat(
          texts.map((text) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])),
        ),
      ),
    )
  return said.srv.map(([priority, weight, port, target]) => {
    const numbers = Buffer.alloc(6)
    numbers.writeUInt16BE(priority, 0)
    numbers.writeUInt16BE(weight, 2)
    numbers.writeUInt16BE(port, 4)
    return record(srvType, Buffer.concat([numbers, nameBytes(target)]))
  })
}

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc00c, 0) // the name of the question
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt32BE(0, 6)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '')
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.of(label.length), Buffer.from(label)])),
    Buffer.of(0),
  ])
}
