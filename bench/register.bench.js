// @ts-check
import { NaiveRegistry } from './baseline.js'
import { compare, median, ratio, report, timings } from './measure.js'
import { moleculerEntry, moleculerRegistry } from './moleculer.js'
import { lookups, ourRegistry, providers, seeded, warmPlans } from './world.js'

const SIZES = [1_000, 100_000]

/** Small, so that a batch hardly changes the size at which it is measured. */
const MOST = 64

const FEW_PLANS = 4

/** @typedef {import('./measure.js').Case} Case @typedef {import('./world.js').Spec} Spec */

/** @param {number} size @param {string} name */
const label = (size, name) => `${size.toLocaleString('en-US')}: ${name}`

let fresh = 0

/** Providers with names that were never used. @param {number} n */
const newcomers = (n) => providers(n, 'round-robin', `new${fresh++}-`)

/** Newcomers that all sort behind what is there already. @param {number} n */
const followers = (n) => newcomers(n).map((spec) => ({ ...spec, priority: 'fallback' }))

/**
 * Registering `make(n)` newcomers; they leave again outside the clock.
 * @param {any} registry @param {(n: number) => Spec[]} make
 */
function registering(registry, make) {
  return {
    most: MOST,
    input: make,
    run: (/** @type {number} */ n, /** @type {Spec[]} */ specs) => {
      for (let i = 0; i < n; i++) registry.register(specs[i])
      return n
    },
    after: (/** @type {number} */ _, /** @type {Spec[]} */ specs) => {
      for (const { name } of specs) registry.unregister(name)
    },
  }
}

/** @param {any} registry @param {(n: number) => Spec[]} make */
function unregistering(registry, make) {
  return {
    most: MOST,
    input: (/** @type {number} */ n) => {
      const specs = make(n)
      for (const spec of specs) registry.register(spec)
      return specs
    },
    run: (/** @type {number} */ n, /** @type {Spec[]} */ specs) => {
      for (let i = 0; i < n; i++) registry.unregister(specs[i].name)
      return n
    },
  }
}

/**
 * One change of one circuit, half of them openings. `change` is told which provider it is and
 * whether that is to be open from now on. The circuits are 1,000 at any size, all of them changed
 * before, so that the sizes differ in nothing else.
 * @param {number} size @param {(index: number, open: boolean) => unknown} change
 */
function changing(size, change) {
  const random = seeded(3)
  const open = new Array(size).fill(false)
  const pool = Array.from({ length: 1_000 }, () => random(size - 4))
  return {
    most: 1_000,
    input: (/** @type {number} */ n) => Array.from({ length: n }, () => pool[random(1_000)]),
    run: (/** @type {number} */ n, /** @type {number[]} */ victims) => {
      for (let i = 0; i < n; i++) {
        const victim = victims[i]
        open[victim] = !open[victim]
        change(victim, open[victim])
      }
      return n
    },
  }
}

/** @param {number} size @returns {Case[]} */
function ourCases(size) {
  const specs = providers(size, 'round-robin')
  const registry = ourRegistry(specs)
  const planned = ourRegistry(specs)
  if (registry) warmPlans(registry, FEW_PLANS)
  if (planned) warmPlans(planned)
  const { services, requests } = lookups(1)

  /** @param {any} on @param {number} index @param {boolean} open */
  const change = (on, index, open) => {
    const circuit = on.circuit(specs[index].name)
    if (open) circuit.trip()
    else circuit.reset()
  }
  /** @param {any} on */
  const changes = (on) => changing(size, (index, open) => change(on, index, open))
  const changeAndResolve = changing(size, (index, open) => {
    change(registry, index, open)
    return registry.resolve(services[0], requests[0])
  })

  /** @type {[string, any, () => Omit<Case, 'name'>][]} */
  const rows = [
    ['switchgear register', registry, () => registering(registry, newcomers)],
    ['switchgear register, lowest priority', registry, () => registering(registry, followers)],
    ['switchgear register, all plans live', planned, () => registering(planned, newcomers)],
    ['switchgear unregister', registry, () => unregistering(registry, newcomers)],
    ['switchgear unregister, all plans live', planned, () => unregistering(planned, newcomers)],
    ['switchgear circuit change', registry, () => changes(registry)],
    ['switchgear circuit change, all plans live', planned, () => changes(planned)],
    ['switchgear circuit change and next look-up', registry, () => changeAndResolve],
  ]
  return rows.map(([name, present, make]) => ({
    name: label(size, name),
    ...(present ? make() : { run: undefined }),
  }))
}

/** The array: its register is a push, its circuit a field; it pays at each look-up. */
function naiveCases(/** @type {number} */ size) {
  const specs = providers(size, 'round-robin')
  const registry = new NaiveRegistry()
  const entries = specs.map((spec) => registry.register(spec))
  const { services, requests } = lookups(1)
  const change = changing(size, (index, open) => {
    entries[index].open = open
    return registry.resolve(services[0], requests[0])
  })
  return [
    { name: label(size, 'naive register (a push)'), ...registering(registry, newcomers) },
    { name: label(size, 'naive unregister'), ...unregistering(registry, newcomers) },
    { name: label(size, 'naive circuit change and next look-up'), ...change },
  ]
}

/** @param {number} size */
function moleculerCases(size) {
  const specs = providers(size, 'round-robin')
  const { broker, actions, endpoints } = moleculerRegistry(specs)
  /** @type {Map<string, any>} */
  const items = new Map()
  const registry = {
    /** @param {Spec} spec */
    register(spec) {
      const { node, service, action } = moleculerEntry(spec)
      items.set(spec.name, service)
      actions.add(node, service, action)
    },
    /** @param {string} name */
    unregister(name) {
      actions.removeByService(items.get(name))
      items.delete(name)
    },
  }
  const change = changing(size, (index, open) => {
    endpoints.get(specs[index].name).state = !open
    return broker.findNextActionEndpoint(specs[0].service, {})
  })
  return [
    { name: label(size, 'Moleculer register'), ...registering(registry, newcomers) },
    { name: label(size, 'Moleculer unregister'), ...unregistering(registry, newcomers) },
    { name: label(size, 'Moleculer circuit change and next look-up'), ...change },
  ]
}

const cases = SIZES.flatMap((size) => [
  ...naiveCases(size),
  ...moleculerCases(size),
  ...ourCases(size),
])
const results = await compare(cases)

/** @param {string} name */
const microseconds = (name) => {
  const rounds = results.get(label(100_000, name))?.rounds
  return rounds && median(rounds) / 1e3
}
/** @param {string} name */
const growth = (name) => ratio(results, label(100_000, name), label(1_000, name))
const floorOf = (/** @type {string} */ name) => name.replace(/: .*/, ': naive register (a push)')

report('register', {
  tables: [timings('Changes', cases, results, floorOf)],
  figures: {
    'P7.register': microseconds('switchgear register'),
    'P7.register.size': growth('switchgear register'),
    'P7.unregister': microseconds('switchgear unregister'),
    'P7.unregister.size': growth('switchgear unregister'),
    'P7.circuit': microseconds('switchgear circuit change'),
    'P7.circuit.size': growth('switchgear circuit change'),
  },
  notes: [
    `Four services; ${FEW_PLANS} different requests have been made before, or with "all plans live" every pair of eight capabilities in each service. Newcomers have random priorities, so they sort into the middle.`,
    'A circuit change in the array and in Moleculer is a field; it costs them at the next look-up, which is why that is timed with it.',
    "Moleculer's circuit change is the flag that its breaker sets, without the event that it broadcasts.",
  ],
})
process.exit()
