// @ts-check
import { BATCH } from './measure.js'
import { ServiceRegistry } from './ours.js'

/**
 * The providers and requests that every registry here is given: four services, eight
 * capabilities, requests for two of them. Providers have six of the eight, except that the last
 * of each service has all and is never opened, so that every request can be met.
 */
export const SERVICES = ['chat', 'memory', 'image', 'audio']
export const CAPABILITIES = ['text', 'vision', 'tools', 'json', 'stream', 'audio', 'batch', 'embed']
export const HOUR = 3_600_000

const PRIORITIES = ['high', 'normal', 'low']

/** Mulberry32: the same world in every run. @param {number} seed */
export function seeded(seed) {
  let state = seed
  /** @param {number} below */
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const random = seeded(1)

export class Worker {
  /** @param {number} id */
  constructor(id) {
    this.id = id
  }

  async noop() {
    return this.id
  }

  /** @param {Error} error */
  async fail(error) {
    throw error
  }

  /** @param {number} chunks */
  async *stream(chunks) {
    for (let i = 0; i < chunks; i++) yield i
  }
}

/**
 * @typedef {{ name: string, service: string, provider: Worker, priority: string, strategy: string, capabilities: string[] }} Spec
 * @param {number} size
 * @param {string} strategy
 * @param {string} prefix
 * @returns {Spec[]}
 */
export function providers(size, strategy = 'fallback', prefix = 'p') {
  return Array.from({ length: size }, (_, i) => ({
    name: `${prefix}${i}`,
    service: SERVICES[i % SERVICES.length],
    provider: new Worker(i),
    priority: PRIORITIES[random(PRIORITIES.length)],
    strategy,
    capabilities: isLast(i, size) ? CAPABILITIES : sixOfEight(),
  }))
}

/** Which circuits are open when `percent` of them are. @param {number} size @param {number} percent */
export function openOnes(size, percent) {
  return Array.from({ length: size }, (_, i) => !isLast(i, size) && random(100) < percent)
}

/** @param {number} index @param {number} size */
function isLast(index, size) {
  return index >= size - SERVICES.length
}

function sixOfEight() {
  const [a, b] = twoOfEight()
  return CAPABILITIES.filter((_, i) => i !== a && i !== b)
}

function twoOfEight() {
  const a = random(CAPABILITIES.length)
  return [a, (a + 1 + random(CAPABILITIES.length - 1)) % CAPABILITIES.length]
}

/** Random look-ups, each with a request object of its own. @param {number} n */
export function lookups(n) {
  const services = []
  const requests = []
  for (let i = 0; i < n; i++) {
    const [a, b] = twoOfEight()
    services.push(SERVICES[random(SERVICES.length)])
    requests.push({ requires: [CAPABILITIES[a], CAPABILITIES[b]] })
  }
  return { services, requests }
}

/** @typedef {Map<string, Map<string, Map<string, { items: Worker[], turn: number }>>>} Tree */

/**
 * What a registry cannot go below: each pair of capabilities already leads to its providers.
 * @param {Spec[]} specs @returns {Tree}
 */
export function floorTree(specs) {
  return new Map(
    SERVICES.map((service) => {
      const own = specs.filter((spec) => spec.service === service)
      return [service, new Map(CAPABILITIES.map((a) => [a, pairs(own, a)]))]
    }),
  )
}

/** @param {Spec[]} specs @param {string} a */
function pairs(specs, a) {
  const able = specs.filter((spec) => spec.capabilities.includes(a))
  return new Map(
    CAPABILITIES.map((b) => {
      const items = able.filter((spec) => spec.capabilities.includes(b))
      return [b, { items: items.map((spec) => spec.provider), turn: 0 }]
    }),
  )
}

/** @param {Tree} tree @param {string} service @param {string} a @param {string} b */
export function floor3(tree, service, a, b) {
  const slot = /** @type {any} */ (tree.get(service)?.get(a)?.get(b))
  if (slot.turn === slot.items.length) slot.turn = 0
  return slot.items[slot.turn++]
}

const fixed = lookups(BATCH)
const keysA = fixed.requests.map((request) => request.requires[0])
const keysB = fixed.requests.map((request) => request.requires[1])

/** The floor with its keys at hand. @param {Tree} tree */
export function floorRun(tree) {
  /** @param {number} n */
  return (n) => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += floor3(tree, fixed.services[i], keysA[i], keysB[i]).id
    return sum
  }
}

/** The same behind an async function. @param {Tree} tree */
export function awaitedFloorRun(tree) {
  /** @param {number} i */
  const look = async (i) => floor3(tree, fixed.services[i], keysA[i], keysB[i])
  /** @param {number} n */
  return async (n) => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += (await look(i)).id
    return sum
  }
}

/**
 * Our registry with these providers; undefined while it is not built. Circuits recover after an
 * hour, so that what a bench opened stays open until the bench ends.
 * @param {Spec[]} specs @param {object} [more] fields for each registration
 */
export function ourRegistry(specs, more) {
  if (!ServiceRegistry) return undefined
  const registry = new ServiceRegistry({
    circuit: { recoveryTimeoutMs: HOUR },
    health: { maxAgeMs: HOUR },
  })
  for (const spec of specs) registry.register({ ...spec, ...more })
  return registry
}

/**
 * Look-ups until every service has been asked for every pair of capabilities, unless fewer are
 * wanted: what a registry compiles at the first request of a kind is then there.
 * @param {any} registry
 */
export function warmPlans(registry, count = 5_000) {
  const { services, requests } = lookups(count)
  for (let i = 0; i < count; i++) registry.resolve(services[i], requests[i])
}
