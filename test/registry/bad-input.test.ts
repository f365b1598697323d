import { describe, expect, it } from 'vitest'
import {
  DuplicateProviderError,
  InvalidOptionsError,
  InvalidRegistrationError,
  InvalidRequestError,
  isSwitchgearError,
  RegistryClosedError,
  ServiceRegistry,
  StrategyConflictError,
  UnknownProviderError,
} from '../../src/index.js'
import { FakeClock } from '../../src/testing/index.js'
import { outcome, scene } from './scene.js'

const long = 'x'.repeat(5_000)
const circular: Record<string, unknown> = {}
circular.again = circular
class Fancy {}

/** A field, a value it cannot have, where the error says it is, and what it says. */
type Bad = readonly [field: string, value: unknown, at: string, says: RegExp]

function refused(error: unknown, kind: new (...args: never[]) => Error, at: string, says: RegExp) {
  expect(error).toBeInstanceOf(kind)
  expect(isSwitchgearError(error)).toBe(true)
  const { issues, message } = error as InvalidRegistrationError
  expect(issues.map(({ field }) => field)).toContain(at)
  expect(issues.find(({ field }) => field === at)?.message).toMatch(says)
  expect(message).toMatch(says)
  expect(message).toContain(`  ${at || 'it'}: `)
}

const title = ([field, value]: Bad): string => `${field}: ${shown(value)}`

function shown(value: unknown): string {
  if (typeof value === 'string')
    return value.length > 30 ? `a text of ${value.length}` : `'${value}'`
  if (typeof value === 'bigint' || typeof value === 'symbol') return typeof value
  if (typeof value === 'function') return 'a function'
  if (value instanceof Map || value instanceof Set || value instanceof Date)
    return value.constructor.name
  if (value === circular) return 'circular'
  try {
    return (
      JSON.stringify(value, (_, one) =>
        typeof one === 'number' && !Number.isFinite(one)
          ? String(one)
          : typeof one === 'string' && one.length > 30
            ? '…'
            : typeof one === 'bigint'
              ? `${one}n`
              : one,
      ) ?? String(value)
    )
  } catch {
    return 'something circular'
  }
}

const texts = (field: string): Bad[] => [
  [field, '', field, /got ""/],
  [field, ' \t', field, /expected a text that is not blank, got/],
  [field, 42, field, /expected .*got 42/],
  [field, null, field, /expected .*got null/],
  [field, {}, field, /expected .*got an object/],
  [field, long, field, /expected|4096/],
  [field, Symbol('x'), field, /got a symbol/],
]
const lists = (field: string): Bad[] => [
  [field, 'one', field, /expected .*got "one"/],
  [field, ['fine', ''], `${field}[1]`, /got ""/],
  [field, [42], `${field}[0]`, /got 42/],
  [field, null, field, /got null/],
  [field, new Set(['one']), field, /got an object/],
]
const numbers = (field: string, ...bad: readonly number[]): Bad[] => [
  ...bad.map((value): Bad => [field, value, field, new RegExp(`got ${String(value)}$`, 'm')]),
  [field, '5', field, /got "5"/],
  [field, null, field, /got null/],
  [field, 5n, field, /got 5n/],
]
const flags = (field: string): Bad[] => [
  [field, 'yes', field, /expected boolean, got "yes"/],
  [field, 1, field, /expected boolean, got 1/],
  [field, null, field, /expected boolean, got null/],
]
const data = (field: string): Bad[] => [
  [field, 'text', field, /got "text"/],
  [field, ['list'], field, /got a list of 1/],
  [field, null, field, /got null/],
  [field, { fn() {} }, `${field}.fn`, /plain data.*got a function/],
  [field, { deep: { at: new Date(0) } }, `${field}.deep.at`, /plain data.*got an object/],
  [field, { map: new Map() }, `${field}.map`, /plain data/],
  [field, { big: 1n }, `${field}.big`, /plain data.*got 1n/],
  [field, { token: Symbol('x') }, `${field}.token`, /a value that is not shown/],
  [field, { list: [1, new Fancy()] }, `${field}.list.1`, /plain data/],
]
const { NaN: nan, POSITIVE_INFINITY: infinity } = Number

const circuitFields: Bad[] = [
  ['circuit', 5, 'circuit', /got 5/],
  ['circuit', null, 'circuit', /got null/],
  ['circuit', { failureTreshold: 3 }, 'circuit.failureTreshold', /not a known field/],
  ...(
    [
      'failureThreshold',
      'successThreshold',
      'halfOpenPermits',
      'minimumCalls',
      'windowSize',
    ] as const
  )
    .flatMap((name) =>
      [0, -1, 1.5, nan, infinity, '5', null].map((value) => [name, value] as const),
    )
    .map(([name, value]): Bad => ['circuit', { [name]: value }, `circuit.${name}`, /expected|got/]),
  ...[-1, nan, infinity, '60'].map(
    (value): Bad => [
      'circuit',
      { recoveryTimeoutMs: value },
      'circuit.recoveryTimeoutMs',
      /expected/,
    ],
  ),
  ...(['timeoutMs', 'probeLeaseMs'] as const)
    .flatMap((name) => [0, -1, nan, '30s', null].map((value) => [name, value] as const))
    .map(
      ([name, value]): Bad => [
        'circuit',
        { [name]: value },
        `circuit.${name}`,
        /expected milliseconds above 0, or Infinity for no limit, got/,
      ],
    ),
  ...[0, -0.1, 1.1, nan, '50%'].map(
    (value): Bad => ['circuit', { errorRatio: value }, 'circuit.errorRatio', /expected/],
  ),
  ['circuit', { windowSize: 1e9 }, 'circuit.windowSize', /100000/],
  ['circuit', { backoff: true }, 'circuit.backoff', /got true/],
  ['circuit', { backoff: { factor: 0.5 } }, 'circuit.backoff.factor', /got 0.5/],
  ['circuit', { backoff: { maxMs: 0 } }, 'circuit.backoff.maxMs', /got 0/],
  ['circuit', { backoff: { jitter: 2 } }, 'circuit.backoff.jitter', /got 2/],
  ['circuit', { backoff: { fctor: 2 } }, 'circuit.backoff.fctor', /not a known field/],
]

const registrationFields: Bad[] = [
  ...texts('service'),
  ['service', undefined, 'service', /expected a text, got nothing/],
  ['provider', null, 'provider', /expected an object or a function.*got null/],
  ['provider', 42, 'provider', /got 42/],
  ['provider', 'gpt', 'provider', /got "gpt"/],
  ['provider', undefined, 'provider', /either provider \(an instance\) or connect/],
  ['connect', async () => ({}), 'provider', /either provider \(an instance\) or connect/],
  ['connect', 'later', 'connect', /expected a function that makes the instance, got "later"/],
  ...texts('name'),
  ...texts('handler'),
  ['handler', [], 'handler', /expected.*got/],
  ['handler', ['A', ''], 'handler[1]', /got ""/],
  ['handler', ['A', 5], 'handler[1]', /got 5/],
  ...['urgent', 4, -1, 1.5, nan, infinity, null, '1', {}, true].map(
    (value): Bad => [
      'priority',
      value,
      'priority',
      /critical \(0\), high \(1\).*fallback \(9\), got/,
    ],
  ),
  ...numbers('group', 1.5, nan, infinity, -infinity, 40_000, -40_000),
  ...[
    'best',
    42,
    null,
    {},
    { name: 'x' },
    { pick() {} },
    { name: '', pick() {} },
    { name: 5, pick() {} },
  ].map(
    (value): Bad => [
      'strategy',
      value,
      'strategy',
      /expected fallback, round-robin.*pick function, got/,
    ],
  ),
  ['capabilities', 'chat', 'capabilities', /got "chat"/],
  ['capabilities', null, 'capabilities', /got null/],
  ['capabilities', ['chat', ''], 'capabilities[1]', /got ""/],
  ['capabilities', [42], 'capabilities[0]', /got 42/],
  ['capabilities', [null], 'capabilities[0]', /got null/],
  ['capabilities', [{}], 'capabilities[0].name', /got nothing/],
  ['capabilities', [{ name: 'a@1' }], 'capabilities[0].name', /without "@".*got "a@1"/],
  ['capabilities', [{ name: 'a', version: 1 }], 'capabilities[0].version', /got 1/],
  ['capabilities', [{ name: 'a', versoin: '1' }], 'capabilities[0].versoin', /not a known field/],
  ['capabilities', ['a', 'b', 'a'], 'capabilities[2]', /each capability once, got "a" again/],
  ['capabilities', ['@a'], 'capabilities[0]', /name before the "@", got "@a"/],
  [
    'capabilities',
    [{ name: 'a', parameters: { w: { type: 'long' } } }],
    'capabilities[0].parameters.w.type',
    /got "long"/,
  ],
  [
    'capabilities',
    [{ name: 'a', parameters: { w: { min: nan } } }],
    'capabilities[0].parameters.w.min',
    /got NaN/,
  ],
  [
    'capabilities',
    [{ name: 'a', parameters: { w: { values: [circular] } } }],
    `capabilities[0].parameters.w.values.0${'.again'.repeat(32)}`,
    /./,
  ],
  [
    'capabilities',
    [{ name: 'a', constraints: { f() {} } }],
    'capabilities[0].constraints.f',
    /plain data/,
  ],
  ['version', 5, 'version', /got 5/],
  ['version', null, 'version', /got null/],
  ['apiVersion', ['1'], 'apiVersion', /got a list of 1/],
  ...lists('models'),
  ...lists('dependencies'),
  ...data('metadata'),
  ...data('limits'),
  ...circuitFields,
  ...numbers('concurrency', 0, -1, 1.5, nan, infinity),
  ['health', true, 'health', /got true/],
  ['health', { check: 'ping' }, 'health.check', /expected a function that checks, got "ping"/],
  ['health', { chek() {} }, 'health.chek', /not a known field/],
  ...numbers('weight', 0, -1, nan, infinity),
  ...texts('address'),
  ...texts('credential').filter(([, value]) => value !== long),
  ...numbers('requestsPerMinute', 0, -1, nan, infinity),
  ...numbers('tokensPerMinute', 0, -1, nan, infinity),
  ['withSignal', {}, 'withSignal', /expected a function that returns new arguments, got an object/],
  ...flags('idempotent'),
  ['guard', ['close'], 'guard', /got a list of 1/],
  ['guard', { except: 'close' }, 'guard.except', /got "close"/],
  ['guard', { except: [''] }, 'guard.except[0]', /got ""/],
  ['guard', { expect: [] }, 'guard.expect', /not a known field/],
  ...flags('replace'),
  ['priorty', 'high', 'priorty', /not a known field; check its spelling/],
  ['toString', 'x', 'toString', /not a known field/],
]

const withOne = () => {
  const made = scene({ requiredServices: ['llm'] })
  const one = { who: async () => 'one' }
  made.registry.register({ service: 'llm', name: 'one', handler: 'A', provider: one })
  made.registry.register({ service: 'llm', name: 'all', provider: { who: async () => 'all' } })
  return made
}

describe('a registration', () => {
  it.each(registrationFields.map((bad) => [title(bad), ...bad] as const))(
    'refuses %s',
    (_, field, value, at, says) => {
      const { registry } = withOne()
      const before = registry.describe()
      for (const method of ['register', 'registerGlobal'] as const) {
        let error: unknown
        try {
          registry[method]({ service: 'llm', provider: {}, [field]: value } as never)
        } catch (thrown) {
          error = thrown
        }
        refused(error, InvalidRegistrationError, at, says)
      }
      expect(registry.describe()).toEqual(before)
      expect(registry.metrics().registrations).toBe(2)
    },
  )

  it.each([null, undefined, 42, 'llm', [], () => {}, Symbol('x')])(
    'refuses %s as a whole',
    (value) => {
      const { registry } = withOne()
      expect(() => registry.register(value as never)).toThrow(InvalidRegistrationError)
      expect(registry.list()).toHaveLength(2)
    },
  )

  it('names every wrong field at once', async () => {
    const { registry } = withOne()
    const error = (await outcome(() =>
      registry.register({ service: '', provider: 5, group: 'x', weight: -1, typo: 1 } as never),
    )) as InvalidRegistrationError
    expect(error.issues.map(({ field }) => field).sort()).toEqual(
      ['group', 'provider', 'service', 'typo', 'weight'].sort(),
    )
    expect(error.message.split('\n')).toHaveLength(6)
  })

  it('shows no secret in its message', async () => {
    const { registry } = withOne()
    const metadata = { apiKey: 5n, nested: { password: new Fancy() } }
    const error = (await outcome(() =>
      registry.register({ service: 'llm', provider: {}, metadata: metadata as never }),
    )) as Error
    expect(error.message).toContain('a value that is not shown')
    expect(error.message).not.toContain('5n')
  })

  it('takes a field that is undefined for one that was not given', () => {
    const { registry } = withOne()
    const fields = registrationFields
      .map(([field]) => field)
      .filter((field) => !['service', 'provider', 'priorty', 'toString'].includes(field))
    const blank = Object.fromEntries(fields.map((field) => [field, undefined]))
    const { name } = registry.register({ service: 'llm', provider: {}, ...blank } as never)
    expect(registry.get(name)).toMatchObject({
      priority: 'normal',
      group: 0,
      strategy: 'fallback',
      weight: 1,
      metadata: {},
      capabilities: [],
      handlers: ['*'],
      origin: 'manual',
    })
  })
})

describe('a duplicate name', () => {
  it('is refused, in whatever service and handler, unless it replaces', () => {
    const { registry } = withOne()
    const before = registry.describe()
    for (const more of [{}, { service: 'memory' }, { handler: 'B' }, { replace: false }]) {
      const register = () =>
        registry.register({ service: 'llm', name: 'one', provider: {}, ...more })
      expect(register).toThrow(DuplicateProviderError)
      expect(register).toThrow(/'one' is already registered for "llm".*replace: true/)
    }
    expect(() =>
      registry.register({ service: 'memory', name: 'one', provider: {}, replace: true }),
    ).toThrow(InvalidRegistrationError)
    expect(registry.describe()).toEqual(before)
  })
})

describe('a conflicting strategy', () => {
  it('is refused with both names, and decides nothing by order of priority', async () => {
    const { registry } = scene()
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      strategy: 'round-robin',
      priority: 'low',
    })
    const error = (await outcome(() =>
      registry.register({
        service: 'llm',
        provider: {},
        strategy: 'weighted',
        priority: 'critical',
      }),
    )) as StrategyConflictError
    expect(error).toBeInstanceOf(StrategyConflictError)
    expect(error).toMatchObject({
      service: 'llm',
      group: 0,
      existing: 'round-robin',
      requested: 'weighted',
    })
    expect(error.message).toMatch(/'round-robin'.*'weighted'/)
    expect(registry.list()).toHaveLength(1)
  })

  it('in one of several handlers refuses the whole registration', () => {
    const { registry, clock } = scene()
    void clock
    registry.register({ service: 'llm', name: 'b', handler: 'B', provider: {}, strategy: 'sticky' })
    const before = registry.describe()
    expect(() =>
      registry.register({
        service: 'llm',
        name: 'x',
        handler: ['A', 'B', 'C'],
        provider: {},
        strategy: 'random',
      }),
    ).toThrow(/handler 'B'/)
    expect(registry.describe()).toEqual(before)
    registry.register({
      service: 'llm',
      name: 'x',
      handler: ['A', 'C'],
      provider: {},
      strategy: 'random',
    })
    registry.register({ service: 'llm', name: 'y', handler: ['A', 'B', 'C'], provider: {} })
    expect(registry.explain('llm', { handler: 'B' }).candidates).toHaveLength(2)
  })

  it('compares by name: the same built-in spelled otherwise, and two objects of one name, agree', () => {
    const { registry } = scene()
    const own = (name: string) => ({ name, pick: <T>([first]: readonly [T, ...T[]]): T => first })
    registry.register({ service: 'llm', provider: {}, strategy: 'round_robin' })
    registry.register({ service: 'llm', provider: {}, strategy: 'round-robin' })
    registry.register({ service: 'llm', group: 1, provider: {}, strategy: own('mine') })
    registry.register({ service: 'llm', group: 1, provider: {}, strategy: own('mine') })
    expect(() =>
      registry.register({ service: 'llm', group: 1, provider: {}, strategy: own('other') }),
    ).toThrow(StrategyConflictError)
    expect(registry.list()).toHaveLength(4)
  })

  it('when replacing is refused while others hold the group to theirs', () => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'a', provider: {}, strategy: 'round-robin' })
    registry.register({ service: 'llm', name: 'b', provider: {} })
    registry.register({ service: 'llm', name: 'c', group: 1, provider: {}, strategy: 'sticky' })
    const before = registry.describe()
    const replace = (more: object) =>
      registry.register({ service: 'llm', name: 'a', provider: {}, replace: true, ...more })
    expect(() => replace({ strategy: 'weighted' })).toThrow(StrategyConflictError)
    expect(() => replace({ strategy: 'weighted', group: 1 })).toThrow(StrategyConflictError)
    expect(registry.describe()).toEqual(before)
    registry.unregister('b')
    replace({ strategy: 'weighted' })
    expect(registry.get('a')?.strategy).toBe('weighted')
  })
})

// --- requests ----------------------------------------------------------------------------------

const requestFields: Bad[] = [
  ['handler', 5, 'handler', /got 5/],
  ['handler', '', 'handler', /got ""/],
  ['handler', ['A'], 'handler', /got a list of 1/],
  ['handler', null, 'handler', /got null/],
  ['requires', 'chat', 'requires', /got "chat"/],
  ['requires', {}, 'requires', /got an object/],
  ['requires', 7, 'requires', /got 7/],
  ['requires', null, 'requires', /got null/],
  ['requires', new Set(['chat']), 'requires', /got an object/],
  ['requires', [''], 'requires[0]', /got ""/],
  ['requires', [5], 'requires[0]', /got 5/],
  ['requires', ['chat', null], 'requires[1]', /got null/],
  ['requires', ['@1'], 'requires[0]', /name before the "@"/],
  ['requires', ['chat@'], 'requires[0]', /version range.*""/],
  ['requires', ['chat@latest'], 'requires[0]', /version range such as .*"latest"/],
  [
    'requires',
    [{ name: 'chat', minVersion: 'new' }],
    'requires[0]',
    /a version such as 1.2.*"new"/,
  ],
  ['requires', [{ name: 'chat', minVersion: '1', range: '1' }], 'requires[0]', /not both/],
  ['requires', [{ name: 'chat', version: '1' }], 'requires[0].version', /not a known field/],
  ['requires', [{ minVersion: '1' }], 'requires[0].name', /got nothing/],
  [
    'requires',
    [{ name: 'chat', parameters: { f() {} } }],
    'requires[0].parameters.f',
    /plain data/,
  ],
  ['fallbackToGlobal', 'no', 'fallbackToGlobal', /expected boolean, got "no"/],
  ['fallbackToGlobal', 0, 'fallbackToGlobal', /got 0/],
  ['fallbackToGlobal', null, 'fallbackToGlobal', /got null/],
  ['where', 'eu', 'where', /got "eu"/],
  ['where', null, 'where', /got null/],
  ['where', ['eu'], 'where', /got a list of 1/],
  ['where', new Map([['region', 'eu']]), 'where', /got an object/],
  ['key', 5, 'key', /got 5/],
  ['key', null, 'key', /got null/],
  ['tenant', {}, 'tenant', /got an object/],
  ['exclude', 'one', 'exclude', /got "one"/],
  ['exclude', [5], 'exclude[0]', /got 5/],
  ['exclude', new Set(['one']), 'exclude', /got an object/],
  ['exclude', null, 'exclude', /got null/],
  ['exlude', ['one'], 'exlude', /not a known field/],
  ['require', ['chat'], 'require', /not a known field/],
]

type Open = ReturnType<typeof withOne>['registry']
const askers: Record<string, (registry: Open, request: never, service?: string) => unknown> = {
  getService: (registry, request, service = 'llm') => registry.getService(service, request),
  requireService: (registry, request, service = 'llm') => registry.requireService(service, request),
  resolve: (registry, request, service = 'llm') => registry.resolve(service, request),
  explain: (registry, request, service = 'llm') => registry.explain(service, request),
  client: (registry, request, service = 'llm') => registry.client(service, request),
  call: (registry, request, service = 'llm') => registry.call(service, request, () => 'ran'),
  async stream(registry, request, service = 'llm') {
    for await (const _ of registry.stream(service, request, async function* () {})) break
  },
}

describe.each(Object.entries(askers))('%s', (_, ask) => {
  it.each(requestFields.map((bad) => [title(bad), ...bad] as const))(
    'refuses %s',
    async (_title, field, value, at, says) => {
      const { registry } = withOne()
      const before = registry.describe()
      const fresh = await outcome(() => ask(registry, { [field]: value } as never))
      refused(fresh, InvalidRequestError, at, says)
      // The plans that the wrong field could be mistaken for are known now.
      for (const known of [
        {},
        { handler: 'A' },
        { fallbackToGlobal: false },
        { requires: ['chat'] },
      ])
        registry.explain('llm', known)
      const again = await outcome(() => ask(registry, { [field]: value } as never))
      refused(again, InvalidRequestError, at, says)
      expect(registry.describe()).toEqual(before)
    },
  )

  it.each([null, 5, 'A', ['A']])('refuses %o for a request', async (value) => {
    const { registry } = withOne()
    registry.explain('llm')
    expect(await outcome(() => ask(registry, value as never))).toBeInstanceOf(InvalidRequestError)
  })

  it.each(['', ' ', 5, null, Symbol('s'), {}, undefined])(
    'refuses %o for a service',
    async (value) => {
      const { registry } = withOne()
      const error = await outcome(() =>
        ask(registry, {} as never, (value === undefined ? '' : value) as never),
      )
      refused(error, InvalidRequestError, 'service', /expected|blank/)
    },
  )

  it('refuses a request that cannot be read', async () => {
    const { registry } = withOne()
    const hostile = {
      get requires(): never {
        throw new RangeError('boom')
      },
    }
    const trapped = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new RangeError('trap')
        },
      },
    )
    for (let round = 0; round < 2; round++) {
      for (const request of [hostile, trapped, { where: trapped, exclude: 5 }]) {
        const error = await outcome(() => ask(registry, request as never))
        expect(error).toBeInstanceOf(InvalidRequestError)
      }
      registry.explain('llm')
    }
  })

  it('neither changes nor keeps a frozen request', async () => {
    const { registry } = withOne()
    const request = Object.freeze({
      handler: 'A',
      requires: Object.freeze([]),
      where: Object.freeze({}),
      exclude: Object.freeze(['nobody']),
    })
    expect(await outcome(() => ask(registry, request as never))).not.toBeInstanceOf(Error)
  })
})

describe('what was asked for', () => {
  it('can be changed afterwards without changing what was found out about it', () => {
    const { registry } = scene()
    const parameters: Record<string, number> = { width: 100 }
    const image = { name: 'image', parameters: { width: { max: 200 } } }
    registry.register({ service: 'llm', name: 'a', provider: {}, capabilities: [image] })
    const requires = [{ name: 'image', parameters }]
    expect(registry.resolve('llm', { requires })?.provider).toBe('a')
    parameters.width = 999
    registry.unregister('a')
    registry.register({ service: 'llm', name: 'b', provider: {}, capabilities: [image] })
    const asked = (width: number) =>
      registry.resolve('llm', { requires: [{ name: 'image', parameters: { width } }] })?.provider
    expect([asked(100), asked(999)]).toEqual(['b', undefined])
    expect(registry.resolve('llm', { requires })).toBeUndefined()
  })

  it('of a client stays as it was when it was made', async () => {
    const { registry } = withOne()
    const exclude = ['one']
    const request = { handler: 'A', exclude }
    const options = { attempts: 1 }
    const client = registry.client('llm', request, options) as { who(): Promise<string> }
    exclude.length = 0
    request.handler = 'B'
    expect(await client.who()).toBe('all')
  })

  it('tells capabilities with odd names apart', () => {
    const { registry } = scene()
    for (const [name, capabilities] of [
      ['both', ['a', 'b']],
      ['odd', ['a\nb']],
      ['query', ['a?[["w",1]]']],
    ] as const)
      registry.register({ service: 'llm', name, provider: {}, capabilities })
    const found = (...requires: readonly unknown[]) =>
      registry.resolve('llm', { requires: requires as string[] })?.provider
    expect(found('a', 'b')).toBe('both')
    expect(found('a\nb')).toBe('odd')
    expect(found({ name: 'a', parameters: { w: 1 } })).toBe('both')
    expect(found('a?[["w",1]]')).toBe('query')
  })

  it('tells a least version from a range that reads the same, and NaN from null', () => {
    for (const turn of [0, 1]) {
      const { registry } = scene()
      registry.register({
        service: 'llm',
        provider: {},
        capabilities: [
          { name: 'x', version: '2.0.0-beta.1', parameters: { w: { values: [null] } } },
        ],
      })
      const found = (one: unknown) =>
        registry.resolve('llm', { requires: [one as string] }) !== undefined
      const questions = [() => found({ name: 'x', minVersion: '1.2' }), () => found('x@>=1.2')]
      const answers =
        turn === 0
          ? questions.map((ask) => ask())
          : questions
              .reverse()
              .map((ask) => ask())
              .reverse()
      expect(answers).toEqual([true, false])
      expect(found({ name: 'x', parameters: { w: Number.NaN } })).toBe(false)
      expect(found({ name: 'x', parameters: { w: null } })).toBe(true)
    }
  })
})

// --- options -----------------------------------------------------------------------------------

const callOptionFields: Bad[] = [
  ...numbers('attempts', 0, -1, 1.5, nan, infinity),
  ['timeoutMs', 0, 'timeoutMs', /above 0, or Infinity.*got 0/],
  ['timeoutMs', -5, 'timeoutMs', /got -5/],
  ['timeoutMs', nan, 'timeoutMs', /got NaN/],
  ['timeoutMs', '1s', 'timeoutMs', /got "1s"/],
  ['signal', {}, 'signal', /expected an AbortSignal, got an object/],
  ['signal', 'stop', 'signal', /got "stop"/],
  ['signal', null, 'signal', /got null/],
  ['signal', new AbortController(), 'signal', /expected an AbortSignal/],
  ...flags('idempotent'),
  ['attempt', 3, 'attempt', /not a known field/],
]
const streamOptionFields: Bad[] = [
  ...callOptionFields,
  ...(['firstChunkTimeoutMs', 'idleTimeoutMs'] as const).flatMap((name) =>
    [0, -1, nan, '1s', null].map((value): Bad => [name, value, name, /above 0, or Infinity/]),
  ),
  ['afterCommit', 'restart', 'afterCommit', /expected "fail"/],
]

describe('options of calls', () => {
  it.each(callOptionFields.map((bad) => [title(bad), ...bad] as const))(
    'call and client refuse %s',
    async (_, field, value, at, says) => {
      const { registry } = withOne()
      let ran = 0
      refused(
        await outcome(() => registry.call('llm', {}, () => ran++, { [field]: value } as never)),
        InvalidOptionsError,
        at,
        says,
      )
      refused(
        await outcome(() => registry.client('llm', {}, { [field]: value } as never)),
        InvalidOptionsError,
        at,
        says,
      )
      expect(ran).toBe(0)
      expect(registry.metrics().lookups).toBe(0)
    },
  )

  it.each(streamOptionFields.map((bad) => [title(bad), ...bad] as const))(
    'stream refuses %s',
    async (_, field, value, at, says) => {
      const { registry } = withOne()
      const error = await outcome(() =>
        registry.stream('llm', {}, async function* () {}, { [field]: value } as never),
      )
      refused(error, InvalidOptionsError, at, says)
    },
  )

  it.each([null, 5, 'x', ['x']])('refuse %o', async (options) => {
    const { registry } = withOne()
    for (const ask of [
      () => registry.call('llm', {}, () => 1, options as never),
      () => registry.client('llm', {}, options as never),
      () => registry.stream('llm', {}, async function* () {}, options as never),
    ])
      expect(await outcome(ask)).toBeInstanceOf(InvalidOptionsError)
  })

  it.each([undefined, null, 5, 'run', {}])('refuse %o for the function to run', async (fn) => {
    const { registry } = withOne()
    refused(
      await outcome(() => registry.call('llm', {}, fn as never)),
      InvalidRequestError,
      'fn',
      /function/,
    )
    const read = async (): Promise<void> => {
      for await (const _ of registry.stream('llm', {}, fn as never)) break
    }
    refused(await outcome(read), InvalidRequestError, 'fn', /function/)
  })
})

const ports = {
  now() {},
  wall() {},
  sleep() {},
  every() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
}
const registryFields: Bad[] = [
  ...lists('requiredServices'),
  ...circuitFields,
  ['health', 5, 'health', /got 5/],
  ['health', { maxAgeMs: -1 }, 'health.maxAgeMs', /got -1/],
  ['health', { maxAgeMs: nan }, 'health.maxAgeMs', /got NaN/],
  ['health', { timeoutMs: 0 }, 'health.timeoutMs', /got 0/],
  ['health', { timeoutMs: infinity }, 'health.timeoutMs', /got Infinity/],
  ['health', { intervalMs: 0 }, 'health.intervalMs', /got 0/],
  ['health', { maxAge: 5 }, 'health.maxAge', /not a known field/],
  ['services', [], 'services', /got a list of 0/],
  ['services', { llm: 5 }, 'services.llm', /got 5/],
  ['services', { llm: { kind: '' } }, 'services.llm.kind', /got ""/],
  ['services', { llm: { idempotent: 'yes' } }, 'services.llm.idempotent', /got "yes"/],
  [
    'services',
    { llm: { standIn: 'mock' } },
    'services.llm.standIn',
    /expected an object or a function, got "mock"/,
  ],
  [
    'services',
    { llm: { methods: { pay: { idempotnt: true } } } },
    'services.llm.methods.pay.idempotnt',
    /not a known field/,
  ],
  ['services', { llm: { mock: {} } }, 'services.llm.mock', /not a known field/],
  ...flags('allowStandIns'),
  ['retryBudget', { ratio: -1 }, 'retryBudget.ratio', /got -1/],
  ['retryBudget', { perSecond: nan }, 'retryBudget.perSecond', /got NaN/],
  ['retryBudget', { perSec: 1 }, 'retryBudget.perSec', /not a known field/],
  ['classify', {}, 'classify', /expected a function from an error to a cause/],
  ['clock', { now() {} }, 'clock', /expected a clock with now, wall, sleep, every, got an object/],
  ['clock', Date, 'clock', /got a function/],
  ['random', 5, 'random', /expected a function that gives numbers from 0 to 1, got 5/],
  ['logger', console.log, 'logger', /expected a logger with debug, info, warn, error/],
  ['logger', { info() {} }, 'logger', /expected a logger/],
  ['requiredService', ['llm'], 'requiredService', /not a known field/],
]

describe('options of a registry', () => {
  it.each(registryFields.map((bad) => [title(bad), ...bad] as const))(
    'refuse %s',
    async (_, field, value, at, says) => {
      refused(
        await outcome(() => new ServiceRegistry({ [field]: value } as never)),
        InvalidOptionsError,
        at,
        says,
      )
    },
  )

  it.each([null, 5, 'x', [], () => {}])('refuse %o', async (value) => {
    expect(await outcome(() => new ServiceRegistry(value as never))).toBeInstanceOf(
      InvalidOptionsError,
    )
  })

  it('are copied: changing them later changes nothing, and ports stay themselves', () => {
    const clock = new FakeClock()
    const requiredServices = ['a']
    const options = {
      requiredServices,
      circuit: { failureThreshold: 1 },
      clock,
      logger: ports,
      health: { maxAgeMs: 1 },
      services: { llm: { idempotent: true } },
      allowStandIns: false,
    }
    const registry = new ServiceRegistry<Record<string, object>>(options)
    requiredServices.push('b')
    options.circuit.failureThreshold = 100
    options.allowStandIns = true
    expect(registry.missing()).toEqual(['a'])
    registry.register({ service: 'a', name: 'x', provider: {} })
    registry.circuit('x').recordFailure()
    expect(registry.circuit('x').state).toBe('open')
    expect(
      new ServiceRegistry(Object.freeze({ ...options, circuit: Object.freeze({}) })),
    ).toBeDefined()
  })

  it('may be huge where that means something', () => {
    const huge = {
      recoveryTimeoutMs: Number.MAX_SAFE_INTEGER,
      timeoutMs: infinity,
      probeLeaseMs: infinity,
      failureThreshold: Number.MAX_SAFE_INTEGER,
    }
    const { registry } = scene({ circuit: huge })
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      group: 32_767,
      weight: Number.MAX_VALUE,
      concurrency: Number.MAX_SAFE_INTEGER,
    })
    registry.circuit('a').trip()
    expect(registry.circuit('a').stats.retryAfterMs).toBe(Number.MAX_SAFE_INTEGER)
  })
})

describe('filters, names, priorities and durations', () => {
  const filters: Bad[] = [
    ['service', 5, 'service', /got 5/],
    ['handler', null, 'handler', /got null/],
    ['handlr', 'A', 'handlr', /not a known field/],
  ]
  const ofList: Bad[] = [
    ...filters,
    ['capability', 5, 'capability', /got 5/],
    ['capability', 'chat@latest', 'capability', /version range/],
    ['capability', '', 'capability', /name before/],
    ['status', 'well', 'status', /got "well"/],
    ['minVersion', 1, 'minVersion', /got 1/],
  ]
  it.each(filters.map((bad) => [title(bad), ...bad] as const))(
    'describe refuses %s',
    async (_, field, value, at, says) => {
      const { registry } = withOne()
      refused(
        await outcome(() => registry.describe({ [field]: value } as never)),
        InvalidRequestError,
        at,
        says,
      )
    },
  )
  it('describe refuses what only list understands', async () => {
    const { registry } = withOne()
    refused(
      await outcome(() => registry.describe({ status: 'healthy' } as never)),
      InvalidRequestError,
      'status',
      /not a known/,
    )
  })
  it.each(ofList.map((bad) => [title(bad), ...bad] as const))(
    'list refuses %s',
    async (_, field, value, at, says) => {
      const { registry } = withOne()
      refused(
        await outcome(() => registry.list({ [field]: value } as never)),
        InvalidRequestError,
        at,
        says,
      )
    },
  )
  it('list refuses a least version without a capability, and one that is none', async () => {
    const { registry } = withOne()
    refused(
      await outcome(() => registry.list({ minVersion: '1' })),
      InvalidRequestError,
      'minVersion',
      /together with a capability/,
    )
    refused(
      await outcome(() => registry.list({ capability: 'chat', minVersion: 'x' })),
      InvalidRequestError,
      'capability',
      /version/,
    )
    refused(await outcome(() => registry.list(null as never)), InvalidRequestError, '', /got null/)
  })

  it.each(['urgent', 4, null, undefined, nan, {}])(
    'setPriority refuses %o, also for a name nobody knows',
    async (priority) => {
      const { registry } = withOne()
      for (const name of ['one', 'nobody'])
        refused(
          await outcome(() => registry.setPriority(name, priority as never)),
          InvalidRegistrationError,
          'priority',
          /critical \(0\).*got/,
        )
      expect(registry.get('one')?.priority).toBe('normal')
    },
  )

  it('unknown names are false, undefined or an error that says so', async () => {
    const { registry } = withOne()
    for (const name of [
      'nobody',
      '',
      '__proto__',
      'constructor',
      5,
      null,
      Symbol('x'),
    ] as never[]) {
      expect(registry.unregister(name)).toBe(false)
      expect(registry.get(name)).toBeUndefined()
      expect(registry.setPriority(name, 'low')).toBe(false)
      expect(() => registry.circuit(name)).toThrow(UnknownProviderError)
    }
    const error = (await outcome(() => registry.circuit('nobody'))) as UnknownProviderError
    expect(error).toMatchObject({
      provider: 'nobody',
      code: 'SWITCHGEAR_UNKNOWN_PROVIDER',
      retryable: false,
    })
    expect(registry.list()).toHaveLength(2)
  })

  it.each([-1, nan, '5', null, {}, 5n])('a duration of %o is refused', async (value) => {
    const { registry } = withOne()
    const handle = registry.register({ service: 'llm', name: 'x', provider: {} })
    const bad = value as never
    refused(
      await outcome(() => registry.circuit('x').trip(bad)),
      InvalidOptionsError,
      'forMs',
      /milliseconds of 0 or more, got/,
    )
    refused(
      await outcome(() => handle.drain(bad)),
      InvalidOptionsError,
      'timeoutMs',
      /milliseconds of 0 or more, got/,
    )
    refused(
      await outcome(() => registry.waitReady({ timeoutMs: bad })),
      InvalidOptionsError,
      'timeoutMs',
      /milliseconds of 0 or more, got/,
    )
    expect(registry.circuit('x').state).toBe('closed')
    expect(registry.resolve('llm', { exclude: ['all'] })?.provider).toBe('x')
  })

  it.each([
    [null, '', /got null/],
    [{ services: 'llm' }, 'services', /got "llm"/],
    [{ services: [5] }, 'services[0]', /got 5/],
    [{ service: ['llm'] }, 'service', /not a known field/],
  ])('waitReady refuses %o', async (options, at, says) => {
    const { registry } = withOne()
    refused(
      await outcome(() => registry.waitReady(options as never)),
      InvalidOptionsError,
      at,
      says,
    )
  })

  it.each([
    [null, ''],
    [{}, 'state'],
    [{ state: 'half-open', failures: 0 }, 'state'],
    [{ state: 'open', failures: -1 }, 'failures'],
    [{ state: 'open', failures: 0, retryAt: 'soon' }, 'retryAt'],
    [{ state: 'open', failures: 0, retryAt: nan }, 'retryAt'],
    [{ state: 'open', failures: 0, opnedAt: 1 }, 'opnedAt'],
  ])('a saved circuit %o is refused', async (saved, at) => {
    const { registry } = withOne()
    refused(
      await outcome(() => registry.circuit('one').restore(saved as never)),
      InvalidOptionsError,
      at,
      /./,
    )
    expect(registry.circuit('one').state).toBe('closed')
  })

  it.each([
    ['nope', () => {}, 'type'],
    ['*', () => {}, 'type'],
    ['provider.added', 5, 'listener'],
    ['provider.added', undefined, 'listener'],
    [undefined, () => {}, 'type'],
    ['__proto__', () => {}, 'type'],
  ])('on(%o, %o) is refused', async (type, listener, at) => {
    const { registry } = withOne()
    refused(
      await outcome(() => registry.on(type as never, listener as never)),
      InvalidRequestError,
      at,
      /expected/,
    )
  })

  it.each([5, null, {}, 'stop'])('events(%o) is refused', async (signal) => {
    const { registry } = withOne()
    refused(
      await outcome(() => registry.events(signal as never)),
      InvalidRequestError,
      'signal',
      /expected an AbortSignal/,
    )
  })
})

// --- hostile but valid -------------------------------------------------------------------------

describe('what is given', () => {
  const full = () => ({
    service: 'llm',
    name: 'full',
    provider: {},
    handler: ['A', 'B'],
    capabilities: [
      'chat',
      {
        name: 'image',
        version: '1',
        parameters: { w: { values: [1, { deep: true }] } },
        constraints: { a: [1] },
      },
    ],
    models: ['m'],
    dependencies: ['memory'],
    metadata: { region: 'eu', deep: { list: [1, { x: 1 }] } },
    limits: { rpm: 1 },
    circuit: { failureThreshold: 2, backoff: { factor: 2 } },
    guard: { except: ['close'] },
    health: { check: () => true },
  })
  const frozen = <T>(value: T, except?: unknown): T => {
    if (typeof value !== 'object' || value === null || value === except) return value
    for (const one of Object.values(value)) frozen(one, except)
    return Object.freeze(value)
  }

  it('may be frozen, and shared by several registrations', () => {
    const { registry } = scene()
    const { name: _, ...shared } = full()
    frozen(shared)
    const names = [registry.register(shared).name, registry.register(shared).name]
    expect(new Set(names).size).toBe(2)
    expect(registry.resolve('llm', { handler: 'B', requires: ['image'] })?.provider).toBe(names[0])
  })

  it('is never changed, and changing it later changes nothing', () => {
    const { registry } = scene()
    const given = full()
    const copy = structuredClone({ ...given, health: undefined })
    registry.register(given)
    expect({ ...given, health: undefined }).toEqual(copy)
    const before = registry.describe()
    given.handler.push('C')
    given.capabilities.push('video')
    ;(given.capabilities[1] as { constraints: { a: number[] } }).constraints.a.push(2)
    given.models.push('n')
    given.metadata.deep.list.push(2)
    given.metadata.region = 'us'
    given.circuit.failureThreshold = 100
    expect(registry.describe()).toEqual(before)
    expect(registry.resolve('llm', { handler: 'C' })).toBeUndefined()
    expect(registry.resolve('llm', { handler: 'A', where: { region: 'eu' } })?.provider).toBe(
      'full',
    )
    for (let at = 0; at < 2; at++) registry.circuit('full').recordFailure()
    expect(registry.circuit('full').state).toBe('open')
  })

  it.each(['service', 'provider', 'name', 'handler', 'metadata', 'circuit', 'capabilities'])(
    'with a getter of %s that throws is refused',
    (field) => {
      const { registry } = withOne()
      const before = registry.describe()
      const hostile = Object.defineProperty({ ...full() }, field, {
        enumerable: true,
        get() {
          throw new RangeError('boom')
        },
      })
      expect(() => registry.register(hostile)).toThrow(InvalidRegistrationError)
      expect(() => registry.register(hostile)).toThrow(/boom/)
      expect(registry.describe()).toEqual(before)
    },
  )

  it('with a getter that throws further down is refused', () => {
    const { registry } = withOne()
    const deep = {
      get key(): never {
        throw new RangeError('boom')
      },
    }
    for (const more of [
      { metadata: { deep } },
      { metadata: deep },
      { circuit: deep },
      { capabilities: [deep] },
      { guard: deep },
      {
        strategy: {
          get name(): never {
            throw new Error('boom')
          },
          pick() {},
        },
      },
    ])
      expect(() => registry.register({ ...full(), ...more } as never)).toThrow(
        InvalidRegistrationError,
      )
    expect(registry.list()).toHaveLength(2)
  })

  it('as a proxy that answers is taken, as one that throws is refused', () => {
    const { registry } = withOne()
    const trap = (): never => {
      throw new RangeError('trap')
    }
    const trapped = (target: object) =>
      new Proxy(target, { get: trap, ownKeys: trap, has: trap, getOwnPropertyDescriptor: trap })
    registry.register(new Proxy(full(), {}))
    for (const hostile of [
      trapped({}),
      trapped([]),
      { ...full(), capabilities: trapped([]) },
      { ...full(), metadata: trapped({}) },
      { ...full(), handler: trapped([]) },
      { ...full(), circuit: trapped({}) },
    ])
      expect(() => registry.register(hostile as never)).toThrow(InvalidRegistrationError)
    expect(registry.list()).toHaveLength(3)
  })

  it('as an instance may be as hostile as it likes: the registry is whole afterwards', async () => {
    const { registry } = scene()
    const trap = (): never => {
      throw new RangeError('trap')
    }
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const instances: Record<string, object> = {
      trapped: new Proxy({}, { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap }),
      revoked: proxy,
      getter: {
        get isHealthy(): never {
          return trap()
        },
        get constructor(): never {
          return trap()
        },
      },
      oddCheck: { isHealthy: 5 },
      oddName: { constructor: { name: { toString: trap } } },
      noPrototype: Object.create(null),
      frozen: Object.freeze({}),
      fn: () => {},
    }
    for (const [name, provider] of Object.entries(instances)) {
      registry.register({ service: name, name, provider })
      registry.register({ service: name, provider })
    }
    expect(registry.list()).toHaveLength(16)
    for (const name of Object.keys(instances)) {
      await outcome(() => registry.getService(name))
      await registry.healthCheckAll()
      registry.explain(name)
    }
    expect(registry.get('getter')?.health).toBe('unhealthy')
    expect(registry.get('frozen')?.health).toBe('unknown')
    for (const { name } of registry.list()) expect(registry.unregister(name)).toBe(true)
    expect(registry.metrics().providers).toBe(0)
  })

  it.each([
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '*',
    'a.b',
    'a/b',
    'ünï',
    ' x ',
  ])('may be called %o', async (odd) => {
    const { registry, clock } = scene({ services: { [odd]: { idempotent: true } } })
    void clock
    registry.register({
      service: odd,
      name: odd,
      handler: odd,
      provider: { who: async () => 'me' },
      capabilities: [odd],
      metadata: { [odd]: 1 },
    })
    const request = { handler: odd, requires: [odd] }
    expect(registry.resolve(odd, request)?.provider).toBe(odd)
    expect(await (registry.client(odd, request) as { who(): Promise<string> }).who()).toBe('me')
    const { handlers, globals, circuits } = registry.describe()
    const byService = odd === '*' ? globals : handlers[odd]
    expect(Object.keys(byService ?? {})).toEqual([odd])
    expect(Object.keys(circuits)).toEqual([odd])
    expect(registry.circuit(odd).state).toBe('closed')
    expect(await registry.waitReady({ services: [odd] })).toBe(true)
    expect(registry.unregister(odd)).toBe(true)
    expect({}).not.toHaveProperty('who')
  })

  it('as __proto__ of an own field is data, not a prototype', () => {
    const { registry } = scene()
    const metadata = JSON.parse('{"__proto__": {"admin": true}, "region": "eu"}')
    registry.register({ service: 'llm', name: 'a', provider: {}, metadata })
    expect(registry.list()[0]?.metadata.admin).toBeUndefined()
    const where = JSON.parse('{"__proto__": {"admin": true}}')
    registry.resolve('llm', { where })
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })
})

describe('a service nobody registered', () => {
  it('is a miss, not an error, and leaves no trace', async () => {
    const { registry } = withOne()
    const before = registry.describe()
    expect(await registry.getService('nothing')).toBeUndefined()
    expect(registry.resolve('nothing')).toBeUndefined()
    expect(registry.explain('nothing')).toEqual({ chosen: undefined, candidates: [] })
    expect(registry.metrics()).toMatchObject({ lookups: 2, hits: 0, misses: 2 })
    expect(registry.describe()).toEqual(before)
  })
})

describe('a closed registry', () => {
  const methods: Record<string, (registry: Open) => unknown> = {
    register: (registry) => registry.register({ service: 'llm', provider: {} }),
    registerGlobal: (registry) => registry.registerGlobal({ service: 'llm', provider: {} }),
    unregister: (registry) => registry.unregister('one'),
    setPriority: (registry) => registry.setPriority('one', 'low'),
    clear: (registry) => registry.clear(),
    getService: (registry) => registry.getService('llm'),
    requireService: (registry) => registry.requireService('llm'),
    resolve: (registry) => registry.resolve('llm'),
    explain: (registry) => registry.explain('llm'),
    client: (registry) => registry.client('llm'),
    call: (registry) => registry.call('llm', {}, () => 1),
    stream: (registry) => registry.stream('llm', {}, async function* () {}),
    resetCircuits: (registry) => registry.resetCircuits(),
    healthCheckAll: (registry) => registry.healthCheckAll(),
    waitReady: (registry) => registry.waitReady(),
    on: (registry) => registry.on('provider.added', () => {}),
    events: (registry) => registry.events(),
  }

  it.each(Object.entries(methods))('refuses %s', async (_, method) => {
    const { registry } = withOne()
    await registry.close()
    const error = await outcome(() => method(registry))
    expect(error).toBeInstanceOf(RegistryClosedError)
    expect((error as RegistryClosedError).code).toBe('SWITCHGEAR_REGISTRY_CLOSED')
  })

  it('can be read, and closed again', async () => {
    const { registry } = withOne()
    await registry.close()
    await registry.close()
    await registry[Symbol.asyncDispose]()
    expect(registry.describe()).toEqual({ handlers: {}, globals: {}, circuits: {} })
    expect(registry.list()).toEqual([])
    expect(registry.get('one')).toBeUndefined()
    expect(registry.missing()).toEqual(['llm'])
    expect(registry.metrics().providers).toBe(0)
    expect(() => registry.circuit('one')).toThrow(UnknownProviderError)
  })

  it('is what clients, streams, handles and waiting callers are told of', async () => {
    const { registry } = withOne()
    const handle = registry.register({ service: 'llm', provider: {} })
    const client = registry.client('llm') as { who(): Promise<string>; other(): Promise<string> }
    await client.who()
    const stream = registry.stream('llm', {}, async function* () {})
    const waiting = registry.waitReady({ services: ['never'] })
    await registry.close()
    expect(await outcome(() => client.who())).toBeInstanceOf(RegistryClosedError)
    expect(await outcome(() => client.other())).toBeInstanceOf(RegistryClosedError)
    expect(await outcome(() => stream[Symbol.asyncIterator]().next())).toBeInstanceOf(
      RegistryClosedError,
    )
    expect(await outcome(() => waiting)).toBeInstanceOf(RegistryClosedError)
    expect(handle.unregister()).toBe(false)
    expect(await handle.drain()).toBe(true)
  })
})
