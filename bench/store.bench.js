// @ts-check
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { digits, duration, median, ratio, report, settle } from './measure.js'

/** @type {any} */
const fileStore = await import('switchgear/store').then(
  (exports) => exports.fileStore,
  (error) => console.error(`switchgear/store cannot be imported: ${error.message}`),
)

const folder = mkdtempSync(join(tmpdir(), 'switchgear-bench-'))
const SIZE = 10_000
const ROUNDS = 9
/** As many changes as the store puts into one write. */
const TOGETHER = 4_096

const FLOOR = 'bare write and fdatasync of the same bytes'
const GROUPED = 'fileStore, many applies of one change each'

/** A circuit that opened: what is written most. @param {number} i */
const circuitChange = (i) => {
  const provider = `provider-${i % SIZE}`
  const value = { provider, state: 'open', failures: 5, openedAt: 1_767_225_600_000 + i }
  return { section: 'circuits', key: provider, value }
}

/** @param {number} i */
const providerChange = (i) => {
  const name = `provider-${i}`
  const value = {
    name,
    service: 'llm',
    handlers: ['*'],
    priority: 2,
    group: 0,
    capabilities: ['chat', 'vision', 'tools'].map((capability) => ({
      name: capability,
      version: '1.0',
    })),
    version: '1.2.0',
    models: ['gpt-4o', 'gpt-4o-mini'],
    dependencies: [],
    metadata: { region: 'eu-west', owner: 'team' },
    weight: 1,
    address: `http://10.0.${i >> 8}.${i & 255}:8000/v1`,
    origin: 'manual',
  }
  return { section: 'providers', key: name, value }
}

/** @typedef {{ name: string, count: number, run: ((n: number) => Promise<unknown>) | undefined }} Lane */

/** @returns {Promise<Lane[]>} */
async function commits() {
  const line = `01234567 ${JSON.stringify({ sequence: 100_000, ...circuitChange(100_000) })}\n`
  const lines = Buffer.from(line.repeat(TOGETHER))
  const file = await open(join(folder, 'floor'), 'w')
  const store = fileStore?.(join(folder, 'commits.json'))
  await store?.load()
  let next = 0
  return [
    {
      name: FLOOR,
      count: 50_000,
      run: async (n) => {
        let at = 0
        for (let left = n; left > 0; left -= TOGETHER) {
          const length = Math.min(left, TOGETHER) * line.length
          await file.write(lines, 0, length, at)
          await file.datasync()
          at += length
        }
        await file.truncate(0)
      },
    },
    {
      name: GROUPED,
      count: 50_000,
      run:
        store &&
        (async (n) => {
          const waiting = []
          for (let i = 0; i < n; i++) waiting.push(store.apply([circuitChange(next++)]))
          await Promise.all(waiting)
        }),
    },
    {
      name: 'fileStore, one apply after the other',
      count: 50,
      run:
        store &&
        (async (n) => {
          for (let i = 0; i < n; i++) await store.apply([circuitChange(next++)])
        }),
    },
  ]
}

/**
 * In turn, so that what disturbs one disturbs its neighbours too. The first round compiles.
 * @param {Lane[]} lanes
 */
async function timed(lanes) {
  const built = lanes.filter(({ run }) => run)
  const results = new Map(
    built.map(({ name }) => [name, { name, rounds: /** @type {number[]} */ ([]), bytes: [0] }]),
  )
  for (let round = 0; round <= ROUNDS; round++)
    for (const { name, count, run } of built) {
      await settle()
      const start = performance.now()
      await run?.(count)
      const ns = ((performance.now() - start) * 1e6) / count
      if (round > 0) results.get(name)?.rounds.push(ns)
    }
  return results
}

/**
 * How long it takes, and for how long nobody else could run.
 * @template T
 * @param {() => Promise<T>} run
 */
async function watched(run) {
  await settle()
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  await new Promise((resolve) => setTimeout(resolve, 5))
  delay.reset()
  const start = performance.now()
  const result = await run()
  const ms = performance.now() - start
  await new Promise((resolve) => setTimeout(resolve, 5))
  delay.disable()
  return { ms, blockedMs: delay.max / 1e6 - 1, result }
}

/** @type {Map<string, { ms: number, blockedMs: number }[]>} */
const steps = new Map()

/** @template T @param {string} name @param {() => Promise<T>} run */
async function step(name, run) {
  const { ms, blockedMs, result } = await watched(run)
  const all = steps.get(name) ?? []
  all.push({ ms, blockedMs })
  steps.set(name, all)
  return result
}

const SAVE = 'save: one apply of 10,000 providers'
const COMPACT = 'the same again, with its compaction'
const LOAD = 'load'
const LOAD_LOG = 'load, all of it still in the log'

let snapshotBytes = 0
let logBytes = 0

/** @param {number} round */
async function saveAndLoad(round) {
  const path = join(folder, `save-${round}.json`)
  const changes = Array.from({ length: SIZE }, (_, i) => providerChange(i))
  const first = fileStore(path, { compactAtBytes: 2 ** 30 })
  await first.load()
  await first.apply([circuitChange(0)])
  await step(SAVE, () => first.apply(changes))
  await first.close()
  logBytes = statSync(`${path}.log`).size
  const second = fileStore(path)
  await step(LOAD_LOG, () => second.load())
  await step(COMPACT, async () => {
    await second.apply(changes)
    await second.close()
  })
  snapshotBytes = statSync(path).size
  const third = fileStore(path)
  await step(LOAD, () => third.load())
  await third.close()
}

const lanes = await commits()
const results = await timed(lanes)
if (fileStore) for (let round = 0; round <= ROUNDS; round++) await saveAndLoad(round)
rmSync(folder, { recursive: true })

const grouped = results.get(GROUPED)?.rounds
const microseconds = grouped && median(grouped) / 1e3

/** The first round compiles. @param {string} name */
const measured = (name) => (steps.get(name) ?? []).slice(1)
const rows = [SAVE, COMPACT, LOAD, LOAD_LOG].map((name) => {
  const found = measured(name)
  if (found.length === 0) return [name, 'not built', '', '', '']
  const times = found.map(({ ms }) => ms * 1e6)
  const blocks = found.map(({ blockedMs }) => Math.max(0, blockedMs) * 1e6)
  return [
    name,
    duration(median(times)),
    duration(Math.min(...times)),
    duration(median(blocks)),
    duration(Math.max(...blocks)),
  ]
})
/** @param {string} name */
const commitRow = (name) => {
  const found = results.get(name)
  if (found === undefined) return [name, 'not built', '', '']
  const times = ratio(results, name, FLOOR)
  const { rounds } = found
  return [
    name,
    duration(median(rounds)),
    duration(Math.min(...rounds)),
    times === undefined ? '' : `${digits(times)} x`,
  ]
}

/** @param {string[]} names */
const blocked = (...names) => {
  const worst = names.map((name) => measured(name).map(({ blockedMs }) => blockedMs))
  return fileStore && Math.max(...worst.map(median))
}

report('store', {
  tables: [
    {
      title: 'One acknowledged change',
      head: ['case', 'median', 'min', 'to floor'],
      rows: lanes.map(({ name }) => commitRow(name)),
    },
    {
      title: `${SIZE.toLocaleString('en-US')} providers`,
      head: ['step', 'median', 'min', 'longest block, median', 'longest block, worst'],
      rows,
    },
    {
      title: 'On the disk',
      head: ['file', 'bytes per provider'],
      rows: [
        ['snapshot', digits(snapshotBytes / SIZE)],
        ['log', digits(logBytes / SIZE)],
      ],
    },
  ],
  figures: {
    'P16.update': microseconds,
    'P16.block': blocked(SAVE, COMPACT),
    'P16.load': blocked(LOAD, LOAD_LOG),
  },
  notes: [
    `${grouped ? digits(1e9 / median(grouped)) : 'no'} acknowledged changes a second with many at once; each is on the disk when it is acknowledged. The floor writes as many bytes at a time, one file growing.`,
    'A block is the longest time for which the event loop did not turn, by monitorEventLoopDelay. On a shared machine the worst of the rounds is often somebody else.',
  ],
})
process.exit()
