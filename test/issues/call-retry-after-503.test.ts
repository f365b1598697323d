import { expect, it } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { FakeClock } from '../../src/testing/index.js'

const unavailable = (retryAfter: string): Error =>
  Object.assign(new Error('overloaded'), { status: 503, headers: { 'retry-after': retryAfter } })

it('a lone provider that answers 503 with Retry-After is not asked again before that', async () => {
  const clock = new FakeClock()
  const registry = new ServiceRegistry<{ llm: { ask(): Promise<string> } }>({ clock })
  const askedAt: number[] = []
  const provider = {
    async ask(): Promise<string> {
      askedAt.push(clock.nowMs)
      if (askedAt.length === 1) throw unavailable('7')
      return 'fine'
    },
  }
  registry.register({ service: 'llm', name: 'only', provider })
  const answer = registry.client('llm').ask()
  await clock.advance(6_999)
  expect(askedAt).toEqual([0])
  await clock.advance(1)
  expect(await answer).toBe('fine')
  expect(askedAt).toEqual([0, 7_000])
})

it('and moves on at once while another is there', async () => {
  const clock = new FakeClock()
  const registry = new ServiceRegistry<{ llm: { ask(): Promise<string> } }>({ clock })
  registry.register({
    service: 'llm',
    name: 'busy',
    provider: {
      async ask() {
        throw unavailable('60')
      },
    },
  })
  registry.register({
    service: 'llm',
    name: 'free',
    provider: {
      async ask() {
        return 'fine'
      },
    },
  })
  expect(await registry.client('llm').ask()).toBe('fine')
})
