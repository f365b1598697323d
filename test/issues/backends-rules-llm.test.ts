/* The rules that keep the identities of servers of language models apart, one by one. */
import { createServer } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fingerprints } from '../../src/discovery/fingerprints/all.js'
import { backends } from '../../src/testing/backends/all.js'
import type { Answer } from '../../src/testing/index.js'
import { fake, fingerprintOf, questions, recognised } from '../discovery/fingerprints/ask.js'
import { llmKinds } from '../discovery/fingerprints/llm-kinds.js'
import { answersOf, replay } from '../discovery/fingerprints/replay.js'

const kindOf = async (answer: Answer): Promise<readonly string[]> => {
  const asking = replay(() => answer)
  const kinds = await Promise.all(
    fingerprints.map(async ({ kind, recognise }) =>
      (await recognise(asking)) === undefined ? [] : [kind],
    ),
  )
  return kinds.flat()
}

describe('rule 1: a port never identifies anything', () => {
  it('one port, one program after the other', async () => {
    const first = await fake('llamacpp')
    for (const kind of ['localai', 'tgi', 'whispercpp', 'llamacpp'] as const) {
      await first.close()
      const { close, url } = await fake(kind, { port: first.port })
      expect((await recognised(url))?.kind).toBe(kind)
      await close()
    }
  })

  it('ports are shared: 8000 and 8080 belong to several', () => {
    const at = (port: number) =>
      fingerprints.filter(({ ports }) => ports.includes(port)).map(({ kind }) => kind)
    expect(at(8000)).toEqual(expect.arrayContaining(['litellm', 'vllm', 'speaches']))
    expect(at(8080)).toEqual(expect.arrayContaining(['llamacpp', 'localai', 'tgi', 'whispercpp']))
  })
})

describe('rule 2: order matters because of impersonators', () => {
  it('is the order in which they are looked for', () => {
    const order = [
      'koboldcpp',
      'localai',
      'comfyui',
      'litellm',
      'llamacpp',
      'lmstudio',
      'sglang',
      'tgi',
      'tei',
      'xinference',
      'ollama',
      'vllm',
      'speaches',
      'gradio',
      'openai-compatible',
    ]
    const kinds = fingerprints.map(({ kind }) => kind)
    expect(kinds.filter((kind) => order.includes(kind))).toEqual(order)
  })

  it('KoboldCpp and LocalAI imitate Ollama, and are not taken for it even if it comes first', async () => {
    for (const [kind, variant] of [
      ['koboldcpp', undefined],
      ['localai', undefined],
      ['localai', 'ollama'],
      ['localai', 'empty-ollama'],
    ] as const) {
      const { url } = await fake(kind, { variant })
      expect(await fingerprintOf('ollama').recognise(questions(url))).toBeUndefined()
    }
  })

  it('a real Ollama of a version that imitators claim is still found', async () => {
    const { url } = await fake('ollama', { variant: 'borrowed' })
    expect((await recognised(url))?.kind).toBe('ollama')
  })

  it("llama.cpp's list beside its list does not make an Ollama of it", async () => {
    const { url } = await fake('llamacpp', {
      routes: { 'GET /api/version': { json: { version: '0.12.0' } } },
    })
    expect(await fingerprintOf('ollama').recognise(questions(url))).toBeUndefined()
  })
})

describe('rule 3: a body key counts, not the status', () => {
  it.each<[string, Answer]>([
    ['a page with 200 at every path', { text: '<html><title>LocalAI</title></html>' }],
    ['an empty object with 200 at every path', { json: {} }],
    ["LM Studio's words without its lists", { json: { error: 'Unexpected endpoint or method.' } }],
    ['an empty body with 200', {}],
    ['404 at every path', { status: 404, json: { detail: 'Not Found' } }],
  ])('%s is nobody', async (_, answer) => {
    expect(await kindOf(answer)).toEqual([])
  })

  it('LM Studio answers 200 to everything, and is none of those it was asked for', async () => {
    for (const variant of [undefined, 'old', 'new', 'empty']) {
      const { url } = await fake('lmstudio', { variant })
      expect((await recognised(url))?.kind).toBe('lmstudio')
    }
  })
})

describe('rule 4: 401 is an identity too', () => {
  it.each([
    ['litellm', undefined],
    ['litellm', 'fronted'],
    ['llamacpp', undefined],
    ['vllm', undefined],
    ['localai', undefined],
    ['xinference', 'secured'],
    ['openai-compatible', undefined],
  ] as const)('%s (%s) is found, and needs credentials', async (kind, variant) => {
    const { url } = await fake(kind, { key: 'sk-5', variant })
    const found = await recognised(url)
    expect(found?.kind).toBe(kind)
    const { needsCredentials } = await fingerprintOf(kind).describe(questions(url))
    expect(found?.recognition.needsCredentials ?? needsCredentials).toBe(true)
  })

  it('a refusal in nobody’s words is nobody', async () => {
    for (const json of [{ detail: 'Not authenticated' }, { error: 'no' }, 'no'])
      expect(await kindOf({ status: 401, json })).not.toContain('openai-compatible')
  })
})

describe('rule 5: looking is read-only and free', () => {
  it.each(llmKinds)('%s is asked by GET only, until it is known', async (kind) => {
    const { requests, url } = await fake(kind)
    await recognised(url)
    expect(requests.filter((one) => !one.startsWith('GET '))).toEqual([])
  })

  it('LiteLLM and SGLang are not asked for /health, known or not', async () => {
    for (const kind of ['litellm', 'sglang'] as const) {
      const { requests, url } = await fake(kind)
      for (const { recognise } of llmKinds.map(fingerprintOf)) await recognise(questions(url))
      await fingerprintOf(kind).describe(questions(url))
      expect(requests).not.toContain('GET /health')
    }
  })
})

describe('rule 6: answers are bounded', () => {
  it('a list without an end is no list', async () => {
    const row = JSON.stringify({ id: 'm'.repeat(1_000), object: 'model' })
    const server = createServer((_, response) => {
      response.on('error', () => {})
      response.write('{"object":"list","data":[')
      const more = (): void => {
        while (!response.destroyed && response.write(`${row},`));
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    const address = server.address()
    if (typeof address !== 'object' || address === null) throw new Error('not listening')
    const asking = questions(`http://127.0.0.1:${address.port}`)
    expect(await fingerprintOf('openai-compatible').recognise(asking)).toBeUndefined()
    expect((await asking.get('/v1/models')).problem?.kind).toBe('too-large')
  })
})

describe('rule 7: one unit of price, and missing is unknown', () => {
  it("LiteLLM's price of a token becomes that of 1,000; what has no price is not free", async () => {
    const { models } = await fingerprintOf('litellm').describe(replay(answersOf(backends.litellm)))
    expect(models?.map(({ id, costPer1k }) => [id, costPer1k?.input])).toEqual([
      ['kingfisher', 0.002],
      ['kingfisher-embed', undefined],
      ['heron-local', 0],
    ])
  })
})

describe('rule 8: an absent flag is unknown', () => {
  it('null and absent are neither true nor false; a group says false of what nobody said', async () => {
    const { models } = await fingerprintOf('litellm').describe(replay(answersOf(backends.litellm)))
    const [kingfisher] = models ?? []
    expect(kingfisher?.capabilities).not.toHaveProperty('reasoning')
    expect(kingfisher?.capabilities).not.toHaveProperty('audio_input')
  })

  it('false is false: llama.cpp says that its model hears nothing', async () => {
    const { models } = await fingerprintOf('llamacpp').describe(
      replay(answersOf(backends.llamacpp)),
    )
    expect(models?.[0]?.capabilities).toMatchObject({ audio_input: false })
    expect(models?.[0]?.capabilities).not.toHaveProperty('reasoning')
  })
})
