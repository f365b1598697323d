import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backends } from '../../../src/testing/backends/all.js'
import type { Backend } from '../../../src/testing/backends/route.js'
import { fake, fingerprintOf, questions } from './ask.js'
import { program, type Said } from './in-memory.js'

/** All that may ever be asked, and by whom. What is not here may cost something, change something or never end. */
const allowed: Readonly<Record<string, readonly RegExp[]>> = {
  comfyui: [
    /^GET \/system_stats$/,
    /^GET \/models\/(checkpoints|diffusion_models|loras|vae|controlnet|upscale_models)$/,
    /^GET \/object_info\/\w+$/,
  ],
  wan2gp: [/^GET \/config$/],
  rvc: [/^GET \/config$/],
  audioldm: [/^GET \/config$/],
  fooocus: [/^GET \/config$/],
  automatic1111: [/^GET \/config$/, /^GET \/sdapi\/v1\/(sd-models|samplers|upscalers)$/],
  gradio: [/^GET \/config$/],
  mcp: [/^GET \/(mcp)?$/, /^POST \/mcp$/, /^DELETE \/mcp$/],
  a2a: [/^GET \/\.well-known\/agent(-card)?\.json$/],
}

const kinds = Object.keys(allowed)

const strays = (kind: string, asked: readonly string[]): readonly string[] =>
  asked.filter((question) => !allowed[kind]?.some((pattern) => pattern.test(question)))

const doubles = Object.entries(backends).flatMap(([kind, backend]) => {
  const { variants = {} }: Backend = backend
  return [undefined, ...Object.keys(variants)].map((variant) => ({ kind, variant }))
})

describe('what is asked of a program is on the list', () => {
  it.each(doubles)('$kind ($variant)', async ({ kind, variant }) => {
    for (const claimant of kinds) {
      const { url, requests } = await fake(kind as keyof typeof backends, { variant })
      const { describe: tell, recognise } = fingerprintOf(claimant)
      if ((await recognise(questions(url))) !== undefined) await tell(questions(url))
      expect(strays(claimant, requests), claimant).toEqual([])
    }
  })

  it('and so is what is asked whatever the answers are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...kinds), garbage(), async (kind, answers) => {
        const asking = program(saying(answers))
        const { describe: tell, recognise } = fingerprintOf(kind)
        await recognise(asking)
        await tell(asking)
        expect(strays(kind, asking.asked)).toEqual([])
        if (kind !== 'mcp') expect(asking.asked.every((one) => one.startsWith('GET '))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe('garbage', () => {
  it.each(kinds)('is never %s, and never trips it up', async (kind) => {
    await fc.assert(
      fc.asyncProperty(garbage(), async (answers) => {
        const asking = program(saying(answers))
        expect(await fingerprintOf(kind).recognise(asking)).toBeUndefined()
        await fingerprintOf(kind).describe(asking)
      }),
      { numRuns: 200 },
    )
  })

  it.each(kinds)('in the fields of %s never trips it up', async (kind) => {
    const { routes }: Backend = backends[kind as keyof typeof backends]
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.tuple(fc.nat(9), odd())), async (chances) => {
        const asking = program((question) => {
          const route = Object.hasOwn(routes, question) ? routes[question] : undefined
          const { json, text } = typeof route === 'function' || route === undefined ? {} : route
          const body = json ?? (text?.startsWith('{') ? JSON.parse(text) : undefined)
          return body === undefined ? undefined : { json: spoil(body, chances) }
        })
        await fingerprintOf(kind).recognise(asking)
        await fingerprintOf(kind).describe(asking)
      }),
      { numRuns: 200 },
    )
  })
})

/** Values that trip up who believes in them. */
const odd = () =>
  fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(null, [], {}, [null], [[]], { toString: 1 }, '', '\u0000', -1, 1e308),
    fc.constant(JSON.parse('{"__proto__":{"version":"5.0.0"},"constructor":1}')),
  )

type Chances = Iterator<readonly [chance: number, value: unknown]>

/** The same body, in which here and there something is not what it was. */
function spoil(body: unknown, chances: Chances): unknown {
  const [chance, value] = chances.next().value
  if (chance === 0) return value
  if (Array.isArray(body)) return body.map((one) => spoil(one, chances))
  if (typeof body !== 'object' || body === null) return body
  return Object.fromEntries(Object.entries(body).map(([key, one]) => [key, spoil(one, chances)]))
}

const garbage = () =>
  fc.array(
    fc.record({
      status: fc.constantFrom(0, 200, 204, 302, 400, 401, 403, 404, 405, 406, 500),
      headers: fc.constantFrom<Record<string, string>>(
        {},
        { allow: 'POST' },
        { 'mcp-session-id': '1' },
      ),
      json: odd(),
    }),
    { minLength: 1, maxLength: 5 },
  )

function saying(answers: readonly Said[]): () => Said | undefined {
  let count = 0
  return () => {
    count += 1
    return answers[count % answers.length]
  }
}
