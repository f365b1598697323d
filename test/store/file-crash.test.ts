import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fileStoreOn } from '../../src/store/file.js'
import type { Store, StoreChange } from '../../src/store/store.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'
import { MemoryDisk, systemError } from './memory-disk.js'
import { gone, health, timesOf } from './place.js'

const path = '/data/registry.json'

/** Changes that tell which group of which run they are of: each writes one key of its own, and `last`. */
function groupOf(index: number, size: number): readonly StoreChange[] {
  const own = Array.from({ length: size }, (_, at) => health(`g${index}-${at}`, index))
  const old = index >= 8 ? [gone(`g${index - 8}-0`)] : []
  return [...own, ...old, health('last', index)]
}

/** What is there after the groups 0 to `last`. */
function model(sizes: readonly number[], last: number): Readonly<Record<string, number>> {
  const state = new Map<string, number>()
  for (const [index, size] of sizes.slice(0, last + 1).entries())
    for (const { key, value } of groupOf(index, size))
      if (value === undefined) state.delete(key)
      else state.set(key, index)
  return Object.fromEntries(state)
}

const open = (disk: MemoryDisk, compactAtBytes: number): Store =>
  fileStoreOn(disk, path, { clock: new FakeClock(), compactAtBytes })

/** As after a new start of the machine: whoever had the lock is gone. */
async function reopen(disk: MemoryDisk): Promise<Readonly<Record<string, number>>> {
  disk.before = () => {}
  for (const file of disk.files) if (file.includes('.lock')) disk.remove(file)
  const store = open(disk, 2 ** 20)
  const kept = await store.load()
  await store.apply([health('after', 1), gone('after')])
  await store.close()
  return timesOf(kept?.health)
}

/** Gives all groups at once, in turns of `together`; says which were acknowledged. */
async function applyAll(
  store: Store,
  sizes: readonly number[],
  together: number,
): Promise<readonly number[]> {
  const acknowledged: number[] = []
  for (let from = 0; from < sizes.length; from += together)
    await Promise.all(
      sizes.slice(from, from + together).map(async (size, at) => {
        const index = from + at
        try {
          await store.apply(groupOf(index, size))
          acknowledged.push(index)
        } catch {
          // that it was refused is known by its absence
        }
      }),
    )
  return acknowledged
}

const groupSizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 24 })
const compactAt = fc.constantFrom(1, 300, 1_000, 2 ** 20)

describe('a file store whose machine loses power', () => {
  it('has what was acknowledged, in order, in whole groups', async () => {
    const scene = fc.record({
      sizes: groupSizes,
      together: fc.integer({ min: 1, max: 5 }),
      compactAtBytes: compactAt,
      crashAfter: fc.integer({ min: 0, max: 400 }),
      seed: fc.integer(),
    })
    await fc.assert(
      fc.asyncProperty(scene, async ({ sizes, together, compactAtBytes, crashAfter, seed }) => {
        const disk = new MemoryDisk()
        const store = open(disk, compactAtBytes)
        await store.load()
        const until = disk.count + crashAfter
        disk.before = (_, count) => {
          if (count > until) throw systemError('EIO')
        }
        const acknowledged = await applyAll(store, sizes, together)
        await store.close()
        disk.crash(seededRandom(seed))
        const found = await reopen(disk)
        const last = found.last ?? -1
        expect(last).toBeGreaterThanOrEqual(acknowledged.at(-1) ?? -1)
        expect(found).toEqual(model(sizes, last))
      }),
      { numRuns: 600 },
    )
  })

  it('keeps all of it when it was closed before', async () => {
    await fc.assert(
      fc.asyncProperty(groupSizes, compactAt, fc.integer(), async (sizes, compactAtBytes, seed) => {
        const disk = new MemoryDisk()
        const store = open(disk, compactAtBytes)
        await store.load()
        await applyAll(store, sizes, 3)
        await store.close()
        disk.crash(seededRandom(seed))
        expect(await reopen(disk)).toEqual(model(sizes, sizes.length - 1))
      }),
      { numRuns: 200 },
    )
  })
})

describe('a file store whose disk fails once, at any operation', () => {
  const codes = ['ENOSPC', 'EIO']
  const sizes = [3, 1, 4, 1, 5, 2, 6, 1, 3, 2]

  it.each(codes)('keeps what it said it kept, and nothing else, after %s', async (code) => {
    let failures = 0
    for (let failAt = 1; ; failAt++) {
      const disk = new MemoryDisk()
      const store = open(disk, 300)
      await store.load()
      const at = disk.count + failAt
      let hit = ''
      disk.before = (operation, count, file) => {
        if (count !== at) return
        hit = `${operation} ${file}`
        throw systemError(code)
      }
      const acknowledged = await applyAll(store, sizes, 1)
      expect(acknowledged.length, hit).toBeGreaterThanOrEqual(sizes.length - 1)
      await store.close()
      if (hit === '') break
      failures += 1
      const expected = new Map<string, number>()
      for (const index of acknowledged)
        for (const { key, value } of groupOf(index, sizes[index] ?? 0))
          if (value === undefined) expected.delete(key)
          else expected.set(key, index)
      const seenAtOnce = await reopen(disk)
      expect(seenAtOnce, `failed: ${hit}`).toEqual(Object.fromEntries(expected))
      disk.crash(seededRandom(failAt))
      expect(await reopen(disk), `failed: ${hit}, then a crash`).toEqual(seenAtOnce)
    }
    expect(failures).toBeGreaterThan(50)
  })

  it('loses nothing of what it acknowledged when it fails again and again, and then the power', async () => {
    const scene = fc.record({ sizes: groupSizes, compactAtBytes: compactAt, seed: fc.integer() })
    await fc.assert(
      fc.asyncProperty(scene, async ({ sizes, compactAtBytes, seed }) => {
        const chance = seededRandom(seed)
        const disk = new MemoryDisk()
        const store = open(disk, compactAtBytes)
        await store.load()
        disk.before = () => {
          if (chance() < 0.1) throw systemError('ENOSPC')
        }
        const acknowledged: number[] = []
        for (const [index, size] of sizes.entries()) {
          const own = Array.from({ length: size }, (_, at) => health(`g${index}-${at}`, index))
          await store.apply(own).then(
            () => acknowledged.push(index),
            () => {},
          )
        }
        await store.close()
        disk.crash(chance)
        const found = await reopen(disk)
        for (const [index, size] of sizes.entries()) {
          const present = Object.keys(found).filter((key) => key.startsWith(`g${index}-`)).length
          expect([0, size], `group ${index} is whole`).toContain(present)
          if (acknowledged.includes(index)) expect(present, `group ${index}`).toBe(size)
        }
      }),
      { numRuns: 400 },
    )
  })
})
