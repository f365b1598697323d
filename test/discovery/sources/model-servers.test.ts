import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { InvalidOptionsError } from '../../../src/core/errors.js'
import type { OpenAIClient } from '../../../src/discovery/connect/openai.js'
import { litellm } from '../../../src/discovery/sources/litellm.js'
import { ollama } from '../../../src/discovery/sources/ollama.js'
import { openAICompatible } from '../../../src/discovery/sources/openai-compatible.js'
import { ServiceRegistry } from '../../../src/index.js'
import { FakeClock, sourceConformance } from '../../../src/testing/index.js'
import { fake } from '../fingerprints/ask.js'
import { watching } from './watching.js'

afterEach(() => {
  vi.unstubAllEnvs()
})

const key = 'sk-own-1'

describe('litellm', () => {
  for (const { name, run } of sourceConformance(async () =>
    litellm({ url: (await fake('litellm')).url }),
  ))
    it(name, run)

  it('sees one provider that can do what any of its models can', async () => {
    const { port, url } = await fake('litellm', { key })
    const view = await watching(litellm({ url, key })).next()
    expect(view?.sightings).toMatchObject([
      {
        name: `litellm@127.0.0.1:${port}`,
        service: 'llm',
        address: url,
        version: '1.90.2',
        health: 'healthy',
        models: ['kingfisher', 'kingfisher-embed', 'heron-local'],
        metadata: { kind: 'litellm', protocol: 'openai' },
      },
    ])
    expect(view?.sightings[0]?.capabilities?.map((one) => Object(one).name)).toEqual(
      expect.arrayContaining(['chat', 'vision', 'embeddings']),
    )
    expect(view?.sightings[0]?.catalogue?.[0]).toMatchObject({ contextLength: 100_000 })
  })

  it('takes its key from the environment, and never the master key', async () => {
    const { url } = await fake('litellm', { key })
    vi.stubEnv('LITELLM_MASTER_KEY', key)
    await expect(watching(litellm({ url })).next()).rejects.toThrow('wants a key')
    vi.stubEnv('LITELLM_API_KEY', key)
    expect(await watching(litellm({ url })).names()).toHaveLength(1)
  })

  it('says so when the key is wrong, without the key', async () => {
    const { url } = await fake('litellm', { key })
    const wrong = watching(litellm({ url, key: 'sk-wrong-2' })).next()
    await expect(wrong).rejects.toThrow('does not take the key')
    await expect(wrong).rejects.not.toThrow('sk-wrong-2')
  })

  it('sends no key to who is not LiteLLM', async () => {
    const asked: unknown[] = []
    const { url } = await fake('openai-compatible', {
      routes: {
        'GET /v1/models': ({ headers }) => {
          asked.push(headers.authorization)
          return { json: { object: 'list', data: [{ id: 'm' }] } }
        },
      },
    })
    await expect(watching(litellm({ url, key })).next()).rejects.toThrow('is no LiteLLM')
    expect(asked).toEqual([undefined])
  })

  it('is asked again after five minutes, and its /health never', async () => {
    const clock = new FakeClock()
    const { requests, url } = await fake('litellm')
    const watch = watching(litellm({ url, clock }))
    await watch.next()
    const before = requests.length
    const next = watch.next()
    await clock.advance(299_999)
    expect(requests).toHaveLength(before)
    await clock.advance(1)
    await next
    expect(requests.length).toBeGreaterThan(before)
    expect(requests).not.toContain('GET /health')
  })
})

describe('ollama', () => {
  for (const { name, run } of sourceConformance(async () =>
    ollama({ url: (await fake('ollama')).url }),
  ))
    it(name, run)

  it('sees what is on its disk', async () => {
    const { port, url } = await fake('ollama')
    const view = await watching(ollama({ url, service: 'local', group: 2 })).next()
    expect(view?.sightings).toMatchObject([
      {
        name: `ollama@127.0.0.1:${port}`,
        service: 'local',
        group: 2,
        models: ['redshank:latest', 'knot-embed:v1'],
      },
    ])
  })

  it.each(['koboldcpp', 'localai'] as const)('refuses %s', async (kind) => {
    const { url } = await fake(kind)
    await expect(watching(ollama({ url })).next()).rejects.toThrow('is no Ollama')
  })

  it('is found by a registry, whose models are then known', async () => {
    const { url } = await fake('ollama')
    const registry = new ServiceRegistry({ sources: [ollama({ url })] })
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh()
    expect(registry.models.find({ requires: ['embeddings'] })).toHaveLength(1)
    expect(registry.models.find({ requires: ['function_calling'] })).toMatchObject([
      { id: 'redshank:latest', provider: 'ollama', contextLength: 8_192 },
    ])
  })
})

describe('openAICompatible', () => {
  for (const { name, run } of sourceConformance(async () =>
    openAICompatible({ url: (await fake('openai-compatible')).url }),
  ))
    it(name, run)

  it('sees one provider, which chats as far as names tell', async () => {
    const { port, url } = await fake('openai-compatible', { key })
    const view = await watching(openAICompatible({ url, key, provider: 'moor' })).next()
    expect(view?.sightings).toMatchObject([
      {
        name: `moor@127.0.0.1:${port}`,
        address: url,
        capabilities: ['text_generation', 'chat'],
        models: ['dotterel-1b'],
        metadata: { kind: 'moor', protocol: 'openai', basePath: '/v1' },
        catalogue: [{ id: 'dotterel-1b', provider: 'moor', capabilities: {} }],
      },
    ])
  })

  it('is called with its key, which nobody else gets to see', async () => {
    const { url } = await fake('openai-compatible', { key })
    const registry = new ServiceRegistry<{ llm: OpenAIClient }>({
      sources: [openAICompatible({ url, key })],
    })
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh()
    const llm = registry.client('llm', { requires: ['chat'] })
    expect(await llm.models.list()).toMatchObject({ data: [{ id: 'dotterel-1b' }] })
    expect(JSON.stringify([registry.list(), registry.describe(), registry.export()])).not.toContain(
      key,
    )
  })

  it('is called where its list is, below a path', async () => {
    const { url } = await fake('openai-compatible', { variant: 'docker-model-runner' })
    const view = await watching(openAICompatible({ url: `${url}/engines/v1/` })).next()
    expect(view?.sightings).toMatchObject([
      { models: ['ai/dotterel:1b'], metadata: { basePath: '/engines/v1' } },
    ])
  })

  it.each([
    [401, 'answered with status 401: check the key'],
    [404, 'its list of models is not there'],
    [500, 'answered with status 500'],
  ])('fails with status %i', async (status, message) => {
    const { url } = await fake('openai-compatible', { routes: { 'GET /v1/models': { status } } })
    await expect(watching(openAICompatible({ url })).next()).rejects.toThrow(message)
  })

  it('fails where there is a page instead of a list', async () => {
    const routes = { 'GET /v1/models': { text: '<html></html>' } }
    const { url } = await fake('openai-compatible', { routes })
    await expect(watching(openAICompatible({ url })).next()).rejects.toThrow(
      'answered something else than a list of models',
    )
  })

  it.each<[string, object]>([
    ['url', { url: 'ftp://x' }],
    ['url', { url: 'http://user:secret-9@x/v1' }],
    ['key', { url: 'http://x', key: 'secret-9 \n' }],
    ['everyMs', { url: 'http://x', everyMs: 0 }],
  ])('refuses a wrong %s, and shows no secret', (field, options) => {
    const make = () => openAICompatible(options as Parameters<typeof openAICompatible>[0])
    expect(make).toThrow(InvalidOptionsError)
    expect(make).toThrow(field)
    expect(make).not.toThrow('secret-9')
  })
})
