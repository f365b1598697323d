/*
 * Attacks on what a registry remembers: export, import, and the store it follows. Each test is about
 * something that was once wrong, or that a hostile or careless caller would try.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { settled } from '../../src/core/clock.js'
import {
  CorruptSnapshotError,
  RegistryClosedError,
  ServiceRegistry,
  SwitchgearError,
} from '../../src/index.js'
import type { Snapshot } from '../../src/model/snapshot.js'
import { memoryStore } from '../../src/store/index.js'
import type { Store, StoreChange } from '../../src/store/store.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { root } from '../house/sources.js'

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

describe('providers of several handlers', () => {
  it('speak in a snapshot only for what all of their groups were told', async () => {
    const store = memoryStore()
    const { registry, add } = await started(store)
    add('both', { handler: ['A', 'B'] })
    add('one', { handler: 'A', strategy: 'round-robin' })
    add('two', { handler: 'B', strategy: 'weighted' })
    add('free', { handler: ['C', 'D'], strategy: 'random' })
    const strategies = (from: ServiceRegistry<Anything>) =>
      from.list().map(({ name, strategy }) => `${name} ${strategy}`)
    const before = strategies(registry)
    const other = made().registry
    other.import(plain(registry.export()))
    expect(strategies(other)).toEqual(before)
    await registry.close()
    const second = await started(store)
    expect(strategies(second.registry)).toEqual(before)
    await second.registry.close()
  })
})

describe('code that is newer than the store', () => {
  const saved = {
    ...empty,
    providers: ['a', 'b'].map((name) => ({ ...entry, name, address, strategy: 'round-robin' })),
  } as unknown as Snapshot

  it('may ask for another strategy after the start as well as before', async () => {
    for (const when of ['before', 'after']) {
      const store = memoryStore(saved)
      const { registry, add } = made({ store })
      if (when === 'after') await registry.start()
      add('a', { strategy: 'weighted' })
      if (when === 'before') await registry.start()
      add('b', { strategy: 'weighted' })
      expect(registry.get('b')?.strategy, when).toBe('weighted')
      expect(() => add('c', { strategy: 'random' })).toThrow("'weighted'")
      await registry.close()
      expect((await reread(store))?.providers, when).toMatchObject([
        { name: 'a', strategy: 'weighted' },
        { name: 'b', strategy: 'weighted' },
      ])
    }
  })

  it('may give a name to a provider of another service', async () => {
    const store = memoryStore({
      ...saved,
      circuits: [{ provider: 'a', state: 'open', failures: 0, retryAt: null }],
    } as never)
    const { registry, add } = await started(store)
    add('c', { service: 't', strategy: 'random' })
    expect(() => add('a', { service: 't', strategy: 'weighted' })).toThrow("'random'")
    expect(registry.get('a')).toMatchObject({ service: 's', circuit: { state: 'open' } })
    add('a', { service: 't' })
    expect(registry.get('a')).toMatchObject({ service: 't', circuit: { state: 'closed' } })
    expect(() => add('a', { service: 's', replace: true })).toThrow('the service of the provider')
    await registry.close()
    const found = await reread(store)
    expect(names(found)).toEqual(['b', 'c', 'a'])
    expect(found?.circuits).toEqual([])
  })

  it('changes no strategy when it is refused for something else', async () => {
    const { registry, add } = await started(memoryStore(saved))
    registry.register({ service: 's', name: 'c', provider: {}, dependencies: ['e'] })
    expect(() => add('e', { strategy: 'weighted', dependencies: ['c'] })).toThrow('circle')
    expect(registry.get('b')?.strategy).toBe('round-robin')
    expect(() => add('f', { strategy: 'weighted' })).toThrow("'round-robin'")
    await registry.close()
  })
})

describe('migrations that misbehave', () => {
  const migrations = (migrate: () => unknown) => [
    { from: '0.1', to: '2.0', migrate: migrate as () => object },
  ]
  for (const [what, migrate] of Object.entries<() => unknown>({
    'that wait': async () => empty,
    'that reject': () => Promise.reject(new Error('x')),
    'that throw': () => {
      throw new Error('x')
    },
    'that give nothing': () => undefined,
    'that give a list': () => [],
  }))
    it(`${what} are refused, and nothing has changed`, () => {
      const { registry, add } = made({ migrations: migrations(migrate) as never })
      add('a')
      expect(() => registry.import({ schemaVersion: '0.1' })).toThrow(CorruptSnapshotError)
      expect(registry.list()).toHaveLength(1)
    })

  it('that run in a circle are refused', () => {
    const migrate = (document: object) => ({ ...document })
    const circle = [
      { from: '0.1', to: '0.2', migrate },
      { from: '0.2', to: '0.1', migrate },
    ]
    const { registry } = made({ migrations: circle })
    expect(() => registry.import({ version: '0.1' })).toThrow('Unsupported registry version')
  })
})

describe('an import of the own export', () => {
  it('works when what providers learned since has made a circle', () => {
    const { registry, add } = made()
    add('a', { dependencies: ['b'] })
    add('b', { dependencies: ['chat'] })
    registry.updateFromHealth('a', { features: ['chat'] })
    expect(() => registry.startOrder()).toThrow('circle')
    expect(registry.import(plain(registry.export()))).toEqual({ added: [], changed: [] })
  })

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

describe('hostile input', () => {
  const throwing = (): never => {
    throw new Error('gotcha')
  }
  const getter = (key: string, of: object = {}): object =>
    Object.defineProperty(of, key, { get: throwing, enumerable: true })
  const revoked = (target: object): object => {
    const { proxy, revoke } = Proxy.revocable(target, {})
    revoke()
    return proxy
  }
  const deep = (levels: number): unknown =>
    JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)

  const snapshots: Record<string, unknown> = {
    nothing: undefined,
    null: null,
    'a text': '{}',
    'a number': 7,
    'a list': [],
    'a function': () => ({ schemaVersion: '2.0' }),
    'a symbol': Symbol('x'),
    'a promise': Promise.resolve(empty),
    'no version': {},
    'a version that throws': getter('schemaVersion'),
    'a revoked proxy': revoked({}),
    'a section that throws': getter('providers', { ...empty }),
    'sections that are no lists': { ...empty, providers: {}, models: 'x', health: 7 },
    'a section that is a revoked list': { ...empty, providers: revoked([]) },
    'an entry that throws': { ...empty, providers: [getter('name')] },
    'entries that throw, by section': {
      ...empty,
      models: [getter('id')],
      capabilities: [getter('name')],
      circuits: [getter('provider')],
      health: [getter('status')],
    },
    'an entry that is a revoked proxy': { ...empty, providers: [revoked({})] },
    'deep metadata': { ...empty, providers: [{ ...entry, metadata: deep(20_000) }] },
    'deep circuit settings': { ...empty, providers: [{ ...entry, circuit: deep(20_000) }] },
    'a circle': (() => {
      const metadata: Record<string, unknown> = {}
      metadata.self = metadata
      return { ...empty, providers: [{ ...entry, metadata }] }
    })(),
    'a circle of settings': (() => {
      const circuit: Record<string, unknown> = {}
      circuit.backoff = circuit
      return { ...empty, providers: [{ ...entry, circuit }] }
    })(),
    'numbers for names': { ...empty, providers: [{ ...entry, name: 1 }] },
    'a blank name': { ...empty, providers: [{ ...entry, name: ' ' }] },
    'no name': { ...empty, providers: [{ ...entry, name: undefined }] },
    'a name twice': { ...empty, providers: [entry, entry] },
    'an unknown section': { ...empty, plugins: [] },
    'an instance': { ...empty, providers: [{ ...entry, provider: {} }] },
    'a function to connect': { ...empty, providers: [{ ...entry, connect: () => ({}) }] },
    'a time that is none': {
      ...empty,
      circuits: [{ provider: 'x', state: 'open', failures: 0, retryAt: Number.NaN }],
    },
    'half a circuit': { ...empty, circuits: [{ provider: 'x', state: 'half-open', failures: 0 }] },
    'mistakes by the thousand': { ...empty, providers: Array.from({ length: 5_000 }, () => ({})) },
    'a 1.0 file with odd services': { version: '1.0', timestamp: 7, services: [1] },
    'a 1.0 file that throws': { version: '1.0', services: getter('a') },
  }
  for (const [what, snapshot] of Object.entries(snapshots))
    it(`import refuses ${what} with an error of its own, and changes nothing`, () => {
      const { registry, add } = made()
      add('a', { metadata: { token: 't' } })
      const before = JSON.stringify(registry.export({ secrets: true }))
      let error: unknown
      try {
        registry.import(snapshot)
      } catch (thrown) {
        error = thrown
      }
      expect(error).toBeInstanceOf(SwitchgearError)
      expect(String(error).length).toBeLessThan(10_000)
      expect(JSON.stringify(registry.export({ secrets: true }))).toBe(before)
    })

  for (const [what, body] of Object.entries({
    nothing: undefined,
    'a list': [],
    'a text': 'ok',
    'a revoked proxy': revoked({}),
    'a getter': getter('status'),
    'a million features': { features: new Array(1_000_000) },
  }))
    it(`updateFromHealth refuses ${what}`, () => {
      const { registry, add } = made()
      add('a')
      const before = JSON.stringify(registry.export())
      expect(() => registry.updateFromHealth('a', body)).toThrow(SwitchgearError)
      expect(JSON.stringify(registry.export())).toBe(before)
    })

  it('names are only names: __proto__, constructor, numbers, and two that differ by case', () => {
    const all = [
      '__proto__',
      'constructor',
      'toString',
      '1',
      '0',
      'A',
      'a',
      'a b',
      'a\nb',
      'é',
      '*',
    ]
    const document = JSON.stringify({
      ...empty,
      providers: all.map((one) => ({ ...entry, name: one, service: one, metadata: {} })),
      circuits: all.map((one) => ({ provider: one, state: 'open', failures: 0, retryAt: null })),
      health: all.map((one) => ({ provider: one, status: 'degraded', checkedAt: startMs })),
    })
    const { registry } = made()
    expect(registry.import(JSON.parse(document)).added).toEqual(all)
    for (const one of all)
      expect(registry.get(one)).toMatchObject({
        name: one,
        health: 'degraded',
        circuit: { state: 'open' },
      })
    const other = made().registry
    other.import(plain(registry.export()))
    expect(plain(other.export())).toEqual(plain(registry.export()))
    for (const one of all) {
      expect(registry.dependents(one)).toEqual([])
      expect(registry.modelsOf(one, one)).toEqual([])
      expect(registry.unregister(one)).toBe(true)
    }
    expect(registry.export().circuits).toEqual([])
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  it('a key like __proto__ is left out, one like constructor is a key like others', async () => {
    const metadata = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"x":1}}}',
    )
    const store = memoryStore()
    const { registry } = await started(store)
    registry.import({ ...empty, providers: [{ ...entry, address, metadata, limits: metadata }] })
    await registry.close()
    const second = await started(store)
    const [out] = second.registry.export({ secrets: true }).providers
    expect(JSON.stringify(out?.metadata)).toBe('{"constructor":{"prototype":{"x":1}}}')
    expect(JSON.stringify(out?.limits)).toBe('{"constructor":{"prototype":{"x":1}}}')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    await second.registry.close()
  })

  it('a 1.0 file whose types are named like members of Object has constraints, not types', () => {
    const { registry } = made()
    registry.import(
      JSON.parse(
        '{"version":"1.0","services":{"__proto__":{"capabilities":[{"name":"a","parameters":{"p":{"type":"constructor"},"q":{"type":"__proto__"}}}]}}}',
      ),
    )
    const constraints = { p: { type: 'constructor' }, q: { type: '__proto__' } }
    expect(registry.get('__proto__')?.capabilities).toEqual([{ name: 'a', constraints }])
  })

  it('ten thousand providers come and go in one turn each', async () => {
    const store = memoryStore()
    const apply = vi.spyOn(store, 'apply')
    const { registry } = await started(store)
    const providers = Array.from({ length: 10_000 }, (_, at) => ({
      ...entry,
      name: `p${at}`,
      address,
      strategy: 'round-robin',
      dependencies: at > 0 && at % 100 === 0 ? [`p${at - 1}`] : [],
      capabilities: [{ name: `c${at % 50}` }],
    }))
    expect(registry.import({ ...empty, providers }).added).toHaveLength(10_000)
    await registry.flush()
    expect(apply).toHaveBeenCalledTimes(1)
    expect(registry.import(registry.export())).toEqual({ added: [], changed: [] })
    const second = made({ store: memoryStore(registry.export()) })
    await second.registry.start()
    expect(second.registry.list({ capability: 'c7' })).toHaveLength(200)
    registry.clear()
    await registry.close()
    expect(names(await reread(store))).toEqual([])
  })
})

describe('stores that do as they like', () => {
  const store = (parts: Partial<Store>): Store => ({ ...memoryStore(), ...parts })
  const oops = (): never => {
    throw new Error('oops')
  }

  for (const [what, load] of Object.entries<() => unknown>({
    'throws at once': oops,
    rejects: () => Promise.reject(new Error('oops')),
    'rejects with nothing': () => Promise.reject(),
    'gives a number': async () => 5,
    'gives null': async () => null,
    'gives a thenable that throws': () => Object.defineProperty({}, 'then', { value: oops }),
    'gives a revoked proxy': () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      return [proxy]
    },
  }))
    it(`load ${what}: start rejects, nothing is written, close works`, async () => {
      const apply = vi.fn(async () => {})
      const { registry, add } = made({ store: store({ load: load as Store['load'], apply }) })
      const failed = vi.fn()
      registry.on('store.failed', failed)
      const start = registry.start()
      expect(registry.start()).toBe(start)
      const error = await start.then(
        () => 'it started',
        (reason: unknown) => [reason],
      )
      expect(error).not.toBe('it started')
      expect(failed).toHaveBeenCalledTimes(1)
      add('a')
      await expect(registry.flush().then(() => 'flushed')).rejects.toBe((error as unknown[])[0])
      await registry.close()
      expect(apply).not.toHaveBeenCalled()
    })

  it('apply throws at once: told, tried again, not lost', async () => {
    const inner = memoryStore()
    let bad = true
    const { registry, clock, add } = await started(
      store({ ...inner, apply: (changes) => (bad ? oops() : inner.apply(changes)) }),
    )
    add('a')
    await expect(registry.flush()).rejects.toThrow('oops')
    bad = false
    await clock.advance(60_000)
    await registry.close()
    expect(names(await reread(inner))).toEqual(['a'])
  })

  it('close throws at once: close rejects, and the registry is closed', async () => {
    const { registry, add } = await started(store({ close: oops }))
    add('a')
    await expect(registry.close()).rejects.toThrow('oops')
    expect(registry.list()).toEqual([])
    expect(() => registry.start()).toThrow(RegistryClosedError)
    expect(() => registry.import(empty)).toThrow(RegistryClosedError)
  })

  it('what it loads is frozen, or changed afterwards: neither matters', async () => {
    const snapshot = structuredClone({ ...empty, providers: [{ ...entry, metadata: { a: [1] } }] })
    const { registry } = await started(store({ load: async () => snapshot as never }))
    ;(snapshot.providers[0] as { metadata: { a: number[] } }).metadata.a.push(2)
    expect(registry.get('x')?.metadata).toEqual({ a: [1] })
    const frozen = Object.freeze({
      ...empty,
      providers: Object.freeze([Object.freeze({ ...entry })]),
    })
    const second = await started(store({ load: async () => frozen as never }))
    expect(second.registry.get('x')?.name).toBe('x')
  })

  it('what it is told is frozen: a store cannot change the registry', async () => {
    const told: StoreChange[] = []
    const { registry, add } = await started(
      store({ apply: async (changes) => void told.push(...changes) }),
    )
    add('a', { metadata: { deep: { a: 1 } } })
    registry.circuit('a').isolate()
    registry.capabilities.define({ name: 'dub', version: '1.0', parameters: {} })
    registry.models.register({ id: 'm', provider: 'p' })
    await registry.flush()
    const frozen = (value: unknown): boolean =>
      typeof value !== 'object' ||
      value === null ||
      (Object.isFrozen(value) && Object.values(value).every(frozen))
    expect(told.length).toBeGreaterThan(3)
    expect(told.filter(({ value }) => !frozen(value))).toEqual([])
  })

  it('two registries on one memory store: the second is told so and writes nothing', async () => {
    const shared = memoryStore()
    const first = await started(shared)
    const second = made({ store: shared })
    await expect(second.registry.start()).rejects.toThrow('loaded already')
    second.add('b')
    await expect(second.registry.flush()).rejects.toThrow('loaded already')
    first.add('a')
    await first.registry.flush()
    await first.registry.close()
    expect(names(await reread(shared))).toEqual(['a'])
  })
})

describe('at the wrong moment', () => {
  /** A store whose load ends when the test says so. */
  function gated(saved?: Snapshot) {
    const inner = memoryStore(saved)
    let open = (): void => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const order: string[] = []
    const store: Store = {
      ...inner,
      load: async () => {
        order.push('load')
        await gate
        order.push('loaded')
        return inner.load()
      },
      close: async () => {
        order.push('close')
        await inner.close()
      },
    }
    return { inner, store, order, open: () => open() }
  }
  const saved = { ...empty, providers: [{ ...entry, address }] } as unknown as Snapshot

  it('close during start: the store is let go of when its load is over', async () => {
    const { store, inner, order, open } = gated(saved)
    const { registry, add } = made({ store })
    add('a')
    const start = registry.start()
    const close = registry.close()
    await settled()
    open()
    await Promise.all([start, close])
    expect(order).toEqual(['load', 'loaded', 'close'])
    expect(registry.list()).toEqual([])
    expect(names(await reread(inner))).toEqual(['x'])
  })

  it('import during start: what is imported is newer', async () => {
    const { store, inner, open } = gated(saved)
    const { registry } = made({ store })
    const start = registry.start()
    registry.import({
      ...empty,
      providers: [
        { ...entry, address, version: '9.0' },
        { ...entry, name: 'y' },
      ],
    })
    open()
    await start
    await registry.close()
    const found = await reread(inner)
    expect(names(found)).toEqual(['x', 'y'])
    expect(found?.providers[0]?.version).toBe('9.0')
  })

  it('flush during close, close twice, flush after close', async () => {
    const store = memoryStore()
    const { registry, add } = await started(store)
    add('a')
    const closes = [registry.close(), registry.flush(), registry.close()]
    await Promise.all(closes)
    await registry.flush()
    expect(names(await reread(store))).toEqual(['a'])
  })

  it('close within a listener of the load', async () => {
    const store = memoryStore(saved)
    const { registry } = made({ store })
    let closing: Promise<void> | undefined
    registry.on('provider.added', () => {
      closing ??= registry.close()
    })
    await registry.start()
    await closing
    expect(registry.list()).toEqual([])
    expect(names(await reread(store))).toEqual(['x'])
  })

  it('import within a listener that hears of an import', async () => {
    const store = memoryStore()
    const { registry } = await started(store)
    registry.on('provider.added', ({ provider }) => {
      if (provider === 'x')
        registry.import({ ...empty, providers: [{ ...entry, name: 'y', address }] })
      else registry.unregister('x')
    })
    registry.import({ ...empty, providers: [{ ...entry, address }] })
    expect(registry.list().map(({ name }) => name)).toEqual(['y'])
    await registry.close()
    expect(names(await reread(store))).toEqual(['y'])
  })

  it('an import that replaces the provider of a call in flight: the call ends as it began', async () => {
    const { registry, add } = made()
    let answer = (_: string): void => {}
    const slow = new Promise<string>((resolve) => {
      answer = resolve
    })
    add('a', { provider: { say: () => slow }, concurrency: 1 })
    const call = registry.call('s', {}, (it) => (it as { say(): Promise<string> }).say())
    await settled()
    const { providers } = registry.export()
    registry.import({
      ...empty,
      providers: [{ ...providers[0], concurrency: 2, handlers: ['H'], version: '2.0' }],
    })
    expect(registry.get('a')).toMatchObject({ inFlight: 1, version: '2.0', handlers: ['H'] })
    answer('done')
    expect(await call).toBe('done')
    expect(registry.get('a')).toMatchObject({ inFlight: 0, circuit: { successes: 1 } })
  })

  it('unregister while a provider that was read connects', async () => {
    let connected = (_: object): void => {}
    const connect = vi.fn(
      () =>
        new Promise<object>((resolve) => {
          connected = resolve
        }),
    )
    const store = memoryStore(saved)
    const { registry } = await started(store, { services: { s: { connect } } })
    const found = registry.getService('s')
    await settled()
    expect(connect).toHaveBeenCalledTimes(1)
    expect(registry.unregister('x')).toBe(true)
    connected(echo)
    await found.catch(() => {})
    expect(registry.list()).toEqual([])
    expect(await registry.getService('s')).toBeUndefined()
    await registry.close()
    expect(names(await reread(store))).toEqual([])
  })
})

describe('an instance', () => {
  it('is held by nothing after it left, with a store, dependents, events and imports in use', async (context) => {
    needs(context, existsSync(join(root, 'dist/store/index.js')), 'dist/; run `npm run build`')
    const script = `
      import { ServiceRegistry } from 'switchgear'
      import { memoryStore } from 'switchgear/store'
      class Model { data = new Array(1_000).fill('x'); isHealthy() { return true } async say() { return 1 } }
      const refs = []
      const make = () => { const model = new Model(); refs.push(new WeakRef(model)); return model }
      const store = memoryStore()
      const registry = new ServiceRegistry({ store, services: { s: { connect: async () => make() } } })
      const seen = []
      registry.on('provider.removed', (event) => seen.push(event))
      await registry.start()
      const entry = (name) => ({ name, service: 's', handlers: ['*'], origin: 'manual', dependencies: ['mine'] })
      await (async () => {
        registry.register({ service: 's', name: 'mine', provider: make(), address: 'http://h', dependencies: ['gone'] })
        registry.register({ service: 't', name: 'other', provider: make(), dependencies: ['mine'], capabilities: ['chat'] })
        const out = { ...registry.export(), providers: [entry('read'), { ...entry('mine'), dependencies: [], version: '2' }] }
        registry.import(out)
        for (const name of ['mine', 'other', 'read']) registry.updateFromHealth(name, { status: 'down', features: ['chat'] })
        for (const name of ['mine', 'other', 'read']) registry.updateFromHealth(name, { status: 'ok' })
        await registry.healthCheckAll()
        registry.circuit('mine').trip(10)
        await (await registry.getService('s', { exclude: ['mine'] }))?.say()
        await registry.flush()
        for (const name of ['mine', 'other', 'read']) registry.unregister(name)
        await registry.flush()
      })()
      for (let turn = 0; turn < 20; turn++) { await new Promise(setImmediate); gc() }
      const held = refs.filter((ref) => ref.deref() !== undefined).length
      console.log(refs.length, 'made', held, 'held', seen.length, 'seen', registry.list().length)
    `
    const args = ['--expose-gc', '--input-type=module', '--eval', script]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
    expect(stdout.trim()).toBe('3 made 0 held 3 seen 0')
  })
})
