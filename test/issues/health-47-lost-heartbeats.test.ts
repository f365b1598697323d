import { expect, it } from 'vitest'
import { heartbeatProbe } from '../../src/index.js'
import { scene } from '../registry/scene.js'

it('pitfall 47: one heartbeat that is late makes a suspect, which may still be chosen', async () => {
  const { registry, clock } = scene({ health: { maxAgeMs: 0 } })
  const probe = heartbeatProbe({ timeoutMs: 5_000, clock })
  registry.register({ service: 'llm', name: 'a', provider: {}, health: { probe } })
  probe.beat('a')
  await clock.advance(7_500)
  await registry.healthCheckAll()
  expect(registry.get('a')?.health).toBe('degraded')
  expect(registry.resolve('llm')?.provider).toBe('a')
  expect(registry.circuit('a').stats.consecutiveFailures).toBe(0)
})

it('pitfall 47: a heartbeat carries what the provider knows of itself', async () => {
  const { registry, clock } = scene({ health: { maxAgeMs: 0 } })
  const probe = heartbeatProbe({ timeoutMs: 5_000, clock })
  registry.register({ service: 'llm', name: 'a', provider: {}, health: { probe } })
  probe.beat('a', { status: 'degraded', version: '2.1', models: ['m'], limits: { free_slots: 1 } })
  await registry.healthCheckAll()
  expect(registry.get('a')).toMatchObject({
    health: 'degraded',
    version: '2.1',
    models: ['m'],
    limits: { free_slots: 1 },
  })
})

it('pitfall 47: heartbeats of 1,000 providers cost one look each, not one of each other', async () => {
  const { registry, clock } = scene({ health: { maxAgeMs: 0 } })
  const probe = heartbeatProbe({ timeoutMs: 5_000, clock })
  let asked = 0
  const check: typeof probe.check = (...args) => {
    asked += 1
    return probe.check(...args)
  }
  const health = { probe: { name: 'counted', check } }
  for (let i = 0; i < 1_000; i += 1)
    registry.register({ service: 'llm', name: `p${i}`, provider: {}, health })
  for (let i = 0; i < 1_000; i += 1) probe.beat(`p${i}`)
  await registry.healthCheckAll()
  expect(asked).toBe(1_000)
  expect(registry.list().every((one) => one.health === 'healthy')).toBe(true)
})
