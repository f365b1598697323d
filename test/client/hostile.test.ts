import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Mirror } from '../../src/client/mirror.js'
import { newsOf } from '../../src/client/news.js'
import { readRecord, readRecords } from '../../src/client/record.js'
import { serverEvents } from '../../src/client/server-events.js'

async function* from(lines: readonly string[]): AsyncGenerator<string> {
  yield* lines
}

const names = fc.constantFrom(
  'service.registered',
  'service.updated',
  'service.unregistered',
  'service.status_changed',
  'service.heartbeat',
  'capability.invoked',
  'connected',
  'resync',
  'else',
)
const odd = fc.oneof(
  fc.jsonValue(),
  fc.record({
    id: fc.oneof(fc.string(), fc.constantFrom('a', 'b', '__proto__', '..', 7)),
    capabilities: fc.oneof(fc.array(fc.jsonValue()), fc.constant('x')),
    status: fc.oneof(fc.string(), fc.constantFrom('healthy', 'INACTIVE', null)),
    new_status: fc.oneof(fc.string(), fc.constantFrom('healthy', 'unhealthy', undefined)),
    metadata: fc.jsonValue(),
  }),
)

it('whatever an event says, it is news, a reason to look, or nothing', () => {
  const mirror = new Mirror()
  fc.assert(
    fc.property(names, odd, fc.boolean(), (event, data, isFlat) => {
      const text = JSON.stringify(isFlat ? data : { event, data })
      const news = newsOf({ id: undefined, type: event, data: text })
      if (news !== undefined && news !== 'look') mirror.take(news)
      for (const record of mirror.records) {
        expect(typeof record.id === 'string' && Object.isFrozen(record)).toBe(true)
        expect(record.capabilities.every((one) => typeof one === 'string')).toBe(true)
        expect(['healthy', 'degraded', 'unhealthy']).toContain(record.status)
      }
    }),
    { numRuns: 2_000, seed: 11 },
  )
  expect(({} as { id?: unknown }).id).toBeUndefined()
})

it('reads any list without a word, each id once', () => {
  fc.assert(
    fc.property(fc.array(odd), (list) => {
      const ids = readRecords(list)?.map(({ id }) => id) ?? []
      expect(new Set(ids).size).toBe(ids.length)
    }),
    { numRuns: 1_000, seed: 12 },
  )
  expect(readRecords({ length: 1 })).toBeUndefined()
})

it('reads metadata that is very deep, and freezes all of it', () => {
  const depth = 50_000
  const text = `{"id":"a","metadata":{"d":${'['.repeat(depth)}${']'.repeat(depth)}}}`
  const record = readRecord(JSON.parse(text))
  let inner: unknown = record?.metadata.d
  while (Array.isArray(inner) && inner.length > 0) inner = inner[0]
  expect(Object.isFrozen(inner)).toBe(true)
})

it('reads any lines as events, and ends with them', async () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('', 'data: {}', 'data', 'id: 7', 'event: x', ': keep-alive', 'retry: 5'),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(line), async (lines) => {
      for await (const { type, data } of serverEvents(from(lines)))
        expect([typeof type, typeof data]).toEqual(['string', 'string'])
    }),
    { numRuns: 1_000, seed: 13 },
  )
})

it('reads events as they are meant', async () => {
  const lines = [
    'id: 1',
    ':x',
    'event:  a',
    'data: one',
    'data:two',
    '',
    '',
    'data: 3',
    '',
    'data: lost',
  ]
  const events = []
  for await (const event of serverEvents(from(lines))) events.push(event)
  expect(events).toEqual([
    { id: '1', type: ' a', data: 'one\ntwo' },
    { id: '1', type: 'message', data: '3' },
  ])
})

it('gives up an event without end', async () => {
  async function* endless(): AsyncGenerator<string> {
    for (;;) yield `data: ${'x'.repeat(65_536)}`
  }
  await expect(serverEvents(endless()).next()).rejects.toThrow(RangeError)
})

it('a list that was on its way does not undo what was told meanwhile', async () => {
  const mirror = new Mirror()
  const [a, b] = ['a', 'b'].map((id) => readRecord({ id, status: 'healthy' }))
  if (a === undefined || b === undefined) throw new Error('no records')
  await mirror.load(async () => {
    mirror.take({ type: 'record', record: b })
    mirror.take({ type: 'gone', id: 'a' })
    return [a]
  })
  expect(mirror.records.map(({ id }) => id)).toEqual(['b'])
})
