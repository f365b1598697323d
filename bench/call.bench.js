// @ts-check
import { AsyncLocalStorage } from 'node:async_hooks'
import * as cockatiel from 'cockatiel'
import moleculer from 'moleculer'
import CircuitBreaker from 'opossum'
import { alone, compare, digits, duration, median, ratio, report, timings } from './measure.js'
import { ServiceRegistry } from './ours.js'
import { Worker } from './world.js'

const DIRECT = 'direct: await noop()'
const OPOSSUM = 'opossum fire, time-out'
const OPOSSUM_CHEAP = 'opossum fire, time-out, cheapest options'
const MOLECULER = 'Moleculer call, breaker + retry + time-out'
const GUARDED = 'switchgear guarded.noop()'
const CLIENT = 'switchgear client.noop()'
const CLIENT_COUNTED = 'switchgear client.noop(), prometheus'
const CLIENT_METERED = 'switchgear client.noop(), a meter'
const CLIENT_TRACED = 'switchgear client.noop(), a tracer that makes no spans'
const TIMEOUT_MS = 30_000

/** What one of these does would be paid by all others in its process. */
const ALONE = new Set([
  'direct, AsyncLocalStorage in use',
  CLIENT_COUNTED,
  CLIENT_METERED,
  CLIENT_TRACED,
])

/** @typedef {() => Promise<unknown>} Call */

/**
 * Each case makes its own breaker, broker or registry when it is first needed, so that a process
 * that runs one of them loads nothing of the others.
 * @type {Record<string, () => Call | Promise<Call | undefined>>}
 */
const makers = {
  [DIRECT]: () => {
    const worker = new Worker(1)
    return () => worker.noop()
  },
  'direct, AsyncLocalStorage in use': () => {
    new AsyncLocalStorage().enterWith({})
    const worker = new Worker(1)
    return () => worker.noop()
  },
  [OPOSSUM]: () => opossum({}),
  [OPOSSUM_CHEAP]: () =>
    opossum({ rollingPercentilesEnabled: false, enableSnapshots: false, rollingCountBuckets: 1 }),
  'opossum fire, no time-out': () => opossum({ timeout: false }),
  'cockatiel breaker': () => {
    const worker = new Worker(1)
    const policy = cockatielBreaker()
    return () => policy.execute(() => worker.noop())
  },
  'cockatiel retry + breaker + time-out': () => {
    const worker = new Worker(1)
    const policy = cockatiel.wrap(
      cockatiel.retry(cockatiel.handleAll, { maxAttempts: 3 }),
      cockatielBreaker(),
      cockatiel.timeout(TIMEOUT_MS, cockatiel.TimeoutStrategy.Aggressive),
    )
    return () => policy.execute(() => worker.noop())
  },
  [MOLECULER]: async () => {
    const worker = new Worker(1)
    const broker = new moleculer.ServiceBroker({
      logger: false,
      requestTimeout: TIMEOUT_MS,
      circuitBreaker: { enabled: true },
      retryPolicy: { enabled: true, retries: 3 },
    })
    broker.createService({ name: 'worker', actions: { noop: () => worker.noop() } })
    await broker.start()
    return () => broker.call('worker.noop')
  },
  [GUARDED]: async () => {
    const { guarded } = (await guardedWorker()) ?? {}
    return guarded && (() => guarded.noop())
  },
  'switchgear guarded.noop(), a listener on its opossum': async () => {
    const { guarded, circuit } = (await guardedWorker()) ?? {}
    circuit?.opossum.on('success', () => {})
    return guarded && (() => guarded.noop())
  },
  [CLIENT]: () => {
    const client = ourWorkers()?.client('worker')
    return client && (() => client.noop())
  },
  [CLIENT_COUNTED]: () => watchedWorkers(({ prometheus }, registry) => prometheus(registry)),
  [CLIENT_METERED]: () =>
    watchedWorkers(async ({ instrument }, registry) => {
      const { MeterProvider } = await import('@opentelemetry/sdk-metrics')
      instrument(registry, { meter: new MeterProvider().getMeter('bench') })
    }),
  [CLIENT_TRACED]: () =>
    watchedWorkers(async ({ instrument }, registry) => {
      const { trace } = await import('@opentelemetry/api')
      instrument(registry, { tracer: trace.getTracer('bench') })
    }),
  'switchgear registry.call(noop)': () => {
    const registry = ourWorkers()
    return registry && (() => registry.call('worker', {}, callNoop))
  },
}

/** @param {Worker} worker */
const callNoop = (worker) => worker.noop()

/** @param {object} options */
function opossum(options) {
  const worker = new Worker(1)
  const breaker = new CircuitBreaker(() => worker.noop(), options)
  return () => breaker.fire()
}

function cockatielBreaker() {
  const breaker = new cockatiel.ConsecutiveBreaker(5)
  return cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: TIMEOUT_MS, breaker })
}

function ourWorkers() {
  if (!ServiceRegistry) return undefined
  const registry = new ServiceRegistry({ circuit: { timeoutMs: TIMEOUT_MS } })
  for (let i = 0; i < 3; i++) registry.register({ service: 'worker', provider: new Worker(i) })
  return registry
}

/** @param {(telemetry: any, registry: any) => unknown} watch */
async function watchedWorkers(watch) {
  const registry = ourWorkers()
  const file = '../dist/telemetry/index.js'
  const telemetry = await import(file).catch(() => undefined)
  if (!registry || !telemetry) return undefined
  await watch(telemetry, registry)
  const client = registry.client('worker')
  return () => client.noop()
}

/** A guard whose opossum exists and has been looked at: it has to be true from here on. */
async function guardedWorker() {
  const registry = ourWorkers()
  if (!registry) return undefined
  const circuit = registry.circuit(registry.resolve('worker').provider)
  const guarded = await registry.getService('worker')
  await guarded.noop()
  if (circuit.opossum.stats.successes !== 1) throw new Error('opossum has not seen the call')
  return { guarded, circuit }
}

/** @param {Call} call */
function awaiting(call) {
  return async (/** @type {number} */ n) => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += Number(await call())
    return sum
  }
}

/** @param {string[]} names */
async function casesOf(names) {
  const cases = []
  for (const name of names) {
    const call = await makers[name]()
    cases.push({ name, run: call && awaiting(call) })
  }
  return cases
}

/** Times one case beside the direct call, for the parent process. @param {string} name */
async function measureAlone(name) {
  const names = name === DIRECT ? [DIRECT] : [DIRECT, name]
  const results = await compare(await casesOf(names), 5)
  const times = ratio(results, name, DIRECT)
  console.log(JSON.stringify({ rounds: results.get(name)?.rounds, times }))
}

/** @param {string[]} names */
function eachAlone(names) {
  const rows = names.map((name) => {
    const { rounds, times } = alone(import.meta.url, name)
    if (!rounds) return [name, 'not built', '', '']
    return [name, duration(median(rounds)), duration(Math.min(...rounds)), `${digits(times)} x`]
  })
  const title = 'The same, each in a process of its own'
  return { title, head: ['case', 'median', 'min', 'to direct'], rows }
}

async function main() {
  const names = Object.keys(makers)
  const together = names.filter((name) => !ALONE.has(name))
  const cases = await casesOf(together)
  const results = await compare(cases)
  report('call', {
    tables: [
      timings('A call that succeeds, all in one process', cases, results, () => DIRECT),
      eachAlone(names),
    ],
    figures: {
      P3: ratio(results, GUARDED, OPOSSUM),
      'P4.opossum': ratio(results, CLIENT, OPOSSUM),
      'P4.moleculer': ratio(results, CLIENT, MOLECULER),
    },
    notes: [
      'On Node 20 AsyncLocalStorage works by hooks on every promise: once anything in a process uses it, every await there costs more, the peers and the direct call included. The goals are taken in the one process, where all pay it; the second table shows each without the others.',
      'opossum rows: 10 s window and 10 s time-out by default; the cheapest has no percentiles, no snapshots and one bucket.',
    ],
  })
}

const name = process.argv[2]
if (name) await measureAlone(name)
else await main()
process.exit()
