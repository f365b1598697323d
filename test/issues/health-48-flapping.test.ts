import fc from 'fast-check'
import { expect, it } from 'vitest'
import { scene } from '../registry/scene.js'

it('pitfall 48: the monitor takes nobody out before `fall` failures in a row, nor back before `rise` passes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      async (answers, rise, fall) => {
        const circuit = { failureThreshold: 1_000 }
        const { registry, clock } = scene({ circuit, health: { intervalMs: 1_000, rise, fall } })
        const asked: boolean[] = []
        const check = (): boolean => {
          const answer = answers[asked.length] ?? true
          asked.push(answer)
          return answer
        }
        registry.register({ service: 'llm', name: 'a', provider: {}, health: { check } })
        let isOut = false
        const turns: (readonly boolean[])[] = []
        registry.on('provider.health-changed', ({ health }) => {
          if ((health === 'unhealthy') === isOut) return
          isOut = health === 'unhealthy'
          turns.push(isOut ? asked.slice(-fall) : asked.slice(-rise))
        })
        await registry.start()
        while (asked.length < answers.length) await clock.advance(1_000)
        for (const [at, last] of turns.entries()) {
          const isBack = at % 2 === 1 // out, in, out
          expect(last).toEqual(Array(isBack ? rise : fall).fill(isBack))
        }
        const failing = asked.slice(-fall)
        if (failing.length === fall && !failing.includes(true)) expect(isOut).toBe(true)
        await registry.close()
      },
    ),
    { numRuns: 50 },
  )
})
