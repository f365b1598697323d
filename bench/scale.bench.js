// @ts-check
import { digits, duration, report } from './measure.js'
import { hasRedis } from './redis-server.js'
import { measure } from './scale/constants.js'
import { simulate } from './scale/simulate.js'

if (!hasRedis) {
  console.error('redis-server is not installed: the constants cannot be measured')
  process.exit()
}

const INTERVAL_MS = 30_000
const HISTORY = 10_000

const cost = await measure()
const count = (/** @type {number} */ n) => Math.round(n).toLocaleString('en-US')
const us = (/** @type {number} */ n) => `${digits(n)} us`
const mega = (/** @type {number} */ n) =>
  n < 2 ** 30 ? `${digits(n / 2 ** 20)} MiB` : `${digits(n / 2 ** 30)} GiB`
const ms = (/** @type {number} */ n) => duration(n * 1e6)

/** Of a core, to follow what the others write. */
const nodeLoad = (
  /** @type {{ groupsPerSecond: number, changesPerSecond: number }} */ {
    groupsPerSecond: groups,
    changesPerSecond: changes,
  },
) => (groups * cost.nodeGroupUs + (changes - groups) * cost.nodeChangeUs) / 1e6

/** Signs of life a second. */
const due = (/** @type {{ providers: number }} */ { providers }) => (providers / INTERVAL_MS) * 1e3

/** All that is due is written. */
const keepsUp = (/** @type {{ providers: number, changesPerSecond: number }} */ cell) =>
  cell.changesPerSecond > due(cell) * 0.98

/** Providers and nodes of one Redis. Few seconds where there are many: it is steady, or hopeless, at once. */
const cells = [
  [10_000, 10],
  [10_000, 100],
  [100_000, 3],
  [100_000, 10],
  [100_000, 100],
  [100_000, 1_000],
  [1_000_000, 10],
  [1_000_000, 100],
  [1_000_000, 10_000],
].map(([providers, nodes]) => {
  const seconds = providers >= 1_000_000 ? 5 : 20
  return {
    providers,
    nodes,
    ...simulate({ providers, nodes, intervalMs: INTERVAL_MS, seconds }, cost),
  }
})

/** One million providers and 10,000 nodes, cut into equal cells. */
const cuts = [1, 10, 100, 1_000].map((parts) => {
  const [providers, nodes] = [1_000_000 / parts, 10_000 / parts]
  const seconds = providers >= 100_000 ? 5 : 20
  return {
    parts,
    providers,
    nodes,
    ...simulate({ providers, nodes, intervalMs: INTERVAL_MS, seconds }, cost),
  }
})

/** What who was away has to do: replay the log, or read all anew. */
const away = [10, 60, 600].flatMap((seconds) =>
  cells
    .filter((cell) => keepsUp(cell) && (cell.nodes === 10 || cell.nodes === 100))
    .map(({ providers, nodes, groupsPerSecond, changesPerSecond }) => {
      const groups = groupsPerSecond * seconds
      const isInLog = groups <= HISTORY
      // Several changes of a record are read once.
      const changes = Math.min(changesPerSecond * seconds, providers)
      const redisUs = isInLog ? changes * cost.fieldUs + groups : providers * cost.scanUs
      const nodeUs = isInLog ? changes * cost.nodeChangeUs : providers * cost.nodeStartUs
      return [
        `${count(providers)} providers, ${nodes} nodes, ${seconds} s`,
        count(groups),
        isInLog ? 'replay' : 'read anew',
        ms(nodeUs / 1e3),
        ms(redisUs / 1e3),
        ms((redisUs * nodes) / 1e3),
      ]
    }),
)

const rowOf = (/** @type {(typeof cells)[number]} */ cell) => {
  const lasts = keepsUp(cell)
  return [
    `${count(cell.changesPerSecond)} of ${count(due(cell))}`,
    count(cell.groupsPerSecond),
    digits(cell.perGroup),
    `${digits(Math.min(1, cell.load) * 100)} %`,
    lasts ? `${digits(nodeLoad(cell) * 100)} %` : '',
    lasts ? ms(cell.p50Ms) : 'falls behind',
    lasts ? ms(cell.p99Ms) : '',
    lasts ? `${count(HISTORY / cell.groupsPerSecond)} s` : '',
  ]
}
const simulated = [
  'changes/s of those due',
  'groups/s',
  'changes per group',
  'Redis',
  'each node',
  'written and seen after, p50',
  'p99',
  `${count(HISTORY)} groups last`,
]

report('scale', {
  tables: [
    {
      title: 'Constants, measured',
      head: ['what', 'costs'],
      rows: [
        ['Redis: a group of one change', us(cost.writeGroupUs)],
        ['Redis: a change in a large group', us(cost.writeChangeUs)],
        ['Redis: waking one reader for one group', us(cost.wakeUs)],
        ['Redis: reading one record, a call each', us(cost.callUs)],
        ['Redis: reading one record, 100 in a call', us(cost.fieldUs)],
        ['Redis: one provider of a node that reads all', us(cost.scanUs)],
        ['node that writes: a group of one change', us(cost.ownGroupUs)],
        ['node that writes: a change in a large group', us(cost.ownChangeUs)],
        ['node that follows: a group of one change', us(cost.nodeGroupUs)],
        ['node that follows: a change in a large group', us(cost.nodeChangeUs)],
        ['node that starts: one provider', us(cost.nodeStartUs)],
        ['Redis: memory of one provider with its lease', `${digits(cost.recordBytes)} B`],
        ['Redis: memory of one group in the log', `${digits(cost.logBytes)} B`],
        ['node: heap of one provider with its lease', `${digits(cost.heapBytes)} B`],
      ],
    },
    {
      title: 'One Redis, a sign of life each 30 s, simulated',
      head: ['providers and nodes', ...simulated],
      rows: cells.map((cell) => [
        `${count(cell.providers)} by ${count(cell.nodes)}`,
        ...rowOf(cell),
      ]),
    },
    {
      title: '1,000,000 providers and 10,000 nodes in cells, simulated',
      head: ['cells', 'each', ...simulated],
      rows: cuts.map((cut) => [
        count(cut.parts),
        `${count(cut.providers)} by ${count(cut.nodes)}`,
        ...rowOf(cut),
      ]),
    },
    {
      title: 'After a partition, computed',
      head: [
        'cell and time away',
        'groups missed',
        'how',
        'node',
        'Redis, one node',
        'Redis, all nodes',
      ],
      rows: away,
    },
    {
      title: 'Memory, computed',
      head: ['providers', 'each node', 'Redis', 'log'],
      rows: [10_000, 100_000, 1_000_000].map((n) => [
        count(n),
        mega(n * cost.heapBytes),
        mega(n * cost.recordBytes),
        mega(HISTORY * cost.logBytes),
      ]),
    },
  ],
  notes: [
    'Constants are processor time on this machine, of a real redis-server and of real nodes with 10,000 providers; waking is measured with 200 readers that wait.',
    'Simulated: Redis does one thing at a time and is not shared with others; 0.5 ms of network there and back; a node writes one group at a time. A group is its script, and for each other node a wake-up and a read of what it holds. "Redis" is how busy it is. When it is too slow groups grow, which costs less for each change; a cell falls behind when that is not enough. What nodes do with what they read is not part of it: "each node" is computed, the share of one core that following takes; an upper bound, for a node that is behind reads many groups at once. Far above 100 % it falls behind although Redis does not.',
    'Computed: constants times counts.',
  ],
})
process.exit()
