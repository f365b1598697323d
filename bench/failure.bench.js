// @ts-check
import * as cockatiel from 'cockatiel'
import CircuitBreaker from 'opossum'
import { compare, ratio, report, timings } from './measure.js'
import { ServiceRegistry } from './ours.js'
import { HOUR, Worker } from './world.js'

const DIRECT = 'direct: rejected await'
const IN_WINDOW = 100_000
const NEVER = 1_000_000_000

/** The same error each time: its stack is no business of a breaker. */
const error = new Error('the provider failed')

const CHEAP = { rollingPercentilesEnabled: false, enableSnapshots: false, rollingCountBuckets: 1 }

/** @typedef {{ fail: () => Promise<unknown>, noop: () => Promise<unknown>, close: () => void }} Guard */

/** Opens never: over 100 % of failures there is nothing. @param {object} options @returns {Guard} */
function opossum(options) {
  const worker = new Worker(1)
  const breaker = new CircuitBreaker(
    (/** @type {boolean} */ ok) =>
      /** @type {Promise<unknown>} */ (ok ? worker.noop() : worker.fail(error)),
    { errorThresholdPercentage: 100, rollingCountTimeout: HOUR, ...options },
  )
  return {
    fail: () => breaker.fire(false),
    noop: () => breaker.fire(true),
    close: () => breaker.shutdown(),
  }
}

/** @param {number} threshold */
function cockatielBreaker(threshold) {
  const breaker = new cockatiel.ConsecutiveBreaker(threshold)
  return cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: HOUR, breaker })
}

/** @returns {Guard} */
function cockatielGuard() {
  const worker = new Worker(1)
  const policy = cockatielBreaker(NEVER)
  return {
    fail: () => policy.execute(() => worker.fail(error)),
    noop: () => policy.execute(() => worker.noop()),
    close: () => {},
  }
}

function ourWorker() {
  const registry = new ServiceRegistry({
    circuit: { failureThreshold: NEVER, recoveryTimeoutMs: HOUR },
  })
  const { name } = registry.register({ service: 'worker', provider: new Worker(1) })
  return { registry, circuit: registry.circuit(name) }
}

/** @returns {Promise<Guard>} */
async function ourGuard() {
  const { registry, circuit } = ourWorker()
  const guarded = await registry.getService('worker')
  await guarded.noop()
  if (circuit.opossum.stats.fires !== 1) throw new Error('opossum has not seen the call')
  return {
    fail: () => guarded.fail(error),
    noop: () => guarded.noop(),
    close: () => registry.close(),
  }
}

/** @param {number} n @param {() => Promise<unknown>} call */
async function rejections(n, call) {
  let caught = 0
  for (let i = 0; i < n; i++) {
    try {
      await call()
    } catch {
      caught++
    }
  }
  if (caught !== n) throw new Error(`only ${caught} of ${n} calls were rejected`)
  return caught
}

/**
 * A failing call, with a breaker made anew for each batch: opossum's failures get dearer with
 * every call in its window.
 * @param {string} name @param {(() => Guard | Promise<Guard>) | undefined} make
 */
function failing(name, make) {
  return {
    name,
    most: 64,
    input: () => make?.(),
    run:
      make && ((/** @type {number} */ n, /** @type {Guard} */ guard) => rejections(n, guard.fail)),
    after: (/** @type {number} */ _, /** @type {Guard} */ guard) => guard.close(),
  }
}

/**
 * The same after 100,000 calls that went well, in the same window.
 * @param {string} name @param {(() => Guard | Promise<Guard>) | undefined} make
 */
function failingInFullWindow(name, make) {
  /** @type {Guard | undefined} */
  let guard
  return {
    name,
    most: 64,
    before: async () => {
      guard?.close()
      guard = await make?.()
      for (let i = 0; i < IN_WINDOW; i++) await guard?.noop()
    },
    run: make && ((/** @type {number} */ n) => rejections(n, /** @type {Guard} */ (guard).fail)),
  }
}

/** @param {string} name @param {(() => Promise<unknown>) | undefined} call */
function refused(name, call) {
  return { name, run: call && ((/** @type {number} */ n) => rejections(n, call)) }
}

async function openOpossum() {
  const breaker = new CircuitBreaker(() => worker.noop(), { resetTimeout: HOUR })
  breaker.open()
  return () => breaker.fire()
}

async function openCockatiel() {
  const policy = cockatielBreaker(1)
  await policy.execute(() => worker.fail(error)).catch(() => {})
  return () => policy.execute(() => worker.noop())
}

async function openOurs() {
  if (!ServiceRegistry) return undefined
  const { registry, circuit } = ourWorker()
  const guarded = await registry.getService('worker')
  await guarded.noop()
  circuit.trip()
  return () => guarded.noop()
}

const worker = new Worker(1)
const maybeOurs = ServiceRegistry && ourGuard
const direct = refused(DIRECT, () => worker.fail(error))

const failures = [
  direct,
  failing('opossum', () => opossum({})),
  failing('opossum, cheapest options', () => opossum(CHEAP)),
  failing('cockatiel breaker', cockatielGuard),
  failing('switchgear', maybeOurs),
  failingInFullWindow('opossum, 100,000 calls in the window', () => opossum({})),
  failingInFullWindow('opossum, cheapest options, 100,000 in the window', () => opossum(CHEAP)),
  failingInFullWindow('switchgear, 100,000 calls in the window', maybeOurs),
]
const failed = await compare(failures)

const refusals = [
  direct,
  refused('opossum, open', await openOpossum()),
  refused('cockatiel, open', await openCockatiel()),
  refused('switchgear, open', await openOurs()),
]
const refusedResults = await compare(refusals)

report('failure', {
  tables: [
    timings('A call that fails', failures, failed, () => DIRECT),
    timings('A call refused by an open circuit', refusals, refusedResults, () => DIRECT),
  ],
  figures: {
    'P5.fail': ratio(failed, 'switchgear', 'opossum'),
    'P5.refuse': ratio(refusedResults, 'switchgear, open', 'cockatiel, open'),
    P6: ratio(failed, 'switchgear, 100,000 calls in the window', 'switchgear'),
  },
  notes: [
    'Failing calls are made at most 64 to a breaker, except where the window is said to be full.',
    'All reject with one and the same error, so no stack is taken but for refusals.',
  ],
})
process.exit()
