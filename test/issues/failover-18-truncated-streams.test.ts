import { expect, it } from 'vitest'
import { httpError, scene } from '../resolve/scene.js'

it('pitfall 18: a stream that breaks in the middle is a failure, not a silent success', async () => {
  const { registry, calls } = scene<{ llm: () => AsyncIterable<string> }>({
    circuit: { failureThreshold: 1 },
  })
  const error = httpError(502)
  registry.register({
    service: 'llm',
    name: 'a',
    async *provider() {
      yield 'half of'
      throw error
    },
  })
  const items: string[] = []
  const read = async (): Promise<void> => {
    for await (const item of registry.stream('llm', {}, (llm) => llm())) items.push(item)
  }
  await expect(read()).rejects.toBe(error)
  expect(items).toEqual(['half of'])
  expect(calls()).toEqual(['call.failed a'])
  expect(registry.circuit('a').state).toBe('open')
})
