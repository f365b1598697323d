import { expect, it } from 'vitest'
import { never, scene, watch } from '../resolve/scene.js'

it('pitfall 20: a stream that stalls ends, before its first item and between two', async () => {
  const { registry, clock } = scene<{ llm: () => AsyncIterable<string> }>()
  for (const [name, words] of [
    ['mute', []],
    ['stuck', ['well']],
  ] as const)
    registry.register({
      service: 'llm',
      name,
      async *provider() {
        yield* words
        await never
      },
    })
  const heard: string[] = []
  const read = async (): Promise<void> => {
    for await (const word of registry.stream('llm', {}, (llm) => llm())) heard.push(word)
  }
  const seen = watch(read())
  await clock.advance(30_000)
  expect(heard).toEqual(['well'])
  await clock.advance(30_000)
  expect(seen.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT', limit: 'idle' })
  expect(registry.circuit('mute').stats.timeouts).toBe(1)
  expect(registry.circuit('stuck').stats.timeouts).toBe(1)
})
