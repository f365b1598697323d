import { expect, it } from 'vitest'
import { httpError, scene } from '../resolve/scene.js'

it('pitfall 28: one primary and one fallback get a circuit each: an outage costs a few calls, not all', async () => {
  const { registry, calls } = scene<{ llm: () => Promise<string> }>()
  let asked = 0
  registry.register({
    service: 'llm',
    name: 'primary',
    group: 0,
    provider: async () => {
      asked += 1
      throw httpError(500)
    },
  })
  registry.register({
    service: 'llm',
    name: 'fallback',
    group: 1,
    provider: async () => 'fallback',
  })
  for (let call = 0; call < 100; call++)
    expect(await registry.call('llm', {}, (llm) => llm())).toBe('fallback')
  expect(asked).toBe(5)
  expect(calls().filter((call) => call === 'call.refused primary')).toEqual([])
})

it('pitfall 28: a single provider gets a circuit too', async () => {
  const { registry } = scene<{ llm: () => Promise<never> }>()
  let asked = 0
  registry.register({
    service: 'llm',
    name: 'only',
    provider: async () => {
      asked += 1
      throw httpError(500)
    },
  })
  const once = { attempts: 1 }
  for (let call = 0; call < 20; call++)
    await registry.call('llm', {}, (llm) => llm(), once).catch(() => {})
  expect(asked).toBe(5)
})
