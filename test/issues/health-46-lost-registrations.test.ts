import { expect, it } from 'vitest'
import { heartbeatProbe } from '../../src/index.js'
import { scene } from '../registry/scene.js'

it('pitfall 46: a sender whose registration is lost hears so at its next beat, and is back after registering', async () => {
  const { registry, clock } = scene({ health: { maxAgeMs: 0 } })
  const probe = heartbeatProbe({ timeoutMs: 5_000, clock })
  const register = () =>
    registry.register({ service: 'llm', name: 'a', provider: {}, health: { probe } })
  register()
  await registry.healthCheckAll()
  expect(probe.beat('a')).toBe(true)
  registry.clear()
  expect(probe.beat('a')).toBe(false)
  expect(registry.get('a')).toBeUndefined()
  register()
  expect(await registry.healthCheckAll()).toEqual({ '*.llm.a': true })
  expect(registry.get('a')?.health).toBe('healthy') // the beat that came between counts
  expect(probe.beat('a')).toBe(true)
})
