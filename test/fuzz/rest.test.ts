import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Operations } from '../../src/server/index.js'
import { ask, withServer } from '../server/rest-client.js'
import { almost, damaged, json, runs, seed, text } from './inputs.js'

interface Input {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

const telemetry = {
  success_rate: 0.5,
  avg_duration_ms: 1,
  total_executions: 2,
  failed_executions: 1,
}
const registration = {
  id: 'fuzz',
  name: 'Fuzz',
  capabilities: ['a', 'b@1'],
  location: 'http://127.0.0.1:1/x',
  mode: 'embedded',
  version: '1.2.3',
  metadata: { runtime: 'node', nested: { a: [1] } },
}
const bodies: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: almost(registration, { ...registration, mode: 'http' }) },
  {
    weight: 4,
    arbitrary: almost(
      { capabilities: ['a'], optional: ['b'] },
      { consumer_id: 'x', provider_id: 'keep', capability: 'a', success: true, latency_ms: 1 },
      { telemetry },
      telemetry,
      { message: 'hello', type: 'INFO', metadata: { a: 'b' } },
    ),
  },
  { weight: 1, arbitrary: json.map((value) => `{"telemetry":${value}}`) },
  { weight: 2, arbitrary: json },
)

const places = [
  '/api/register',
  '/api/register',
  '/api/register',
  '/api/discover',
  '/api/track/invocation',
  '/api/heartbeat/keep',
  '/v1/heartbeats/keep',
  '/api/heartbeat/',
  '/v1/heartbeats/',
  '/api/services/',
  '/api/services?status=',
  '/api/services?capability=',
  '/api/capabilities/',
  '/api/connections/',
  '/api/events?after=',
  '/v1/providers/',
  '/v1/providers?',
  '/v1/choose?capability=',
  '/v1/changes?after=',
  '/v1/notices/',
  '/v1/notices/keep',
  '/health',
  '/metrics',
  '/',
]
const tails = fc.oneof(
  { weight: 5, arbitrary: fc.constant('') },
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      'fuzz',
      '%00',
      '%2f',
      '%2e%2e',
      '%zz',
      '%',
      '%F0%9F',
      '%ed%a0%80',
      '..',
      '//',
      '?',
      '?status=%ff',
      'a=b&a=c',
      '__proto__=1',
      'status=healthy&',
      `${'x'.repeat(3_000)}`,
    ),
  },
  // Not by encodeURIComponent, which knows no half of a character.
  { weight: 2, arbitrary: text.map((one) => escape(one.slice(0, 200))) },
)

const headers = fc
  .array(
    fc.constantFrom<readonly [string, string]>(
      ['content-type', 'text/plain'],
      ['content-type', 'application/json; charset=utf-16'],
      ['content-type', 'application/vnd.x+json'],
      ['content-type', ''],
      ['content-type', 'multipart/form-data; boundary=x'],
      ['content-encoding', 'gzip'],
      ['authorization', 'Bearer x'],
      ['authorization', 'Basic eDp4'],
      ['authorization', `Bearer ${'y'.repeat(4_000)}`],
      ['origin', 'http://localhost:3000'],
      ['origin', 'null'],
      ['host', 'x y'],
      ['host', '[::'],
      ['last-event-id', '-1'],
      ['last-event-id', 'zzz-99999999999999999999'],
      ['x-registry-token', '\u00ff\u00fe'],
      ['x-forwarded-for', '127.0.0.1'],
      ['accept', 'text/html'],
      ['upgrade', 'websocket'],
      ['range', 'bytes=0-'],
      ['cookie', 'a=b'],
    ),
    { maxLength: 3 },
  )
  .map((pairs) => Object.fromEntries(pairs))

const inputs: fc.Arbitrary<Input> = fc.record({
  method: fc.constantFrom(
    'POST',
    'POST',
    'POST',
    'GET',
    'DELETE',
    'PUT',
    'PATCH',
    'HEAD',
    'OPTIONS',
  ),
  path: fc.tuple(fc.constantFrom(...places), tails).map(([place, tail]) => place + tail),
  headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, headers),
  body: damaged(bodies),
})

interface Reply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

const shownOf = ({ method, path, headers, body }: Input): string =>
  `${method} ${path} ${JSON.stringify(headers)} ${body.toString('latin1').slice(0, 500)}`

/** Of a stream of events only the head is waited for. */
function send(url: string, agent: Agent, { method, path, headers, body }: Input): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const usual = { 'content-type': 'application/json', 'content-length': String(body.length) }
    const sent = request(
      { hostname, port, agent, method, path, headers: { ...usual, ...headers } },
      (response) => {
        const { statusCode: status = 0, headers: told } = response
        let read = ''
        const done = (): void => resolve({ status, headers: told, text: read })
        if (told['content-type'] === 'text/event-stream') {
          done()
          response.destroy()
          return
        }
        response.setEncoding('utf8').on('data', (part) => {
          read += part
        })
        response.on('end', done).on('error', reject)
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Without what only time or a health check changes. */
const stateOf = ({ list, position }: Pick<Operations, 'list' | 'position'>): string =>
  JSON.stringify([position, list().map(({ failedChecks: _, lastSeenAt: __, ...entry }) => entry)])

function judge(shown: string, method: string, { status, headers, text: said }: Reply): void {
  expect(status === 503 || status < 500, shown).toBe(true)
  expect(headers['x-content-type-options'], shown).toBe('nosniff')
  expect(said, shown).not.toMatch(/^\s*<|\n\s+at |node_modules/)
  if (status < 400 || method === 'HEAD') return
  expect(headers['content-type'], shown).toContain('application/json')
  const { error, code } = JSON.parse(said)
  expect([typeof error, /^[A-Z_]+$/.test(code)], shown).toEqual(['string', true])
}

const keep = { id: 'keep', name: 'Keep', capabilities: ['a'], mode: 'embedded' }

const failures: unknown[] = []
const quiet = {
  debug() {},
  info() {},
  warn() {},
  error: (...said: unknown[]) => failures.push(said),
}
const options = { healthCheckIntervalMs: 3_600_000, mostEntries: 40, logger: quiet }

describe('whatever is sent over REST', () => {
  it('is answered in words, and what is refused changes nothing', async () => {
    await withServer(options, async (url, { operations }) => {
      const state = () => stateOf({ list: () => operations.list(), position: operations.position })
      await ask(url, '/api/register', { body: keep })
      const agent = new Agent({ keepAlive: true, maxSockets: 1 })
      const counted = new Map<number, number>()
      let number = 0
      for (const input of fc.sample(inputs, { numRuns: runs(3_400), seed })) {
        number += 1
        const shown = `seed ${seed}, ${number}: ${shownOf(input)}`
        const before = state()
        const reply = await send(url, agent, input)
        const result = `${shown} -> ${reply.status} ${reply.text.slice(0, 300)}`
        judge(result, input.method, reply)
        if (reply.status >= 400) expect(state(), result).toBe(before)
        counted.set(reply.status, (counted.get(reply.status) ?? 0) + 1)
      }
      agent.destroy()
      // What only ever refuses proves nothing.
      for (const status of [200, 201, 204, 400, 404, 405, 415])
        expect(counted.get(status) ?? 0, `${status}`).toBeGreaterThan(5)
      expect((await ask(url, '/health')).status).toBe(200)
    })
    expect(failures).toEqual([])
    expect(Object.keys(Object.prototype)).toEqual([])
  }, 1_800_000)

  it('is answered in words when it is hardly HTTP', async () => {
    const heads = fc.constantFrom(
      'POST /api/register HTTP/1.1',
      'POST  /api/register HTTP/1.1',
      'GET http://127.0.0.1/health HTTP/1.1',
      'GET //evil.test/health HTTP/1.1',
      'GET /health HTTP/9.9',
      'GET /\u0000 HTTP/1.1',
      'OPTIONS * HTTP/1.1',
      'CONNECT 127.0.0.1:1 HTTP/1.1',
      'GET /api/events HTTP/1.0',
      'PRI * HTTP/2.0',
      '\u0016\u0003\u0001',
      '',
    )
    const lines = fc.array(
      fc.constantFrom(
        'host: x',
        'host: y',
        'content-type: application/json',
        'content-length: 5',
        'content-length: 99',
        'content-length: -1',
        'content-length: 99999999999999999999',
        'transfer-encoding: chunked',
        'transfer-encoding: gzip, chunked',
        'expect: 100-continue',
        'expect: the-unexpected',
        'connection: upgrade',
        'upgrade: h2c',
        'no colon',
        ' folded: line',
        `x: ${'y'.repeat(20_000)}`,
        'authorization: Bearer \u0007',
      ),
      { maxLength: 3 },
    )
    const rest = fc.constantFrom('', '{"id"', '5\r\n{"id"\r\n', 'zz\r\n', '0\r\n\r\n', '\r\n\r\n')
    const raw = fc
      .tuple(heads, fc.constantFrom([], ['host: x']), lines, rest)
      .map(([head, host, more, body]) => `${[head, ...host, ...more].join('\r\n')}\r\n\r\n${body}`)
    await withServer(options, async (url, { operations }) => {
      const port = Number(new URL(url).port)
      const answers = new Set<string>()
      for (const sent of fc.sample(raw, { numRuns: runs(100), seed })) {
        const said = await exchange(port, sent, () => ask(url, '/health'))
        const shown = `${JSON.stringify(sent.slice(0, 300))} -> ${said}`
        expect(said, shown).not.toMatch(/HTTP\/1.1 5|<html|\n\s+at /i)
        expect(said, shown).toMatch(/^(?:HTTP\/1\.1 \d{3} |$)/)
        answers.add(said.slice(9, 12))
      }
      for (const status of ['200', '400', '431']) expect([...answers]).toContain(status)
      expect(operations.list()).toEqual([])
    })
    expect(failures).toEqual([])
  }, 1_800_000)
})

/** What comes back; who has got no answer by the time that others get theirs, goes. */
function exchange(port: number, sent: string, other: () => Promise<unknown>): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let said = ''
    socket.setEncoding('utf8').on('data', (part) => {
      said += part
      if (/\r\n\r\n/.test(said)) socket.destroy() // a stream of events would never end
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve(said))
    socket.write(Buffer.from(sent, 'latin1'), () => {
      other()
        .then(other)
        .then(() => socket.end(), reject)
    })
  })
}
