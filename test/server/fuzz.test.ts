import { expect, it } from 'vitest'
import { seededRandom } from '../../src/testing/seeded-random.js'
import { ask, withServer } from './rest-client.js'

const runs = 5_000

const words = [
  'id',
  'name',
  'capabilities',
  'location',
  'mode',
  'metadata',
  'version',
  '__proto__',
  'constructor',
  'optional',
  'consumer_id',
  'provider_id',
  'success',
  'latency_ms',
  'message',
  'http',
  'embedded',
  'http://127.0.0.1:1',
  'http://169.254.169.254',
  'switchgear.registration',
  'keep',
  '',
  ' ',
  '\u0000',
  '/',
  '@',
  '\ud800',
  'é漢😀',
  'x'.repeat(300),
]
const paths = [
  '/api/register',
  '/api/discover',
  '/api/track/invocation',
  '/api/heartbeat/',
  '/api/services/',
  '/api/services?status=',
  '/api/services?capability=',
  '/api/capabilities/',
  '/api/connections/',
  '/v1/providers/',
  '/v1/providers?',
  '/v1/choose?capability=',
  '/v1/notices/',
  '/',
]
const tails = [
  '',
  'none',
  '%00',
  '%2f',
  '%zz',
  '..',
  '%F0%9F',
  'a=b',
  '__proto__',
  '?',
  '//',
  'x'.repeat(500),
]

it('answers whatever is sent, and what it refuses changes nothing', async () => {
  const random = seededRandom(20_261_121)
  const below = (n: number): number => Math.floor(random() * n)
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const value = (depth: number): unknown => {
    switch (below(depth > 3 ? 6 : 8)) {
      case 0:
        return one([0, -1, 1e308, 0.5, true, false, null])
      case 6:
        return Array.from({ length: below(4) }, () => value(depth + 1))
      case 7:
        return Object.fromEntries(
          Array.from({ length: below(6) }, () => [one(words), value(depth + 1)]),
        )
      default:
        return one(words)
    }
  }
  const almost = (): unknown => ({
    id: 'fuzz',
    name: 'Fuzz',
    capabilities: ['a'],
    location: 'http://127.0.0.1:1',
    mode: 'embedded',
    [one(words)]: value(0),
  })
  const body = (): string => {
    const text = JSON.stringify(random() < 0.5 ? almost() : value(0))
    return random() < 0.1 ? text.slice(0, below(text.length)) : text
  }

  await withServer(
    { healthCheckIntervalMs: 3_600_000, mostEntries: 50 },
    async (url, { operations }) => {
      const keep = { id: 'keep', name: 'Keep', capabilities: ['a'], mode: 'embedded' }
      await ask(url, '/api/register', { body: keep })
      const ids = (): string => JSON.stringify(operations.list().map(({ id, name }) => [id, name]))
      const counted: Record<string, number> = {}
      for (let run = 0; run < runs; run += 1) {
        const path = one(paths) + one(tails)
        const method = one(['POST', 'POST', 'GET', 'PUT', 'DELETE'])
        const raw = body()
        const before = [operations.position, ids()]
        const reply = await ask(url, path, { method, ...(method !== 'GET' && { raw }) })
        const shown = `run ${run}: ${method} ${path} ${raw} -> ${reply.status} ${reply.text}`
        expect(reply.status, shown).not.toBe(500)
        expect(reply.text, shown).not.toMatch(/^\s*<|\n\s+at /)
        if (reply.status >= 400) {
          expect(typeof reply.json?.code, shown).toBe('string')
          expect([operations.position, ids()], shown).toEqual(before)
        }
        counted[reply.status] = (counted[reply.status] ?? 0) + 1
      }
      // What only ever refuses proves nothing.
      for (const status of [200, 201, 400, 404, 405]) expect(counted[status]).toBeGreaterThan(10)
      expect(Object.keys(Object.prototype)).toEqual([])
    },
  )
}, 120_000)
