// @ts-check
import { createHook } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import CircuitBreaker from 'opossum'
import { alone, digits, median, report, settle, worst } from './measure.js'
import { ourRegistry, providers } from './world.js'

const SIZE = 100_000
const USED = 10_000
const SAMPLES = 5
const SAMPLE_MS = 400

/** Each in a process of its own, because a share of a core is a matter of the whole process. */
const makers = {
  'nothing at all': () => true,
  opossum: () => providers(SIZE).map(({ provider }) => new CircuitBreaker(() => provider.noop())),
  switchgear: () => ourRegistry(providers(SIZE)),
  'switchgear, started': () => started(providers(SIZE)),
  'switchgear, started, health checks': () =>
    started(providers(SIZE), { health: { check: () => true } }),
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
  const timers = countTimers()
  const made = await makers[name]()
  await settle()
  timers.stop()
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
  const built = made ? { shares, timers: timers.alive.size, referenced } : {}
  console.log(JSON.stringify(built))
}

function main() {
  const names = /** @type {(keyof typeof makers)[]} */ (Object.keys(makers))
  /** @type {Map<string, any>} */
  const found = new Map(names.map((name) => [name, alone(import.meta.url, name)]))
  const rows = names.map((name) => {
    const { shares, timers, referenced } = found.get(name)
    if (!shares) return [name, 'not built', '', '', '']
    const share = `${digits(median(shares))} %`
    return [name, share, `${digits(Math.min(...shares))} %`, digits(timers), digits(referenced)]
  })
  const ours = ['switchgear', 'switchgear, started'].map((name) => found.get(name))
  report('idle', {
    tables: [
      {
        title: `${SIZE.toLocaleString('en-US')} idle providers`,
        head: ['case', 'share of a core', 'min', 'timers', 'of them referenced'],
        rows,
      },
    ],
    figures: {
      'P9.share': worst(ours.map(({ shares }) => shares && median(shares))),
      'P9.timers': worst(ours.map(({ timers }) => timers)),
    },
    notes: [`Share of a core over ${SAMPLES} x ${SAMPLE_MS} ms, each case in its own process.`],
  })
}

const name = process.argv[2]
if (name) await measureAlone(/** @type {keyof typeof makers} */ (name))
else main()
process.exit()
