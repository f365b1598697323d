import fc from 'fast-check'
import { expect, it } from 'vitest'
import { httpError, scene, watch } from '../resolve/scene.js'

it('pitfall 19: whatever breaks where, nothing is ever said twice', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(fc.nat(4), { nil: undefined }), { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (breaks, promised) => {
        const { registry, clock } = scene<{ llm: () => unknown }>()
        const text = ['The ', 'answer ', 'is ', '42.']
        for (const [at, after] of breaks.entries()) {
          const read = async function* () {
            for (const [part, word] of text.entries()) {
              if (part === after) throw httpError(500)
              yield `${at}:${word}`
            }
          }
          registry.register({
            service: 'llm',
            name: `p${at}`,
            provider: promised ? async () => read() : read,
          })
        }
        const heard: string[] = []
        const read = async (): Promise<void> => {
          const stream = registry.stream('llm', {}, (llm) => llm() as AsyncIterable<string>)
          for await (const word of stream) heard.push(word)
        }
        const seen = watch(read())
        await clock.advance(60_000)
        expect(seen.state).not.toBe('pending')
        const speakers = new Set(heard.map((word) => word.split(':')[0]))
        expect(speakers.size).toBeLessThanOrEqual(1)
        const words = heard.map((word) => word.split(':')[1])
        expect(words).toEqual(text.slice(0, words.length))
        if (seen.state === 'fulfilled') expect(words).toEqual(text)
      },
    ),
    { seed: 19, numRuns: 150 },
  )
})
