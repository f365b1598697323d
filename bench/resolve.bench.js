// @ts-check
import { NaiveRegistry } from './baseline.js'
import { compare, ratio, report, timings, worst } from './measure.js'
import { moleculerRegistry } from './moleculer.js'
import {
  awaitedFloorRun,
  floor3,
  floorRun,
  floorTree,
  lookups,
  openOnes,
  ourRegistry,
  providers,
  seeded,
  warmPlans,
} from './world.js'

const SIZES = [10, 1_000, 10_000, 100_000]
const STRATEGIES = ['fallback', 'round-robin']
const OPEN_PERCENT = [0, 50, 99]
const LOOKUPS_PER_FLIP = 100

/** @typedef {import('./measure.js').Case} Case @typedef {{ services: string[], requests: any[] }} Lookups */

/** @param {number} size @param {string} name */
const label = (size, name) => `${size.toLocaleString('en-US')}: ${name}`

/** @param {string} name */
const floorOf = (name) => name.replace(/: .*/, ': floor3')

/** Every registry with the same providers, and a way to open the same circuits in all of them. */
function world(/** @type {number} */ size, /** @type {string} */ strategy) {
  const specs = providers(size, strategy)
  const naive = new NaiveRegistry()
  const entries = specs.map((spec) => naive.register(spec))
  const moleculer = moleculerRegistry(specs)
  const ours = ourRegistry(specs)
  if (ours) warmPlans(ours)
  const open = specs.map(() => false)

  /** @param {number} percent */
  function openCircuits(percent) {
    const wanted = openOnes(size, percent)
    for (const [i, { name }] of specs.entries()) {
      if (open[i] === wanted[i]) continue
      open[i] = wanted[i]
      entries[i].open = open[i]
      moleculer.endpoints.get(name).state = !open[i]
      if (open[i]) ours?.circuit(name).trip()
      else ours?.circuit(name).reset()
    }
  }
  return { size, specs, tree: floorTree(specs), naive, moleculer, ours, open, openCircuits }
}

/** @typedef {ReturnType<typeof world>} World */

/** @param {World} world @param {boolean} flips @returns {Case[]} */
function cases({ size, specs, tree, naive, moleculer, ours, open }, flips) {
  const rows = [
    { name: label(size, 'floor3'), run: floorRun(tree) },
    {
      name: label(size, 'floor3, keys out of the request'),
      input: lookups,
      run: requestFloor(tree),
    },
    { name: label(size, 'switchgear resolve'), input: lookups, run: ours && resolving(ours) },
    {
      name: label(size, 'switchgear resolve + release'),
      input: lookups,
      run: ours && releasing(ours),
    },
    { name: label(size, 'naive filter and sort'), input: lookups, run: resolvingNaively(naive) },
  ]
  if (specs[0].strategy === 'round-robin') {
    const run = picking(moleculer.broker)
    rows.push({ name: label(size, 'Moleculer pick (no capabilities)'), input: lookups, run })
  }
  if (flips) {
    const run = ours && flipping(ours, specs, open)
    rows.push({ name: label(size, 'switchgear resolve, a flip per 100'), input: lookups, run })
  }
  return rows
}

/** @param {import('./world.js').Tree} tree */
function requestFloor(tree) {
  return (/** @type {number} */ n, /** @type {Lookups} */ { services, requests }) => {
    let sum = 0
    for (let i = 0; i < n; i++) {
      const { requires } = requests[i]
      sum += floor3(tree, services[i], requires[0], requires[1]).id
    }
    return sum
  }
}

/** @param {any} registry */
function resolving(registry) {
  return (/** @type {number} */ n, /** @type {Lookups} */ { services, requests }) => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += registry.resolve(services[i], requests[i]).instance.id
    return sum
  }
}

/** @param {any} registry */
function releasing(registry) {
  return (/** @type {number} */ n, /** @type {Lookups} */ { services, requests }) => {
    let sum = 0
    for (let i = 0; i < n; i++) {
      const lease = registry.resolve(services[i], requests[i])
      sum += lease.instance.id
      lease.release()
    }
    return sum
  }
}

/** @param {NaiveRegistry} registry */
function resolvingNaively(registry) {
  return (/** @type {number} */ n, /** @type {Lookups} */ { services, requests }) => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += registry.resolve(services[i], requests[i])?.id ?? 0
    return sum
  }
}

/** @param {any} broker */
function picking(broker) {
  return (/** @type {number} */ n, /** @type {Lookups} */ { services, requests }) => {
    let sum = 0
    for (let i = 0; i < n; i++) {
      sum += broker.findNextActionEndpoint(services[i], requests[i]).id.length
    }
    return sum
  }
}

/**
 * One of 512 circuits, anywhere in the registry, changes once in a hundred look-ups. The last
 * eight providers are left alone: they are the ones that meet every request.
 * @param {any} registry @param {import('./world.js').Spec[]} specs @param {boolean[]} open
 */
function flipping(registry, specs, open) {
  const random = seeded(2)
  const reach = Math.max(1, specs.length - 8)
  const victims = Array.from({ length: 512 }, () => random(reach))
  let next = 0
  return (/** @type {number} */ n, /** @type {Lookups} */ { services, requests }) => {
    let sum = 0
    for (let i = 0; i < n; i++) {
      if (i % LOOKUPS_PER_FLIP === 0) {
        const victim = victims[next++ & 511]
        open[victim] = !open[victim]
        const circuit = registry.circuit(specs[victim].name)
        if (open[victim]) circuit.trip()
        else circuit.reset()
      }
      sum += registry.resolve(services[i], requests[i]).instance.id
    }
    return sum
  }
}

/** @param {any} registry */
function gettingService(registry) {
  return async (/** @type {number} */ n, /** @type {Lookups} */ { services, requests }) => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += (await registry.getService(services[i], requests[i])) ? 1 : 0
    return sum
  }
}

/**
 * `getService` with a health check that each provider has passed. Rotation over 100,000 would
 * time the making of 100,000 guards, so that size stays with fallback.
 */
async function awaited() {
  /** @type {Case[]} */
  const rows = []
  for (const strategy of STRATEGIES) {
    for (const size of SIZES.filter((size) => size < 100_000 || strategy === 'fallback')) {
      const specs = providers(size, strategy)
      const ours = ourRegistry(specs, { health: { check: () => true } })
      await ours?.healthCheckAll()
      if (ours) warmPlans(ours)
      const name = `${strategy}, ${size.toLocaleString('en-US')}`
      const run = ours && gettingService(ours)
      rows.push({ name: `${name}: floor3`, run: awaitedFloorRun(floorTree(specs)) })
      rows.push({ name: `${name}: await getService`, input: lookups, run })
    }
  }
  const results = await compare(rows)
  const found = rows.filter(({ name }) => name.endsWith('getService'))
  return {
    table: timings('await getService, cached health', rows, results, floorOf),
    figure: worst(found.map(({ name }) => ratio(results, name, floorOf(name)))),
  }
}

const tables = []
/** @type {Record<'toFloor' | 'toTen' | 'flips', (number | undefined)[]>} */
const figures = { toFloor: [], toTen: [], flips: [] }
for (const strategy of STRATEGIES) {
  const worlds = SIZES.map((size) => world(size, strategy))
  for (const percent of OPEN_PERCENT) {
    for (const one of worlds) one.openCircuits(percent)
    const rows = worlds.flatMap((one) => cases(one, percent === 50))
    const results = await compare(rows)
    const title = `resolve, ${strategy}, ${percent} % of circuits open`
    tables.push(timings(title, rows, results, floorOf))
    /** @param {number} size @param {string} name @param {string} [base] */
    const times = (size, name, base) =>
      ratio(results, label(size, name), base ?? label(size, 'floor3'))
    const own = 'switchgear resolve'
    figures.toFloor.push(...SIZES.map((size) => times(size, own)))
    figures.toTen.push(times(100_000, own, label(10, own)))
    figures.flips.push(...SIZES.map((size) => times(size, 'switchgear resolve, a flip per 100')))
  }
  for (const one of worlds) await one.ours?.close()
}
const getService = await awaited()

report('resolve', {
  tables: [...tables, getService.table],
  figures: {
    'P1.resolve': worst(figures.toFloor),
    'P1.size': worst(figures.toTen),
    'P1.flip': worst(figures.flips),
    P2: getService.figure,
  },
  notes: [
    'floor3 is three nested Map.get by random keys, an array index and a counter; every row returns a provider and reads a field of it.',
    'Requests are objects made anew for each look-up, outside the clock; each kind of request (112 of them) has been made before. Moleculer knows no capabilities: it picks by action only.',
  ],
})
