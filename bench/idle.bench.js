// @ts-check
import { createHook } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import CircuitBreaker from 'opossum'
import { alone, digits, median, report, settle, worst } from './measure.js'
import { HOUR, ourRegistry, providers } from './world.js'

const SIZE = 100_000
const USED = 10_000
const SAMPLES = 5
const SAMPLE_MS = 400

/** Each in a process of its own, because a share of a core is a matter of the whole process. */
const makers = {
  'nothing at all': () => true,
  'nothing but a timer, 100 times a second': ticking,
  opossum: () => providers(SIZE).map(({ provider }) => new CircuitBreaker(() => provider.noop())),
  switchgear: () => ourRegistry(providers(SIZE)),
  'switchgear, started': () => started(providers(SIZE)),
  'switchgear, checks, no monitor': () => ourRegistry(providers(SIZE), checked(HOUR)),
  'switchgear, checks each hour': () => started(providers(SIZE), checked(HOUR)),
  'switchgear, checks each 30 s': () => started(providers(SIZE), checked(30_000)),
  'switchgear, started, 10,000 have been called': async () => {
    const specs = providers(SIZE, 'round-robin')
    const registry = started(specs)
    if (!registry) return undefined
    for (let i = 0; i < USED; i++) await (await registry.getService('chat')).noop()
    return registry
  },
}

/** @param {import('./world.js').Spec[]} specs @param {object} [more] */
function started(specs, more) {
  const registry = ourRegistry(specs, more)
  if (!registry?.start) return undefined
  registry.start()
  return registry
}

/** At random times, 10 ms apart on average: what waking up costs by itself. */
function ticking() {
  let next = performance.now()
  const tick = () => {
    next += 20 * Math.random()
    setTimeout(tick, Math.max(1, next - performance.now())).unref()
  }
  tick()
  return true
}

/** One check for all: what a provider brings for itself is its own. @param {number} intervalMs */
const checked = (intervalMs) => ({ health: { check: isWell, intervalMs } })
const isWell = () => true

/** Counts timers that are alive, unreferenced ones included, which Node's own list leaves out. */
function countTimers() {
  /** @type {Set<number>} */
  const alive = new Set()
  const hook = createHook({
    init: (id, type) => {
      if (type === 'Timeout') alive.add(id)
    },
    destroy: (id) => alive.delete(id),
  })
  hook.enable()
  return { alive, stop: () => hook.disable() }
}

/** For the parent process. @param {keyof typeof makers} name */
async function measureAlone(name) {
  await settle()
  const heap = process.memoryUsage().heapUsed
  const timers = countTimers()
  const made = await makers[name]()
  await settle()
  timers.stop()
  const bytes = (process.memoryUsage().heapUsed - heap) / SIZE
  const shares = []
  const referenced = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  await delay(SAMPLE_MS)
  for (let i = 0; i < SAMPLES; i++) {
    const before = process.cpuUsage()
    const start = performance.now()
    await delay(SAMPLE_MS)
    const { user, system } = process.cpuUsage(before)
    shares.push((user + system) / 10 / (performance.now() - start))
  }
  const built = made ? { shares, bytes, timers: timers.alive.size, referenced } : {}
  console.log(JSON.stringify(built))
}

function main() {
  const names = /** @type {(keyof typeof makers)[]} */ (Object.keys(makers))
  /** @type {Map<string, any>} */
  const found = new Map(names.map((name) => [name, alone(import.meta.url, name)]))
  const rows = names.map((name) => {
    const { shares, bytes, timers, referenced } = found.get(name)
    if (!shares) return [name, 'not built', '', '', '', '']
    const share = `${digits(median(shares))} %`
    const held = digits(Math.max(0, Math.round(bytes)))
    return [
      name,
      share,
      `${digits(Math.min(...shares))} %`,
      held,
      digits(timers),
      digits(referenced),
    ]
  })
  const ours = ['switchgear', 'switchgear, started'].map((name) => found.get(name))
  const [plain, watched] = ['switchgear', 'switchgear, checks each hour'].map((name) =>
    found.get(name),
  )
  report('idle', {
    tables: [
      {
        title: `${SIZE.toLocaleString('en-US')} idle providers`,
        head: ['case', 'share of a core', 'min', 'bytes each', 'timers', 'of them referenced'],
        rows,
      },
    ],
    figures: {
      'P9.share': worst(ours.map(({ shares }) => shares && median(shares))),
      'P9.timers': worst(ours.map(({ timers }) => timers)),
      'P9.monitor': watched.bytes && watched.bytes - plain.bytes,
    },
    notes: [
      `Share of a core over ${SAMPLES} x ${SAMPLE_MS} ms, each case in its own process.`,
      `Bytes are all that is held for a provider, its instance and registration included; the checks of all are one function.`,
      'With checks each hour the first ones are still under way: 10 ms apart, so 100 a second.',
      `Checks each 30 s are ${digits(SIZE / 30)} checks a second that answer at once: what the monitor itself costs when it is busy.`,
    ],
  })
}

const name = process.argv[2]
if (name) await measureAlone(/** @type {keyof typeof makers} */ (name))
else main()
process.exit()
