import { connect } from 'node:http2'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { loadDefinition, serviceName } from '../../src/wire/proto/definition.js'
import { Ends, refusal, serving, worker } from '../server/grpc/client.js'
import { runs, seed, text } from './inputs.js'

const ends = new Ends()
afterEach(() => ends.now())

const definition = await loadDefinition()
const known = Object.entries(definition[serviceName] ?? {}).filter(
  ([name]) => name !== 'WatchAgents',
)
const methods = known.map(([name]) => name)

const texts = text.map((one) => one.slice(0, 300))
const pairs = fc.dictionary(texts, texts, { maxKeys: 3 })
const whole = fc.constantFrom(0, 1, 2, 3, 4, 5, 99, -1, 2 ** 31 - 1)
const figures = fc.oneof(
  fc.constantFrom(0, 1, -1, Number.NaN, Number.POSITIVE_INFINITY),
  fc.double(),
)

const nobody = '5f0b1c52-9d3c-4c39-8b5d-3f3f7f1d9a10'

/** Fields of all messages; each method takes those that it has. */
const messages = fc.record(
  {
    agent_type: whole,
    agent_id: fc.oneof(fc.constantFrom('keep', nobody), texts),
    capabilities: fc.array(fc.oneof(fc.constant('python'), texts), { maxLength: 3 }),
    metadata: pairs,
    filters: pairs,
    namespace: texts,
    version: texts,
    endpoint: texts,
    max_results: whole,
    message: texts,
    notification_type: texts,
    telemetry: fc.record({
      success_rate: figures,
      avg_duration_ms: whole,
      total_executions: whole,
      failed_executions: whole,
      last_execution_at: whole,
    }),
  },
  { requiredKeys: [] },
)

const encoded = fc
  .tuple(fc.constantFrom(...known), messages)
  .map(([[name, { requestSerialize }], message]) => ({ name, bytes: requestSerialize(message) }))

/** A tag of a field with a length that nothing lives up to. */
const hugeLengths = fc
  .tuple(fc.constantFrom(0x0a, 0x12, 0x1a, 0x22, 0x3a), fc.nat(4))
  .map(
    ([tag, at]) =>
      [
        [tag, 0xff, 0xff, 0xff, 0xff, 0x07],
        [tag, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
        [tag, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
        [tag, 0x7f],
        [tag],
      ][at] ?? [],
  )

const mutated = fc
  .tuple(encoded, fc.nat(), fc.nat(5), fc.nat(255), hugeLengths)
  .map(([{ name, bytes }, at, how, byte, more]) => {
    const place = at % (bytes.length + 1)
    const changed = Buffer.from(bytes)
    if (how === 0) return { name, bytes: bytes.subarray(0, place) }
    if (how === 1 && changed.length > 0) changed[at % changed.length] = byte
    if (how === 2) return { name, bytes: spliced(bytes, place, [byte]) }
    if (how === 3) return { name, bytes: spliced(bytes, place, more) }
    return { name, bytes: changed }
  })

const spliced = (bytes: Buffer, at: number, more: readonly number[]): Buffer =>
  Buffer.concat([bytes.subarray(0, at), Buffer.from(more), bytes.subarray(at)])

const anything = fc
  .tuple(fc.constantFrom(...methods), fc.uint8Array({ maxLength: 200 }))
  .map(([name, bytes]) => ({ name, bytes: Buffer.from(bytes) }))

const keep = { ...worker, metadata: { agent_id: 'keep' } }

describe('whatever is sent over gRPC', () => {
  it('is answered with a status of its own, and what is refused changes nothing', async () => {
    const { client, operations } = await serving(ends, { mostEntries: 40 })
    await client.call('Register', keep)
    const state = (): string => JSON.stringify([operations.position, operations.list()])
    const inputs = fc.oneof(mutated, mutated, mutated, anything)
    const codes = new Map<string, number>()
    let number = 0
    for (const { name, bytes } of fc.sample(inputs, { numRuns: runs(1_400), seed })) {
      number += 1
      const before = state()
      const said = await refusal(client.raw(`/${serviceName}/${name}`, bytes, (answer) => answer))
      const shown = `seed ${seed}, ${number}: ${name} ${bytes.toString('hex').slice(0, 600)} -> ${said}`
      const code = said.split(' ')[0] ?? ''
      expect(code, shown).toMatch(/^(?:done|3|5|14)$/)
      expect(said, shown).not.toMatch(/<html|\n\s+at /)
      if (code !== 'done') expect(state(), shown).toBe(before)
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    for (const code of ['done', '3', '5']) expect(codes.get(code) ?? 0, code).toBeGreaterThan(5)
    expect(Object.keys(Object.prototype)).toEqual([])
  }, 1_800_000)

  it('is refused when the frame around it is wrong', async () => {
    const { operations, server } = await serving(ends)
    const session = connect(`http://127.0.0.1:${server.port}`)
    ends.add(() => session.destroy())
    session.on('error', () => {})
    const frames = fc
      .tuple(
        fc.constantFrom(0, 1, 2, 255),
        fc.constantFrom(0, 1, 5, 0x7f_ff_ff_ff, 0xff_ff_ff_ff),
        fc.uint8Array({ maxLength: 20 }),
      )
      .map(([flag, length, body]) => {
        const head = Buffer.alloc(5)
        head.writeUInt8(flag)
        head.writeUInt32BE(length, 1)
        return Buffer.concat([head, body])
      })
    const statuses = new Set<string>()
    for (const frame of fc.sample(frames, { numRuns: runs(100), seed })) {
      const status = await new Promise<string>((resolve) => {
        const stream = session.request({
          ':method': 'POST',
          ':path': `/${serviceName}/Register`,
          'content-type': 'application/grpc',
          te: 'trailers',
        })
        let found = 'none'
        const see = (headers: Readonly<Record<string, unknown>>): void => {
          if (headers['grpc-status'] !== undefined) found = String(headers['grpc-status'])
        }
        stream
          .on('response', see)
          .on('trailers', see)
          .on('error', () => {})
        stream.on('close', () => resolve(found)).resume()
        stream.end(frame)
      })
      expect(status, frame.toString('hex')).not.toMatch(/^0$/)
      statuses.add(status)
    }
    expect([...statuses]).toContain('8') // too long
    expect([operations.list(), operations.position]).toEqual([[], 0])
  }, 1_800_000)
})
