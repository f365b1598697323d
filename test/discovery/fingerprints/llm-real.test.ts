/* The real LiteLLM proxy and the real Portkey gateway, without a model and without a cost. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { OpenAIClient } from '../../../src/discovery/connect/openai.js'
import type { Asking } from '../../../src/discovery/scan/asking.js'
import type { Source } from '../../../src/discovery/source.js'
import { litellm } from '../../../src/discovery/sources/litellm.js'
import { ServiceRegistry } from '../../../src/index.js'
import { startLiteLLM } from '../../real/litellm.js'
import { startPortkey } from '../../real/portkey.js'
import { needsPython } from '../../real/python.js'
import type { RealServer } from '../../real/server.js'
import { fingerprintOf, questions, recognised } from './ask.js'

async function running(start: Promise<RealServer>): Promise<RealServer> {
  const server = await start
  onTestFinished(() => server.stop())
  return server
}

/** Behind a proxy that hides all its paths of health: only its words are left. */
function withoutHealth(origin: string): Asking {
  const asking = questions(origin)
  return {
    origin,
    get: (path) => asking.get(path.startsWith('/health') ? '/nothing-here' : path),
    post: (path, body) => asking.post(path, body),
    delete: (path, headers) => asking.delete(path, headers),
    hear: (path) => asking.hear(path),
  }
}

/** What a chat with whatever the source gives is answered. */
async function answerOf(source: Source): Promise<unknown> {
  const registry = new ServiceRegistry<{ llm: OpenAIClient }>({ sources: [source] })
  onTestFinished(() => registry.close())
  await registry.start()
  await registry.refresh()
  const [model] = registry.models.find({ requires: ['chat'] })
  const answer = await registry.client('llm', { requires: ['chat'] }).chat.completions.create({
    model: model?.id,
    messages: [{ role: 'user', content: 'hello' }],
  })
  return Object(answer).choices[0].message.content
}

const longer = { timeout: 150_000 }

describe('real servers', () => {
  it('LiteLLM, open to everybody', longer, async (context) => {
    needsPython(context, 'litellm')
    const { url } = await running(startLiteLLM())
    expect((await recognised(url))?.kind).toBe('litellm')
    const { models, needsCredentials } = await fingerprintOf('litellm').describe(questions(url))
    expect(needsCredentials).toBeUndefined()
    expect(models).toMatchObject([
      {
        id: 'mock-chat',
        provider: 'litellm',
        contextLength: 8_192,
        maxOutputTokens: 1_024,
        costPer1k: { input: 0.001, output: 0.002 },
        capabilities: { chat: true, text_generation: true, function_calling: true },
      },
      { id: 'mock-embedding', contextLength: 512, capabilities: { embeddings: true } },
    ])
  })

  it('LiteLLM that wants a key', longer, async (context) => {
    needsPython(context, 'litellm')
    const key = 'sk-test-1234'
    const { url } = await running(startLiteLLM({ key }))
    expect((await recognised(url))?.kind).toBe('litellm')
    const { describe: details } = fingerprintOf('litellm')
    expect(await details(questions(url))).toMatchObject({ needsCredentials: true })
    expect(await details(questions(url, 'sk-wrong'))).toMatchObject({ needsCredentials: true })
    const known = await details(questions(url, key))
    expect(known.needsCredentials).toBeUndefined()
    expect(known.models?.map(({ id }) => id)).toEqual(['mock-chat', 'mock-embedding'])
    expect(known.version).toMatch(/^\d+\.\d+/)
    const { recognise } = fingerprintOf('litellm')
    expect(await recognise(withoutHealth(url))).toMatchObject({ needsCredentials: true })
    expect(await answerOf(litellm({ url, key }))).toBe('Mocked.')
  })

  it("Portkey's gateway", longer, async () => {
    const { url } = await running(startPortkey())
    expect((await recognised(url))?.kind).toBe('portkey')
  })
})
