import { expect, it } from 'vitest'
import { httpError, scene } from '../resolve/scene.js'

it.each(['fallback', 'round-robin'] as const)(
  'pitfall 24: with the primary down every one of many parallel calls reaches the backup: %s',
  async (strategy) => {
    const { registry, clock } = scene<{ llm: { ask(): Promise<string> } }>({
      circuit: { failureThreshold: 1_000 },
    })
    registry.register({
      service: 'llm',
      name: 'primary',
      strategy,
      provider: {
        ask: async () => {
          await clock.sleep(5)
          throw httpError(500)
        },
      },
    })
    registry.register({
      service: 'llm',
      name: 'backup',
      provider: {
        ask: async () => {
          await clock.sleep(5)
          return 'backup'
        },
      },
    })
    const client = registry.client('llm')
    const answers = Promise.all([
      ...Array.from({ length: 50 }, () => client.ask()),
      ...Array.from({ length: 50 }, () => registry.call('llm', {}, (llm) => llm.ask())),
    ])
    await clock.advance(20)
    expect(await answers).toEqual(Array(100).fill('backup'))
  },
)
