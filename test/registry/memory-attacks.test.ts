/*
 * Attacks on what a registry remembers: export, import, and the store it follows. Each test is about
 * something that was once wrong, or that a hostile or careless caller would try.
 */
import { describe, expect, it } from 'vitest'
import { settled } from '../../src/core/clock.js'
import { ServiceRegistry } from '../../src/index.js'
import type { Snapshot } from '../../src/model/snapshot.js'
import { memoryStore } from '../../src/store/index.js'
import type { Store } from '../../src/store/store.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'

type Anything = Record<string, object>
type Options = ConstructorParameters<typeof ServiceRegistry<Anything>>[0]

const startMs = 1_790_000_000_000
const address = 'http://127.0.0.1:1'
const echo = { say: async (word: string) => word }

function made(options: Options = {}, clock = new FakeClock(startMs)) {
  const registry = new ServiceRegistry<Anything>({ clock, random: seededRandom(1), ...options })
  const add = (name: string, rest: object = {}) =>
    registry.register({ service: 's', provider: echo, name, address, ...rest })
  return { registry, clock, add }
}

const plain = (snapshot: Snapshot): Snapshot => JSON.parse(JSON.stringify(snapshot))
const names = (snapshot: Snapshot | undefined): readonly string[] =>
  (snapshot?.providers ?? []).map(({ name }) => name)

async function started(store: Store, options: Options = {}) {
  const one = made({ store, ...options })
  await one.registry.start()
  return one
}

/** What the store would give to the next process. */
async function reread(store: Store): Promise<Snapshot | undefined> {
  const found = await store.load()
  await store.close()
  return found
}

const empty = {
  schemaVersion: '2.0',
  savedAt: '2026-01-01T00:00:00.000Z',
  providers: [],
  models: [],
  capabilities: [],
  circuits: [],
  health: [],
}
const entry = { name: 'x', service: 's', handlers: ['*'], origin: 'manual' }

describe('the order of registration in the store', () => {
  it('is kept when the first is changed in the turn in which the second came', async () => {
    const store = memoryStore()
    const { registry, add } = await started(store)
    add('a')
    add('b')
    registry.setPriority('a', 'high')
    await registry.close()
    expect(names(await reread(store))).toEqual(['a', 'b'])
  })

  it('is another when one left and came back, in one turn or in two', async () => {
    for (const turns of [1, 2]) {
      const store = memoryStore()
      const { registry, add } = await started(store)
      add('a')
      add('b')
      await registry.flush()
      registry.unregister('a')
      if (turns === 2) await registry.flush()
      add('a')
      await registry.close()
      expect(names(await reread(store)), `${turns} turns`).toEqual(['b', 'a'])
    }
  })

  it('is kept when the store refuses a group and takes it with the next', async () => {
    const inner = memoryStore()
    let full = true
    const store: Store = {
      ...inner,
      apply: (changes) => (full ? Promise.reject(new Error('full')) : inner.apply(changes)),
    }
    const { registry, add } = await started(store)
    for (const name of ['a', 'b', 'c']) add(name)
    await expect(registry.flush()).rejects.toThrow('full')
    registry.unregister('a')
    add('a')
    registry.setPriority('b', 'low')
    await expect(registry.flush()).rejects.toThrow('full')
    add('d')
    full = false
    await registry.close()
    expect(names(await reread(inner))).toEqual(['b', 'c', 'a', 'd'])
  })

  it('is kept when they come while the store writes', async () => {
    const inner = memoryStore()
    let release = (): void => {}
    let gate = Promise.resolve()
    const store: Store = {
      ...inner,
      apply: async (changes) => {
        await gate
        await inner.apply(changes)
      },
    }
    const { registry, add } = await started(store)
    for (const name of ['a', 'b']) add(name)
    await registry.flush()
    gate = new Promise<void>((resolve) => {
      release = resolve
    })
    registry.setPriority('b', 'low')
    await settled()
    registry.unregister('a')
    add('c')
    add('a')
    registry.setPriority('c', 'low')
    release()
    await registry.close()
    expect(names(await reread(inner))).toEqual(['b', 'c', 'a'])
  })
})

describe('what the store holds', () => {
  it('is the strategy of a group, also of those who were there before it was named', async () => {
    const store = memoryStore()
    const { registry, add } = await started(store)
    add('a')
    await registry.flush()
    add('b', { strategy: 'round-robin' })
    registry.unregister('b')
    expect(registry.get('a')?.strategy).toBe('round-robin')
    await registry.close()
    expect((await reread(store))?.providers).toMatchObject([{ name: 'a', strategy: 'round-robin' }])
  })

  it('is no streak of failures that ended long ago', async () => {
    const store = memoryStore()
    const { registry, add } = await started(store)
    add('a')
    registry.circuit('a').trip()
    registry.circuit('a').reset()
    registry.circuit('a').recordFailure()
    await registry.flush()
    registry.circuit('a').recordSuccess()
    await registry.close()
    expect((await reread(store))?.circuits).toEqual([])
  })

  it('is a circuit and a verdict that were imported for a provider who is yet to come', async () => {
    const store = memoryStore()
    const { registry } = await started(store)
    registry.import({
      ...empty,
      circuits: [{ provider: 'later', state: 'open', failures: 0, openedAt: 1, retryAt: null }],
      health: [{ provider: 'later', status: 'unhealthy', checkedAt: startMs }],
    })
    await registry.close()
    const second = await started(store)
    second.add('later', { health: { check: () => true } })
    expect(second.registry.get('later')).toMatchObject({
      health: 'unhealthy',
      circuit: { state: 'open', retryAfterMs: Number.POSITIVE_INFINITY },
    })
    await second.registry.close()
  })

  it('is the verdict, also where what is lost hides it', async () => {
    const store = memoryStore()
    const { registry, add } = await started(store)
    add('a', { dependencies: ['gone'], health: { check: () => true } })
    await registry.flush()
    await registry.healthCheckAll()
    expect(registry.get('a')?.health).toBe('degraded')
    await registry.close()
    expect((await reread(store))?.health).toMatchObject([{ provider: 'a', status: 'healthy' }])
  })
})

describe('before the store is read', () => {
  const saved = {
    ...empty,
    models: [
      {
        id: 'm',
        provider: 'p',
        capabilities: [],
        lacks: [],
        contextLength: 9,
        costPer1k: {},
        aliases: [],
        provenance: {},
      },
    ],
    capabilities: [{ name: 'dubbing', version: '1.0', parameters: { old: { type: 'int' } } }],
  } as unknown as Snapshot

  it('a definition by code is newer than a stored one', async () => {
    const store = memoryStore(saved)
    const { registry } = made({ store })
    registry.capabilities.define({
      name: 'dubbing',
      version: '1.0',
      parameters: { now: { type: 'int' } },
    })
    await registry.start()
    expect(Object.keys(registry.capabilities.get('dubbing')?.parameters ?? {})).toEqual(['now'])
    await registry.close()
    expect(Object.keys((await reread(store))?.capabilities[0]?.parameters ?? {})).toEqual(['now'])
  })

  it('a model that was removed does not come back', async () => {
    const store = memoryStore(saved)
    const { registry } = made({ store })
    registry.models.register({ id: 'm', provider: 'p' })
    registry.models.remove('m')
    await registry.start()
    expect(registry.models.size).toBe(0)
    await registry.close()
    expect((await reread(store))?.models).toEqual([])
  })

  it('a provider without a name of its own does not inherit the circuit of one with that name', async () => {
    const store = memoryStore({
      ...empty,
      circuits: [{ provider: 's-1', state: 'open', failures: 0, openedAt: 1, retryAt: null }],
    } as never)
    const { registry } = made({ store })
    registry.register({ service: 's', provider: {} })
    await registry.start()
    expect(registry.get('s-1')?.circuit.state).toBe('closed')
    await registry.close()
  })
})

describe('an import that fails', () => {
  it('leaves the strategy of a group as it was', () => {
    const { registry, add } = made()
    add('a')
    const [one] = registry.export().providers
    expect(() =>
      registry.import({
        ...empty,
        providers: [
          { ...one, strategy: 'round-robin' },
          { ...one, name: 'b', strategy: 'weighted' },
        ],
      }),
    ).toThrow('strategy')
    expect(registry.get('a')?.strategy).toBe('fallback')
    add('c', { strategy: 'random' })
  })

  it('leaves what is remembered of a provider that is yet to come', async () => {
    const { registry, add } = made()
    registry.import({
      ...empty,
      circuits: [{ provider: 'later', state: 'open', failures: 0, openedAt: 1, retryAt: null }],
      health: [{ provider: 'later', status: 'unhealthy', checkedAt: startMs }],
    })
    const bad = { ...entry, name: 'other', strategy: 'weighted' }
    expect(() =>
      registry.import({
        ...empty,
        providers: [{ ...entry, name: 'later', strategy: 'random' }, bad],
      }),
    ).toThrow('strategy')
    add('later', { health: { check: () => true } })
    expect(registry.get('later')).toMatchObject({ health: 'unhealthy', circuit: { state: 'open' } })
    expect(registry.metrics().registrations).toBe(1)
  })
})

describe('an import of the own export', () => {
  it('is the same for every kind of secret', () => {
    const { registry, add } = made()
    add('a', {
      address: 'http://user:pa$$w$&ord$1@host/path',
      metadata: {
        apiKey: ['a', 'b'],
        nested: [{ password: { p: 1 } }, 'http://u:$$@h'],
        token: null,
      },
      limits: { max_token: 4_096 },
      capabilities: [
        { name: 'chat', version: '1.0', parameters: { token: { type: 'int', max: 5 } } },
        { name: 'login', constraints: { password: 'never' } },
      ],
    })
    const before = registry.export({ secrets: true })
    expect(registry.import(plain(registry.export()))).toEqual({ added: [], changed: [] })
    expect(registry.export({ secrets: true })).toEqual(before)
    expect(JSON.stringify(registry.export())).not.toContain('pa$$')
    const other = made().registry
    expect(other.import(plain(registry.export())).added).toEqual(['a'])
    expect(other.get('a')?.capabilities).toEqual(registry.get('a')?.capabilities)
  })

  it('is the same for a provider whose name is an address with a user', () => {
    const { registry, add } = made()
    add('http://user:pass@host')
    registry.circuit('http://user:pass@host').isolate()
    expect(registry.import(plain(registry.export()))).toEqual({ added: [], changed: [] })
    expect(registry.list()).toHaveLength(1)
  })

  it('does not forget the window of outcomes of a circuit', () => {
    const { registry, add } = made()
    add('a', {
      circuit: { failureThreshold: 100, errorRatio: 0.5, windowSize: 10, minimumCalls: 4 },
    })
    for (let call = 0; call < 3; call++) registry.circuit('a').recordFailure()
    registry.import(registry.export())
    registry.circuit('a').recordFailure()
    expect(registry.circuit('a').state).toBe('open')
  })

  it('does not open a circuit that is half-open, however old the export', async () => {
    const { registry, clock, add } = made()
    const events: string[] = []
    registry.on('circuit.opened', () => void events.push('opened'))
    add('a', { circuit: { successThreshold: 2 } })
    registry.circuit('a').trip(10)
    await clock.advance(10)
    registry.resolve('s')?.succeed()
    expect(registry.circuit('a').state).toBe('half-open')
    const snapshot = registry.export()
    await clock.advance(5_000)
    registry.import(snapshot)
    expect(events).toEqual(['opened'])
    registry.resolve('s')?.succeed()
    expect(registry.circuit('a').state).toBe('closed')
  })

  it('tells two models apart whose names differ only in where a space is', () => {
    const { registry } = made()
    registry.models.register({ id: 'b c', provider: 'a' })
    registry.models.register({ id: 'c', provider: 'a b' })
    registry.import(plain(registry.export()))
    const other = made().registry
    other.import(plain(registry.export()))
    expect(other.models.size).toBe(2)
  })
})

describe('secrets', () => {
  it('do not follow a mask to another host or scheme', () => {
    const { registry, add } = made()
    add('a', { address: 'https://user:pass@host:1/v1', metadata: { url: 'http://u:p@h' } })
    const [one] = registry.export().providers
    const imported = (more: object) => {
      registry.import({ ...empty, providers: [{ ...one, ...more }] })
      return registry.export({ secrets: true }).providers[0]
    }
    expect(imported({ address: 'https://***@host:1/v2' })?.address).toBe(
      'https://user:pass@host:1/v2',
    )
    expect(imported({ address: 'https://***@evil.example/v1' })?.address).toBe(
      'https://evil.example/v1',
    )
    expect(imported({ metadata: { url: 'ftp://***@h' } })?.metadata).toEqual({ url: 'ftp://h' })
  })

  it('in odd places are nothing special', () => {
    const { registry } = made()
    registry.import({
      ...empty,
      providers: [
        {
          ...entry,
          metadata: { list: ['***', { token: '***' }], plain: '***', apiKey: { deep: '***' } },
          address: '***',
          limits: { '***': '***' },
        },
        { ...entry, name: '***' },
      ],
    })
    expect(registry.export({ secrets: true }).providers).toMatchObject([
      {
        metadata: { list: ['***', {}], plain: '***', apiKey: { deep: '***' } },
        address: '***',
        limits: { '***': '***' },
      },
      { name: '***' },
    ])
  })

  it('what comes out after an import is frozen, too', () => {
    const { registry } = made()
    registry.import({
      ...empty,
      providers: [{ ...entry, metadata: { deep: { a: [1] } }, limits: { b: {} } }],
    })
    const [out] = registry.export({ secrets: true }).providers
    const deep = out?.metadata.deep as { a: number[] }
    expect([out?.metadata, deep, deep.a, out?.limits, out?.limits?.b].every(Object.isFrozen)).toBe(
      true,
    )
  })
})
