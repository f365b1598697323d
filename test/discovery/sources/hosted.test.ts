import { afterEach, describe, expect, it, vi } from 'vitest'
import { createAddressPolicy } from '../../../src/core/address.js'
import { InvalidOptionsError } from '../../../src/core/errors.js'
import type { Source } from '../../../src/discovery/source.js'
import {
  anthropic,
  gemini,
  type HostedOptions,
  type House,
  hosted,
  houses,
  mistral,
  openAI,
  openRouter,
} from '../../../src/discovery/sources/hosted.js'
import { modelListSource } from '../../../src/discovery/sources/model-list.js'
import { type Answer, sourceConformance } from '../../../src/testing/index.js'
import { fake } from '../fingerprints/ask.js'
import { watching } from './watching.js'

const key = 'key-of-mine-1'

afterEach(() => {
  vi.unstubAllEnvs()
})

const makers: Readonly<Record<string, (options?: HostedOptions) => Source>> = {
  openai: openAI,
  anthropic,
  gemini,
  openrouter: openRouter,
  mistral,
}

/** The house, on this machine. */
async function local(house: House, answers: Readonly<Record<string, Answer>>): Promise<Source> {
  const { pathname, search } = new URL(house.list)
  const { url } = await fake('openai-compatible', {
    key,
    routes: {
      [`GET ${pathname}`]: ({ headers, query }) => {
        const { authorization, 'x-api-key': own, 'x-goog-api-key': google } = headers
        const sent = [authorization, own, google].filter((one) => one !== undefined)
        if (sent.length !== 1 || query.has('key')) return { status: 400 }
        return (
          answers[query.get('after_id') ?? query.get('pageToken') ?? 'first'] ?? { status: 404 }
        )
      },
    },
  })
  const base = `${url}${new URL(house.base).pathname}`
  const list = `${url}${pathname}${search}`
  const policy = createAddressPolicy()
  return modelListSource({ ...house, base, list, headers: house.headersFor(key) }, { key }, policy)
}

const one: Readonly<Record<string, unknown>> = {
  openai: { object: 'list', data: [{ id: 'gpt-heron', object: 'model', owned_by: 'system' }] },
  anthropic: {
    data: [
      { type: 'model', id: 'claude-heron', capabilities: { image_input: { supported: true } } },
    ],
    has_more: false,
    last_id: 'claude-heron',
  },
  gemini: {
    models: [{ name: 'models/gemini-heron', supportedGenerationMethods: ['generateContent'] }],
    nextPageToken: '',
  },
  openrouter: {
    data: [
      {
        id: 'fens/heron',
        architecture: { input_modalities: ['text'], output_modalities: ['text'] },
      },
    ],
  },
  mistral: {
    object: 'list',
    data: [
      {
        id: 'heron-large',
        capabilities: { completion_chat: true, function_calling: true, vision: false },
        max_context_length: 100_000,
        aliases: ['heron-latest'],
      },
    ],
  },
}

const expected: Readonly<Record<string, object>> = {
  openai: { models: ['gpt-heron'], capabilities: ['text_generation', 'chat'] },
  anthropic: {
    models: ['claude-heron'],
    capabilities: ['text_generation', 'chat', 'function_calling', 'vision'],
  },
  gemini: { models: ['gemini-heron'], capabilities: ['text_generation', 'chat'] },
  openrouter: { models: ['fens/heron'], capabilities: ['text_generation', 'chat'] },
  mistral: {
    models: ['heron-large'],
    capabilities: ['chat', 'function_calling', 'text_generation'],
    catalogue: [
      { contextLength: 100_000, aliases: ['heron-latest'], capabilities: { vision: false } },
    ],
  },
}

describe.each(houses)('$provider', (house) => {
  const { environment, provider } = house
  const make = (): Promise<Source> => local(house, { first: { json: one[provider] } })

  for (const { name, run } of sourceConformance(make)) it(name, run)

  it('sees one provider with its models', async () => {
    const view = await watching(await make()).next()
    expect(view?.sightings).toMatchObject([
      { service: 'llm', metadata: { kind: provider, protocol: 'openai' }, ...expected[provider] },
    ])
  })

  it('has a key, from the environment if need be, or says where one is expected', async () => {
    for (const name of environment) vi.stubEnv(name, '')
    const maker = makers[provider]
    expect(() => maker?.()).toThrow(InvalidOptionsError)
    expect(() => maker?.()).toThrow(`or ${environment[0]} in the environment`)
    expect(maker?.({ key }).name).toMatch(new RegExp(`^${provider}:`))
    for (const name of environment) {
      vi.stubEnv(name, key)
      expect(maker?.().name).toMatch(new RegExp(`^${provider}:`))
      vi.stubEnv(name, '')
    }
  })

  it('is asked and called at one host, over TLS, with no key in an address', () => {
    const [base, list] = [new URL(house.base), new URL(house.list)]
    expect(base.protocol).toBe('https:')
    expect(list.origin).toBe(base.origin)
    const headers = Object.entries(house.headersFor(key)).filter(([, value]) => value.includes(key))
    expect(headers).toHaveLength(1)
    expect(house.list).not.toContain('key=')
  })
})

describe('pages', () => {
  const byProvider = (provider: string): House => {
    const house = houses.find((one) => one.provider === provider)
    if (house === undefined) throw new Error(`no house ${provider}`)
    return house
  }

  it('of Anthropic follow the last id', async () => {
    const page = (id: string, more: boolean): Answer => ({
      json: { data: [{ id, type: 'model' }], has_more: more, last_id: id },
    })
    const source = await local(byProvider('anthropic'), {
      first: page('a', true),
      a: page('b', true),
      b: page('c', false),
    })
    expect((await watching(source).next())?.sightings[0]?.models).toEqual(['a', 'b', 'c'])
  })

  it('of Gemini follow the token, and an empty one is none', async () => {
    const source = await local(byProvider('gemini'), {
      first: { json: { models: [{ name: 'models/a' }], nextPageToken: 'two' } },
      two: { json: { nextPageToken: 'three' } },
      three: { json: { models: [{ name: 'models/b' }] } },
    })
    expect((await watching(source).next())?.sightings[0]?.models).toEqual(['a', 'b'])
  })

  it('that go round in a circle end', async () => {
    const source = await local(byProvider('anthropic'), {
      first: { json: { data: [{ id: 'a' }], has_more: true, last_id: 'a' } },
      a: { json: { data: [{ id: 'a' }], has_more: true, last_id: 'a' } },
    })
    expect((await watching(source).next())?.sightings[0]?.models).toEqual(['a'])
  })

  it('of which one fails are no list', async () => {
    const source = await local(byProvider('anthropic'), {
      first: { json: { data: [{ id: 'a' }], has_more: true, last_id: 'a' } },
      a: { status: 500 },
    })
    await expect(watching(source).next()).rejects.toThrow('answered with status 500')
  })
})

it('a key goes nowhere but to the host of its house', async () => {
  // A name server that lies leads to a closed port of this machine; TLS would not take it for the house either.
  for (const house of houses) {
    const source = hosted(
      { ...house, base: 'https://127.0.0.1:9', list: 'https://127.0.0.2:9/m' },
      { key },
    )
    const failed = watching(source).next()
    await expect(failed).rejects.toThrow('may not be asked')
    await expect(failed).rejects.not.toThrow(key)
  }
})
