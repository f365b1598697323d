import { expect, it } from 'vitest'
import { httpError, scene } from '../resolve/scene.js'

it('pitfall 17: an error inside a stream that began well triggers fail-over before any content', async () => {
  const { registry, calls } = scene<{ llm: () => Promise<AsyncIterable<string>> }>()
  registry.register({
    service: 'llm',
    name: 'azure',
    provider: async () =>
      (async function* (): AsyncGenerator<string> {
        yield* []
        throw httpError(429)
      })(),
  })
  registry.register({
    service: 'llm',
    name: 'other',
    provider: async () =>
      (async function* () {
        yield 'fine'
      })(),
  })
  const items: string[] = []
  for await (const item of registry.stream('llm', {}, (llm) => llm())) items.push(item)
  expect(items).toEqual(['fine'])
  for await (const item of await registry.client('llm')()) items.push(item)
  expect(items).toEqual(['fine', 'fine'])
  expect(calls()).toEqual(['call.failed azure', 'call.succeeded other', 'call.succeeded other'])
})
