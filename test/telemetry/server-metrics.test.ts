import { InvalidOptionsError, ServiceRegistry } from 'switchgear'
import { prometheus, serverMetrics } from 'switchgear/telemetry'
import { expect, it } from 'vitest'
import { parsed } from './parsed.js'

it('shows agents as they are at the scrape, and operations by result', async () => {
  const counts = [
    { agentType: 'WORKER', status: 'HEALTHY', count: 2 },
    { agentType: 'SCOUT', status: 'UNHEALTHY', count: 1 },
  ]
  const metrics = serverMetrics(() => counts)
  metrics.registered('ok')
  metrics.registered('refused')
  metrics.heartbeat('ok')
  metrics.discovered('failed')
  metrics.took('register', 0.003)
  const read = parsed(await metrics.register.metrics())
  expect(read.of('service_registry_agents_total')).toEqual({
    'agent_type=WORKER,status=HEALTHY': 2,
    'agent_type=SCOUT,status=UNHEALTHY': 1,
  })
  expect(read.of('service_registry_register_total')).toEqual({
    'result=ok': 1,
    'result=refused': 1,
    'result=failed': 0,
  })
  expect(read.of('service_registry_heartbeat_total')).toMatchObject({ 'result=ok': 1 })
  expect(read.of('service_registry_discover_total')).toMatchObject({ 'result=failed': 1 })
  expect(read.of('service_registry_latency_seconds_bucket')).toMatchObject({
    'le=0.0025,operation=register': 0,
    'le=0.005,operation=register': 1,
  })
  counts.pop()
  const later = parsed(await metrics.register.metrics())
  expect(Object.keys(later.of('service_registry_agents_total'))).toHaveLength(1)
})

it('keeps types of agents within bounds', async () => {
  const metrics = serverMetrics(function* () {
    for (let i = 0; i < 1_000; i++) yield { agentType: `t${i}`, status: 'HEALTHY', count: 1 }
  })
  const agents = parsed(await metrics.register.metrics()).of('service_registry_agents_total')
  expect(Object.keys(agents)).toHaveLength(201)
  expect(agents['agent_type=other,status=HEALTHY']).toBe(800)
})

it('shares a register with a registry, once', async () => {
  const registry = new ServiceRegistry()
  const { register } = prometheus(registry)
  const metrics = serverMetrics(() => [], register)
  expect(() => serverMetrics(() => [], register)).toThrow(InvalidOptionsError)
  const { names } = parsed(await register.metrics())
  expect(names).toContainEqual({ name: 'service_registry_agents_total', type: 'gauge' })
  expect(names).toContainEqual({ name: 'switchgear_calls_total', type: 'counter' })
  metrics.dispose()
  metrics.dispose()
  using _again = serverMetrics(() => [], register)
  await registry.close()
})
