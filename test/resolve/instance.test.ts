import { EventEmitter } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { inspect, types } from 'node:util'
import { describe, expect, it } from 'vitest'
import { scene } from './scene.js'

/** The guarded instance of the only provider of a registry, and what was told about its calls. */
async function guard<T extends object>(
  instance: T,
  registration: { readonly guard?: { readonly except: string[] } } = {},
) {
  const set = scene<{ service: T }>()
  set.registry.register({ service: 'service', provider: instance, name: 'p', ...registration })
  const guarded = (await set.registry.getService('service')) as T
  const methods = (): (string | undefined)[] =>
    set.events.flatMap((event) =>
      event.type === 'call.succeeded' || event.type === 'call.failed' ? [event.method] : [],
    )
  const stats = () => set.registry.circuit('p').stats
  return { ...set, guarded, methods, stats }
}

class Account {
  #balance = 0
  static readonly currency = 'EUR'
  static zero(): Account {
    return new Account()
  }
  owner = 'ann'

  get balance(): number {
    return this.#balance
  }
  set balance(value: number) {
    if (value < 0) throw new RangeError('no debts')
    this.#balance = value
  }
  async pay(amount: number): Promise<number> {
    this.#balance += amount
    return this.#balance
  }
  deposit(amount: number): this {
    this.#balance += amount
    return this
  }
  async opened(): Promise<this> {
    return this
  }
  total(): number {
    return this.#balance + this.#fee()
  }
  #fee(): number {
    return 1
  }
}

describe('a class with private fields', () => {
  it('runs methods, getters and setters on the original', async () => {
    const account = new Account()
    const { guarded } = await guard(account)
    expect(await guarded.pay(5)).toBe(5)
    guarded.balance = 7
    expect(guarded.balance).toBe(7)
    expect(account.balance).toBe(7)
    expect(guarded.total()).toBe(8)
  })

  it('throws what a setter or getter throws, without counting it', async () => {
    const broken = {
      get quota(): number {
        throw new RangeError('unknown')
      },
      ask: () => 1,
    }
    const first = await guard(new Account())
    expect(() => {
      first.guarded.balance = -1
    }).toThrow(new RangeError('no debts'))
    expect(first.stats().calls).toBe(0)
    const second = await guard(broken)
    expect(() => second.guarded.quota).toThrow(new RangeError('unknown'))
    expect(second.stats().calls).toBe(0)
  })

  it('is an instance of its class, and shows its statics', async () => {
    const { guarded } = await guard(new Account())
    expect(guarded).toBeInstanceOf(Account)
    expect(guarded.constructor).toBe(Account)
    expect((guarded.constructor as typeof Account).currency).toBe('EUR')
    expect((guarded.constructor as typeof Account).zero()).toBeInstanceOf(Account)
    expect(Object.getPrototypeOf(guarded)).toBe(Account.prototype)
  })

  it('gives the guard where a method gives its receiver, at once or later', async () => {
    const { guarded, methods } = await guard(new Account())
    expect(guarded.deposit(1)).toBe(guarded)
    expect(guarded.deposit(1).deposit(1).total()).toBe(4)
    expect(await guarded.opened()).toBe(guarded)
    expect(methods()).toEqual(['deposit', 'deposit', 'deposit', 'total', 'opened'])
  })

  it('keeps the identity of methods between reads, and runs them destructured', async () => {
    const { guarded } = await guard(new Account())
    expect(guarded.pay).toBe(guarded.pay)
    const { pay, total } = guarded
    expect(await pay(3)).toBe(3)
    expect(total()).toBe(4)
    expect([1, 2].map(guarded.deposit as never)).toEqual([guarded, guarded])
  })

  it('shows names and parameter counts of methods', async () => {
    const { guarded } = await guard(new Account())
    expect(guarded.pay.name).toBe('pay')
    expect(guarded.pay.length).toBe(1)
  })

  it('is the same guard at every look-up of a closed circuit', async () => {
    const { registry, guarded } = await guard(new Account())
    expect(await registry.getService('service')).toBe(guarded)
    expect(await registry.requireService('service')).toBe(guarded)
  })
})

describe('what a method answers', () => {
  it('stays sync for a plain value and counts a throw as failure', async () => {
    const bad = new Error('bad sum')
    const { guarded, stats, calls } = await guard({
      add: (a: number, b: number) => a + b,
      fail(): number {
        throw bad
      },
    })
    expect(guarded.add(1, 2)).toBe(3)
    expect(() => guarded.fail()).toThrow(bad)
    expect(stats()).toMatchObject({ calls: 2, successes: 1, failures: 1 })
    expect(calls()).toEqual(['call.succeeded p', 'call.failed p'])
  })

  it('may be undefined, null or a falsy value: all are successes', async () => {
    const { guarded, stats } = await guard({
      nothing(): void {},
      empty: () => null,
      zero: () => 0,
      async later(): Promise<void> {},
    })
    expect([guarded.nothing(), guarded.empty(), guarded.zero()]).toEqual([undefined, null, 0])
    expect(await guarded.later()).toBeUndefined()
    expect(stats()).toMatchObject({ calls: 4, successes: 4, failures: 0 })
  })

  it('may be the same promise twice', async () => {
    const shared = Promise.resolve({ id: 1 })
    const { guarded, stats } = await guard({ load: () => shared })
    const [one, two] = await Promise.all([guarded.load(), guarded.load()])
    expect(one).toBe(two)
    expect(stats()).toMatchObject({ calls: 2, successes: 2 })
  })

  it('may be a sync iterator', async () => {
    const { guarded, stats } = await guard({
      *count() {
        yield 1
        yield 2
      },
      list: () => new Set([3, 4]),
    })
    expect([...guarded.count(), ...guarded.list()]).toEqual([1, 2, 3, 4])
    expect(stats().successes).toBe(2)
  })

  it('may be an async generator, whose end is the outcome', async () => {
    const { guarded, stats } = await guard({
      async *count() {
        yield 1
        yield 2
        return 'total'
      },
    })
    const stream = guarded.count()
    expect(await stream.next()).toEqual({ done: false, value: 1 })
    expect(stats()).toMatchObject({ calls: 1, successes: 0 })
    expect(stream[Symbol.asyncIterator]()).toBe(stream)
    expect(await stream.next()).toEqual({ done: false, value: 2 })
    expect(await stream.next()).toEqual({ done: true, value: 'total' })
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(stats()).toMatchObject({ calls: 1, successes: 1, failures: 0 })
  })

  it('may be a stream of the platform, which comes back as itself', async () => {
    const readable = Readable.from(['a', 'b'])
    const web = new Blob(['web']).stream()
    const { guarded, stats, clock } = await guard({ read: () => readable, fetch: async () => web })
    expect(guarded.read()).toBe(readable)
    expect(await guarded.fetch()).toBe(web)
    expect(await readable.toArray()).toEqual(['a', 'b'])
    const chunks: unknown[] = []
    for await (const chunk of web) chunks.push(chunk)
    await clock.advance(0)
    expect(stats()).toMatchObject({ calls: 2, successes: 2, failures: 0 })
  })

  it('may be a thenable with more methods, which keeps them', async () => {
    class Query {
      readonly sql = 'select 1'
      cancelled = false
      // biome-ignore lint/suspicious/noThenProperty: this is what the test is about
      then(yes: (value: string) => unknown, no: (error: unknown) => unknown) {
        return Promise.resolve('rows').then(yes, no)
      }
      async withResponse() {
        return { data: 'rows', status: 200 }
      }
      cancel(): boolean {
        this.cancelled = true
        return true
      }
      where(): this {
        return this
      }
    }
    const { guarded, stats } = await guard({ query: () => new Query() })
    const query = guarded.query()
    expect(query).toBeInstanceOf(Query)
    expect(query.sql).toBe('select 1')
    expect(await query).toBe('rows')
    expect(await query).toBe('rows')
    expect(await guarded.query().withResponse()).toEqual({ data: 'rows', status: 200 })
    expect(stats()).toMatchObject({ calls: 2, successes: 2 })

    const cancelled = guarded.query()
    expect(cancelled.cancel()).toBe(true)
    expect(cancelled.cancelled).toBe(true)
    expect(await cancelled).toBe('rows')

    const chained = guarded.query()
    expect(chained.where().where()).toBe(chained)
    expect(stats()).toMatchObject({ calls: 4, successes: 3 })
    expect(await chained).toBe('rows')
    expect(stats()).toMatchObject({ calls: 4, successes: 4 })
  })

  it('is not spoilt by results that cannot be looked at', async () => {
    const hostile = {
      // biome-ignore lint/suspicious/noThenProperty: this is what the test is about
      get then(): never {
        throw new Error('hands off')
      },
    }
    const { proxy: revoked, revoke } = Proxy.revocable({}, {})
    revoke()
    const { guarded, stats, registry } = await guard({
      hostile: () => hostile,
      revoked: () => revoked,
      odd: () => ({
        get data(): never {
          throw new Error('hands off')
        },
      }),
    })
    expect(guarded.hostile()).toBe(hostile)
    expect(guarded.revoked() === revoked).toBe(true)
    guarded.odd()
    expect(stats()).toMatchObject({ calls: 3, successes: 3 })
    expect(registry.get('p')?.inFlight).toBe(0)
  })

  it('counts a thenable whose then throws as failed, once', async () => {
    const broken = {
      // biome-ignore lint/suspicious/noThenProperty: this is what the test is about
      then(): never {
        throw new Error('broken then')
      },
    }
    const { guarded, stats, registry } = await guard({ ask: () => broken as PromiseLike<never> })
    await expect(Promise.resolve(guarded.ask())).rejects.toThrow('broken then')
    expect(stats()).toMatchObject({ calls: 1, failures: 1 })
    expect(registry.get('p')?.inFlight).toBe(0)
  })
})

describe('properties', () => {
  const parts = () => {
    const inner = { name: 'inner', hello: async () => 'hello' }
    class Chat {
      readonly completions = new Completions()
    }
    class Completions {
      #calls = 0
      async create(text: string) {
        this.#calls += 1
        return `${text} ${this.#calls}`
      }
    }
    return {
      inner,
      chat: new Chat(),
      list: [{ run: () => 1 }],
      map: new Map([['a', 1]]),
      set: new Set([1]),
      weak: new WeakMap<object, number>(),
      date: new Date(0),
      buffer: Buffer.from('abc'),
      bytes: new Uint8Array(2),
      url: new URL('http://localhost/'),
      pattern: /x/,
      pass: new PassThrough(),
      promise: Promise.resolve(1),
      error: new Error('kept'),
      count: 1,
      nothing: undefined,
      none: null,
      bare: Object.assign(Object.create(null) as { ping?: () => string }, { ping: () => 'pong' }),
    }
  }

  it('guards nested plain and class objects, by path', async () => {
    const instance = parts()
    const { guarded, methods } = await guard(instance)
    expect(await guarded.inner.hello()).toBe('hello')
    expect(await guarded.chat.completions.create('hi')).toBe('hi 1')
    expect(guarded.bare.ping?.()).toBe('pong')
    expect(methods()).toEqual(['inner.hello', 'chat.completions.create', 'bare.ping'])
    expect(guarded.chat).toBe(guarded.chat)
    expect(guarded.chat.completions).toBe(guarded.chat.completions)
    expect(guarded.inner.name).toBe('inner')
  })

  it.each([
    'list',
    'map',
    'set',
    'weak',
    'date',
    'buffer',
    'bytes',
    'url',
    'pattern',
    'pass',
    'promise',
    'error',
    'count',
    'nothing',
    'none',
  ] as const)('gives %s as it is', async (key) => {
    const instance = parts()
    const { guarded } = await guard(instance)
    expect(guarded[key] === instance[key]).toBe(true)
  })

  it('works with platform objects as properties', async () => {
    const { guarded } = await guard(parts())
    expect(guarded.map.get('a')).toBe(1)
    expect(guarded.date.getTime()).toBe(0)
    expect(guarded.buffer.toString()).toBe('abc')
    expect(guarded.list[0]?.run()).toBe(1)
    guarded.pass.end('done')
    expect(await guarded.pass.toArray()).toEqual([Buffer.from('done')])
  })

  it('copes with circles', async () => {
    interface Node {
      self?: Node
      child?: Node
      ping(): string
    }
    const root: Node = { ping: () => 'root' }
    const child: Node = { ping: () => 'child', child: root }
    root.self = root
    root.child = child
    const { guarded } = await guard(root)
    expect(guarded.self).toBe(guarded)
    expect(guarded.child?.child).toBe(guarded)
    expect(guarded.child?.child?.child?.ping()).toBe('child')
  })

  it('takes what is set, deleted and defined', async () => {
    const instance: Record<string, unknown> = { kept: 1, gone: 2 }
    const { guarded } = await guard(instance)
    guarded.added = 3
    expect(delete guarded.gone).toBe(true)
    Object.defineProperty(guarded, 'defined', { value: 4, configurable: true, enumerable: true })
    expect(instance).toEqual({ kept: 1, added: 3, defined: 4 })
    expect('kept' in guarded).toBe(true)
    expect('gone' in guarded).toBe(false)
    expect(Object.keys(guarded)).toEqual(['kept', 'added', 'defined'])
    expect({ ...guarded }).toEqual(instance)
    expect(Object.getOwnPropertyDescriptor(guarded, 'kept')).toMatchObject({ value: 1 })
    expect(Object.hasOwn(guarded, 'kept')).toBe(true)
    // biome-ignore lint/suspicious/noPrototypeBuiltins: this is what the test is about
    expect(guarded.hasOwnProperty('kept')).toBe(true)
  })

  it('serialises and prints as the original', async () => {
    const account = new Account()
    const { guarded } = await guard(account)
    expect(JSON.stringify(guarded)).toBe('{"owner":"ann"}')
    expect(inspect(guarded)).toBe(inspect(account))
    expect(`${(await guard({ toString: () => 'me' })).guarded}`).toBe('me')
    const own = await guard({ toJSON: () => ({ said: 1 }) })
    expect(JSON.stringify(own.guarded)).toBe('{"said":1}')
    expect(own.stats().calls).toBe(0)
  })

  it('is no promise: awaiting it gives itself', async () => {
    const { guarded } = await guard(new Account())
    expect(await guarded).toBe(guarded)
    expect('then' in guarded).toBe(false)
    expect((guarded as { then?: unknown }).then).toBeUndefined()
  })

  it('follows methods that are replaced at run time', async () => {
    const service = { ask: async () => 'old' }
    const { guarded, methods } = await guard(service)
    const before = guarded.ask
    expect(await guarded.ask()).toBe('old')
    service.ask = async () => 'new'
    expect(guarded.ask).not.toBe(before)
    expect(await guarded.ask()).toBe('new')
    guarded.ask = async () => 'newest'
    expect(await guarded.ask()).toBe('newest')
    expect(methods()).toEqual(['ask', 'ask', 'ask'])
  })

  it('runs methods under symbols', async () => {
    const send = Symbol('send')
    const { guarded } = await guard({
      [send]: async (text: string) => text,
      *[Symbol.iterator]() {
        yield 1
      },
      [Symbol.toPrimitive]: () => 'primitive',
    })
    expect(await guarded[send]('x')).toBe('x')
    expect([...guarded]).toEqual([1])
    expect(`${guarded}`).toBe('primitive')
  })
})

describe('frozen and proxied instances', () => {
  it('guards a frozen instance with frozen parts', async () => {
    const frozen = Object.freeze({
      version: 1,
      ask: async () => 'ok',
      inner: Object.freeze({ ask: async () => 'deep' }),
    })
    const { guarded, methods } = await guard(frozen)
    expect(await guarded.ask()).toBe('ok')
    expect(await guarded.inner.ask()).toBe('deep')
    expect(methods()).toEqual(['ask', 'inner.ask'])
    expect(Object.keys(guarded)).toEqual(['version', 'ask', 'inner'])
    expect(JSON.stringify(guarded)).toBe('{"version":1,"inner":{}}')
    expect(() => {
      ;(guarded as { version: number }).version = 2
    }).toThrow(TypeError)
    expect(frozen.version).toBe(1)
  })

  it('guards instances that are proxies or hold them', async () => {
    const anything = new Proxy({} as Record<string, () => Promise<string>>, {
      get: (_, key) =>
        key === 'then' || typeof key === 'symbol' ? undefined : async () => `called ${key}`,
    })
    const { guarded, methods } = await guard({ remote: anything })
    expect(await guarded.remote.ping?.()).toBe('called ping')
    expect(methods()).toEqual(['remote.ping'])
    const whole = await guard(anything)
    expect(await whole.guarded.pong?.()).toBe('called pong')
  })

  it('reaches paths made of callable proxies', async () => {
    type Path = ((...args: unknown[]) => Promise<string>) & { readonly [key: string]: Path }
    const path = (names: readonly string[]): Path =>
      new Proxy((() => {}) as unknown as Path, {
        get: (_, key) =>
          key === 'then' || typeof key === 'symbol' ? undefined : path([...names, key]),
        apply: async () => names.join('/'),
      })
    const { guarded, methods } = await guard({ api: path(['api']) })
    expect(await guarded.api.users?.list?.()).toBe('api/users/list')
    expect(methods()).toEqual(['api.users.list'])
  })
})

describe('an event emitter', () => {
  class Ticker extends EventEmitter {
    #ticks = 0
    tick(): number {
      this.#ticks += 1
      this.emit('tick', this.#ticks)
      return this.#ticks
    }
  }

  it('listens, emits and chains, and counts none of that', async () => {
    const ticker = new Ticker()
    const { guarded, stats, methods } = await guard(ticker)
    const heard: unknown[] = []
    const listener = (tick: number): void => void heard.push(tick)
    expect(guarded.on('tick', listener)).toBe(guarded)
    expect(guarded.once('tick', (tick) => heard.push(`once ${tick}`)).on('other', () => {})).toBe(
      guarded,
    )
    expect(guarded.listenerCount('tick')).toBe(2)
    expect(guarded.emit('tick', 0)).toBe(true)
    expect(stats().calls).toBe(0)
    expect(guarded.tick()).toBe(1)
    expect(guarded.off('tick', listener)).toBe(guarded)
    guarded.tick()
    expect(heard).toEqual([0, 'once 0', 1])
    expect(methods()).toEqual(['tick', 'tick'])
    expect(guarded.on).toBe(guarded.on)
    expect(guarded).toBeInstanceOf(EventEmitter)
  })

  it('can be waited for with node:events', async () => {
    const { guarded } = await guard(new Ticker())
    const next = EventEmitter.once(guarded, 'tick')
    guarded.tick()
    expect(await next).toEqual([1])
  })
})

describe('a function service', () => {
  it('is called as a function, guarded, and keeps its properties', async () => {
    const ask = Object.assign(async (text: string) => `said ${text}`, {
      version: 2,
      stop: () => 'stopped',
      deep: { ping: () => 'pong' },
    })
    const { guarded, methods, stats } = await guard(ask)
    expect(typeof guarded).toBe('function')
    expect(await guarded('hi')).toBe('said hi')
    expect(await guarded.call(undefined, 'you')).toBe('said you')
    expect(await guarded.apply(null, ['me'])).toBe('said me')
    expect(await guarded.bind(undefined, 'us')()).toBe('said us')
    expect(guarded.version).toBe(2)
    expect(guarded.stop()).toBe('stopped')
    expect(guarded.deep.ping()).toBe('pong')
    expect(guarded.length).toBe(1)
    expect(Object.keys(guarded)).toEqual(['version', 'stop', 'deep'])
    expect(methods()).toEqual([undefined, undefined, undefined, undefined, 'stop', 'deep.ping'])
    expect(stats()).toMatchObject({ calls: 6, successes: 6 })
    expect(guarded).toBeInstanceOf(Function)
  })

  it('passes this on', async () => {
    const { guarded } = await guard(function whoami(this: unknown) {
      return this
    })
    const me = {}
    expect(guarded.call(me)).toBe(me)
    expect(guarded.name).toBe('whoami')
  })

  it('may be bound, an arrow, or throw', async () => {
    const bound = await guard(
      function add(this: { base: number }, n: number) {
        return this.base + n
      }.bind({ base: 40 }),
    )
    expect(bound.guarded(2)).toBe(42)
    const failing = await guard((): never => {
      throw new Error('no')
    })
    expect(() => failing.guarded()).toThrow('no')
    expect(failing.stats().failures).toBe(1)
  })

  it('may be a constructor', async () => {
    const { guarded } = await guard(Account)
    const account = new guarded()
    expect(account).toBeInstanceOf(Account)
    expect(account).toBeInstanceOf(guarded)
    expect(account.deposit(3).total()).toBe(4)
    expect(guarded.prototype).toBe(Account.prototype)
    expect(guarded.currency).toBe('EUR')
    class Savings extends guarded {}
    expect(new Savings()).toBeInstanceOf(Account)
    expect(new Savings()).toBeInstanceOf(Savings)
  })

  it('is constructed as itself', async () => {
    class Itself {
      readonly target: unknown
      constructor() {
        this.target = new.target
      }
    }
    const { guarded } = await guard(Itself)
    expect(new guarded().target).toBe(Itself)
    class Derived extends guarded {}
    expect(new Derived().target).toBe(Derived)
  })

  it('may be a class or a function with properties, as a property', async () => {
    const create = Object.assign(async (text: string) => text, { raw: () => 'raw' })
    const { guarded, stats, methods } = await guard({ Account, create })
    expect(new guarded.Account()).toBeInstanceOf(Account)
    expect(guarded.Account.currency).toBe('EUR')
    expect(stats().failures).toBe(0)
    expect(await guarded.create('x')).toBe('x')
    expect(guarded.create.raw()).toBe('raw')
    expect(methods()).toEqual(['create', 'create.raw'])
    expect(types.isProxy(guarded)).toBe(true)
  })
})

describe('what passes unguarded', () => {
  it('is Object.prototype, isHealthy and what the registration names', async () => {
    const closed: string[] = []
    const { guarded, stats } = await guard(
      {
        isHealthy: () => true,
        close: () => void closed.push('close'),
        ask: () => 1,
        toString: () => 'service',
        inner: { close: () => void closed.push('inner') },
      },
      { guard: { except: ['close'] } },
    )
    expect(guarded.isHealthy()).toBe(true)
    guarded.close()
    expect(guarded.toString()).toBe('service')
    expect(guarded.valueOf()).toBe(guarded)
    guarded.inner.close()
    expect(stats().calls).toBe(0)
    guarded.ask()
    expect(stats().calls).toBe(1)
    expect(closed).toEqual(['close', 'inner'])
  })

  it('still works while the circuit is open', async () => {
    const { guarded, registry, stats } = await guard(
      { close: () => 'closed', ask: () => 1 },
      { guard: { except: ['close'] } },
    )
    guarded.ask()
    registry.circuit('p').isolate()
    expect(guarded.close()).toBe('closed')
    expect(() => guarded.ask()).toThrow("Circuit breaker 'p' is open, service unavailable")
    expect(stats().refusals).toBe(1)
  })
})
