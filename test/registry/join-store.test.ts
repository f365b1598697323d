import { describe, expect, it, onTestFinished } from 'vitest'
import { CorruptSnapshotError, ServiceRegistry, StoreFailedError } from '../../src/index.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'

type Anything = Record<string, object>

/** A store that fails so many times to be read, with these errors first, and then holds what it was given. */
async function world(failures: number, ...errors: readonly Error[]) {
  const away = new StoreFailedError('memory', 'is away')
  const first = new ServiceRegistry<Anything>()
  first.register({ service: 'llm', name: 'kept', provider: {}, address: 'http://kept' })
  const inner = memoryStore(first.export())
  await first.close()
  let asked = 0
  const store: Store = {
    ...inner,
    name: 'memory',
    apply: (changes) => inner.apply(changes),
    close: () => inner.close(),
    async load() {
      asked += 1
      if (asked <= failures) throw errors[asked - 1] ?? away
      return inner.load()
    },
  }
  const clock = new FakeClock()
  const registry = new ServiceRegistry<Anything>({ store, clock, random: seededRandom(1) })
  onTestFinished(() => registry.close().catch(() => {}))
  const failed: (number | undefined)[] = []
  registry.on('store.failed', ({ retryInMs }) => void failed.push(retryInMs))
  registry.register({ service: 'llm', name: 'mine', provider: {} })
  const names = (): readonly string[] => registry.list().map(({ name }) => name)
  return { registry, clock, failed, names, asked: () => asked }
}

describe('a store that is not required', () => {
  it('is joined when it is there, tried less and less often until then', async () => {
    const { registry, clock, failed, names, asked } = await world(8)
    await registry.start({ storeRequired: false })
    expect(names()).toEqual(['mine'])
    await clock.advance(60_000)
    expect(failed.length).toBeGreaterThan(3)
    expect(failed.length).toBeLessThan(9)
    expect(failed.every((ms) => ms !== undefined && ms <= 30_000)).toBe(true)
    await clock.advance(200_000)
    expect(names().toSorted()).toEqual(['kept', 'mine'])
    await registry.flush()
    expect(asked()).toBe(9)
  })

  it('is tried no more when the registry closes', async () => {
    const { registry, clock, asked } = await world(100)
    await registry.start({ storeRequired: false })
    await registry.close()
    await clock.advance(600_000)
    expect(asked()).toBe(1)
  })

  it('says so to who wants to be sure that all is kept', async () => {
    const { registry } = await world(1)
    await registry.start({ storeRequired: false })
    await expect(registry.flush()).rejects.toThrow(StoreFailedError)
  })

  it('keeps it from starting all the same when no time mends it', async () => {
    const { registry, failed } = await world(1, new CorruptSnapshotError('It is no snapshot'))
    await expect(registry.start({ storeRequired: false })).rejects.toThrow(CorruptSnapshotError)
    expect(failed).toEqual([undefined])
  })

  it('is tried no more when it is there and no time mends it', async () => {
    const errors = [
      new StoreFailedError('memory', 'is away'),
      new CorruptSnapshotError('It is none'),
    ]
    const { registry, clock, failed, asked, names } = await world(2, ...errors)
    await registry.start({ storeRequired: false })
    await clock.advance(600_000)
    expect(failed).toEqual([expect.any(Number), undefined])
    expect([asked(), names()]).toEqual([2, ['mine']])
  })
})

describe('a store that is required', () => {
  it('keeps it from starting, until it is called again', async () => {
    const { registry, failed, names, clock } = await world(1)
    await expect(registry.start()).rejects.toThrow('memory is away')
    await clock.advance(600_000)
    expect([names(), failed]).toEqual([['mine'], [undefined]])
    await registry.start()
    expect(names().toSorted()).toEqual(['kept', 'mine'])
  })

  it.each([[{ storeRequired: 'no' }], [{ wait: false }], [null]])('not %j', async (options) => {
    const { registry } = await world(0)
    expect(() => registry.start(options as never)).toThrow(
      expect.objectContaining({ code: 'SWITCHGEAR_INVALID_OPTIONS' }),
    )
  })
})
