import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { settled } from '../../src/core/clock.js'
import { StoreFailedError, StoreInUseError } from '../../src/core/errors.js'
import { fileStoreOn } from '../../src/store/file.js'
import type { Store } from '../../src/store/index.js'
import { newOwner, type Owner } from '../../src/store/owner.js'
import { FakeClock } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { MemoryDisk, systemError } from './memory-disk.js'
import { contentOf, failureOf, health } from './place.js'

const path = '/data/registry.json'
const lock = `${path}.lock`

interface Scene {
  readonly disk: MemoryDisk
  readonly clock: FakeClock
  readonly open: () => Store
}

function scene(): Scene {
  const disk = new MemoryDisk()
  const clock = new FakeClock()
  return { disk, clock, open: () => fileStoreOn(disk, path, { clock }) }
}

/** Whoever ran and ended a moment ago. */
const endedPid = (): number => spawnSync(process.execPath, ['--version']).pid

async function ownerWith(facts: Partial<Owner>): Promise<Owner> {
  return { ...(await newOwner()), ...facts }
}

const put = (disk: MemoryDisk, file: string, owner: Owner): void =>
  disk.put(file, `${JSON.stringify(owner)}\n`)

const ownerIn = (disk: MemoryDisk): Owner => JSON.parse(disk.text(lock) ?? '')

describe('the lock of a file store', () => {
  it('names its owner, and is gone when the store is closed', async () => {
    const { disk, open } = scene()
    const store = open()
    await store.load()
    expect(ownerIn(disk)).toMatchObject({ pid: process.pid })
    expect(disk.files).toEqual([lock])
    await store.close()
    expect(disk.files).toEqual([])
  })

  const gone: Readonly<Record<string, () => Promise<Owner>>> = {
    'has ended': () => ownerWith({ pid: endedPid() }),
    'ended, and whose number another process has now': () => ownerWith({ started: '1' }),
  }

  it.each(Object.entries(gone))('is taken from a process that %s', async (_, owner) => {
    const { disk, open } = scene()
    put(disk, lock, await owner())
    const store = open()
    await store.load()
    expect(ownerIn(disk)).toEqual(await ownerWith({ id: ownerIn(disk).id }))
    expect(disk.files).toEqual([lock])
    await store.apply([health('a', 1)])
    await store.close()
    expect(disk.files).toEqual([path, `${path}.log`])
  })

  it('is taken from a process that was killed, and whose parent never asked', async (context) => {
    needs(context, process.platform === 'linux', 'processes that nobody asks for: Linux')
    // The shell becomes a program that knows nothing of its child, which is killed after that.
    const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'])
    onTestFinished(() => void parent.kill('SIGKILL'))
    const [line] = await once(parent.stdout, 'data')
    const pid = Number(String(line))
    const state = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? ''
    while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8').trim() !== 'sleep') await settled()
    process.kill(pid, 'SIGKILL')
    while (state() !== 'Z') await settled()
    const started = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? ''
    const { disk, open } = scene()
    put(disk, lock, await ownerWith({ pid, started }))
    expect(await contentOf(open())).toEqual({})
  })

  const elsewhere: Readonly<Record<string, () => Promise<string>>> = {
    'on another machine': async () => JSON.stringify(await ownerWith({ host: 'another' })),
    'in another container': async () => JSON.stringify(await ownerWith({ space: 'another' })),
    'that left no name': async () => '',
    'that left nonsense': async () => '{"id":"../../x","pid":1}',
  }

  it.each(Object.entries(elsewhere))(
    'is taken from one %s only after a minute without a sign',
    async (_, text) => {
      const { disk, open } = scene()
      disk.put(lock, await text())
      disk.timeMs = 60_000
      const error = await failureOf(open().load())
      expect(error).toBeInstanceOf(StoreInUseError)
      expect(error.message).toMatch(/on another machine or in another container after 60 s/)
      expect(disk.files).toEqual([lock])
      disk.timeMs = 60_001
      expect(await contentOf(open())).toEqual({})
      expect(disk.files).toEqual([])
    },
  )

  it('shows a sign of life, dated by the file system, every ten seconds', async () => {
    const { disk, clock, open } = scene()
    const store = open()
    await store.load()
    const own = ownerIn(disk)
    for (let turn = 1; turn <= 10; turn++) {
      disk.timeMs = turn * 10_000
      await clock.advance(10_000)
    }
    expect((await disk.lstat(lock)).mtimeMs).toBe(100_000)
    expect(ownerIn(disk)).toEqual(own)
    await store.close()
  })

  it('is held by a claim while it is taken over, and a claim of one who is gone is taken over too', async () => {
    const { disk, open } = scene()
    const stale = await ownerWith({ id: randomUUID(), pid: endedPid() })
    const claimer = await ownerWith({ id: randomUUID() })
    put(disk, lock, stale)
    put(disk, `${lock}.${stale.id}`, claimer)
    expect(await failureOf(open().load())).toBeInstanceOf(StoreInUseError)
    expect(ownerIn(disk)).toEqual(stale)

    const dead = { ...claimer, id: randomUUID(), pid: stale.pid }
    const older = { ...dead, id: randomUUID() }
    put(disk, `${lock}.${stale.id}`, dead)
    put(disk, `${lock}.${dead.id}`, older)
    put(disk, `${lock}.${randomUUID()}.tmp`, older)
    const store = open()
    await store.load()
    expect(disk.files).toEqual([lock])
    await store.close()
    expect(disk.files).toEqual([])
  })

  it('is left to who is about to take it over', async () => {
    const { disk, open } = scene()
    const store = open()
    await store.load()
    const own = ownerIn(disk)
    put(disk, `${lock}.${own.id}`, await ownerWith({ id: randomUUID() }))
    await store.close()
    expect(ownerIn(disk)).toEqual(own)
  })

  it.each(['somebody else has it', 'it was removed'])(
    'is lost when %s: nothing more is written',
    async (how) => {
      const { disk, clock, open } = scene()
      const store = open()
      await store.load()
      await store.apply([health('a', 1)])
      const other = await ownerWith({ host: 'another', id: randomUUID() })
      if (how === 'it was removed') disk.remove(lock)
      else put(disk, lock, other)
      const files = [disk.text(path), disk.text(`${path}.log`)]
      await clock.advance(10_000)
      for (let turn = 0; turn < 2; turn++) {
        const error = await failureOf(store.apply([health('b', 2)]))
        expect(error).toBeInstanceOf(StoreInUseError)
        expect(error.message).toMatch(/was taken away from here/)
      }
      await store.close()
      expect([disk.text(path), disk.text(`${path}.log`)]).toEqual(files)
      expect(disk.text(lock)).toBe(
        how === 'it was removed' ? undefined : `${JSON.stringify(other)}\n`,
      )
    },
  )

  it('is looked at before a change when the wall clock has jumped, as after a sleep of the machine', async () => {
    const { disk, clock, open } = scene()
    const store = open()
    await store.load()
    disk.remove(lock)
    await store.apply([])
    clock.setWall(3_600_000)
    expect(await failureOf(store.apply([health('a', 1)]))).toBeInstanceOf(StoreInUseError)
    await store.close()
  })

  it('is looked at before a file is replaced, however lately that was done', async () => {
    const disk = new MemoryDisk()
    const store = fileStoreOn(disk, path, { clock: new FakeClock(), compactAtBytes: 1 })
    await store.load()
    put(disk, lock, await ownerWith({ host: 'another', id: randomUUID() }))
    disk.put(path, 'theirs')
    expect(await failureOf(store.apply([health('a', 1)]))).toBeInstanceOf(StoreInUseError)
    await store.close()
    expect(disk.text(path)).toBe('theirs')
    expect(disk.files).toEqual([path, lock])
  })

  it('stays one when it cannot be looked at for a while', async () => {
    const { disk, clock, open } = scene()
    const store = open()
    await store.load()
    await store.apply([health('a', 1)])
    disk.before = (operation, _, file) => {
      if (operation === 'open' && file === lock) throw systemError('EIO')
    }
    await clock.advance(30_000)
    expect(await failureOf(store.apply([health('b', 2)]))).toBeInstanceOf(StoreFailedError)
    disk.before = () => {}
    await store.apply([health('c', 3)])
    await store.close()
    expect(await contentOf(open())).toEqual({ a: 1, c: 3 })
  })

  it('works where there are no hard links', async () => {
    const { disk, open } = scene()
    disk.before = (operation) => {
      if (operation === 'link') throw systemError('EPERM')
    }
    put(disk, lock, await ownerWith({ pid: endedPid(), id: randomUUID() }))
    const first = open()
    await first.load()
    expect(await failureOf(open().load())).toBeInstanceOf(StoreInUseError)
    await first.apply([health('a', 1)])
    await first.close()
    expect(await contentOf(open())).toEqual({ a: 1 })
    expect(disk.files).toEqual([path, `${path}.log`])
  })

  it('is taken by one of many who find it stale', async () => {
    for (let turn = 0; turn < 50; turn++) {
      const { disk, open } = scene()
      put(disk, lock, await ownerWith({ started: '1', id: randomUUID() }))
      const stores = Array.from({ length: 8 }, open)
      const results = await Promise.allSettled(stores.map((store) => store.load()))
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const store of stores) await store.close()
      expect(disk.files).toEqual([])
    }
  })

  it('that cannot be made, in a place that cannot be written, says so', async () => {
    const { disk, open } = scene()
    disk.put(path, JSON.stringify({ schemaVersion: '2.0', health: [health('a', 1).value] }))
    disk.before = (operation, _, file) => {
      if (file.startsWith(lock) && operation !== 'readdir') throw systemError('EROFS')
    }
    const error = await failureOf(open().load())
    expect(error).toBeInstanceOf(StoreFailedError)
    expect(error.message).toMatch(/the file system is read-only/)
    const reader = fileStoreOn(disk, path, { readOnly: true })
    expect(await contentOf(reader)).toEqual({ a: 1 })
  })
})
