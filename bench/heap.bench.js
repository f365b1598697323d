// @ts-check
import * as cockatiel from 'cockatiel'
import CircuitBreaker from 'opossum'
import { digits, median, report, settle } from './measure.js'
import { moleculerRegistry } from './moleculer.js'
import { ServiceRegistry } from './ours.js'
import { providers } from './world.js'

const ROUNDS = 5
const MANY = 20_000
const FEW = 2_000

/** @typedef {import('./world.js').Spec} Spec */

/**
 * `make` returns what holds the providers; `close` lets go of timers, so that the next round
 * starts from nothing.
 * @typedef {{ name: string, size: number, make?: (specs: Spec[]) => unknown, close?: (made: any) => unknown }} Case
 */

/** @param {Spec[]} specs @param {object} options */
function breakers(specs, options) {
  return specs.map(({ provider }) => new CircuitBreaker(() => provider.noop(), { ...options }))
}

/** @param {CircuitBreaker[]} made */
async function fireAll(made) {
  for (const breaker of made) await breaker.fire()
  return made
}

/** @param {CircuitBreaker[]} made */
const shutdown = (made) => {
  for (const breaker of made) breaker.shutdown()
}

/** @param {Spec[]} specs */
function registered(specs) {
  const registry = new ServiceRegistry()
  for (const spec of specs) registry.register(spec)
  return registry
}

/** Rotation over all of one service: as many calls as providers is one for each. */
async function called(/** @type {Spec[]} */ specs) {
  const registry = registered(specs.map((spec) => ({ ...spec, service: 'worker' })))
  for (let i = 0; i < specs.length; i++) await (await registry.getService('worker')).noop()
  const calls = registry.circuit(specs[0].name).opossum.stats.fires
  if (calls !== 1) throw new Error(`${specs[0].name} was called ${calls} times`)
  return registry
}

/** @param {any} registry */
const closeRegistry = (registry) => registry.close()

/** @type {Case[]} */
const cases = [
  {
    name: 'a record in a Map',
    size: MANY,
    make: (specs) => new Map(specs.map((spec) => [spec.name, { ...spec }])),
  },
  { name: 'Moleculer endpoint', size: MANY, make: moleculerRegistry },
  {
    name: 'cockatiel breaker',
    size: FEW,
    make: (specs) =>
      specs.map(() => {
        const breaker = new cockatiel.ConsecutiveBreaker(5)
        return cockatiel.circuitBreaker(cockatiel.handleAll, { halfOpenAfter: 1_000, breaker })
      }),
  },
  { name: 'opossum', size: FEW, make: (specs) => breakers(specs, {}), close: shutdown },
  {
    name: 'opossum, fired once',
    size: FEW,
    make: (specs) => fireAll(breakers(specs, {})),
    close: shutdown,
  },
  {
    name: 'switchgear, never called',
    size: MANY,
    make: ServiceRegistry && registered,
    close: closeRegistry,
  },
  {
    name: 'switchgear, called once',
    size: FEW,
    make: ServiceRegistry && called,
    close: closeRegistry,
  },
]

/** Bytes per provider that stay after a collection; the specs are the user's and do not count. */
async function retained(/** @type {Case} */ { size, make, close }) {
  const specs = providers(size, 'round-robin')
  const before = await usedHeap()
  const made = await make?.(specs)
  const after = await usedHeap()
  await close?.(made)
  return (after - before) / specs.length
}

/** Twice, because the first collection only finds out what has a finalizer or a weak reference. */
async function usedHeap() {
  await settle()
  await settle()
  return process.memoryUsage().heapUsed
}

/** @type {Map<string, number[]>} */
const found = new Map()
for (let round = 0; round <= ROUNDS; round++) {
  for (const one of cases) {
    if (!one.make) continue
    const bytes = await retained(one)
    if (round > 0) found.set(one.name, [...(found.get(one.name) ?? []), bytes])
  }
}

/** @param {string} name */
const bytesOf = (name) => {
  const rounds = found.get(name)
  return rounds && median(rounds)
}
const floor = bytesOf('a record in a Map') ?? 1
const rows = cases.map(({ name }) => {
  const rounds = found.get(name)
  if (!rounds) return [name, 'not built', '', '']
  const bytes = median(rounds)
  return [
    name,
    `${digits(bytes)} B`,
    `${digits(Math.min(...rounds))} B`,
    `${digits(bytes / floor)} x`,
  ]
})

report('heap', {
  tables: [{ title: 'Heap per provider', head: ['case', 'median', 'min', 'to floor'], rows }],
  figures: {
    'P8.registered': bytesOf('switchgear, never called'),
    'P8.called': bytesOf('switchgear, called once'),
  },
  notes: [
    "Bytes that stay after garbage collection, per provider; the registration object and the instance are the user's and not counted.",
  ],
})
process.exit()
