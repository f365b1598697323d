// @ts-check
import { agentClient } from './agents.js'
import { report } from './measure.js'
import { started } from './serving/child.js'
import { asked, head, rowsOf, times, work } from './serving/load.js'

const SIZE = 10_000
const CONNECTIONS = 4

const ours = await started('ours.js', String(SIZE))
const bare = await started('bare-grpc.js')

/** @param {string} url */
const clients = (url) => Array.from({ length: CONNECTIONS }, () => agentClient(url))
const atOurs = clients(ours.urls.grpc)
const atBare = clients(bare.urls.grpc)
const idOf = (/** @type {number} */ i) =>
  `00000000-0000-4000-8000-${String((i * 7_919) % SIZE).padStart(12, '0')}`
const telemetry = {
  success_rate: 0.9,
  avg_duration_ms: 100,
  total_executions: 10,
  failed_executions: 1,
}

/** @param {string} name @param {string} method @param {(i: number) => object} toMessage */
async function question(name, method, toMessage) {
  const answer = await atOurs[0].call(method, toMessage(0))
  /** @param {ReturnType<typeof clients>} some */
  const sending = (some) => (/** @type {number} */ i) =>
    some[i % CONNECTIONS].call(method, toMessage(i))
  return {
    name,
    ours: { server: ours, send: sending(atOurs) },
    bare: { server: bare, before: () => bare.ask({ method, answer }), send: sending(atBare) },
  }
}

const results = await asked([
  await question('discover, 30 of 10,000 have it, 5 given', 'DiscoverAgents', (i) => ({
    capabilities: [`can-${i % 1_000}`],
  })),
  await question('discover, two capabilities', 'DiscoverAgents', (i) => ({
    capabilities: [`can-${(i * 3) % 999}`, 'every'],
  })),
  await question('get', 'GetAgent', (i) => ({ agent_id: idOf(i) })),
  await question('heartbeat with telemetry', 'Heartbeat', (i) => ({
    agent_id: idOf(i),
    telemetry,
  })),
  await question('register, in memory', 'Register', (i) => ({
    agent_type: 1,
    capabilities: ['registered', `can-${i % 1_000}`],
    metadata: { agent_id: `bench-${i % SIZE}`, region: 'eu-west' },
    telemetry,
  })),
])

for (const client of [...atOurs, ...atBare]) client.close()
for (const server of [ours, bare]) await server.stop()

const [discover] = results
report('grpc', {
  tables: [
    {
      title: `${SIZE.toLocaleString('en-US')} agents, 64 calls in flight on ${CONNECTIONS} connections`,
      head,
      rows: rowsOf(results),
    },
  ],
  figures: {
    'P14.grpc': times(discover.ours, discover.bare),
    'P14.grpc.work': work(discover.ours, discover.bare),
  },
  notes: [
    'Bare is a server of the same library (grpc-js) and messages, which answers at once with the answer that ours gave, asked the same by the same client, round by round in turn; each has a process of its own.',
    'Work is processor time of the server per call. The client costs more than a bare server: where both are bounded by it, the ratio of work says more.',
  ],
})
process.exit()
