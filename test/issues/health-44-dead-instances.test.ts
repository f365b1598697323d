import { expect, it } from 'vitest'
import { heartbeatProbe } from '../../src/index.js'
import { scene } from '../registry/scene.js'

it('pitfall 44: an instance that died without a word is chosen no more, and one that left is not listed', async () => {
  const { registry, clock } = scene({ health: { intervalMs: 1_000, fall: 1 } })
  const probe = heartbeatProbe({ timeoutMs: 5_000, clock })
  for (const name of ['lives', 'dies', 'leaves'])
    registry.register({ service: 'llm', name, provider: { name }, health: { probe } })
  await registry.start()
  for (let second = 0; second < 15; second += 1) {
    probe.beat('lives')
    if (second === 0) for (const name of ['dies', 'leaves']) probe.beat(name)
    if (second === 1) registry.unregister('leaves')
    await clock.advance(1_000)
  }
  expect(registry.list().map(({ name, health }) => `${name} ${health}`)).toEqual([
    'lives healthy',
    'dies unhealthy',
  ])
  for (let i = 0; i < 10; i += 1) expect(registry.resolve('llm')?.provider).toBe('lives')
  await registry.close()
})
