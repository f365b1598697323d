// @ts-check
import { compare, ratio, report, timings } from './measure.js'
import { ServiceRegistry } from './ours.js'
import { Worker } from './world.js'

const DIRECT = 'direct for await'
const GUARDED = 'switchgear guarded.stream(), idle time-out'
const IDLE_MS = 30_000

/** @typedef {(chunks: number) => AsyncIterable<number>} Source */

/** What people write by hand: a timer for each chunk. @param {AsyncIterable<number>} source */
async function* raced(source) {
  const iterator = source[Symbol.asyncIterator]()
  while (true) {
    /** @type {NodeJS.Timeout | undefined} */
    let timer
    const idle = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('idle')), IDLE_MS)
    })
    const next = await Promise.race([iterator.next(), idle])
    clearTimeout(timer)
    if (next.done) return
    yield next.value
  }
}

/** One stream of n chunks, read to its end. @param {Source} open */
function reading(open) {
  return async (/** @type {number} */ n) => {
    let sum = 0
    for await (const chunk of open(n)) sum += chunk
    return sum
  }
}

const worker = new Worker(1)

const registry = ServiceRegistry && new ServiceRegistry()
registry?.register({ service: 'worker', provider: worker })
const guarded = await registry?.getService('worker')
const client = registry?.client('worker')

/** @param {string} name @param {Source | undefined} open */
const streaming = (name, open) => ({ name, run: open && reading(open) })
const direct = streaming(DIRECT, (n) => worker.stream(n))

/** The idle time-out of a guard is on unless it is turned off. */
const guards = [
  direct,
  streaming('a timer and a race per chunk', (n) => raced(worker.stream(n))),
  streaming(GUARDED, guarded && ((n) => guarded.stream(n))),
]
const failovers = [
  direct,
  streaming('switchgear client.stream(), idle time-out', client && ((n) => client.stream(n))),
  streaming(
    'switchgear registry.stream(), idle time-out',
    registry &&
      ((n) =>
        registry.stream('worker', {}, (/** @type {Worker} */ chosen) => chosen.stream(n), {
          idleTimeoutMs: IDLE_MS,
        })),
  ),
]
const guardResults = await compare(guards)
const failoverResults = await compare(failovers)

report('stream', {
  tables: [
    timings('One chunk of a long stream', guards, guardResults, () => DIRECT),
    timings('The same with fail-over', failovers, failoverResults, () => DIRECT),
  ],
  figures: { P10: ratio(guardResults, GUARDED, DIRECT) },
  notes: [
    'The source is an async generator that never waits; streams are up to 8,192 chunks long.',
    'Fail-over comes last because its async context makes every await of the process dearer on Node 20, the direct ones included.',
  ],
})
process.exit()
