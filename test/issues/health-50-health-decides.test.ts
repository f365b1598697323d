import { expect, it } from 'vitest'
import type { CheckAnswer } from '../../src/index.js'
import { picks, scene } from '../registry/scene.js'

it.each<[CheckAnswer, string]>([
  [true, 'first'],
  [{ status: 'degraded' }, 'first'],
  [{ status: 'unknown' }, 'first'],
  [{ status: 'loading' }, 'second'],
  [{ status: 'unhealthy' }, 'second'],
  [false, 'second'],
])('pitfall 50: what a check says decides where the next call goes: %j', async (answer, chosen) => {
  const made = scene()
  const { registry } = made
  const check = (): CheckAnswer => answer
  registry.register({
    service: 'llm',
    name: 'first',
    priority: 'high',
    provider: {},
    health: { check },
  })
  registry.register({ service: 'llm', name: 'second', provider: {} })
  expect(picks(made, 1)).toEqual(['first'])
  await registry.healthCheckAll()
  expect(picks(made, 3)).toEqual(Array(3).fill(chosen))
  expect(registry.explain('llm').chosen).toBe(chosen)
})
