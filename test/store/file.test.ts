import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  CorruptSnapshotError,
  InvalidOptionsError,
  StoreFailedError,
  StoreInUseError,
  UnsupportedSnapshotError,
} from '../../src/core/errors.js'
import { fileStoreOn } from '../../src/store/file.js'
import { fileStore, type Store, type StoreChange } from '../../src/store/index.js'
import { headerLine } from '../../src/store/record.js'
import { FakeClock } from '../../src/testing/index.js'
import { MemoryDisk, systemError } from './memory-disk.js'
import { contentOf, failureOf, gone, health, newFolder, newPath, timesOf } from './place.js'

async function kept(path: string, groups: readonly (readonly StoreChange[])[]): Promise<void> {
  const store = fileStore(path)
  await store.load()
  for (const group of groups) await store.apply(group)
  await store.close()
}

const logOf = (path: string): string => readFileSync(`${path}.log`, 'utf8')
const linesOf = (path: string): string[] => logOf(path).trimEnd().split('\n')
const namesIn = (path: string): string[] => readdirSync(dirname(path)).sort()

const story = {
  version: '1.0',
  timestamp: '2025-01-01T00:00:00',
  services: {
    painter: {
      name: 'painter',
      version: '1.2.0',
      api_version: 'v1',
      status: 'healthy',
      capabilities: [{ name: 'text_to_image', version: '1.0', parameters: {} }],
      models: ['sd'],
      resource_limits: {},
      last_updated: '2025-01-01T00:00:00',
    },
  },
  llm_models: {},
}

describe('the files of a file store', () => {
  it('are a snapshot with an entry a line, and a log of the changes since, for their owner only', async () => {
    const path = join(newFolder(), 'new', 'folder', 'registry.json')
    await kept(path, [[health('a', 1), health('b', 2)], [gone('a')]])
    expect(namesIn(path)).toEqual(['registry.json', 'registry.json.log'])
    for (const file of [path, `${path}.log`]) expect(statSync(file).mode & 0o777).toBe(0o600)
    const lines = linesOf(path)
    expect(lines.map((line) => JSON.parse(line.slice(9)))).toEqual([
      { schemaVersion: '2.0', after: 0 },
      {
        sequence: 1,
        section: 'health',
        key: 'a',
        more: true,
        safe: 0,
        value: health('a', 1).value,
      },
      { sequence: 2, section: 'health', key: 'b', value: health('b', 2).value },
      { sequence: 3, section: 'health', key: 'a', safe: 2 },
    ])
    for (const line of lines) expect(line).toMatch(/^[\da-f]{8} \{/)
  })

  it('become one snapshot when the log is compacted, which is what a registry exports', async () => {
    const path = newPath()
    const store = fileStore(path, { compactAtBytes: 1 })
    await store.load()
    await store.apply([health('a', 1), health('b', 2)])
    await store.close()
    expect(linesOf(path)).toHaveLength(1)
    const text = readFileSync(path, 'utf8')
    const { savedAt, ...rest } = JSON.parse(text)
    expect(Date.parse(savedAt)).toBeGreaterThan(0)
    expect(rest).toEqual({
      schemaVersion: '2.0',
      sequence: 2,
      providers: [],
      models: [],
      capabilities: [],
      circuits: [],
      health: [health('a', 1).value, health('b', 2).value],
      leases: [],
    })
    expect(text.split('\n').filter((line) => line.startsWith('{"provider":'))).toHaveLength(2)
  })

  it('are not made by a load', async () => {
    const path = newPath()
    expect(await contentOf(fileStore(path))).toEqual({})
    expect(namesIn(path)).toEqual([])
  })

  it('are compacted while changes go on, and nothing is lost in between', async () => {
    const path = newPath()
    const store = fileStore(path, { compactAtBytes: 500 })
    await store.load()
    const all = Array.from({ length: 2_000 }, (_, at) => health(`p${at % 50}`, at))
    await Promise.all(all.map((change) => store.apply([change])))
    for (const change of all.slice(0, 100)) await store.apply([change])
    await store.close()
    expect(statSync(`${path}.log`).size).toBeLessThan(1_500)
    const times = await contentOf(fileStore(path))
    expect(times.p0).toBe(50)
    expect(times.p49).toBe(99)
  })

  it('of a snapshot that was written by hand are read whatever their form', async () => {
    const path = newPath()
    const document = { schemaVersion: '2.0', savedAt: 'x', health: [health('a', 1).value] }
    for (const space of [0, 1, 2, '\t']) {
      writeFileSync(path, JSON.stringify(document, null, space))
      expect(await contentOf(fileStore(path))).toEqual({ a: 1 })
    }
  })

  it('lead to the same place by way of links', async () => {
    const path = newPath()
    await kept(path, [[health('a', 1)]])
    const link = join(newFolder(), 'link.json')
    symlinkSync(path, link)
    await kept(link, [[health('b', 2)]])
    expect(await contentOf(fileStore(path))).toEqual({ a: 1, b: 2 })
    expect(namesIn(link)).toEqual(['link.json'])
    const ahead = join(newFolder(), 'ahead.json')
    symlinkSync(join(dirname(path), 'later.json'), ahead)
    await kept(ahead, [[health('c', 3)]])
    expect(await contentOf(fileStore(join(dirname(path), 'later.json')))).toEqual({ c: 3 })
  })
})

describe('the story’s file of version 1.0', () => {
  it('is read in the schema of today, and replaced by the first change', async () => {
    const path = newPath()
    writeFileSync(path, JSON.stringify(story))
    const store = fileStore(path)
    const first = await store.load()
    expect(first?.schemaVersion).toBe('2.0')
    expect(first?.providers.map(({ name }) => name)).toEqual(['painter'])
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(story)
    await store.apply([health('painter', 5)])
    await store.close()
    const document = JSON.parse(readFileSync(path, 'utf8'))
    expect(document.schemaVersion).toBe('2.0')
    const again = fileStore(path)
    const second = await again.load()
    await again.close()
    expect(second?.providers).toEqual(first?.providers)
    expect(timesOf(second?.health)).toEqual({ painter: 5 })
  })

  it('keeps its log of an older schema, folded in before it is migrated', async () => {
    const path = newPath()
    await kept(path, [[health('a', 1)], [health('b', 2)]])
    putVersion(path, 'older')
    const migrations = [
      {
        from: 'older',
        to: '2.0',
        migrate: (document: Readonly<Record<string, unknown>>) => ({
          ...document,
          health: (document.health as { checkedAt: number }[]).map((one) => ({
            ...one,
            checkedAt: one.checkedAt * 10,
          })),
        }),
      },
    ]
    const store = fileStore(path, { migrations })
    expect(timesOf((await store.load())?.health)).toEqual({ a: 10, b: 20 })
    await store.apply([health('c', 3)])
    await store.close()
    expect(await contentOf(fileStore(path))).toEqual({ a: 10, b: 20, c: 3 })
  })
})

/** As if an older version of this package had written both files. */
function putVersion(path: string, schemaVersion: string): void {
  const document = JSON.parse(readFileSync(path, 'utf8'))
  writeFileSync(path, JSON.stringify({ ...document, schemaVersion }))
  const [, ...records] = linesOf(path)
  const header = headerLine({ schemaVersion, after: 0 })
  writeFileSync(`${path}.log`, `${header}${records.join('\n')}\n`)
}

describe('a file that cannot be read', () => {
  const damages: Readonly<Record<string, (text: string) => string | Buffer>> = {
    truncated: (text) => text.slice(0, text.length / 2),
    'truncated by one line': (text) => text.slice(0, text.trimEnd().lastIndexOf('\n') + 1),
    empty: () => '',
    'full of zeros': (text) => Buffer.alloc(text.length),
    garbage: () => Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x0a, 0xc3, 0x28]),
    'a list': () => '[]',
    'a text': () => '"registry"',
    null: () => 'null',
    'of the wrong shape': (text) =>
      text.replace('"health": [', '"health": {').replace(/\]\n\}\n$/, '}\n}\n'),
    'a list of texts': (text) => text.replace(/"health": \[.*/s, '"health": ["a"]\n}\n'),
    'a nameless entry': (text) => text.replace('"provider":"a"', '"provider":7'),
    'an entry twice': (text) => text.replace('"provider":"a"', '"provider":"b"'),
  }

  it.each(Object.entries(damages))('is kept aside when it is %s', async (_, damage) => {
    const path = newPath()
    const store = fileStore(path, { compactAtBytes: 1 })
    await store.load()
    await store.apply([health('a', 1), health('b', 2)])
    await store.close()
    const bad = Buffer.from(damage(readFileSync(path, 'utf8')))
    writeFileSync(path, bad)
    const log = logOf(path)

    const clock = new FakeClock()
    clock.setWall(Date.UTC(2026, 0, 2, 3, 4, 5, 6))
    const again = fileStore(path, { clock })
    const error = await failureOf(again.load())
    expect(error).toBeInstanceOf(CorruptSnapshotError)
    const keptAs = `${path}.corrupt-2026-01-02T03-04-05.006Z`
    expect(error).toMatchObject({ keptAs, retryable: false })
    expect(error.message).toContain(path)
    expect(readFileSync(keptAs)).toEqual(bad)
    expect(readFileSync(`${path}.log.corrupt-2026-01-02T03-04-05.006Z`, 'utf8')).toBe(log)
    expect(namesIn(path)).toHaveLength(2)
    await expect(again.apply([health('c', 3)])).rejects.toBeInstanceOf(StoreFailedError)
    await again.close()
    // One who goes on without it starts from nothing.
    await kept(path, [[health('c', 3)]])
    expect(await contentOf(fileStore(path))).toEqual({ c: 3 })
    expect(readFileSync(keptAs)).toEqual(bad)
  })

  it('is left where it is when it is well-formed and only of another kind', async () => {
    const path = newPath()
    const text = '{"name":"somebody-elses","private":true}'
    writeFileSync(path, text)
    const store = fileStore(path)
    const error = await failureOf(store.load())
    expect(error).toBeInstanceOf(CorruptSnapshotError)
    expect(error.message).toMatch(/neither schemaVersion nor version/)
    expect(error).toMatchObject({ keptAs: undefined })
    await expect(store.apply([health('c', 3)])).rejects.toBeInstanceOf(StoreFailedError)
    await store.close()
    expect([readFileSync(path, 'utf8'), namesIn(path)]).toEqual([text, [basename(path)]])
  })

  it('is kept beside others that were damaged at the same time', async () => {
    const path = newPath()
    const clock = new FakeClock()
    for (const text of ['one', 'two', 'three']) {
      writeFileSync(path, text)
      await failureOf(fileStore(path, { clock }).load())
    }
    const names = namesIn(path)
    expect(names).toHaveLength(3)
    expect(names.map((name) => readFileSync(join(dirname(path), name), 'utf8')).sort()).toEqual([
      'one',
      'three',
      'two',
    ])
  })

  it('can be loaded again by the same store when it was put right', async () => {
    const path = newPath()
    writeFileSync(path, 'bad')
    const store = fileStore(path)
    await failureOf(store.load())
    writeFileSync(path, JSON.stringify({ schemaVersion: '2.0', health: [health('a', 1).value] }))
    expect(timesOf((await store.load())?.health)).toEqual({ a: 1 })
    await store.close()
  })

  it('stays where it is, and is never written over, when it cannot be kept aside', async () => {
    const disk = new MemoryDisk()
    disk.put('/data/registry.json', 'bad')
    disk.before = (operation, _, path) => {
      if (operation === 'rename' && path.includes('.corrupt-')) throw systemError('EACCES')
    }
    for (let turn = 0; turn < 2; turn++) {
      const store = fileStoreOn(disk, '/data/registry.json', { clock: new FakeClock() })
      const error = await failureOf(store.load())
      expect(error).toBeInstanceOf(CorruptSnapshotError)
      expect(error).toMatchObject({ keptAs: undefined })
      await expect(store.apply([health('a', 1)])).rejects.toBeInstanceOf(StoreFailedError)
      expect(disk.text('/data/registry.json')).toBe('bad')
      expect(disk.files).toEqual(['/data/registry.json'])
    }
  })

  it('of a version to come is left alone, with its log, whatever form they have', async () => {
    const path = newPath()
    const future = '{"schemaVersion":"9.0","everything":{"is":"different"}}'
    writeFileSync(path, future)
    writeFileSync(`${path}.log`, 'another form of log')
    const error = await failureOf(fileStore(path).load())
    expect(error).toBeInstanceOf(UnsupportedSnapshotError)
    expect(error.message).toMatch(/^Unsupported registry version: 9\.0/)
    expect(readFileSync(path, 'utf8')).toBe(future)
    expect(namesIn(path)).toEqual(['registry.json', 'registry.json.log'])
  })

  it('that is too large is left alone', async () => {
    const path = newPath()
    await kept(path, [[health('a', 1)], [health('b', 1)]])
    for (const file of [path, `${path}.log`]) {
      const size = statSync(file).size
      const other = file === path ? statSync(`${path}.log`).size : size
      const error = await failureOf(fileStore(path, { maxBytes: Math.min(size, other) - 1 }).load())
      expect(error).toBeInstanceOf(CorruptSnapshotError)
      expect(error.message).toMatch(/more than the \d+ that are read; raise maxBytes/)
      expect(error).toMatchObject({ keptAs: undefined })
    }
    expect(await contentOf(fileStore(path))).toEqual({ a: 1, b: 1 })
  })

  it('is in the way when it is a directory, or below a file', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'registry.json'))
    const error = await failureOf(fileStore(join(folder, 'registry.json')).load())
    expect(error).toBeInstanceOf(StoreFailedError)
    expect(error.message).toMatch(/could not be read, because a directory is in its place/)
    writeFileSync(join(folder, 'file'), '')
    const below = await failureOf(fileStore(join(folder, 'file', 'registry.json')).load())
    expect(below).toBeInstanceOf(StoreFailedError)
    expect(below.cause).toBeDefined()
    expect(readdirSync(folder).sort()).toEqual(['file', 'registry.json'])
  })
})

describe('a log that cannot be read', () => {
  const groups = [[health('a', 1)], [health('b', 2), health('c', 3)], [health('d', 4)]]
  const edits: Readonly<Record<string, (lines: string[]) => void>> = {
    'has a damaged line in the middle': (lines) => void lines.splice(2, 1, flipped(lines[2])),
    'lacks a line': (lines) => void lines.splice(2, 1),
    'has a line twice': (lines) => void lines.splice(2, 0, lines[2] ?? ''),
    'has lines in another order': (lines) =>
      void lines.splice(1, 2, lines[2] ?? '', lines[1] ?? ''),
    'has a damaged header': (lines) => void lines.splice(0, 1, flipped(lines[0])),
    'has no header': (lines) => void lines.splice(0, 1),
    'is empty': (lines) => void lines.splice(0, lines.length),
    'is garbage': (lines) => void lines.splice(0, lines.length, 'garbage', 'and more'),
  }
  const flipped = (line = ''): string => line.replace(/.$/, (last) => (last === '}' ? ']' : '}'))

  it.each(Object.entries(edits))(
    'because it %s is kept aside; the snapshot stays',
    async (_, edit) => {
      const path = newPath()
      await kept(path, groups)
      const snapshot = readFileSync(path, 'utf8')
      const lines = linesOf(path)
      edit(lines)
      const bad = lines.map((line) => `${line}\n`).join('')
      writeFileSync(`${path}.log`, bad)
      const error = await failureOf(fileStore(path).load())
      expect(error).toBeInstanceOf(CorruptSnapshotError)
      const [file, aside] = namesIn(path)
      expect(file).toBe('registry.json')
      expect(aside).toMatch(/^registry\.json\.log\.corrupt-/)
      expect(readFileSync(join(dirname(path), aside ?? ''), 'utf8')).toBe(bad)
      expect(readFileSync(path, 'utf8')).toBe(snapshot)
    },
  )

  it('because its snapshot is gone or another one is kept aside', async () => {
    const path = newPath()
    const store = fileStore(path, { compactAtBytes: 1 })
    await store.load()
    await store.apply([health('a', 1)])
    await store.close()
    writeFileSync(path, JSON.stringify({ schemaVersion: '2.0', sequence: 0 }))
    const error = await failureOf(fileStore(path).load())
    expect(error.message).toMatch(/it goes on after change 1, and the snapshot ends at 0/)
    expect(existsSync(`${path}.log`)).toBe(false)
  })

  it('because its snapshot was removed, unless it has all from the beginning', async () => {
    const path = newPath()
    await kept(path, groups)
    rmSync(path)
    expect(await contentOf(fileStore(path))).toEqual({ a: 1, b: 2, c: 3, d: 4 })
    writeFileSync(`${path}.log`, headerLine({ schemaVersion: '2.0', after: 7 }))
    expect((await failureOf(fileStore(path).load())).message).toMatch(/it goes on after change 7/)
  })

  it('because its changes are of another schema than its snapshot', async () => {
    const path = newPath()
    await kept(path, groups)
    const [, ...records] = linesOf(path)
    const header = headerLine({ schemaVersion: '1.5', after: 0 })
    writeFileSync(`${path}.log`, `${header}${records.join('\n')}\n`)
    const error = await failureOf(fileStore(path).load())
    expect(error).toBeInstanceOf(CorruptSnapshotError)
    expect(error.message).toMatch(/it is of schema 1\.5, and the snapshot of 2\.0/)
  })

  it('is whole up to any byte at which its last group was cut, and goes on from there', async () => {
    const path = newPath()
    await kept(path, groups.slice(0, 2))
    const whole = readFileSync(`${path}.log`)
    const start = whole.indexOf(`${linesOf(path)[2]}`)
    for (let end = start; end < whole.length; end++) {
      writeFileSync(`${path}.log`, whole.subarray(0, end))
      const warnings: unknown[] = []
      const logger = {
        debug() {},
        info() {},
        error() {},
        warn: (...args: unknown[]) => void warnings.push(args),
      }
      const store = fileStore(path, { logger })
      expect(timesOf((await store.load())?.health), `cut at ${end}`).toEqual({ a: 1 })
      expect(warnings).toHaveLength(end > start ? 1 : 0)
      expect(readFileSync(`${path}.log`)).toHaveLength(end)
      await store.apply([health('e', 5)])
      await store.close()
      expect(await contentOf(fileStore(path)), `cut at ${end}`).toEqual({ a: 1, e: 5 })
    }
  })

  it('of which the last write reached the disk only in parts lacks that write, and no other', async () => {
    const path = newPath()
    const store = fileStore(path)
    await store.load()
    await store.apply([health('a', 1)])
    await Promise.all(['b', 'c', 'd'].map((name) => store.apply([health(name, 2)])))
    await store.close()
    const lines = linesOf(path)
    const hole = '\0'.repeat(lines[2]?.length ?? 0)
    writeFileSync(`${path}.log`, [...lines.slice(0, 2), hole, ...lines.slice(3), ''].join('\n'))
    expect(await contentOf(fileStore(path))).toEqual({ a: 1 })
  })

  it('that a snapshot has overtaken is skipped', async () => {
    const path = newPath()
    await kept(path, groups)
    const old = logOf(path)
    const store = fileStore(path, { compactAtBytes: 1 })
    await store.load()
    await store.apply([health('a', 9)])
    await store.close()
    writeFileSync(`${path}.log`, old)
    await kept(path, [[health('z', 1)]])
    expect(await contentOf(fileStore(path))).toEqual({ a: 9, b: 2, c: 3, d: 4, z: 1 })
  })
})

describe('a file store', () => {
  it('groups changes that come together into one write', async () => {
    const disk = new MemoryDisk()
    const store = fileStoreOn(disk, '/data/registry.json', { clock: new FakeClock() })
    await store.load()
    await store.apply([health('a', 0)])
    const syncs: string[] = []
    disk.before = (operation) => {
      if (operation === 'sync') syncs.push(operation)
    }
    const order: number[] = []
    const all = Array.from({ length: 1_000 }, (_, at) => at)
    await Promise.all(
      all.map(async (at) => {
        await store.apply([health(`p${at}`, at)])
        order.push(at)
      }),
    )
    expect(syncs).toHaveLength(1)
    expect(order).toEqual(all)
    await store.close()
  })

  it('writes what waits before it closes', async () => {
    const path = newPath()
    const store = fileStore(path)
    await store.load()
    const waiting = [store.apply([health('a', 1)]), store.apply([health('b', 2)])]
    await store.close()
    await Promise.all(waiting)
    expect(await contentOf(fileStore(path))).toEqual({ a: 1, b: 2 })
  })

  it('refuses one group that is no plain data, and keeps those beside it', async () => {
    const path = newPath()
    const store = fileStore(path)
    await store.load()
    const circle: Record<string, unknown> = {}
    circle.self = circle
    const odd: readonly unknown[] = [
      { section: 'health', key: 'x', value: circle },
      { section: 'health', key: 'x', value: 1n },
      { section: 'health', key: 'x', value: () => 1 },
      { section: 'health', key: 7, value: {} },
      { section: '__proto__', key: 'x', value: {} },
      { section: 'nothing', key: 'x', value: {} },
      null,
    ]
    const results = await Promise.allSettled([
      store.apply([health('a', 1)]),
      ...odd.map((change) => store.apply([health('b', 1), change as StoreChange])),
      store.apply([health('c', 3)]),
    ])
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      ...odd.map(() => 'rejected'),
      'fulfilled',
    ])
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(StoreFailedError)
    await store.close()
    expect(await contentOf(fileStore(path))).toEqual({ a: 1, c: 3 })
  })

  it('does not grow beyond what it reads again', async () => {
    const path = newPath()
    const store = fileStore(path, { maxBytes: 4_000 })
    await store.load()
    const outcomes: string[] = []
    for (let at = 0; at < 200; at++)
      await store.apply([health(`p${at}`, at)]).then(
        () => outcomes.push('kept'),
        (error: Error) => outcomes.push(error.message),
      )
    const keptCount = outcomes.filter((outcome) => outcome === 'kept').length
    expect(outcomes.at(-1)).toMatch(/would become larger than the 4000 bytes/)
    await store.apply([health('p0', 7), gone('p1')])
    await store.apply([health('new', 7)])
    await store.close()
    expect(Object.keys(await contentOf(fileStore(path, { maxBytes: 4_000 })))).toHaveLength(
      keptCount,
    )
  })

  it('is loaded once, and closed for good', async () => {
    const store = fileStore(newPath())
    await store.load()
    expect((await failureOf(store.load())).message).toMatch(/is loaded already/)
    await store.close()
    expect((await failureOf(store.load())).message).toMatch(/it was closed; make a new one/)
    expect((await failureOf(store.apply([health('a', 1)]))).message).toMatch(/it was closed/)
  })

  it('removes what a process that is gone has left half-written, and nothing else', async () => {
    const path = newPath()
    const folder = dirname(path)
    const id = '01234567-89ab-cdef-0123-456789abcdef'
    const left = [`${path}.${id}.tmp`, `${path}.log.${id}.tmp`]
    const others = [
      `${path}.tmp`,
      `${path}.lock.bak`,
      join(folder, `other.json.${id}.tmp`),
      `${path}.backup.tmp`,
    ]
    for (const file of [...left, ...others]) writeFileSync(file, 'x')
    await kept(path, [[health('a', 1)]])
    expect(left.filter(existsSync)).toEqual([])
    expect(others.filter(existsSync)).toEqual(others)
  })

  it.each([
    ['ENOSPC', /the disk is full; free some space/],
    ['EROFS', /the file system is read-only/],
    ['EFBIG', /the file is larger than the system allows/],
    ['EIO', /the disk failed/],
  ])('says what to do after %s, and goes on when it is over', async (code, advice) => {
    const disk = new MemoryDisk()
    const store = fileStoreOn(disk, '/data/registry.json', { clock: new FakeClock() })
    await store.load()
    await store.apply([health('a', 1)])
    const log = disk.text('/data/registry.json.log')
    disk.before = (operation) => {
      if (operation === 'write') throw systemError(code)
    }
    const errors = await Promise.all([
      failureOf(store.apply([health('b', 2)])),
      failureOf(store.apply([health('c', 3)])),
    ])
    for (const error of errors) {
      expect(error).toBeInstanceOf(StoreFailedError)
      expect(error.message).toMatch(advice)
      expect(error.cause).toMatchObject({ code })
    }
    expect(disk.text('/data/registry.json.log')).toBe(log)
    disk.before = () => {}
    await store.apply([health('d', 4)])
    await store.close()
    const again = fileStoreOn(disk, '/data/registry.json', { clock: new FakeClock() })
    expect(await contentOf(again)).toEqual({ a: 1, d: 4 })
  })

  it('starts over when it cannot even cut back, and what it refused stays refused', async () => {
    const disk = new MemoryDisk()
    const path = '/data/registry.json'
    const open = (): Store => fileStoreOn(disk, path, { clock: new FakeClock() })
    const store = open()
    await store.load()
    await store.apply([health('a', 1)])
    disk.before = (operation) => {
      if (operation === 'sync' || operation === 'truncate') throw systemError('EIO')
    }
    await failureOf(store.apply([health('refused', 1)]))
    expect(disk.text(`${path}.log`)).toContain('refused')
    // The new snapshot comes through, the new log does not.
    disk.before = (operation, _, file) => {
      if (operation === 'rename' && file === `${path}.log`) throw systemError('EIO')
    }
    await failureOf(store.apply([health('b', 2)]))
    expect(disk.text(`${path}.log`)).toContain('refused')
    disk.before = () => {}
    disk.put('/copy/registry.json', disk.text(path) ?? '')
    disk.put('/copy/registry.json.log', disk.text(`${path}.log`) ?? '')
    await disk.mkdir('/copy')
    const copy = fileStoreOn(disk, '/copy/registry.json', { clock: new FakeClock() })
    expect(await contentOf(copy)).toEqual({ a: 1 })
    await store.apply([health('c', 3)])
    await store.close()
    expect(await contentOf(open())).toEqual({ a: 1, c: 3 })
  })

  it('goes on when a compaction fails, says so, and tries again later', async () => {
    const disk = new MemoryDisk()
    const warnings: string[] = []
    const logger = {
      debug() {},
      info() {},
      error() {},
      warn: (message: string) => void warnings.push(message),
    }
    const path = '/data/registry.json'
    const store = fileStoreOn(disk, path, { clock: new FakeClock(), logger, compactAtBytes: 400 })
    await store.load()
    await store.apply([health('a', 0)])
    disk.before = (operation, _, file) => {
      if (operation === 'rename' && file === path) throw systemError('ENOSPC')
    }
    for (let at = 1; at < 20; at++) await store.apply([health('a', at)])
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(/could not compact its log; nothing is lost/)
    disk.before = () => {}
    const padding = 'x'.repeat(2 ** 20)
    await store.apply([health(padding, 1)])
    await store.apply([gone(padding)])
    await store.close()
    expect((disk.text(`${path}.log`) ?? '').length).toBeLessThan(2 ** 19)
    expect(disk.files).toEqual([path, `${path}.log`])
    const again = fileStoreOn(disk, path, { clock: new FakeClock() })
    expect(await contentOf(again)).toEqual({ a: 19 })
  })

  it.each([
    ['', {}],
    ['a\0b', {}],
    [7, {}],
    ['x', { maxBytes: 0 }],
    ['x', { compactAtBytes: -1 }],
    ['x', { compactAtBytes: 1.5 }],
    ['x', { readOnly: 'yes' }],
    ['x', { migrations: [{}] }],
    ['x', { clock: {} }],
    ['x', { logger: null }],
    ['x', { unknown: 1 }],
  ])('refuses the path %j with the options %j', (path, options) => {
    expect(() => fileStore(path as string, options as object)).toThrow(InvalidOptionsError)
  })
})

describe('a file store that is read-only', () => {
  it('reads beside a writer, touches nothing and writes nothing', async () => {
    const path = newPath()
    const writer = fileStore(path)
    await writer.load()
    await writer.apply([health('a', 1)])
    const before = namesIn(path).map((name) => [name, statSync(join(dirname(path), name)).mtimeMs])
    const reader = fileStore(path, { readOnly: true })
    expect(timesOf((await reader.load())?.health)).toEqual({ a: 1 })
    expect((await failureOf(reader.apply([health('b', 2)]))).message).toMatch(/readOnly: true/)
    await reader.close()
    expect(
      namesIn(path).map((name) => [name, statSync(join(dirname(path), name)).mtimeMs]),
    ).toEqual(before)
    await writer.close()
  })

  it('finds nothing where nothing is, and makes nothing there', async () => {
    const path = join(newFolder(), 'none', 'registry.json')
    expect(await fileStore(path, { readOnly: true }).load()).toBeUndefined()
    expect(existsSync(dirname(path))).toBe(false)
  })

  it('leaves a torn end and a damaged file as they are', async () => {
    const path = newPath()
    await kept(path, [[health('a', 1)], [health('b', 2)]])
    const torn = logOf(path).slice(0, -5)
    writeFileSync(`${path}.log`, torn)
    expect(await contentOf(fileStore(path, { readOnly: true }))).toEqual({ a: 1 })
    expect(logOf(path)).toBe(torn)
    writeFileSync(path, 'bad')
    const error = await failureOf(fileStore(path, { readOnly: true }).load())
    expect(error).toBeInstanceOf(CorruptSnapshotError)
    expect(error).toMatchObject({ keptAs: undefined })
    expect(namesIn(path)).toEqual(['registry.json', 'registry.json.log'])
  })

  it('sees each state whole while changes are written and compacted', async () => {
    const path = newPath()
    const writer = fileStore(path, { compactAtBytes: 1 })
    await writer.load()
    let writing = true
    const write = async (): Promise<void> => {
      for (let at = 0; at < 300; at++)
        await writer.apply([health('first', at), health('second', at)])
      writing = false
    }
    let reads = 0
    const read = async (): Promise<void> => {
      let last = -1
      while (writing) {
        const { first = -1, second = -1 } = await contentOf(fileStore(path, { readOnly: true }))
        expect(second).toBe(first)
        expect(first).toBeGreaterThanOrEqual(last)
        last = first
        reads += 1
      }
    }
    await Promise.all([write(), read()])
    await writer.close()
    expect(reads).toBeGreaterThan(5)
  })
})

describe('two stores on one file', () => {
  it('are told apart by any way to the file: the second reads and writes nothing', async () => {
    const path = newPath()
    const link = join(newFolder(), 'link.json')
    symlinkSync(path, link)
    const first = fileStore(path)
    await first.load()
    for (const way of [
      path,
      relative(process.cwd(), path),
      link,
      join(dirname(path), '.', basename(path)),
    ]) {
      const error = await failureOf(fileStore(way).load())
      expect(error).toBeInstanceOf(StoreInUseError)
      expect(error.message).toContain(`another store of this process (${process.pid})`)
    }
    await first.apply([health('a', 1)])
    await first.close()
    expect(await contentOf(fileStore(path))).toEqual({ a: 1 })
  })

  it('is free after a load that failed', async () => {
    const path = newPath()
    writeFileSync(path, 'bad')
    const store = fileStore(path)
    await failureOf(store.load())
    expect(existsSync(`${path}.lock`)).toBe(false)
    await kept(path, [[health('a', 1)]])
  })
})
