import { type Logger, ServiceRegistry } from 'switchgear'
import { describe, expect, it } from 'vitest'
import { deferred, never, scene, watch } from './scene.js'

interface Llm {
  ask(): Promise<string>
}

/** What `connect` gives, and how often it was closed. */
class Connection implements Llm {
  closed = 0
  readonly answer: Promise<string>

  constructor(answer: Promise<string> = Promise.resolve('hello')) {
    this.answer = answer
  }

  ask(): Promise<string> {
    return this.answer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed += 1
  }
}

/** One provider whose instances `connect` makes, one after the other. */
function connecting(answer?: Promise<string>, options: Parameters<typeof scene>[0] = {}) {
  const { registry, clock } = scene<{ llm: Llm }>(options)
  const made: Connection[] = []
  const connect = async (): Promise<Connection> => {
    const one = new Connection(answer)
    made.push(one)
    return one
  }
  const a = registry.register({ service: 'llm', name: 'a', address: 'http://a', connect })
  const closed = (): number[] => made.map((one) => one.closed)
  return { registry, clock, a, connect, closed }
}

type Connecting = ReturnType<typeof connecting>
const changes: readonly (readonly [string, (one: Connecting) => unknown, readonly number[]])[] = [
  ['leaves', ({ a }) => a.unregister(), [1]],
  ['is cleared', ({ registry }) => registry.clear(), [1]],
  ['moves', ({ registry }) => registry.update('a', { address: 'http://b' }), [1, 0]],
  [
    'is replaced',
    ({ registry }) =>
      registry.register({
        service: 'llm',
        name: 'a',
        replace: true,
        connect: async () => new Connection(),
      }),
    [1],
  ],
]

describe('what connect has made is closed once', () => {
  it.each(changes)('when its provider %s', async (_, change, closed) => {
    const one = connecting()
    await one.registry.client('llm').ask()
    expect(one.closed()).toEqual([0])
    change(one)
    await one.registry
      .client('llm')
      .ask()
      .catch(() => {})
    expect(one.closed()).toEqual(closed)
    one.a.unregister()
    await one.registry.close()
    expect(one.closed()).toEqual(closed.map(() => 1))
  })

  it('not when its record changes otherwise', async () => {
    const { registry, closed } = connecting()
    await registry.client('llm').ask()
    registry.update('a', { metadata: { colour: 'red' } })
    registry.setPriority('a', 'high')
    await registry.client('llm').ask()
    expect(closed()).toEqual([0])
  })

  it('before the registry has closed', async () => {
    const { registry } = scene<{ llm: Llm }>()
    const ended = deferred()
    const connection = { ask: async () => 'hello', [Symbol.asyncDispose]: () => ended.promise }
    registry.register({ service: 'llm', connect: () => connection })
    await registry.client('llm').ask()
    const closing = watch(registry.close())
    await Promise.resolve()
    expect(closing.state).toBe('pending')
    ended.resolve()
    await expect.poll(() => closing.state).toBe('fulfilled')
  })

  it('which waits two seconds for that, no longer', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const connection = { ask: async () => 'hello', [Symbol.asyncDispose]: () => never }
    registry.register({ service: 'llm', connect: () => connection })
    await registry.client('llm').ask()
    const closing = watch(registry.close())
    await clock.advance(1_999)
    expect(closing.state).toBe('pending')
    await clock.advance(1)
    expect(closing.state).toBe('fulfilled')
  })
})

describe('it is closed after the calls in flight have ended', () => {
  it('when its provider leaves', async () => {
    const answer = deferred<string>()
    const { registry, clock, a, closed } = connecting(answer.promise)
    const calls = [watch(registry.client('llm').ask()), watch(registry.client('llm').ask())]
    await clock.advance(0)
    a.unregister()
    await registry.close()
    expect(closed()).toEqual([0])
    answer.resolve('hello')
    await clock.advance(0)
    expect(calls.map(({ value }) => value)).toEqual(['hello', 'hello'])
    expect(closed()).toEqual([1])
  })

  it('when it is replaced: those of the next instance do not hold it up', async () => {
    const answer = deferred<string>()
    const { registry, clock, closed } = connecting(answer.promise)
    const before = watch(registry.client('llm').ask())
    await clock.advance(0)
    const endless = new Connection(never)
    registry.register({ service: 'llm', name: 'a', replace: true, connect: () => endless })
    const after = watch(registry.client('llm').ask())
    await clock.advance(0)
    expect(closed()).toEqual([0])
    answer.resolve('hello')
    await clock.advance(0)
    expect([before.value, after.state]).toEqual(['hello', 'pending'])
    expect(closed()).toEqual([1])
    expect(endless.closed).toBe(0)
  })
})

it('is not closed again by a lease that is settled by hand afterwards', async () => {
  const { registry, clock, a, closed } = connecting()
  await registry.client('llm').ask()
  const lease = registry.resolve('llm')
  a.unregister()
  await clock.advance(0)
  lease?.succeed()
  await clock.advance(0)
  expect(closed()).toEqual([1])
})

describe('what nobody waits for any more is closed when it comes', () => {
  it.each([
    ['leaves', (registry: ServiceRegistry<{ llm: Llm }>) => registry.unregister('a')],
    [
      'moves',
      (registry: ServiceRegistry<{ llm: Llm }>) => registry.update('a', { address: 'http://b' }),
    ],
  ] as const)('after its provider %s', async (_, change) => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const first = deferred<Connection>()
    const asked: (string | undefined)[] = []
    const second = new Connection(Promise.resolve('second'))
    registry.register({
      service: 'llm',
      name: 'a',
      address: 'http://a',
      connect: ({ address }) => {
        asked.push(address)
        return asked.length === 1 ? first.promise : second
      },
    })
    const call = watch(registry.client('llm').ask())
    await clock.advance(0)
    change(registry)
    const late = new Connection(Promise.resolve('late'))
    first.resolve(late)
    await clock.advance(0)
    expect(late.closed).toBe(1)
    expect(call.value).toBe(registry.get('a') === undefined ? undefined : 'second')
    expect(second.closed).toBe(0)
  })

  it('after it took too long', async () => {
    const { registry, clock } = scene<{ llm: Llm }>({ circuit: { timeoutMs: 100 } })
    const made = deferred<Connection>()
    registry.register({ service: 'llm', name: 'a', connect: () => made.promise })
    const call = watch(registry.client('llm', {}, { attempts: 1 }).ask())
    await clock.advance(100)
    expect(call.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT' })
    const late = new Connection()
    made.resolve(late)
    await clock.advance(0)
    expect(late.closed).toBe(1)
  })
})

describe('it is not closed', () => {
  it('where it was registered, and not made', async () => {
    const { registry } = scene<{ llm: Llm }>()
    const given = new Connection()
    registry.register({ service: 'llm', name: 'a', provider: given })
    await registry.client('llm').ask()
    registry.register({ service: 'llm', name: 'a', provider: new Connection(), replace: true })
    await registry.close()
    expect(given.closed).toBe(0)
  })

  it('while another provider has the same', async () => {
    const { registry } = scene<{ llm: Llm }>()
    const shared = new Connection()
    for (const name of ['a', 'b'])
      registry.register({ service: 'llm', name, connect: () => shared })
    await registry.client('llm', { exclude: ['a'] }).ask()
    await registry.client('llm', { exclude: ['b'] }).ask()
    registry.unregister('a')
    await Promise.resolve()
    expect(shared.closed).toBe(0)
    registry.unregister('b')
    await Promise.resolve()
    expect(shared.closed).toBe(1)
  })

  it('by a method that only happens to be called close', async () => {
    const { registry } = scene<{ door: { open(): Promise<void> } }>()
    let closed = 0
    const close = (): void => {
      closed += 1
    }
    const door = { open: async () => {}, close }
    registry.register({ service: 'door', connect: () => door })
    await registry.client('door').open()
    await registry.close()
    expect(closed).toBe(0)
  })
})

it.each([
  [
    'throws',
    {
      [Symbol.dispose]: (): void => {
        throw new Error('no way')
      },
    },
  ],
  [
    'rejects',
    {
      [Symbol.asyncDispose]: async () => {
        throw new Error('no way')
      },
    },
  ],
  [
    'cannot be read',
    {
      get [Symbol.asyncDispose](): never {
        throw new Error('no way')
      },
    },
  ],
])('one that %s is told to the logger, and stops nobody', async (_, closable) => {
  const warned: unknown[] = []
  const quiet = (): void => {}
  const logger: Logger = {
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (message, fields) => void warned.push({ message, ...fields }),
  }
  const registry = new ServiceRegistry<{ llm: Llm }>({ logger })
  const connection = Object.assign(Object.create(closable), { ask: async () => 'hello' })
  registry.register({ service: 'llm', name: 'a', connect: () => connection })
  await registry.client('llm').ask()
  await registry.close()
  expect(warned).toMatchObject([
    {
      message: 'what connect has made could not be closed',
      provider: 'a',
      error: { message: 'no way' },
    },
  ])
})
