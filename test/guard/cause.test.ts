import { type AddressInfo, connect, createServer } from 'node:net'
import OpenAI, {
  APIConnectionError,
  APIConnectionTimeoutError,
  APIError,
  APIUserAbortError,
} from 'openai'
import { describe, expect, it } from 'vitest'
import {
  CallTimeoutError,
  CircuitOpenError,
  SaturatedError,
  UnavailableError,
} from '../../src/core/errors.js'
import { type Cause, causes } from '../../src/core/outcome.js'
import { failureOf, toFailure } from '../../src/guard/cause.js'
import { NoProviderError } from '../../src/model/refusal.js'

const wall = () => Date.UTC(2030, 0, 1)
const read = (error: unknown) => toFailure(error, undefined, wall)
const error = (fields: object, message = 'failed') => Object.assign(new Error(message), fields)
const withCode = (code: string) => error({ code })
/** What the global fetch throws: a TypeError around what went wrong. */
const fetchFailed = (cause: unknown) => new TypeError('fetch failed', { cause })

/** A port on which somebody listened a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

describe('the official openai client', () => {
  const generate = (status: number, body: object, headers: Record<string, string> = {}) =>
    APIError.generate(status, body, undefined, new Headers(headers))
  const said = (code: string | null, message: string, type = 'invalid_request_error') => ({
    error: { message, type, param: null, code },
  })

  it.each<[number, object, Cause, 'failure' | 'neutral']>([
    [400, said(null, "'messages' is a required property"), 'bad-request', 'neutral'],
    [401, said('invalid_api_key', 'Incorrect API key provided: sk-***'), 'auth', 'failure'],
    [403, said('unsupported_country_region_territory', 'Country not supported'), 'auth', 'failure'],
    [404, said('model_not_found', 'The model `gpt-9` does not exist'), 'bad-request', 'neutral'],
    [408, said(null, 'Request timeout', 'server_error'), 'transient', 'failure'],
    [409, said(null, 'Conflict'), 'bad-request', 'neutral'],
    [422, said(null, 'Unprocessable Entity'), 'bad-request', 'neutral'],
    [429, said('rate_limit_exceeded', 'Rate limit reached', 'requests'), 'rate-limit', 'neutral'],
    [500, said(null, 'The server had an error', 'server_error'), 'transient', 'failure'],
    [502, {}, 'transient', 'failure'],
    [503, said(null, 'The engine is currently overloaded', 'server_error'), 'transient', 'failure'],
    [529, {}, 'transient', 'failure'],
  ])('answers %d: %o', (status, body, cause, weight) => {
    const made = generate(status, body)
    expect(read(made)).toMatchObject({ cause, weight, error: made })
  })

  it('a 429 has certainly had no effect, a 500 may have', () => {
    expect(read(generate(429, {})).unsent).toBe(true)
    expect(read(generate(500, {})).unsent).toBe(false)
  })

  it('carries Retry-After in its headers', () => {
    expect(read(generate(429, {}, { 'Retry-After': '20' })).retryAfterMs).toBe(20_000)
    expect(read(generate(429, {}, { 'Retry-After-Ms': '1500' })).retryAfterMs).toBe(1_500)
    expect(read(generate(429, {})).retryAfterMs).toBeUndefined()
    expect(read(generate(503, {}, { 'retry-after': '20' })).retryAfterMs).toBe(20_000)
  })

  it('that could not connect says why further down', () => {
    const refused = error({ code: 'ECONNREFUSED', syscall: 'connect' })
    const failed = new APIConnectionError({
      message: undefined,
      cause: fetchFailed(refused) as never,
    })
    expect(read(failed)).toMatchObject({ cause: 'transient', weight: 'failure', unsent: true })
    const reset = new APIConnectionError({
      message: undefined,
      cause: fetchFailed(withCode('ECONNRESET')) as never,
    })
    expect(read(reset)).toMatchObject({ cause: 'transient', unsent: false })
  })

  it('that timed out or was aborted by its user', () => {
    expect(read(new APIConnectionTimeoutError())).toMatchObject({
      cause: 'timeout',
      weight: 'failure',
    })
    expect(read(new APIUserAbortError())).toMatchObject({ cause: 'aborted', weight: 'neutral' })
  })

  it('against a port where nobody listens', async () => {
    const baseURL = `http://127.0.0.1:${await freePort()}/v1`
    const client = new OpenAI({ apiKey: 'k', baseURL, maxRetries: 0 })
    const failed = await client.models.list().catch((thrown: unknown) => thrown)
    expect(failed).toBeInstanceOf(APIConnectionError)
    expect(read(failed)).toMatchObject({ cause: 'transient', unsent: true })
  })
})

describe('network errors', () => {
  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])(
    '%s never reached anybody, also as the cause of a failed fetch',
    (code) => {
      for (const one of [
        withCode(code),
        fetchFailed(withCode(code)),
        fetchFailed(fetchFailed(withCode(code))),
      ])
        expect(read(one)).toMatchObject({ cause: 'transient', weight: 'failure', unsent: true })
    },
  )

  it.each(['ECONNRESET', 'EPIPE', 'ECONNABORTED', 'UND_ERR_SOCKET', 'ERR_STREAM_PREMATURE_CLOSE'])(
    '%s may have reached somebody',
    (code) => {
      for (const one of [withCode(code), fetchFailed(withCode(code))])
        expect(read(one)).toMatchObject({ cause: 'transient', unsent: false })
    },
  )

  it.each(['ETIMEDOUT', 'ESOCKETTIMEDOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT'])(
    '%s is a time-out that may have reached somebody',
    (code) => {
      for (const one of [withCode(code), fetchFailed(withCode(code))])
        expect(read(one)).toMatchObject({ cause: 'timeout', weight: 'failure', unsent: false })
    },
  )

  it('a time-out while connecting never reached anybody', () => {
    expect(read(fetchFailed(withCode('UND_ERR_CONNECT_TIMEOUT')))).toMatchObject({
      cause: 'timeout',
      unsent: true,
    })
  })

  it('a failed dual-stack connect carries its codes in its members', () => {
    const both = new AggregateError([withCode('ECONNREFUSED'), withCode('ECONNREFUSED')])
    expect(read(fetchFailed(both))).toMatchObject({ cause: 'transient', unsent: true })
    expect(read(both).unsent).toBe(true)
    expect(read(new AggregateError([]))).toMatchObject({ cause: 'transient', unsent: false })
  })

  it('a real one from Node', async () => {
    const port = await freePort()
    const refused = await new Promise((resolve) => {
      connect({ host: 'localhost', port }).on('error', resolve)
    })
    expect(read(refused)).toMatchObject({ cause: 'transient', unsent: true })
  })

  it('an aborted or timed-out signal', () => {
    expect(read(new DOMException('This operation was aborted', 'AbortError')).cause).toBe('aborted')
    expect(read(new DOMException('timed out', 'TimeoutError')).cause).toBe('timeout')
    const aborted = new Error('stop')
    aborted.name = 'AbortError'
    expect(read(aborted)).toMatchObject({ cause: 'aborted', weight: 'neutral' })
    // An abort deeper down was not the caller's: something on the way gave up.
    expect(read(fetchFailed(aborted)).cause).toBe('transient')
  })
})

describe('errors of other clients', () => {
  it('axios: the status and the headers are in the response', () => {
    const axios = (status: number, headers: object = {}) =>
      error({
        isAxiosError: true,
        code: 'ERR_BAD_REQUEST',
        response: { status, headers, data: {} },
      })
    expect(read(axios(404))).toMatchObject({ cause: 'bad-request', weight: 'neutral' })
    expect(read(axios(500)).cause).toBe('transient')
    expect(read(axios(429, { 'retry-after': '3' }))).toMatchObject({
      cause: 'rate-limit',
      retryAfterMs: 3_000,
    })
    expect(read(error({ isAxiosError: true, code: 'ECONNABORTED' })).cause).toBe('transient')
  })

  it('statusCode, as got, the AI SDK and fastify name it', () => {
    expect(read(error({ statusCode: 429 })).cause).toBe('rate-limit')
    expect(read({ statusCode: 401, message: 'no error object' }).cause).toBe('auth')
  })

  it('whoever answered had the request, whatever went wrong further behind', () => {
    const gateway = error({ status: 502, cause: withCode('ECONNREFUSED') })
    expect(read(gateway)).toMatchObject({ cause: 'transient', unsent: false })
  })

  it('a status that is none is no evidence', () => {
    for (const status of [0, 99, 600, '429', Number.NaN, null])
      expect(read(error({ status })).cause).toBe('transient')
    expect(read(error({ status: 100 })).cause).toBe('transient')
    expect(read(error({ status: 599 })).cause).toBe('transient')
    expect(read(error({ status: 302 })).cause).toBe('transient')
    expect(read(error({ status: 499 })).cause).toBe('bad-request')
    expect(read(error({ status: 'none', statusCode: 400 })).cause).toBe('bad-request')
  })

  it('a status that is none does not prove that somebody answered', () => {
    const unsent = (status: number) => read(error({ status, code: 'ECONNREFUSED' })).unsent
    expect([99, 100, 599, 600].map(unsent)).toEqual([true, false, false, true])
  })

  it('gRPC: what has no HTTP status counts as a failure', () => {
    for (const code of [4, 13, 14])
      expect(read(error({ code, details: 'unavailable', metadata: {} }))).toMatchObject({
        weight: 'failure',
        unsent: false,
      })
  })

  it('refusals of a registry inside the provider decide nothing and cost nothing', () => {
    for (const refused of [
      new CircuitOpenError('inner', 'open', 5),
      new SaturatedError('inner', 1),
      new NoProviderError('llm', []),
      new UnavailableError('inner', 'draining'),
    ])
      expect(read(refused)).toMatchObject({ cause: 'refused', weight: 'neutral', unsent: true })
    expect(read(new CallTimeoutError('inner', 5)).weight).toBe('failure')
  })
})

describe('hostile errors', () => {
  const throwing = (field: string) =>
    Object.defineProperty(new Error('hostile'), field, {
      get() {
        throw new Error('not for you')
      },
    })

  it.each(['name', 'code', 'status', 'statusCode', 'response', 'headers', 'cause', 'constructor'])(
    'a getter of %s that throws',
    (field) => {
      expect(read(throwing(field))).toMatchObject({ cause: 'transient', weight: 'failure' })
    },
  )

  it('getters that throw further inside', () => {
    const nested = (name: string) =>
      Object.defineProperty({}, name, {
        get() {
          throw new Error('not for you')
        },
      })
    expect(read(error({ response: nested('status') })).cause).toBe('transient')
    expect(read(error({ status: 429, headers: nested('retry-after') }))).toMatchObject({
      cause: 'rate-limit',
    })
    expect(read(error({ status: 429, response: nested('headers') })).retryAfterMs).toBeUndefined()
    expect(read(error({ constructor: nested('name') })).cause).toBe('transient')
    expect(read(error({ status: 429, headers: nested('get') })).cause).toBe('rate-limit')
  })

  it('a revoked proxy', () => {
    const { proxy, revoke } = Proxy.revocable(new Error('gone'), {})
    revoke()
    const failure = read(proxy)
    expect(failure).toMatchObject({ cause: 'transient', weight: 'failure', unsent: false })
    expect(failure.error).toBe(proxy)
  })

  it('causes in a circle and causes without end', () => {
    const circular = error({})
    Object.assign(circular, { cause: circular })
    expect(read(circular).cause).toBe('transient')
    const deep: unknown = Array.from({ length: 10 }).reduce(
      (inner: unknown) => error({ cause: inner }),
      withCode('ECONNREFUSED'),
    )
    expect(read(deep).unsent).toBe(false)
    const nested = (depth: number): unknown =>
      depth === 1 ? withCode('ECONNREFUSED') : error({ cause: nested(depth - 1) })
    expect([5, 6].map((depth) => read(nested(depth)).unsent)).toEqual([true, false])
  })

  it.each([undefined, null, 'a text', 429, 0n, Symbol('s'), true, () => 1, [], {}])(
    'what is no error at all: %o',
    (thrown) => {
      expect(read(thrown)).toEqual({
        cause: 'transient',
        weight: 'failure',
        error: thrown,
        unsent: false,
      })
    },
  )
})

describe('Retry-After', () => {
  const asked = (headers: unknown) => read(error({ status: 429, headers })).retryAfterMs
  const map = (entries: Record<string, string>) => new Map(Object.entries(entries))

  it.each<[string, unknown, number | undefined]>([
    ['seconds', { 'retry-after': '20' }, 20_000],
    ['seconds with blanks', { 'retry-after': ' 20 ' }, 20_000],
    ['part of a second', { 'retry-after': '0.25' }, 250],
    ['no time at all', { 'retry-after': '0' }, 0],
    ['negative seconds', { 'retry-after': '-5' }, 0],
    ['a number', { 'retry-after': 7 }, 7_000],
    ['a Headers', new Headers({ 'Retry-After': '2' }), 2_000],
    ['a Map', map({ 'retry-after': '2' }), 2_000],
    ['names in any case', { 'Retry-After': '2' }, 2_000],
    ['milliseconds', { 'retry-after-ms': '150' }, 150],
    ['milliseconds before seconds', { 'Retry-After-Ms': '150', 'retry-after': '9' }, 150],
    ['no milliseconds at all', { 'retry-after-ms': '0', 'retry-after': '9' }, 0],
    ['blanks', { 'retry-after': '  ' }, undefined],
    ['negative milliseconds, then seconds', { 'retry-after-ms': '-1', 'retry-after': '9' }, 9_000],
    ['nothing', {}, undefined],
    ['an empty text', { 'retry-after': '' }, undefined],
    ['no headers', undefined, undefined],
    ['headers that are a text', 'retry-after: 3', undefined],
    ['a list', { 'retry-after': ['3'] }, undefined],
    ['junk', { 'retry-after': 'soon' }, undefined],
    ['milliseconds without end', { 'retry-after-ms': 'Infinity' }, undefined],
    ['seconds without end', { 'retry-after': 'Infinity' }, undefined],
    ['more seconds than there are', { 'retry-after': '1e308' }, undefined],
  ])('%s', (_, headers, expected) => {
    expect(asked(headers)).toBe(expected)
  })

  it('a date counts from when the answer was sent, by the clock of who sent it', () => {
    const headers = {
      date: 'Tue, 01 Jan 2030 11:59:30 GMT',
      'retry-after': 'Tue, 01 Jan 2030 12:00:00 GMT',
    }
    expect(asked(headers)).toBe(30_000)
    expect(asked({ ...headers, 'retry-after': 'Tue, 01 Jan 2030 11:00:00 GMT' })).toBe(0)
  })

  it('a date counts from now by our clock where the answer does not say when it was sent', () => {
    expect(asked({ 'retry-after': 'Tue, 01 Jan 2030 00:00:45 GMT' })).toBe(45_000)
    expect(asked({ 'retry-after': 'Tue, 01 Jan 2030 00:00:45 GMT', date: 'junk' })).toBe(45_000)
  })

  it('is found in the response too, and its own headers come first', () => {
    const response = { status: 429, headers: { 'retry-after': '4' } }
    expect(read(error({ response })).retryAfterMs).toBe(4_000)
    expect(read(error({ response, headers: { 'retry-after': '5' } })).retryAfterMs).toBe(5_000)
  })
})

describe("the user's own classifier", () => {
  const own = (classify: (thrown: unknown) => unknown, thrown: unknown = new Error('down')) =>
    toFailure(thrown, classify as never, wall)

  it('is asked first, once, with the error itself', () => {
    const asked: unknown[] = []
    const thrown = error({ status: 500 })
    const failure = own((one) => {
      asked.push(one)
      return 'refused'
    }, thrown)
    expect(failure).toMatchObject({ cause: 'refused', weight: 'neutral', unsent: true })
    expect(asked).toEqual([thrown])
    expect(asked[0]).toBe(thrown)
  })

  it('leaves it to the table with undefined, with junk, and when it throws', () => {
    const thrown = error({ status: 400 })
    expect(own(() => undefined, thrown).cause).toBe('bad-request')
    expect(own(() => 'whatever', thrown).cause).toBe('bad-request')
    expect(
      own(() => {
        throw new Error('broken')
      }, thrown).cause,
    ).toBe('bad-request')
  })

  it('keeps the evidence for what it decides', () => {
    const thrown = error({ code: 'ECONNREFUSED', headers: { 'retry-after': '3' } })
    expect(own(() => 'rate-limit', thrown)).toMatchObject({ unsent: true, retryAfterMs: 3_000 })
    expect(own(() => 'timeout', thrown)).toEqual({
      cause: 'timeout',
      weight: 'failure',
      error: thrown,
      unsent: true,
      retryAfterMs: 3_000,
    })
  })
})

it('a failure without a pause has no word of one', () => {
  expect(Object.keys(read(error({ status: 429 })))).not.toContain('retryAfterMs')
  expect(Object.keys(read(new Error('down')))).not.toContain('retryAfterMs')
})

it('each cause has one weight, whether it was read or known', () => {
  const neutral = causes.filter((cause) => failureOf(cause, undefined).weight === 'neutral')
  expect(neutral).toEqual(['rate-limit', 'bad-request', 'aborted', 'refused', 'cancelled'])
  for (const cause of causes) {
    expect(toFailure(undefined, () => cause, wall).weight).toBe(failureOf(cause, undefined).weight)
    expect(failureOf(cause, undefined).unsent).toBe(cause === 'refused')
  }
})
