import { silentLogger } from '../../src/core/logger.js'
import { ServiceRegistry } from '../../src/registry/registry.js'
import { Access } from '../../src/server/access.js'
import type { Change } from '../../src/server/entry.js'
import { locationPolicy } from '../../src/server/location.js'
import type { RegisterInput } from '../../src/server/operations.js'
import { type OperationsOptions, RegistryOperations } from '../../src/server/registry-operations.js'
import { FakeClock } from '../../src/testing/fake-clock.js'

/** 2026-11-21, so that times look like times. */
const start = 1_795_000_000_000

export function operationsOf(
  options: Partial<OperationsOptions> & { readonly operatorToken?: string } = {},
) {
  const clock = new FakeClock(start)
  const { operatorToken, ...rest } = options
  const registry = new ServiceRegistry({ clock })
  const operations = new RegistryOperations({
    registry,
    clock,
    access: new Access({ operatorToken }),
    logger: silentLogger,
    policy: locationPolicy(clock),
    heartbeatTimeoutMs: 60_000,
    healthCheckIntervalMs: 30_000,
    changesKept: 100,
    mostEntries: 1_000,
    observer: { observe() {} },
    ...rest,
  })
  return { clock, registry, operations }
}

export const service = (id: string, more: Partial<RegisterInput> = {}): RegisterInput => ({
  face: 'rest',
  id,
  name: `The ${id}`,
  agentType: 'unspecified',
  mode: 'embedded',
  location: '',
  capabilities: ['sing'],
  version: '1.0.0',
  namespace: 'default',
  cluster: 'local',
  metadata: {},
  ...more,
})

export const agent = (id: string, more: Partial<RegisterInput> = {}): RegisterInput =>
  service(id, {
    face: 'grpc',
    agentType: 'worker',
    mode: 'grpc',
    location: 'worker-1:8000',
    capabilities: ['python'],
    ...more,
  })

export const telemetry = (successRate: number, totalExecutions = 10) => ({
  successRate,
  avgDurationMs: 150,
  totalExecutions,
  failedExecutions: 0,
  lastExecutionAt: 0,
})

/** The next so many changes. */
export async function take(
  changes: AsyncIterator<Change>,
  count: number,
): Promise<readonly Change[]> {
  const taken: Change[] = []
  while (taken.length < count) {
    const { done, value } = await changes.next()
    if (done) break
    taken.push(value)
  }
  return taken
}
