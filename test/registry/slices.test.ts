import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { inSlices, type Steps } from '../../src/registry/slices.js'
import { memoryStore, type Store } from '../../src/store/index.js'

type Anything = Record<string, object>

const size = 600
const names = Array.from({ length: size }, (_, i) => `p${i}`)
const address = 'http://127.0.0.1:9'
const echo = { say: async (word: string) => word }
const last = `p${size - 1}`

/** Each but the last depends on the last, whose circuit is open like every fiftieth. */
async function filled(): Promise<Store> {
  const store = memoryStore()
  const registry = new ServiceRegistry<Anything>({ store })
  await registry.start()
  for (const name of names)
    registry.register({ service: 's', provider: echo, name, address, metadata: { name } })
  for (const name of names.filter((_, i) => i % 50 === 0)) registry.circuit(name).isolate('saved')
  registry.update('p0', { dependencies: [last] })
  await registry.close()
  return store
}

/** What `look` saw after each turn of the event loop until the promise settled. */
async function meanwhile<T>(ending: Promise<unknown>, look: () => T): Promise<readonly T[]> {
  const seen: T[] = []
  let over = false
  const ended = ending.finally(() => {
    over = true
  })
  while (!over) {
    seen.push(look())
    await turn()
  }
  await ended
  return seen
}

describe('start() with much to read', () => {
  it('lets others run in between, and nobody is there before what is known of them', async () => {
    const registry = new ServiceRegistry<Anything>({ store: await filled() })
    const lost: string[] = []
    registry.on('dependency.lost', ({ provider }) => lost.push(provider))
    const counts = await meanwhile(registry.start(), () => {
      const there = registry.list()
      for (const { name, circuit } of there)
        expect(circuit.state, name).toBe(Number(name.slice(1)) % 50 === 0 ? 'open' : 'closed')
      return there.length
    })
    expect(new Set(counts).size).toBeGreaterThan(5)
    expect(registry.list().map(({ name }) => name)).toEqual(names)
    expect(lost).toEqual([])
    await registry.close()
  })

  it('what was changed in between is newer', async () => {
    const store = await filled()
    const registry = new ServiceRegistry<Anything>({ store })
    let changed = false
    await meanwhile(registry.start(), () => {
      const { length } = registry.list()
      if (changed || length === 0 || length > size / 2) return
      changed = true
      registry.unregister('p0')
      registry.register({ service: 's', provider: echo, name: last, address, version: '2.0' })
    })
    expect(changed).toBe(true)
    expect(registry.get('p0')).toBeUndefined()
    expect(registry.get(last)).toMatchObject({ version: '2.0' })
    expect(registry.list()).toHaveLength(size - 1)
    await registry.close()
    const saved = (await store.load())?.providers ?? []
    expect(saved.map(({ name }) => name)).not.toContain('p0')
    expect(saved.find(({ name }) => name === last)).toMatchObject({ version: '2.0' })
  })

  it('close() in between leaves nothing behind and loses nothing of the store', async () => {
    const store = await filled()
    const registry = new ServiceRegistry<Anything>({ store })
    let closing: Promise<void> | undefined
    await meanwhile(registry.start(), () => {
      if (registry.list().length > 0) closing ??= registry.close()
    })
    await closing
    expect(closing).toBeDefined()
    expect(registry.list()).toEqual([])
    expect((await store.load())?.providers).toHaveLength(size)
  })
})

describe('steps', () => {
  function* many(fail: boolean): Steps<string> {
    for (let i = 0; i < 1_000; i++) {
      if (fail && i === 500) throw new Error('in the middle')
      yield
    }
    return 'done'
  }

  it('run to their result, each slice within what it is given', async () => {
    let slices = 0
    const within = <T>(slice: () => T): T => {
      slices += 1
      return slice()
    }
    expect(await inSlices(many(false), 2_000, within)).toBe('done')
    expect(slices).toBeGreaterThan(10)
    await expect(inSlices(many(true), 2_000)).rejects.toThrow('in the middle')
  })
})
