import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import * as errors from '../../src/core/errors.js'
import { NoProviderError } from '../../src/model/refusal.js'
import { OperationError } from '../../src/server/operation-error.js'

const made = [
  new errors.CircuitOpenError('a', 'open', 5),
  new errors.CallTimeoutError('a', 5),
  new errors.SaturatedError('a', 2),
  new errors.UnavailableError('a', 'cooling', 5),
  new NoProviderError('llm', []),
  new errors.AllProvidersFailedError('llm', []),
  new errors.InvalidRegistrationError([{ field: 'x', message: 'is wrong' }]),
  new errors.InvalidRequestError([{ field: '', message: 'is wrong' }]),
  new errors.InvalidOptionsError([]),
  new errors.DuplicateProviderError('a', 'llm'),
  new errors.StrategyConflictError('llm', 'everyone', 0, 'fallback', 'random'),
  new errors.StrategyFailedError('mine', 'threw', { cause: 'why' }),
  new errors.UnknownProviderError('a'),
  new errors.UnknownCapabilityError('dubbing'),
  new errors.DependencyCycleError(['a', 'b']),
  new errors.UnsupportedSnapshotError('9.0', ['2.0'], 'the store'),
  new errors.CorruptSnapshotError('It is damaged', { keptAs: 'x.corrupt-1' }),
  new errors.StoreInUseError('the store', 'process 1', 'stop it'),
  new errors.StoreFailedError('the store', 'could not write', new Error('disk full')),
  new errors.RegistryClosedError('register'),
  new errors.ForbiddenAddressError('169.254.169.254', 'link-local', 'evil.example'),
  new errors.HttpError('refused', 'http://127.0.0.1:1/', 'was refused'),
  new errors.BackendError('http://127.0.0.1:1/', 'could not'),
  new errors.MissingPeerError('connectOpenAI', 'openai', '^6'),
  new OperationError('not-found', 'SERVICE_NOT_FOUND', 'Service not found'),
]

describe('MissingPeerError', () => {
  it('names a command that a shell takes as it is', () => {
    const one = new errors.MissingPeerError('redisStore()', 'ioredis', '^5.4 || ^6')
    expect(one.message).toMatch(/run: npm install "ioredis@\^5\.4 \|\| \^6"$/)
    const other = new errors.MissingPeerError('gRPC', '@grpc/grpc-js', '^1.14')
    expect(other.message).toMatch(/run: npm install @grpc\/grpc-js@\^1\.14$/)
  })
})

describe('every error', () => {
  it.each(made.map((error) => [error.name, error] as const))(
    '%s knows what it is',
    (name, error) => {
      expect(error).toBeInstanceOf(errors.SwitchgearError)
      expect(error).toBeInstanceOf(Error)
      expect(errors.isSwitchgearError(error)).toBe(true)
      expect(errors.errorCodes).toContain(error.code)
      expect(error.constructor.name).toBe(name)
      expect(String(error)).toContain(error.message)
      expect(typeof error.retryable).toBe('boolean')
    },
  )

  it('has its own code', () => {
    expect(new Set(made.map(({ code }) => code)).size).toBe(errors.errorCodes.length)
  })

  it('is an instance of its own class only', () => {
    const [open] = made
    expect(open).toBeInstanceOf(errors.CircuitOpenError)
    expect(open).not.toBeInstanceOf(errors.CallTimeoutError)
    expect(made[5]).toBeInstanceOf(AggregateError)
  })
})

describe('isSwitchgearError', () => {
  it('holds across two copies of the package', () => {
    const brand = Symbol.for('switchgear.error')
    class Copy extends Error {}
    Object.defineProperty(Copy.prototype, brand, { value: true })
    expect(errors.isSwitchgearError(new Copy())).toBe(true)
    expect(new Copy()).toBeInstanceOf(errors.SwitchgearError)
  })

  it('is no for everything else', () => {
    const foreign: unknown = runInNewContext('new Error("x")')
    for (const value of [undefined, null, 'x', 1, {}, new Error('x'), foreign, () => {}])
      expect(errors.isSwitchgearError(value)).toBe(false)
  })
})

describe('messages', () => {
  it('of time-outs name the limit that was reached', () => {
    const text = (limit?: 'call' | 'first-chunk' | 'idle' | 'budget') =>
      new errors.CallTimeoutError('a', 5, limit).message
    expect([text(), text('first-chunk'), text('idle'), text('budget')]).toEqual([
      "Provider 'a' did not answer within 5 ms",
      "The stream of provider 'a' did not begin within 5 ms",
      "The stream of provider 'a' sent nothing more within 5 ms",
      "The call to 'a' did not finish, retries included, within 5 ms",
    ])
  })

  it('of all providers failing have one entry and one phrase per attempt', () => {
    const attempts = [
      { provider: 'a', cause: 'timeout', durationMs: 5.4, error: new Error('slow\nvery slow') },
      { provider: 'b', cause: 'transient', durationMs: 7, error: 'a text' },
    ]
    const error = new errors.AllProvidersFailedError('llm', attempts)
    expect(error.message).toBe(
      'All 2 attempts to call "llm" failed: a timeout after 5 ms (slow); b transient after 7 ms (a text)',
    )
    expect(error.errors).toEqual([attempts[0]?.error, 'a text'])
    expect(error.cause).toBe('a text')
    expect(error.retryable).toBe(true)
    const hopeless = attempts.map((one) => ({ ...one, cause: 'auth' }))
    expect(new errors.AllProvidersFailedError('llm', hopeless).retryable).toBe(false)
  })

  it('say one line about anything', () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(errors.oneLine(new Error('first\nsecond'))).toBe('first')
    expect(errors.oneLine(new TypeError())).toBe('TypeError')
    expect(errors.oneLine('x'.repeat(500))).toHaveLength(200)
    expect(errors.oneLine(undefined)).toBe('undefined')
    expect(errors.oneLine(Symbol('s'))).toBe('Symbol(s)')
    expect(errors.oneLine(Object.create(null))).toBe('an error that cannot be printed')
    expect(errors.oneLine(proxy)).toBe('an error that cannot be printed')
  })
})
