import { AllProvidersFailedError } from 'switchgear'
import { expect, it } from 'vitest'
import { httpError, scene, watch } from '../resolve/scene.js'

it('pitfall 26: no provider is tried twice while another is eligible', async () => {
  const { registry, clock } = scene<{ llm: () => Promise<never> }>()
  const asked: string[] = []
  for (const name of ['a', 'b', 'c', 'd'])
    registry.register({
      service: 'llm',
      name,
      strategy: 'round-robin',
      provider: async () => {
        asked.push(name)
        throw httpError(500)
      },
    })
  const seen = watch(registry.call('llm', {}, (llm) => llm(), { attempts: 4 }))
  await clock.advance(60_000)
  expect(seen.error).toBeInstanceOf(AllProvidersFailedError)
  expect([...asked].sort()).toEqual(['a', 'b', 'c', 'd'])
})

it('pitfall 26: providers that fall back on each other end with the budget, not with the memory', async () => {
  const { registry, clock } = scene<{ a: () => Promise<never>; b: () => Promise<never> }>({
    services: { a: { idempotent: true }, b: { idempotent: true } },
    circuit: { failureThreshold: 1_000 },
  })
  let asked = 0
  const other = { a: 'b', b: 'a' } as const
  for (const service of ['a', 'b'] as const)
    for (const name of ['1', '2'])
      registry.register({
        service,
        name: `${service}${name}`,
        provider: async () => {
          asked += 1
          if (asked > 100) throw httpError(500)
          return asked % 3 === 0
            ? registry.call(other[service], {}, (next) => next())
            : Promise.reject(httpError(500))
        },
      })
  const seen = watch(registry.call('a', {}, (a) => a(), { attempts: 5 }))
  await clock.advance(600_000)
  expect(seen.state).toBe('rejected')
  expect(asked).toBeLessThanOrEqual(10)
})
