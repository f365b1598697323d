import { expect, it } from 'vitest'
import { never, scene, watch } from '../resolve/scene.js'

it('pitfall 21: the deadline of an attempt that timed out does not end the one after it', async () => {
  const { registry, clock } = scene<{ llm: (signal: AbortSignal) => Promise<string> }>({
    circuit: { timeoutMs: 100 },
  })
  registry.register({ service: 'llm', name: 'slow', provider: () => never })
  const signals: AbortSignal[] = []
  registry.register({
    service: 'llm',
    name: 'good',
    provider: async (signal) => {
      signals.push(signal)
      await clock.sleep(90)
      return 'the fallback’s answer'
    },
  })
  const seen = watch(
    registry.call('llm', {}, (llm, { signal }) => llm(signal), { timeoutMs: 1_000 }),
  )
  await clock.advance(190)
  expect(seen.value).toBe('the fallback’s answer')
  await clock.advance(10_000)
  expect(signals.map(({ aborted }) => aborted)).toEqual([false])
})
