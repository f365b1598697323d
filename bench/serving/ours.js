// @ts-check
import { createServer } from 'switchgear/server'
import { fileStore } from 'switchgear/store'
import { answering } from './child.js'

/** Our server with so many services, and both faces; with a path, it keeps them in a file. */
const [size = '10000', path] = process.argv.slice(2)

const server = await createServer({
  port: 0,
  grpc: { port: 0 },
  mostEntries: 1_000_000,
  heartbeatTimeoutMs: 3_600_000, // nobody runs out meanwhile
  ...(path && { store: fileStore(path) }),
})
const caller = { from: 'bench' }
for (let i = 0; i < Number(size); i += 100)
  await Promise.all(
    Array.from({ length: 100 }, (_, j) => server.operations.register(service(i + j), caller)),
  )

answering(server.urls)

/** Each of 1,000 capabilities is that of 30, and one is that of all. @param {number} i @returns {any} */
function service(i) {
  return {
    face: 'grpc',
    id: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    name: `Service ${i}`,
    agentType: 'worker',
    mode: 'embedded',
    location: '',
    capabilities: ['every', ...[0, 1, 2].map((k) => `can-${(i * 3 + k) % 1_000}`)],
    version: '1.0.0',
    namespace: 'default',
    cluster: 'local',
    metadata: { region: 'eu-west', owner: 'team' },
    telemetry: {
      successRate: 0.9,
      avgDurationMs: 100,
      totalExecutions: 10,
      failedExecutions: 1,
      lastExecutionAt: 0,
    },
  }
}
