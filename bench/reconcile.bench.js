// @ts-check
import { compare, digits, duration, median, ratio, report, timings } from './measure.js'
import { ServiceRegistry } from './ours.js'
import { SERVICES, seeded } from './world.js'

/*
 * A source gives view after view of all it sees, each made of new objects, as when it is parsed
 * from an answer; one provider in a hundred is another than in the view before.
 */
const SIZES = [1_000, 10_000, 100_000]
const CHANGED = 0.01
const FEATURES = ['chat', 'vision', 'embeddings', 'rerank']

/** @typedef {import('./measure.js').Case} Case */
/**
 * @typedef {{ name: string, service: string, address: string, version: string, models: string[],
 *   capabilities: string[], metadata: { zone: string, slots: number } }} Sighting
 */

/** @param {number} i @returns {Sighting} */
const sighting = (i) => ({
  name: `backend-${i}@10.0.${(i >> 8) & 255}.${i & 255}:8080`,
  service: SERVICES[i % SERVICES.length],
  address: `http://10.0.${(i >> 8) & 255}.${i & 255}:8080`,
  version: '1.0.0',
  models: [`model-${i % 50}`, `model-${(i * 7) % 50}`],
  capabilities: [FEATURES[i % 4], FEATURES[(i + 1) % 4]],
  metadata: { zone: `zone-${i % 3}`, slots: 4 },
})

/** Views of so many providers; each next one differs in one of a hundred. @param {number} size */
function views(size) {
  const random = seeded(size)
  const all = Array.from({ length: size }, (_, i) => sighting(i))
  let count = 0
  return {
    changes: Math.round(size * CHANGED),
    first: () => structuredClone(all),
    next() {
      const start = random(size)
      count += 1
      for (let i = 0; i < size * CHANGED; i++) {
        const at = (start + i * 97) % size
        all[at] = { ...all[at], version: `1.${count}.0` }
      }
      return structuredClone(all)
    },
  }
}

/** A source that gives what it is told to; resolves when the view has been taken over. */
function hand() {
  /** @type {((view: any) => void) | undefined} */
  let take
  /** @type {() => void} */
  let taken = () => {}
  return {
    source: {
      name: 'bench',
      async *watch() {
        for (;;) {
          const view = await new Promise((resolve) => {
            take = resolve
            taken()
          })
          yield view
        }
      },
    },
    /** @param {Sighting[]} view */
    give: (view) =>
      new Promise((resolve) => {
        taken = () => resolve(undefined)
        take?.(view)
      }),
  }
}

/** A registry that has taken over the first view, and what it tells from then on. @param {number} size */
async function ours(size) {
  const { source, give } = hand()
  const registry = new ServiceRegistry({ sources: [source] })
  const told = { events: 0, views: 0 }
  for (const type of ['added', 'changed', 'removed', 'health-changed'])
    registry.on(`provider.${type}`, () => {
      told.events += 1
    })
  await registry.start()
  const seen = views(size)
  await give(seen.first())
  const found = registry.list().length
  if (found !== size) throw new Error(`${found} of ${size} providers`)
  told.events = 0
  return { registry, give, seen, told }
}

/** @param {Sighting[]} view @param {Map<string, Sighting>} known @param {(a: Sighting, b: Sighting) => boolean} same */
function diff(view, known, same) {
  let changed = 0
  const names = new Set()
  for (const one of view) {
    names.add(one.name)
    const before = known.get(one.name)
    if (before !== undefined && same(before, one)) continue
    known.set(one.name, one)
    changed += 1
  }
  for (const name of known.keys()) if (!names.has(name)) known.delete(name)
  return changed
}

/** @param {readonly string[]} a @param {readonly string[]} b */
const sameList = (a, b) => a.length === b.length && a.every((one, i) => one === b[i])

/** What is the least that can be done: field by field, knowing the fields. @param {Sighting} a @param {Sighting} b */
const sameFields = (a, b) =>
  a.service === b.service &&
  a.address === b.address &&
  a.version === b.version &&
  sameList(a.models, b.models) &&
  sameList(a.capabilities, b.capabilities) &&
  a.metadata.zone === b.metadata.zone &&
  a.metadata.slots === b.metadata.slots

/** @param {Sighting} a @param {Sighting} b */
const sameText = (a, b) => JSON.stringify(a) === JSON.stringify(b)

/** @param {number} size @param {(a: Sighting, b: Sighting) => boolean} same @returns {Omit<Case, 'name'>} */
function floor(size, same) {
  const seen = views(size)
  /** @type {Map<string, Sighting>} */
  const known = new Map()
  diff(seen.first(), known, same)
  return { most: 1, input: () => seen.next(), run: (_, view) => diff(view, known, same) }
}

/** @param {number} size @param {string} name */
const label = (size, name) => `${size.toLocaleString('en-US')}: ${name}`

/** @type {Case[]} */
const cases = []
const counted = []
for (const size of SIZES) {
  const one = await ours(size)
  const still = await ours(size)
  const same = still.seen.next()
  await still.give(same)
  still.told.events = 0
  counted.push({ size, one, still })
  cases.push(
    { name: label(size, 'a Map, field by field'), ...floor(size, sameFields) },
    { name: label(size, 'a Map, by JSON'), ...floor(size, sameText) },
    {
      name: label(size, 'switchgear, 1 % changed'),
      most: 1,
      input: () => one.seen.next(),
      run: async (_, view) => {
        await one.give(view)
        one.told.views += 1
        return one.told.events
      },
    },
    {
      name: label(size, 'switchgear, nothing changed'),
      most: 1,
      input: () => structuredClone(same),
      run: async (_, view) => {
        await still.give(view)
        still.told.views += 1
        return still.told.events
      },
    },
  )
}
const results = await compare(cases, 5)

const table = timings('A view', cases, results, (name) =>
  name.replace(/: .*/, ': a Map, field by field'),
)
const perProvider = cases.map(({ name }) => {
  const size = Number(name.replace(/:.*/, '').replaceAll(',', ''))
  return [name, duration(median(results.get(name)?.rounds ?? []) / size)]
})
const events = counted.flatMap(({ size, one, still }) => [
  [label(size, '1 % changed'), digits(one.told.events / one.told.views), digits(one.seen.changes)],
  [label(size, 'nothing changed'), digits(still.told.events / still.told.views), '0'],
])
/** @param {string} name */
const growth = (name) => {
  const grown = ratio(results, label(100_000, name), label(1_000, name))
  return grown && grown / 100
}
const stray = counted.map(
  ({ one, still }) =>
    Math.abs(one.told.events / one.told.views - one.seen.changes) + still.told.events,
)

report('reconcile', {
  tables: [
    table,
    { title: 'For each provider of the view', head: ['case', 'median'], rows: perProvider },
    { title: 'Events', head: ['case', 'events per view', 'changes per view'], rows: events },
  ],
  figures: {
    'R.floor': ratio(
      results,
      label(10_000, 'switchgear, 1 % changed'),
      label(10_000, 'a Map, by JSON'),
    ),
    'R.size': growth('switchgear, 1 % changed'),
    'R.events': Math.max(...stray),
  },
  notes: [
    `Each view is made of new objects, outside the clock. ${CHANGED * 100} % of the providers have another version in each next view.`,
    'The floors know each field beforehand, check nothing and tell nobody; ours takes nothing a source says on trust.',
    `The floor itself costs ${digits(growth('a Map, field by field') ?? 0)} times as much for each provider at 100,000 as at 1,000.`,
  ],
})
process.exit()
