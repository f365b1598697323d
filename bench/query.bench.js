// @ts-check
import { compare, duration, ratio, report, settle, timings } from './measure.js'
import { ServiceRegistry } from './ours.js'
import { seeded } from './world.js'

/**
 * Which providers have this capability from this version on? 1,000 and 100,000 providers with ten
 * capabilities each; some ten providers have the same one. The floor is a map from the name to a
 * list sorted by version, made beforehand, and a copy of the part that fits.
 */
const SIZES = [1_000, 100_000]
const EACH = 10
const SERVICES = 100
const SINGLES = 20_000

const random = seeded(11)

/** @param {number} size */
function world(size) {
  const registry = new ServiceRegistry()
  /** @type {Map<string, { order: number, name: string }[]>} */
  const index = new Map()
  for (let i = 0; i < size; i++) {
    const names = new Set(Array.from({ length: EACH }, () => `capability-${random(size)}`))
    const capabilities = [...names].map((name) => ({
      name,
      version: `${1 + random(3)}.${random(12)}`,
    }))
    const name = `p${i}`
    registry.register({ service: `s${i % SERVICES}`, name, provider: {}, capabilities })
    for (const { name: capability, version } of capabilities) {
      const [major, minor] = version.split('.').map(Number)
      const list = index.get(capability) ?? []
      list.push({ order: major * 1_000 + minor, name })
      index.set(capability, list)
    }
  }
  for (const list of index.values()) list.sort((a, b) => a.order - b.order)
  return { size, registry, index }
}

/** @param {number} size @param {number} n */
function queries(size, n) {
  return Array.from({ length: n }, () => {
    const major = 1 + random(3)
    const minor = random(12)
    return {
      capability: `capability-${random(size)}`,
      minVersion: `${major}.${minor}`,
      order: major * 1_000 + minor,
      service: `s${random(SERVICES)}`,
    }
  })
}

/** @param {ReturnType<typeof world>} world @returns {Record<string, (query: any) => number>} */
const asked = ({ registry, index }) => ({
  'floor: sorted list by name': ({ capability, order }) => {
    const list = index.get(capability)
    return list === undefined ? 0 : list.slice(list.findIndex((one) => one.order >= order)).length
  },
  'list({ capability, minVersion })': ({ capability, minVersion }) =>
    registry.list({ capability, minVersion }).length,
  'list({ service, capability, minVersion })': ({ service, capability, minVersion }) =>
    registry.list({ service, capability, minVersion }).length,
  'resolve(service, name@>=version), 500 plans': ({ service, requires }) =>
    registry.resolve(service, { requires }) === undefined ? 0 : 1,
})

/** Mean and percentiles, each query timed alone. @param {(query: any) => number} ask @param {any[]} all */
async function singles(ask, all) {
  await settle()
  const times = new Float64Array(all.length)
  let found = 0
  for (let i = 0; i < all.length; i++) {
    const start = performance.now()
    found += ask(all[i])
    times[i] = (performance.now() - start) * 1e6
  }
  const mean = times.reduce((sum, one) => sum + one, 0) / times.length
  times.sort()
  const at = (/** @type {number} */ share) => times[Math.floor(share * (times.length - 1))]
  return { mean, p50: at(0.5), p99: at(0.99), max: at(1), found: found / all.length }
}

const tables = []
/** @type {Record<string, number>} */
const figures = {}
for (const size of SIZES) {
  const made = world(size)
  const ways = asked(made)
  const pool = queries(size, 500).map((query) => ({
    ...query,
    requires: [`${query.capability}@>=${query.minVersion}`],
  }))
  const fresh = queries(size, SINGLES)
  const mixed = fresh.map((_, i) => ({ ...pool[i % pool.length] }))
  const inputs = (/** @type {string} */ name) => (name.startsWith('resolve') ? mixed : fresh)
  for (const [name, ask] of Object.entries(ways)) for (const one of inputs(name)) ask(one)
  const cases = Object.entries(ways).map(([name, ask]) => ({
    name,
    most: 8_192,
    run: (/** @type {number} */ n) => {
      const all = inputs(name)
      let found = 0
      for (let i = 0; i < n; i++) found += ask(all[i % SINGLES])
      return found
    },
  }))
  const results = await compare(cases)
  const label = size.toLocaleString('en-US')
  tables.push(timings(`${label} x ${EACH}`, cases, results, () => cases[0].name))
  const rows = []
  for (const [name, ask] of Object.entries(ways)) {
    const { mean, p50, p99, max, found } = await singles(ask, inputs(name))
    rows.push([name, ...[mean, p50, p99, max].map(duration), found.toFixed(1)])
    if (name.startsWith('list({ cap')) figures[`P11.${size}`] = p99 / 1e3
  }
  tables.push({
    title: `${label} x ${EACH}: one at a time`,
    head: ['query', 'mean', 'p50', 'p99', 'max', 'found'],
    rows,
  })
  const flat = ratio(results, 'list({ capability, minVersion })', cases[0].name)
  if (flat !== undefined) figures[`P11.floor.${size}`] = flat
}
report('query', { tables, figures })
