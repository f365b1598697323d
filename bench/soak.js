// @ts-check
import { fork, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { digits, report } from './measure.js'
import { hasRedis, startRedis } from './redis-server.js'
import { Churn } from './soak/churn.js'
import { afterWarmUp, growth } from './soak/flat.js'

/**
 * `npm run soak -- --minutes 30 --rate 60 --no-fuzz`: registering, signs of life, deregistering, watchers that come and
 * go, look-ups; at a server with a file store, and at two that share a Redis where there is one. Memory is looked at each
 * minute, after a collection. Ends with 1 when memory grows, when something is not as it has to be, or when the fuzz
 * tests fail, which come last.
 */
const { values: given } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    rate: { type: 'string', default: '60' },
    fuzz: { type: 'boolean', default: true },
  },
  allowNegative: true,
})
const minutes = Number(given.minutes)
const rate = Number(given.rate)
const sampleMs = Math.min(60_000, (minutes * 60_000) / 12)
const TIMEOUT_MS = 12_000

/** More than this, over all that was measured after the warm-up, is not flat. */
const MOST_HEAP = 0.05
const MOST_RSS = 0.1
const mega = 2 ** 20

/** @type {string[]} */
const wrong = []

/** @typedef {{ heap: number, rss: number, external: number, cpuMs: number, entries: number, changes: number, errors: string[] }} Sample */
/** @typedef {{ name: string, child: import('node:child_process').ChildProcess, urls: any, samples: Sample[] }} Server */

/** @param {string} name @param {string} store @returns {Promise<Server>} */
async function start(name, store) {
  const file = fileURLToPath(new URL('soak/server.js', import.meta.url))
  const child = fork(file, [store, String(TIMEOUT_MS)], { execArgv: ['--expose-gc'] })
  const [urls] = await once(child, 'message')
  return { name, child, urls, samples: [] }
}

/** @param {Server} server */
async function sample({ name, child, samples }) {
  child.send('sample')
  const [taken] = await once(child, 'message')
  samples.push(taken)
  for (const error of taken.errors) wrong.push(`${name}: ${error}`)
  return taken
}

/** @param {Server} server */
async function stop({ child }) {
  const ended = once(child, 'exit')
  child.send('close')
  await ended
}

/** Where locations are asked whether they are well; mostly they are. */
const stub = createServer((_, response) => {
  response.statusCode = Math.random() < 0.95 ? 200 : 503
  response.end('{}')
}).listen(0, '127.0.0.1')
await once(stub, 'listening')
const address = /** @type {import('node:net').AddressInfo} */ (stub.address())
const stubUrl = `http://127.0.0.1:${address.port}`

const folder = mkdtempSync(join(tmpdir(), 'switchgear-soak-'))
const path = join(folder, 'registry.json')
const redis = hasRedis ? await startRedis() : undefined
if (!redis) console.log('redis-server is not installed: only the file store is soaked')

const alone = await start('file store', `file:${path}`)
const pair = redis
  ? [
      await start('Redis, first', `redis:${redis.url}`),
      await start('Redis, second', `redis:${redis.url}`),
    ]
  : []
const servers = [alone, ...pair]
const groups = [[alone], pair].filter((group) => group.length > 0)
const churns = groups.map(
  (group, i) =>
    new Churn(
      group.map(({ urls }) => urls),
      TIMEOUT_MS,
      stubUrl,
      i + 1,
    ),
)

const began = performance.now()
const timesOver = minutes * 60_000
while (performance.now() - began < timesOver) {
  const turn = new AbortController()
  const running = churns.map((churn) => churn.run(rate / churns.length, turn.signal))
  await delay(Math.min(sampleMs, timesOver - (performance.now() - began)))
  turn.abort()
  await Promise.all(running)
  for (const churn of churns) await churn.check()
  const minute = ((performance.now() - began) / 60_000).toFixed(1)
  for (const server of servers) {
    const { heap, rss, entries } = await sample(server)
    console.log(
      `${minute} min, ${server.name}: heap ${digits(heap / mega)} MiB, RSS ${digits(rss / mega)} MiB, ${entries} entries`,
    )
  }
}

const sure = churns[0].there
for (const churn of churns) await churn.close()
wrong.push(...churns.flatMap((churn) => churn.wrong))

// What is on the disk is what was there.
await stop(alone)
const again = await start('file store', `file:${path}`)
const { entries } = await sample(again)
const before = alone.samples.at(-1)?.entries ?? 0
// Some were given up, and may have run out meanwhile.
if (entries > before || entries < sure)
  wrong.push(`${entries} entries after a restart, ${before} before`)
await stop(again)
for (const server of pair) await stop(server)
await redis?.stop()
stub.close()
rmSync(folder, { recursive: true })

const rows = servers.map(({ name, samples }) => {
  const measured = afterWarmUp(samples)
  const judge = (
    /** @type {'heap' | 'rss'} */ what,
    /** @type {number} */ most,
    /** @type {number} */ free,
  ) => {
    const series = measured.map((one) => one[what])
    const grown = growth(series)
    const limit = Math.max(free, most * Math.min(...series))
    if (grown > limit) wrong.push(`${name}: ${what} grew by ${digits(grown / mega)} MiB`)
    return [
      `${digits(series[0] / mega)} to ${digits((series.at(-1) ?? 0) / mega)} MiB`,
      `${digits(grown / mega)} MiB`,
    ]
  }
  const { cpuMs = 0, changes = 0 } = samples.at(-1) ?? {}
  const share = (cpuMs / (performance.now() - began)) * 100
  return [
    name,
    ...judge('heap', MOST_HEAP, 2 * mega),
    ...judge('rss', MOST_RSS, 16 * mega),
    digits(changes),
    `${digits(share)} %`,
  ]
})

const fuzzed = given.fuzz ? fuzz() : 'not run'
if (fuzzed === 'failed') wrong.push('the fuzz tests failed')

report('soak', {
  tables: [
    {
      title: `${digits(minutes)} minutes of churn`,
      head: ['server', 'heap', 'grown', 'RSS', 'grown', 'changes told', 'of a core'],
      rows,
    },
    {
      title: 'What was done',
      head: ['at', 'requests', 'wrong on purpose', 'watchers in all', 'entries at the end'],
      rows: churns.map((churn, i) => [
        groups[i].map(({ name }) => name).join(' and '),
        digits(churn.done),
        digits(churn.refused),
        digits(churn.watched),
        digits(churn.there),
      ]),
    },
  ],
  notes: [
    `A sample each ${digits(sampleMs / 1_000)} s, after a collection; the first third is warm-up. Grown is the median slope of all pairs of samples (Theil-Sen) times the time. Flat is at most ${MOST_HEAP * 100} % of the heap or 2 MiB, and ${MOST_RSS * 100} % of the RSS or 16 MiB.`,
    'With each sample, all servers have to list what is registered, no more and no less; who was given up is gone after five time-outs.',
    `Fuzz tests: ${fuzzed}.`,
    ...(wrong.length ? wrong.map((one) => `WRONG: ${one}`) : ['Nothing was wrong.']),
  ],
})
process.exit(wrong.length ? 1 : 0)

/** 100,000 inputs over both faces, as the tests have them. */
function fuzz() {
  const root = fileURLToPath(new URL('..', import.meta.url))
  if (!existsSync(join(root, 'test/fuzz'))) return 'not there'
  const { status } = spawnSync('npx', ['vitest', 'run', 'test/fuzz', '--testTimeout', '3600000'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, SWITCHGEAR_SOAK: '1' },
  })
  return status === 0 ? 'passed' : 'failed'
}
