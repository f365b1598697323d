import { describe, expect, it } from 'vitest'
import type { SavedHealth, Section, Snapshot } from '../../src/model/snapshot.js'
import { Persist } from '../../src/store/persist.js'
import type { Store, StoreChange } from '../../src/store/store.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'

/** A store whose writes end when the test says so. */
class SlowStore implements Store {
  readonly name = 'slow'
  readonly groups: (readonly StoreChange[])[] = []
  closed = 0
  #settle: { resolve(): void; reject(error: unknown): void } | undefined

  async load(): Promise<Snapshot | undefined> {
    return undefined
  }

  apply(changes: readonly StoreChange[]): Promise<void> {
    if (this.#settle !== undefined) throw new Error('called again before it had settled')
    this.groups.push(changes)
    return new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject }
    })
  }

  async end(error?: Error): Promise<void> {
    const settle = this.#settle
    this.#settle = undefined
    if (error === undefined) settle?.resolve()
    else settle?.reject(error)
    await turns()
  }

  async close(): Promise<void> {
    this.closed += 1
  }
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve()
}

function rig() {
  const store = new SlowStore()
  const clock = new FakeClock()
  const state = new Map<string, SavedHealth>()
  const failed: { error: unknown; retryInMs: number }[] = []
  const persist = new Persist(store, {
    clock,
    random: seededRandom(1),
    read: (_section: Section, key: string) => state.get(key) as never,
    failed: (error, retryInMs) => void failed.push({ error, retryInMs }),
  })
  const set = (key: string, checkedAt: number): void => {
    state.set(key, { provider: key, status: 'healthy', checkedAt })
    persist.mark('health', key)
  }
  const remove = (key: string): void => {
    state.delete(key)
    persist.mark('health', key)
  }
  const written = (): string[] =>
    store.groups.map((group) =>
      group
        .map(
          ({ key, value }) =>
            `${key}${value === undefined ? '-' : JSON.stringify(Object.values(value)[2])}`,
        )
        .join(' '),
    )
  return { store, clock, persist, set, remove, written, failed }
}

describe('Persist', () => {
  it('writes nothing before it begins, and then what changed meanwhile', async () => {
    const { persist, set, written } = rig()
    set('a', 1)
    await turns()
    expect(written()).toEqual([])
    persist.begin()
    await turns()
    expect(written()).toEqual(['a1'])
  })

  it('makes one group of a turn, and one of what comes while the store writes', async () => {
    const { persist, set, remove, written, store } = rig()
    persist.begin()
    set('a', 1)
    set('b', 1)
    await turns()
    set('c', 1)
    set('a', 2)
    remove('b')
    set('a', 3)
    await turns()
    expect(written()).toEqual(['a1 b1'])
    await store.end()
    expect(written()).toEqual(['a1 b1', 'c1 a3 b-'])
    await store.end()
    expect(written()).toHaveLength(2)
  })

  it('writes no more what was dropped, also after a failure, and waits for nothing then', async () => {
    const { persist, set, written, store, clock } = rig()
    persist.begin()
    set('a', 1)
    set('b', 1)
    await turns()
    persist.drop('health', 'a')
    expect(persist.owes('health', 'a')).toBe(false)
    await store.end(new Error('no'))
    const flushed = persist.flush()
    await turns()
    expect(written()).toEqual(['a1 b1', 'b1'])
    await store.end()
    await flushed
    set('c', 1)
    persist.drop('health', 'c')
    await clock.advance(1_000)
    await persist.flush()
    expect(written()).toHaveLength(2)
    expect(persist.lagMs).toBe(0)
  })

  it('tells what waits to be written', async () => {
    const { persist, set, store } = rig()
    set('a', 1)
    expect([persist.has('health', 'a'), persist.has('health', 'b')]).toEqual([true, false])
    persist.begin()
    await turns()
    await store.end()
    expect(persist.has('health', 'a')).toBe(false)
  })

  it('tries again after a failure, later each time, with what changed since', async () => {
    const { persist, set, written, store, failed, clock } = rig()
    persist.begin()
    set('a', 1)
    await turns()
    await store.end(new Error('disk full'))
    expect(failed).toHaveLength(1)
    expect(failed[0]?.retryInMs).toBeGreaterThanOrEqual(500)
    set('b', 1)
    await turns()
    expect(written()).toEqual(['a1'])
    await clock.advance(failed[0]?.retryInMs ?? 0)
    expect(written()).toEqual(['a1', 'a1 b1'])
    await store.end(new Error('disk full'))
    expect(failed[1]?.retryInMs).toBeGreaterThan(failed[0]?.retryInMs ?? 0)
    await clock.advance(failed[1]?.retryInMs ?? 0)
    await store.end()
    await clock.advance(600_000)
    expect(written()).toHaveLength(3)
  })

  it('flush waits for the group that holds the change, and no longer', async () => {
    const { persist, set, store } = rig()
    const order: string[] = []
    persist.begin()
    await persist.flush() // nothing to wait for
    set('a', 1)
    await turns()
    void persist.flush().then(() => order.push('a'))
    await turns()
    expect(order).toEqual([])
    await store.end()
    expect(order).toEqual(['a'])
  })

  it('flush that comes while the store writes waits for the group after it', async () => {
    const { persist, set, store } = rig()
    const order: string[] = []
    persist.begin()
    set('a', 1)
    await turns()
    set('b', 1)
    void persist.flush().then(() => order.push('b'))
    await store.end()
    expect(order).toEqual([])
    await store.end()
    expect(order).toEqual(['b'])
  })

  it('flush rejects with the error of the store, and does not wait for the next try', async () => {
    const { persist, set, store, written } = rig()
    persist.begin()
    set('a', 1)
    const first = persist.flush()
    await turns()
    await Promise.all([
      expect(first).rejects.toThrow('disk full'),
      store.end(new Error('disk full')),
    ])
    const second = persist.flush()
    await turns()
    expect(written()).toHaveLength(2)
    await store.end()
    await second
  })

  it('close writes what is left, then closes the store, once', async () => {
    const { persist, set, store, written } = rig()
    persist.begin()
    set('a', 1)
    const closing = persist.close()
    set('b', 1) // too late
    await turns()
    expect([written(), store.closed]).toEqual([['a1'], 0])
    await store.end()
    await closing
    await persist.close()
    expect([written(), store.closed]).toEqual([['a1'], 1])
  })

  it('close rejects when the rest could not be written, and has closed the store', async () => {
    const { persist, set, store, clock, written } = rig()
    persist.begin()
    set('a', 1)
    const closing = persist.close()
    await turns()
    await Promise.all([expect(closing).rejects.toThrow('gone'), store.end(new Error('gone'))])
    expect(store.closed).toBe(1)
    await clock.advance(600_000)
    expect(written()).toHaveLength(1)
  })

  it('close before it began writes nothing', async () => {
    const { persist, set, store, written } = rig()
    set('a', 1)
    await persist.close()
    expect([written(), store.closed]).toEqual([[], 1])
  })
})
