import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Snapshot } from '../../src/model/snapshot.js'
import { fileStore, memoryStore, type Store, type StoreChange } from '../../src/store/index.js'
import { type OpenStore, storeConformance } from '../../src/testing/index.js'
import { sharedMemory } from '../store/shared-memory.js'

let folder = ''
let places = 0

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'switchgear-stores-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const stores: Readonly<Record<string, () => OpenStore>> = {
  memoryStore: () => {
    const store = memoryStore()
    return () => store
  },
  fileStore: () => {
    const path = join(folder, String(places++), 'registry.json')
    return () => fileStore(path)
  },
  'a store that is shared': () => {
    const place = sharedMemory()
    return () => place.open()
  },
  'fileStore, compacting all the time': () => {
    const path = join(folder, String(places++), 'registry.json')
    return () => fileStore(path, { compactAtBytes: 1 })
  },
}

describe.each(Object.entries(stores))('%s', (_, newPlace) => {
  for (const { name, run } of storeConformance(newPlace)) it(name, run)
})

describe('the suite itself', () => {
  /** A memory store with one thing wrong. */
  const wrong = (change: (store: Store, inner: Inner) => Partial<Store>) => (): OpenStore => {
    const inner = { openings: 0, tables: new Map<string, Map<string, unknown>>() }
    const store = memoryStore()
    return () => {
      inner.openings += 1
      return { ...store, ...change(store, inner) }
    }
  }
  interface Inner {
    openings: number
    readonly tables: Map<string, Map<string, unknown>>
  }
  type Edit = (snapshot: Snapshot) => object
  const loading = (edit: Edit) =>
    wrong((store) => ({
      async load() {
        const kept = await store.load()
        return kept && ({ ...kept, ...edit(kept) } as Snapshot)
      },
    }))
  const applying = (edit: (changes: readonly StoreChange[]) => readonly StoreChange[]) =>
    wrong((store) => ({ apply: (changes) => store.apply(edit(changes)) }))
  /** A shared store whose `watch` is another. */
  const watching =
    (watch: (inner: Watch, signal: AbortSignal, times: number) => ReturnType<Watch>) =>
    (): OpenStore => {
      const place = sharedMemory()
      return () => {
        const store = place.open()
        let times = 0
        const inner: Watch = (signal) => store.watch?.(signal) ?? none()
        return { ...store, watch: (signal) => watch(inner, signal, ++times) }
      }
    }
  type Watch = (signal: AbortSignal) => AsyncIterable<readonly StoreChange[]>
  async function* none() {}
  const mine = { provider: 'mine', status: 'healthy', checkedAt: 1 } as const
  const empty = { schemaVersion: '2.0', savedAt: '2026-01-01T00:00:00Z' }
  const lists = {
    providers: [],
    models: [],
    capabilities: [],
    circuits: [],
    health: [],
    leases: [],
  }

  const broken: Readonly<Record<string, () => OpenStore>> = {
    'has a name that stays': wrong((_, { openings }) => ({ name: `store ${openings}` })),
    'has nothing at first': wrong((store) => ({
      load: async () => (await store.load()) ?? { ...empty, ...lists },
    })),
    'gives a snapshot of the schema of today, with all sections': loading(() => ({
      models: undefined,
    })),
    'keeps changes of every section': applying((changes) =>
      changes.filter(({ section }) => section !== 'circuits'),
    ),
    'keeps entries in the order in which they first came': loading(({ health }) => ({
      health: health.toSorted((a, b) => (a.provider < b.provider ? -1 : 1)),
    })),
    'takes the last of several changes': applying((changes) => changes.slice(0, 1)),
    'forgets what is gone, and does not mind what never was': applying((changes) =>
      changes.filter(({ value }) => value !== undefined),
    ),
    'keeps large groups of changes whole': applying((changes) => changes.slice(0, 4_999)),
    'keeps values to the letter': loading(({ providers }) => ({
      providers: providers.map((one) => ({ ...one, name: one.name.trim() })),
    })),
    'goes on after it was opened again': () => {
      let store = memoryStore()
      let openings = 0
      return () => {
        openings += 1
        if (openings % 4 === 0) store = memoryStore()
        return store
      }
    },
    'gives copies': () => {
      const store = memoryStore()
      let first: Snapshot | undefined
      return () => ({
        ...store,
        async load() {
          const kept = await store.load()
          first ??= kept
          return kept === undefined ? undefined : first
        },
      })
    },
    'refuses changes before it is loaded and after it is closed': wrong(() => ({
      apply: async () => {},
    })),
    'may be closed twice, and without a load': wrong((store) => {
      let closed = false
      return {
        async close() {
          if (closed) throw new Error('closed already')
          closed = true
          await store.close()
        },
      }
    }),
    'tells what others change, if it can be shared': watching(async function* () {}),
    'tells those who look again what they have missed, if it can be shared': watching(
      async function* (inner, signal, times) {
        if (times === 1) yield* inner(signal)
      },
    ),
    'tells nobody what is their own, if it can be shared': watching(
      async function* (inner, signal) {
        yield [{ section: 'health', key: 'mine', value: mine }]
        yield* inner(signal)
      },
    ),
    'stops telling when its signal aborts, if it can be shared': watching(async function* () {
      for (;;) yield []
    }),
  }

  it('has a store that breaks each promise', () => {
    const promises = storeConformance(() => () => memoryStore()).map(({ name }) => name)
    expect(Object.keys(broken)).toEqual(promises)
  })

  it.each(Object.entries(broken))('finds one that breaks: %s', async (promise, newPlace) => {
    const found = storeConformance(newPlace).find(({ name }) => name === promise)
    await expect(found?.run()).rejects.toThrow(/store conformance|closed already/)
  })
})
