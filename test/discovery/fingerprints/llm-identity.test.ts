import { describe, expect, it } from 'vitest'
import { fingerprints } from '../../../src/discovery/fingerprints/all.js'
import { backends } from '../../../src/testing/backends/all.js'
import type { Backend } from '../../../src/testing/backends/route.js'
import type { BackendKind } from '../../../src/testing/index.js'
import { fake, fingerprintOf, questions, recognised } from './ask.js'
import { llmKinds } from './llm-kinds.js'

const variantsOf = (kind: BackendKind): readonly (string | undefined)[] => {
  const { variants = {} }: Backend = backends[kind]
  return [undefined, ...Object.keys(variants)]
}

const doublesOf = (kinds: readonly BackendKind[]) =>
  kinds.flatMap((kind) => variantsOf(kind).map((variant) => ({ kind, variant })))

/** Where what gives it away is hidden, it is found as what is left. */
const hidden: Readonly<Record<string, string | undefined>> = {
  // What wrappers of it are agreed to answer is looked at elsewhere.
  'litellm agreed': undefined,
  'litellm fronted': 'openai-compatible',
}

/** What else is true of it, so that others may take it for their own if it is not asked for before. */
const alsoTrue: Readonly<Record<string, readonly string[]>> = { speaches: ['gradio'] }

describe('every program is recognised as itself', () => {
  it.each(doublesOf(llmKinds))('$kind ($variant)', async ({ kind, variant }) => {
    const { url } = await fake(kind, { variant })
    const name = `${kind} ${variant}`
    const expected = Object.hasOwn(hidden, name) ? hidden[name] : kind
    expect((await recognised(url))?.kind).toBe(expected)
  })
})

describe('no program is taken for another, whatever the order', () => {
  const all = Object.keys(backends) as BackendKind[]

  it.each(doublesOf(all))('$kind ($variant)', async ({ kind, variant }) => {
    const { url } = await fake(kind, { variant })
    const claims: string[] = []
    for (const { kind: claimant, recognise } of fingerprints) {
      const concerns = llmKinds.some((one) => one === kind || one === claimant)
      if (concerns && (await recognise(questions(url))) !== undefined) claims.push(claimant)
    }
    const may = [kind, 'openai-compatible', ...(alsoTrue[kind] ?? [])]
    expect(claims.filter((one) => !may.includes(one))).toEqual([])
  })
})

it('KoboldCpp and LocalAI are never reported as Ollama, ComfyUI or A1111', async () => {
  const imitated = ['ollama', 'comfyui', 'automatic1111']
  for (const kind of ['koboldcpp', 'localai'] as const)
    for (const variant of variantsOf(kind)) {
      const { url } = await fake(kind, { variant })
      expect((await recognised(url))?.kind).toBe(kind)
      for (const other of fingerprints.filter((one) => imitated.includes(one.kind)))
        expect(await other.recognise(questions(url)), `${kind} as ${other.kind}`).toBeUndefined()
    }
})

describe('a program that wants a key is found, and asks for it', () => {
  const wanting = ['litellm', 'llamacpp', 'vllm', 'openai-compatible'] as const

  it.each(wanting)('%s says so when it is recognised', async (kind) => {
    const { url } = await fake(kind, {
      key: 'sk-1',
      ...(kind === 'litellm' && { variant: 'fronted' }),
    })
    expect(await recognised(url)).toMatchObject({ kind, recognition: { needsCredentials: true } })
  })

  it.each(['litellm', 'localai', 'xinference'] as const)(
    '%s says so when it is described',
    async (kind) => {
      const { url } = await fake(kind, { key: 'sk-1' })
      expect((await recognised(url))?.kind).toBe(kind)
      const { describe } = fingerprintOf(kind)
      expect((await describe(questions(url))).needsCredentials).toBe(true)
      const known = await describe(questions(url, 'sk-1'))
      expect(known.needsCredentials).toBeUndefined()
      expect(known.models?.length).toBeGreaterThan(0)
    },
  )
})
