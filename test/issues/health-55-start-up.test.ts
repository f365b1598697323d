import { expect, it } from 'vitest'
import { scene } from '../registry/scene.js'

it('pitfall 55: who waits for a service is served as soon as it appears, without asking again', async () => {
  const { registry, clock } = scene({ requiredServices: ['llm'] })
  let isDone = false
  const ready = registry.waitReady({ timeoutMs: 60_000 }).then((is) => {
    isDone = true
    return is
  })
  await clock.advance(5_000)
  expect([isDone, registry.missing()]).toEqual([false, ['llm']])
  registry.register({ service: 'llm', name: 'late', provider: {} })
  expect(await ready).toBe(true) // at the same instant: no time has passed
  expect(registry.missing()).toEqual([])
})

it('pitfall 55: one that is there and not yet well is asked again until it is', async () => {
  const { registry, clock } = scene({ health: { intervalMs: 1_000 } })
  let asked = 0
  const check = (): boolean => {
    asked += 1
    return asked > 3
  }
  registry.register({ service: 'llm', name: 'starts', provider: {}, health: { check } })
  const ready = registry.waitReady({ services: ['llm'], timeoutMs: 10_000 })
  await clock.advance(5_000)
  expect(await ready).toBe(true)
  expect(asked).toBe(4)
})

it('pitfall 55: the wait is bounded, and says what is missing', async () => {
  const requiredServices = ['llm', 'memory']
  const { registry, clock } = scene({ requiredServices, health: { intervalMs: 1_000 } })
  const check = (): boolean => false
  registry.register({ service: 'llm', name: 'down', provider: {}, health: { check } })
  const ready = registry.waitReady({ timeoutMs: 10_000 })
  await clock.advance(10_000)
  expect(await ready).toBe(false)
  expect(registry.missing()).toEqual(['llm', 'memory'])
})
