import { expect, it } from 'vitest'
import { scene } from '../resolve/scene.js'

it('pitfall 27: when the first provider answers, nobody else is asked: not before, not after', async () => {
  interface Llm {
    ask(): Promise<string | undefined>
    now(): number
    read(): AsyncIterable<string>
  }
  const { registry, clock, calls } = scene<{ llm: Llm }>()
  let others = 0
  const provider = (count: () => void): Llm => ({
    async ask() {
      count()
      await clock.sleep(29_999)
      return undefined
    },
    now() {
      count()
      return 0
    },
    async *read() {
      count()
      yield 'text'
    },
  })
  registry.register({ service: 'llm', name: 'first', provider: provider(() => {}) })
  registry.register({
    service: 'llm',
    name: 'second',
    provider: provider(() => {
      others += 1
    }),
  })
  const client = registry.client('llm')
  const answer = client.ask()
  expect(client.now()).toBe(0)
  for await (const _ of client.read());
  for await (const _ of registry.stream('llm', {}, (llm) => llm.read()));
  await clock.advance(29_999)
  expect(await answer).toBeUndefined()
  await clock.advance(1_000_000)
  expect(others).toBe(0)
  expect(calls()).toEqual(Array(4).fill('call.succeeded first'))
})
