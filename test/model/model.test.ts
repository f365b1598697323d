import { describe, expect, it } from 'vitest'
import { eventTypes } from '../../src/model/event.js'
import { circuitSettings } from '../../src/model/parse/circuit.js'
import { toRequirements } from '../../src/model/parse/request.js'
import { Priority, priorityLevels, priorityName } from '../../src/model/priority.js'
import { NoProviderError, type ProviderRefusal, refusalText } from '../../src/model/refusal.js'
import { hidden, isSecret, masked } from '../../src/model/secrets.js'

describe('priorities', () => {
  it('CIRIS-01: are five, with their numbers', () => {
    expect(Object.values(Priority)).toEqual([0, 1, 2, 3, 9])
    for (const [name, level] of Object.entries(priorityLevels))
      expect(priorityName(level)).toBe(name)
  })
})

describe('secrets', () => {
  it.each([
    'apiKey',
    'api_key',
    'API-KEY',
    'openaiApiKey',
    'token',
    'accessToken',
    'secret',
    'clientSecret',
    'password',
    'passwd',
    'authorization',
    'Authorization',
    'privateKey',
    'access_key',
  ])('are known by the key %s', (key) => expect(isSecret(key)).toBe(true))

  it.each(['tokens', 'maxTokens', 'keyboard', 'secretary', 'passwordPolicy', 'region', ''])(
    'are not suspected in %s',
    (key) => expect(isSecret(key)).toBe(false),
  )

  it('are hidden in a copy that is frozen, lists and depths included', () => {
    const value = { list: [{ token: 'x' }], deep: { password: 5, none: null, token: undefined } }
    const copy = masked(value)
    expect(copy).toEqual({
      list: [{ token: hidden }],
      deep: { password: hidden, none: null, token: undefined },
    })
    expect(Object.isFrozen(copy.list[0])).toBe(true)
    expect(value.deep.password).toBe(5)
  })

  it.each([
    ['https://user:pass@host/path', 'https://***@host/path'],
    ['redis://:pass@host:6379', 'redis://***@host:6379'],
    ['HTTP://u@host', 'HTTP://***@host'],
    ['https://a:b@c@host/x', 'https://***@host/x'],
    ['https://host/path?mail=me@there', 'https://host/path?mail=me@there'],
    ['https://host/me@there', 'https://host/me@there'],
    ['me@there', 'me@there'],
  ])('%s is shown as %s', (value, shown) => {
    expect(masked(value)).toBe(shown)
  })
})

describe('circuit settings', () => {
  it('CIRIS-16 CIRIS-17 CIRIS-18 CIRIS-19: default to 5 failures, 60 s, 3 successes and 30 s', () => {
    expect(circuitSettings(undefined, undefined)).toEqual({
      failureThreshold: 5,
      recoveryTimeoutMs: 60_000,
      successThreshold: 3,
      timeoutMs: 30_000,
      halfOpenPermits: 1,
      probeLeaseMs: 30_000,
      errorRatio: undefined,
      windowSize: 100,
      minimumCalls: 20,
      backoff: undefined,
    })
  })

  it('CIRIS-20: are the provider’s over the registry’s over the defaults; undefined is not given', () => {
    const settings = circuitSettings(
      { failureThreshold: 9, timeoutMs: 7, successThreshold: 2 },
      { failureThreshold: 1, timeoutMs: undefined },
    )
    expect(settings).toMatchObject({
      failureThreshold: 1,
      timeoutMs: 7,
      successThreshold: 2,
      probeLeaseMs: 7,
      recoveryTimeoutMs: 60_000,
    })
    expect(circuitSettings(undefined, { probeLeaseMs: 3 })).toMatchObject({
      probeLeaseMs: 3,
      timeoutMs: 30_000,
    })
    expect(Object.isFrozen(settings)).toBe(true)
  })

  it('fill in a back-off', () => {
    expect(circuitSettings({ recoveryTimeoutMs: 50 }, { backoff: {} }).backoff).toEqual({
      factor: 2,
      maxMs: 500,
      jitter: 0.1,
    })
    expect(circuitSettings({ backoff: { factor: 3 } }, { backoff: { jitter: 0 } }).backoff).toEqual(
      { factor: 2, maxMs: 600_000, jitter: 0 },
    )
  })
})

describe('requirements of a request', () => {
  it('are sorted, each once, and keep nothing of what was given', () => {
    const parameters = { w: [1] }
    const given = ['b', 'a@1', { name: 'b' }, { name: 'c', parameters }] as const
    const parsed = toRequirements(given)
    expect(parsed.map(({ text }) => text)).toEqual(['a@1', 'b', 'c with {"w":[1]}'])
    parameters.w.push(2)
    expect(parsed[2]?.parameters).toEqual({ w: [1] })
    expect(
      toRequirements([...given].reverse())
        .map(({ key }) => key)
        .slice(0, 2),
    ).toEqual(parsed.map(({ key }) => key).slice(0, 2))
  })
})

describe('refusals', () => {
  const all: [ProviderRefusal, string][] = [
    [{ provider: 'a', reason: 'incapable', missing: ['x', 'y@^1'] }, 'a lacks x, y@^1'],
    [
      { provider: 'a', reason: 'excluded', constraint: 'where.region' },
      'a does not match where.region',
    ],
    [{ provider: 'a', reason: 'unhealthy' }, 'a is unhealthy'],
    [{ provider: 'a', reason: 'loading' }, 'a is still loading'],
    [
      { provider: 'a', reason: 'circuit-open', retryAfterMs: 1.2 },
      'the circuit of a is open for another 2 ms',
    ],
    [
      { provider: 'a', reason: 'circuit-open', retryAfterMs: Number.POSITIVE_INFINITY },
      'a is isolated until its circuit is reset',
    ],
    [
      { provider: 'a', reason: 'cooling', retryAfterMs: 500 },
      'a asked for a pause of another 500 ms',
    ],
    [{ provider: 'a', reason: 'saturated' }, 'a has no free slot'],
    [{ provider: 'a', reason: 'connecting' }, 'a is not connected yet'],
    [{ provider: 'a', reason: 'draining' }, 'a is draining'],
  ]
  it.each(all)('%o', (refusal, text) => expect(refusalText(refusal)).toContain(text))

  it('are summed up: service, each candidate, and the shortest wait', () => {
    const error = new NoProviderError(
      'llm',
      all.map(([refusal]) => refusal),
    )
    expect(error.message).toContain('"llm"')
    for (const [refusal] of all) expect(error.message).toContain(refusalText(refusal))
    expect(error).toMatchObject({
      service: 'llm',
      retryAfterMs: 1.2,
      retryable: true,
      code: 'SWITCHGEAR_NO_PROVIDER',
    })
    expect(
      new NoProviderError('llm', [{ provider: 'a', reason: 'incapable', missing: ['x'] }])
        .retryable,
    ).toBe(false)
  })

  it('beyond ten are counted, and none at all names what was asked for', () => {
    const many = Array.from(
      { length: 12 },
      (_, at): ProviderRefusal => ({ provider: `p${at}`, reason: 'unhealthy' }),
    )
    expect(new NoProviderError('llm', many).message).toMatch(/p9 is unhealthy; and 2 more\.$/)
    const none = new NoProviderError('llm', [], { requires: ['chat', 'image@>=1.2'] })
    expect(none.message).toMatch(/none is registered \(asked for chat, image@>=1\.2\)/)
    expect(none.retryAfterMs).toBeUndefined()
    expect(new NoProviderError('llm', []).message).not.toContain('asked for')
    const elsewhere = new NoProviderError('llm', [], { elsewhere: ['A', 'B'] })
    expect(elsewhere.message).toMatch(/only for A, B\. Name that handler/)
  })
})

it('every type of event is listed once', () => {
  expect(new Set(eventTypes).size).toBe(eventTypes.length)
  expect(eventTypes).toContain('listener.failed')
})
