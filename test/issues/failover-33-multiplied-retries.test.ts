import { expect, it } from 'vitest'
import { httpError, scene, watch } from '../resolve/scene.js'

it('pitfall 33: retries of three nested layers do not multiply: 3 requests, not 27', async () => {
  type Layer = () => Promise<unknown>
  const { registry, clock } = scene<{ agent: Layer; tool: Layer; llm: Layer }>({
    services: { agent: { idempotent: true }, tool: { idempotent: true } },
    circuit: { failureThreshold: 1_000 },
  })
  let requests = 0
  for (const name of ['1', '2', '3']) {
    const tool = registry.client('tool')
    const llm = registry.client('llm', {}, { attempts: 3 })
    registry.register({ service: 'agent', name: `agent${name}`, provider: async () => tool() })
    registry.register({ service: 'tool', name: `tool${name}`, provider: async () => llm() })
    registry.register({
      service: 'llm',
      name: `llm${name}`,
      provider: async () => {
        requests += 1
        await clock.sleep(1)
        throw httpError(503)
      },
    })
  }
  const seen = watch(registry.client('agent')())
  await clock.advance(600_000)
  expect(seen.state).toBe('rejected')
  expect(requests).toBe(3)
})
