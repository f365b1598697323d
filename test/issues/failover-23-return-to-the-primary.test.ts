import { expect, it } from 'vitest'
import { httpError, scene } from '../resolve/scene.js'

it('pitfall 23: calls return to the primary when it recovers: not earlier, and by one probe', async () => {
  const { registry, clock } = scene<{ llm: () => Promise<string> }>({
    circuit: { failureThreshold: 1, recoveryTimeoutMs: 1_000, successThreshold: 1 },
  })
  let up = false
  let asked = 0
  registry.register({
    service: 'llm',
    name: 'primary',
    priority: 'high',
    provider: async () => {
      asked += 1
      await clock.sleep(10)
      if (!up) throw httpError(500)
      return 'primary'
    },
  })
  registry.register({ service: 'llm', name: 'backup', provider: async () => 'backup' })
  const burst = async (): Promise<string[]> => {
    asked = 0
    const all = Promise.all(
      Array.from({ length: 10 }, () => registry.call('llm', {}, (llm) => llm())),
    )
    await clock.advance(20)
    return all
  }
  await clock.advance(100_000)
  expect(await burst()).toEqual(Array(10).fill('backup'))
  expect(asked).toBe(10)
  expect(await burst()).toEqual(Array(10).fill('backup'))
  expect(asked).toBe(0)
  await clock.advance(1_000)
  expect(await burst()).toEqual(Array(10).fill('backup'))
  expect(asked).toBe(1)
  up = true
  await clock.advance(1_000)
  expect(await burst()).toEqual(['primary', ...Array(9).fill('backup')])
  expect(asked).toBe(1)
  expect(await burst()).toEqual(Array(10).fill('primary'))
})
