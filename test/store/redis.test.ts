import { Redis } from 'ioredis'
import { Redis as Redis6 } from 'ioredis-6'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import type { Snapshot } from '../../src/model/snapshot.js'
import type { Store } from '../../src/store/index.js'
import { type RedisClient, type RedisStoreOptions, redisStore } from '../../src/store/redis.js'
import { FakeClock, seededRandom, storeConformance } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'
import { failureOf, gone, health } from './place.js'
import { agree, register, soon, startNode, through } from './redis-node.js'

let redis: RealRedis
let places = 0
const fresh = (): string => `test-${++places}`

beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach((context) => needs(context, hasRedis, noRedis))

/** A Redis of this test's own, to be hurt. */
async function ownRedis(...settings: readonly string[]): Promise<RealRedis> {
  const own = await startRedis(settings)
  onTestFinished(() => own.stop())
  return own
}

async function opened(options: RedisStoreOptions, server = redis.url): Promise<Store> {
  const store = redisStore(server, options)
  await store.load()
  onTestFinished(() => store.close())
  return store
}

/** Applies what a store tells to a table of times, until it is as it should be. */
async function followed(
  store: Store,
  seen: Map<string, number>,
  until: () => boolean,
): Promise<number> {
  const stop = new AbortController()
  let told = 0
  if (until()) return told
  for await (const changes of store.watch?.(stop.signal) ?? []) {
    told += changes.length
    for (const change of changes)
      if (change.section !== 'health') continue
      else if (change.value === undefined) seen.delete(change.key)
      else seen.set(change.key, change.value.checkedAt)
    if (until()) break
  }
  return told
}

const timesOf = (kept: Snapshot | undefined): Map<string, number> =>
  new Map(kept?.health.map(({ provider, checkedAt }) => [provider, checkedAt]))

const clients: Readonly<Record<string, () => string | RedisClient>> = {
  'a URL': () => redis.url,
  'a client of ioredis 5': () => closing(new Redis(redis.port, '127.0.0.1')),
  'a client of ioredis 6': () => closing(new Redis6(redis.port, '127.0.0.1')),
}

function closing<T extends { disconnect(): void }>(client: T): T {
  onTestFinished(() => client.disconnect())
  return client
}

describe.each(Object.entries(clients))(
  'redisStore with %s keeps the promises of a store',
  (_, server) => {
    const promises = storeConformance(() => {
      const namespace = fresh()
      const given = server()
      return () => redisStore(given, { namespace })
    })
    for (const { name, run } of promises) it(name, run)
  },
)

it.each(Object.keys(clients))(
  'stops following at once, also while it connects to %s',
  async (kind) => {
    const clock = new FakeClock() // whoever waited for a time-out would wait for ever
    const store = redisStore(clients[kind]?.() ?? '', { namespace: fresh(), clock })
    onTestFinished(() => store.close())
    await store.load()
    const stop = new AbortController()
    const following = store.watch?.(stop.signal)[Symbol.asyncIterator]().next()
    stop.abort()
    expect(await following).toEqual({ done: true, value: undefined })
  },
)

describe('registries that share a Redis', () => {
  it('see what others register, change and remove', async () => {
    const namespace = fresh()
    const [a, b] = [
      await startNode(redis.url, { namespace }),
      await startNode(redis.url, { namespace }),
    ]
    register(a, 'one')
    await soon(() => expect(b.names()).toEqual(['one']))
    a.registry.setPriority('one', 'high')
    a.registry.renew('one', { forMs: 60_000, facts: { load: 0.5 } })
    await soon(() =>
      expect(b.registry.get('one')).toMatchObject({
        priority: a.registry.get('one')?.priority,
        health: 'healthy',
        lease: { facts: { load: 0.5 } },
      }),
    )
    b.registry.unregister('one')
    await soon(() => expect(a.names()).toEqual([]))
    expect([...a.failures, ...b.failures]).toEqual([])
  })

  it('are apart in other namespaces', async () => {
    const a = await startNode(redis.url, { namespace: fresh() })
    const b = await startNode(redis.url, { namespace: fresh() })
    register(a, 'one')
    await a.registry.flush()
    register(b, 'two')
    await b.registry.flush()
    expect([a.names(), b.names()]).toEqual([['one'], ['two']])
  })

  it('keep all keys of a namespace in one slot of a cluster', async () => {
    const namespace = fresh()
    const store = await opened({ namespace })
    await store.apply([health('a', 1)])
    const keys = await redis.client().keys(`*${namespace}}*`)
    expect(keys.length).toBe(4)
    for (const key of keys) expect(key).toMatch(`{switchgear:${namespace}}:`)
  })
})

describe('who was away', () => {
  it('catches up with 10,000 changes from the log', async () => {
    const namespace = fresh()
    const [mine, other] = [await opened({ namespace }), await opened({ namespace })]
    for (let group = 0; group < 200; group++)
      await other.apply(Array.from({ length: 50 }, (_, at) => health(`p${at}`, group * 50 + at)))
    const seen = new Map<string, number>()
    const told = await followed(mine, seen, () => seen.get('p49') === 9_999)
    expect(seen.size).toBe(50)
    expect(told).toBeLessThan(1_000) // of each entry, what is so now
  })

  it('reads all of it anew where the log was trimmed, and is told the difference', async () => {
    const namespace = fresh()
    const options = { namespace, historyLength: 1 }
    const other = await opened(options)
    await other.apply([health('stays', 1), health('goes', 1), health('changes', 1)])
    const mine = redisStore(redis.url, options)
    onTestFinished(() => mine.close())
    const seen = timesOf(await mine.load())
    await other.apply([gone('goes'), health('changes', 2)])
    for (let at = 0; at < 300; at++) await other.apply([health('other', at)])
    expect(await redis.client().xlen(`{switchgear:${namespace}}:log`)).toBeLessThan(301)
    await followed(mine, seen, () => seen.get('other') === 299)
    expect(Object.fromEntries(seen)).toEqual({ stays: 1, changes: 2, other: 299 })
  })

  it('reads a group of 20,000 entries in pieces', async () => {
    const namespace = fresh()
    const other = await opened({ namespace })
    await other.apply(Array.from({ length: 20_000 }, (_, at) => health(`p${at}`, at)))
    const kept = timesOf(await redisStore(redis.url, { namespace }).load())
    expect(kept.size).toBe(20_000)
  })
})

describe('a Redis in trouble', () => {
  it('killed and restarted empty: nothing is lost whose owner lives, nobody misses it meanwhile', async () => {
    const own = await ownRedis()
    const [a, b] = [await startNode(own.url), await startNode(own.url)]
    register(a, 'one')
    register(b, 'two')
    for (const each of [a, b])
      await soon(() => expect(each.names().toSorted()).toEqual(['one', 'two']))
    await own.kill('SIGKILL')
    await soon(() => expect(Math.min(a.failures.length, b.failures.length)).toBeGreaterThan(0))
    expect(b.registry.resolve('llm')).toBeDefined()
    register(a, 'meanwhile')
    await own.restart()
    await soon(() => expect(b.names().toSorted()).toEqual(['meanwhile', 'one', 'two']))
    await soon(async () => {
      const kept = await redisStore(own.url).load()
      expect(kept?.providers.map(({ name }) => name).toSorted()).toEqual([
        'meanwhile',
        'one',
        'two',
      ])
    })
    expect([...a.removed, ...b.removed]).toEqual([])
  })

  it('restarted empty: what nobody has written again is forgotten in time', async () => {
    const own = await ownRedis()
    const a = await startNode(own.url)
    register(a, 'one')
    await a.registry.flush()
    const b = await startNode(own.url, { forgetAfterMs: 300 })
    expect(b.names()).toEqual(['one'])
    await a.registry.close()
    await own.kill('SIGKILL')
    await own.restart()
    await soon(() => expect(b.names()).toEqual([]))
  })

  it('restarted with its data: goes on with what each has done meanwhile', async () => {
    const own = await ownRedis('--appendonly', 'yes', '--appendfsync', 'always')
    const [a, b] = [await startNode(own.url), await startNode(own.url)]
    for (const name of ['stays', 'goes']) register(a, name)
    await soon(() => expect(b.names()).toEqual(['stays', 'goes']))
    await own.kill('SIGKILL')
    a.registry.unregister('goes')
    register(b, 'comes')
    await own.restart()
    for (const each of [a, b])
      await soon(() => expect(each.names().toSorted()).toEqual(['comes', 'stays']))
  })

  it('frozen: look-ups and changes go on, both sides tell, and all of it is there when it thaws', async () => {
    const own = await ownRedis()
    const [a, b] = [await startNode(own.url), await startNode(own.url)]
    register(a, 'one')
    await soon(() => expect(b.names()).toEqual(['one']))
    expect(await b.registry.getService('llm')).toBeDefined()
    await own.kill('SIGSTOP')
    register(a, 'two')
    expect(a.registry.resolve('llm')).toBeDefined()
    expect(b.registry.resolve('llm')?.provider).toBe('one')
    await soon(() => expect(Math.min(a.failures.length, b.failures.length)).toBeGreaterThan(0))
    expect(a.failures[0]?.error).toMatchObject({
      code: 'SWITCHGEAR_STORE_FAILED',
      message: expect.stringContaining('did not answer within'),
    })
    expect(await b.registry.getService('llm')).toBeDefined()
    await own.kill('SIGCONT')
    await soon(() => expect(b.names().toSorted()).toEqual(['one', 'two']))
  })

  it('full: the change is refused as a whole, told with what to do, and written when there is room', async () => {
    const own = await ownRedis('--maxmemory-policy', 'noeviction')
    const a = await startNode(own.url)
    a.registry.adopt({ service: 'llm', name: 'agent', connect: () => ({}) }, { forMs: 60_000 })
    await a.registry.flush()
    const client = own.client()
    await client.config('SET', 'maxmemory', '1kb')
    // Leases cannot be ended then, which is no trouble of who reads.
    await soon(async () => expect(await client.info('errorstats')).toContain('errorstat_OOM'))
    register(a, 'one')
    await soon(() => expect(a.failures.length).toBeGreaterThan(0))
    for (const { error } of a.failures)
      expect(String(error)).toMatch(/could not be written.*raise its maxmemory/)
    expect(a.names()).toEqual(['agent', 'one'])
    const isKept = () => client.hexists('{switchgear:default}:records', 'providers "one"')
    expect(await isKept()).toBe(0)
    await client.config('SET', 'maxmemory', '0')
    await soon(async () => expect(await isKept()).toBe(1))
  })

  it('not there: start() says so, and works when it is there', async () => {
    const own = await ownRedis()
    await own.kill('SIGKILL')
    const registry = new ServiceRegistry({ store: redisStore(own.url, { timeoutMs: 500 }) })
    onTestFinished(() => registry.close().catch(() => {}))
    const error = await failureOf(registry.start())
    expect(error).toMatchObject({ code: 'SWITCHGEAR_STORE_FAILED' })
    expect(error.message).toContain('ECONNREFUSED')
    await own.restart()
    await registry.start()
  })
})

describe('data that Redis has lost', () => {
  const keysOf = (namespace: string): Promise<string[]> =>
    redis.client().keys(`{switchgear:${namespace}}*`)

  /** As it was at a time, to be put back. */
  async function copied(namespace: string): Promise<() => Promise<void>> {
    const client = redis.client()
    const keys = await keysOf(namespace)
    const dumps = await Promise.all(keys.map((key) => client.dumpBuffer(key)))
    return async () => {
      await client.del(...(await keysOf(namespace)))
      for (const [at, key] of keys.entries()) await client.restore(key, 0, dumps[at] ?? '')
    }
  }

  const keptIn = async (namespace: string): Promise<object> => {
    const store = redisStore(redis.url, { namespace })
    onTestFinished(() => store.close())
    return Object.fromEntries(timesOf(await store.load()))
  }

  it('comes back with the next write, which is refused until then', async () => {
    const namespace = fresh()
    const mine = await opened({ namespace })
    await mine.apply([health('a', 1), health('b', 1)])
    const older = await copied(namespace)
    await mine.apply([health('a', 2), gone('b')])
    await older()
    expect(await keptIn(namespace)).toEqual({ a: 1, b: 1 })
    await mine.apply([health('c', 1)])
    expect(await keptIn(namespace)).toEqual({ a: 2, c: 1 })
  })

  it('is what was so last, whoever comes back first; what was removed stays away', async () => {
    for (const first of [0, 1]) {
      const namespace = fresh()
      const early = await opened({ namespace })
      await early.apply([health('removed', 1), health('changed', 1), health('early', 1)])
      const late = await opened({ namespace })
      await late.apply([gone('removed'), health('changed', 2)])
      await redis.client().del(...(await keysOf(namespace)))
      const order = first === 0 ? [early, late] : [late, early]
      for (const [at, store] of order.entries()) await store.apply([health(`back-${at}`, 1)])
      expect(await keptIn(namespace)).toEqual({
        ...{ changed: 2, early: 1 },
        ...{ 'back-0': 1, 'back-1': 1 },
      })
    }
  })

  it('is one of two that are as new, the same whoever comes back first', async () => {
    const namespace = fresh()
    const lose = async () => redis.client().del(...(await keysOf(namespace)))
    const [one, two] = [await opened({ namespace }), await opened({ namespace })]
    await one.apply([health('a', 1)])
    await lose()
    await two.apply([health('a', 2)])
    await one.apply([health('b', 1)])
    const kept = await keptIn(namespace)
    await lose()
    await one.apply([health('b', 1)])
    await two.apply([health('b', 1)])
    expect(await keptIn(namespace)).toEqual(kept)
  })

  it('does not come back over what was changed by who had seen it', async () => {
    const namespace = fresh()
    const owner = await opened({ namespace })
    for (const time of [1, 2, 3]) await owner.apply([health('a', time)])
    const other = await opened({ namespace })
    await redis.client().del(...(await keysOf(namespace)))
    await (await opened({ namespace })).apply([health('b', 1)])
    await other.apply([health('a', 4)])
    await owner.apply([health('c', 1)])
    expect(await keptIn(namespace)).toEqual({ a: 4, b: 1, c: 1 })
  })
})

it('a Redis that has become a replica is left for whoever is the master now', async () => {
  const refusal = Object.assign(new Error('READONLY it takes no changes'), { name: 'ReplyError' })
  const asked = new Set<Redis>()
  let isReplica = false
  const client = through((real, command, args) => {
    asked.add(real)
    return isReplica ? Promise.reject(refusal) : real.call(command, ...args)
  }, redis.client())
  const store = redisStore(client, { namespace: fresh() })
  onTestFinished(() => store.close())
  await store.load()
  isReplica = true
  expect((await failureOf(store.apply([health('a', 1)]))).message).toContain('is a replica')
  isReplica = false
  expect(asked.size).toBe(1)
  await store.apply([health('a', 1)])
  expect(asked.size).toBe(2)
})

it('what is gone is remembered for an hour, and then forgotten', async () => {
  const namespace = fresh()
  const store = await opened({ namespace })
  await store.apply([health('old', 1), health('new', 1)])
  await store.apply([gone('old'), gone('new')])
  const client = redis.client()
  const tag = `{switchgear:${namespace}}`
  const score = Number(await client.zscore(`${tag}:gone`, 'health "old"'))
  await client.zadd(`${tag}:gone`, score - 3_600_000, 'health "old"')
  await store.apply([health('a', 1)])
  expect((await client.hkeys(`${tag}:records`)).toSorted()).toEqual(['health "a"', 'health "new"'])
  expect(await client.zrange(`${tag}:gone`, 0, -1)).toEqual(['health "new"'])
})

describe('a write that was given up', () => {
  it('changes nothing when it comes after a later one', async () => {
    const namespace = fresh()
    const late: (readonly string[])[] = []
    let isHeld = false
    const holding = through((real, command, args) => {
      if (!isHeld || command !== 'evalsha') return real.call(command, ...args)
      late.push(args)
      return new Promise(() => {})
    }, redis.client())
    const clock = new FakeClock()
    const store = redisStore(holding, { namespace, clock })
    onTestFinished(() => store.close())
    await store.load()
    await store.apply([health('a', 1)])
    isHeld = true
    const givenUp = failureOf(store.apply([health('a', 2)]))
    await soon(() => expect(late.length).toBe(1))
    await clock.advance(3_000)
    expect((await givenUp).message).toContain('did not answer')
    isHeld = false
    await store.apply([health('a', 3)])
    await expect(redis.client().call('evalsha', ...(late[0] ?? []))).rejects.toThrow('STALE')
    const kept = timesOf(await redisStore(redis.url, { namespace }).load())
    expect(Object.fromEntries(kept)).toEqual({ a: 3 })
  })
})

describe('what others put into Redis', () => {
  const records = (namespace: string): string => `{switchgear:${namespace}}:records`

  it('is refused alone where it is wrong, at the start and later', async () => {
    const namespace = fresh()
    const a = await startNode(redis.url, { namespace })
    register(a, 'good')
    await a.registry.flush()
    const client = redis.client()
    await client.hset(records(namespace), {
      'health "text"': 'no record at all',
      'providers "list"': '7 7 somebody []',
      'providers "__proto__"': '8 8 somebody {"name":"other"}',
      'nothing that we know': '9 9 somebody {}',
    })
    const b = await startNode(redis.url, { namespace })
    expect(b.names()).toEqual(['good'])
    expect(b.failures.length).toBeGreaterThan(1)
    const fields = JSON.stringify(['models "later"'])
    await client.hset(records(namespace), 'models "later"', '9 9 somebody {"id":1}')
    const revision = await client.hincrby(`{switchgear:${namespace}}:meta`, 'revision', 1)
    const entry = ['by', 'somebody', 'mark', 'm', 'fields', fields]
    await client.xadd(`{switchgear:${namespace}}:log`, `${revision}-0`, ...entry)
    await soon(() => expect(String(b.failures.at(-1)?.error)).toContain('models "later"'))
    register(a, 'after')
    await soon(() => expect(b.names().toSorted()).toEqual(['after', 'good']))
  })

  it('does not bring down who follows when it is no log', async () => {
    const namespace = fresh()
    const [a, b] = [
      await startNode(redis.url, { namespace }),
      await startNode(redis.url, { namespace }),
    ]
    register(a, 'one')
    await soon(() => expect(b.names()).toEqual(['one']))
    const client = redis.client()
    await client.xadd(`{switchgear:${namespace}}:log`, '99999-7', 'x', 'y')
    await client.del(`{switchgear:${namespace}}:log`)
    register(a, 'two')
    await soon(() => expect(b.names().toSorted()).toEqual(['one', 'two']))
  })
})

describe('options', () => {
  it.each([
    ['http://user:secret@host', {}],
    ['user:secret@host', {}],
    ['', {}],
    [42, {}],
    ['redis://host', { namespace: 'a b' }],
    ['redis://host', { namespace: '{x}' }],
    ['redis://host', { timeoutMs: 0 }],
    ['redis://host', { historyLength: 0 }],
    ['redis://host', { forgetAfterMs: -1 }],
    ['redis://host', { colour: 'red' }],
  ])('refuses %j with %j, and shows no password', (server, options) => {
    const make = () => redisStore(server as string, options as RedisStoreOptions)
    expect(make).toThrow(expect.objectContaining({ code: 'SWITCHGEAR_INVALID_OPTIONS' }))
    expect(make).not.toThrow(/secret/)
  })

  it('shows no password in a name or an error', async () => {
    const own = await ownRedis('--requirepass', 'right-secret')
    const store = redisStore(`redis://user:wrong-secret@127.0.0.1:${own.port}/0`)
    onTestFinished(() => store.close())
    const error = await failureOf(store.load())
    expect(store.name).toBe(`redis store 127.0.0.1:${own.port}/0 default`)
    expect(JSON.stringify([error, error.cause, error.message, String(error.cause)])).not.toContain(
      'wrong-secret',
    )
    expect(error.message).toContain('refuses the user or the password')
  })
})

/** Each has shown something once; SWITCHGEAR_SOAK is another one. */
const seeds: readonly number[] =
  process.env.SWITCHGEAR_SOAK === undefined ? [3, 47] : [Number(process.env.SWITCHGEAR_SOAK)]

describe('trouble', () => {
  it.each(seeds)(
    'again and again, at random (%s): all agree',
    { timeout: 60_000 },
    async (seed) => {
      const own = await ownRedis()
      const options = { forgetAfterMs: 300 }
      const nodes = [await startNode(own.url, options), await startNode(own.url, options)]
      const random = seededRandom(seed)
      const wanted = new Set<string>()
      for (let round = 0; round < 9; round++) {
        const trouble = round % 3
        if (trouble === 1) await own.kill('SIGKILL')
        if (trouble === 2) await own.kill('SIGSTOP')
        for (const [at, one] of nodes.entries())
          for (let step = 0; step < 5; step++) {
            const name = `${at}-${Math.floor(random() * 6)}`
            if (wanted.delete(name)) one.registry.unregister(name)
            else {
              wanted.add(name)
              register(one, name)
            }
          }
        await Promise.allSettled(nodes.map(({ registry }) => registry.flush()))
        if (trouble === 1) await own.restart()
        if (trouble === 2) await own.kill('SIGCONT')
      }
      nodes.push(await startNode(own.url, options))
      await agree(nodes, [...wanted])
    },
  )

  it('what is removed while Redis is killed does not come back', async () => {
    const own = await ownRedis()
    const [a, b] = [await startNode(own.url), await startNode(own.url)]
    for (const name of ['stays', 'goes']) register(a, name)
    await soon(() => expect(b.names()).toEqual(['stays', 'goes']))
    await own.kill('SIGKILL')
    a.registry.unregister('goes')
    await own.restart()
    await soon(async () => {
      await a.registry.flush()
      expect(b.names()).toEqual(['stays'])
    })
    for (const restart of [1, 2]) {
      await own.kill('SIGKILL')
      await own.restart()
      register(b, `after-${restart}`)
      await soon(() => expect(a.names()).toContain(`after-${restart}`))
      expect(b.names()).not.toContain('goes')
    }
    expect([a.names().includes('goes'), b.names().includes('goes')]).toEqual([false, false])
  })
})

describe('F 59: Redis trouble blocked or broke requests', () => {
  it('one that is not there keeps nobody from serving, and is joined when it is', async () => {
    const own = await ownRedis()
    const a = await startNode(own.url)
    register(a, 'before')
    await own.kill('SIGKILL')
    const b = new ServiceRegistry<Record<string, object>>({
      store: redisStore(own.url, { timeoutMs: 500 }),
      services: { llm: { connect: () => ({}) } },
    })
    onTestFinished(() => b.close().catch(() => {}))
    const retries: unknown[] = []
    b.on('store.failed', ({ retryInMs }) => void retries.push(retryInMs))
    b.register({ service: 'llm', name: 'mine', provider: {}, address: 'http://mine' })
    await b.start({ storeRequired: false })
    expect(retries).toEqual([expect.any(Number)])
    expect(await b.getService('llm')).toBeDefined()
    await expect(b.flush()).rejects.toMatchObject({ code: 'SWITCHGEAR_STORE_FAILED' })
    expect(b.metrics().storeLagMs).toBeGreaterThan(0)
    await own.restart()
    await soon(async () => {
      await a.registry.flush()
      expect(a.names().toSorted()).toEqual(['before', 'mine'])
      expect(
        b
          .list()
          .map(({ name }) => name)
          .toSorted(),
      ).toEqual(['before', 'mine'])
    })
  })

  it('one that is frozen hangs no look-up and no call', async () => {
    const own = await ownRedis()
    const a = await startNode(own.url)
    a.registry.register({ service: 'llm', name: 'one', provider: { ask: () => 'yes' } })
    await own.kill('SIGSTOP')
    const answers = await Promise.all(
      Array.from({ length: 100 }, () =>
        a.registry.call('llm', {}, (one) => (one as { ask(): string }).ask()),
      ),
    )
    expect(new Set(answers)).toEqual(new Set(['yes']))
    expect(a.registry.explain('llm').chosen).toBe('one')
    await own.kill('SIGCONT')
  })
})

describe('F 60: gaps in what was told left stale caches', () => {
  it('whose connection breaks again and again, and misses what the log forgot, misses nothing', async () => {
    const options = { namespace: fresh(), historyLength: 1 }
    const [a, b] = [await startNode(redis.url, options), await startNode(redis.url, options)]
    const client = redis.client()
    for (let round = 0; round < 20; round++) {
      for (let at = 0; at < 10; at++) {
        if (round > 0) a.registry.unregister(`${round - 1}-${at}`)
        register(a, `${round}-${at}`)
        if (at % 3 === 0) await a.registry.flush().catch(() => {})
      }
      if (round % 4 === 0) await client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    }
    await soon(async () => {
      await a.registry.flush()
      expect(b.names().toSorted()).toEqual(Array.from({ length: 10 }, (_, at) => `19-${at}`))
    })
  })
})

describe('F 61: buffers grew where nobody drained them', () => {
  it('while Redis is away, what is to be written is as much as there is, not as often as it changed', async () => {
    const own = await ownRedis()
    const store = redisStore(own.url, { timeoutMs: 500 })
    const sizes: number[] = []
    const counted: Store = {
      name: store.name,
      endsLeases: store.endsLeases,
      load: () => store.load(),
      close: () => store.close(),
      apply(changes) {
        sizes.push(changes.length)
        return store.apply(changes)
      },
    }
    const registry = new ServiceRegistry<Record<string, object>>({ store: counted })
    onTestFinished(() => registry.close().catch(() => {}))
    await registry.start()
    await own.kill('SIGKILL')
    for (let round = 0; round < 200; round++)
      for (let at = 0; at < 10; at++) {
        const name = `p${at}`
        const provider = {
          service: 'llm',
          name,
          provider: {},
          address: 'http://p',
          weight: 1 + round,
        }
        registry.adopt(provider, { forMs: 60_000, facts: { round } })
        if (round % 50 === 49) registry.unregister(name)
        if (at === 0 && round % 100 === 0) await registry.flush().catch(() => {})
      }
    await own.restart()
    await registry.flush()
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10 * 4 * 2)
  })
})
