import OpenAI from 'openai'
import { describe, expect, it } from 'vitest'
import { protocolOf } from '../../../src/discovery/connect/backend.js'
import { fingerprints } from '../../../src/discovery/fingerprints/all.js'
import {
  type ComfyUIBackend,
  connectBackend,
  type HttpBackend,
} from '../../../src/discovery/index.js'
import { ServiceRegistry, type Source } from '../../../src/index.js'
import { serve } from '../../core/servers.js'
import { ComfyUIDouble } from './comfyui-double.js'
import { recordAt } from './record.js'

const never = new AbortController().signal

describe('connectBackend', () => {
  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['gradio', { protocol: 'gradio', kind: 'comfyui' }],
    ['mcp', { protocol: 'nonsense', protocols: ['also nonsense', 'mcp', 'http'] }],
    ['a2a', { protocols: ['a2a'] }],
    ['comfyui', { kind: 'comfyui' }],
    ['openai', { kind: 'ollama' }],
    ['gradio', { kind: 'wan2gp' }],
    ['http', { kind: 'something new' }],
    ['http', { kind: 'constructor', protocol: '__proto__' }],
    ['http', { protocol: 7, protocols: 'mcp' }],
    ['http', {}],
  ])('chooses %s for %j', (protocol, metadata) => {
    expect(protocolOf(recordAt('http://127.0.0.1:1', metadata))).toBe(protocol)
  })

  it.each(fingerprints.map(({ kind, protocol }) => [kind, protocol]))(
    'knows what %s is spoken to by, without what recognises it: %s',
    (kind, protocol) => {
      expect(protocolOf(recordAt('http://127.0.0.1:1', { kind }))).toBe(protocol)
    },
  )

  it('makes the instance of the connector it chooses', async () => {
    const comfy = await new ComfyUIDouble().start()
    const connect = connectBackend()
    const at = (metadata: Readonly<Record<string, unknown>>) =>
      connect(recordAt(comfy.url, metadata), never)
    expect(await at({ protocol: 'openai' })).toBeInstanceOf(OpenAI)
    expect(await at({ protocol: 'comfyui' })).toHaveProperty('generate')
    expect(await at({})).toHaveProperty('lines')
  })

  it('sends a key to providers of its kind alone', async () => {
    const seen: (string | undefined)[] = []
    const { url } = await serve((request, response) => {
      seen.push(request.headers.authorization)
      response.end('{}')
    })
    const connect = connectBackend<HttpBackend>({ keys: { litellm: 'sk-1', none: undefined } })
    const client = connectBackend<OpenAI>({ keys: { litellm: 'sk-1' } })
    for (const kind of ['litellm', 'ollama', 'none', 'constructor']) {
      const metadata = { kind, protocol: 'http' }
      await (await connect(recordAt(url, metadata), never)).get('/')
    }
    await (await client(recordAt(url, { kind: 'litellm' }), never)).models.list()
    await (await client(recordAt(url, { kind: 'ollama' }), never)).models.list()
    expect(seen).toEqual(['Bearer sk-1', undefined, undefined, undefined, 'Bearer sk-1', undefined])
  })

  it('makes what a source sees callable at once', async () => {
    const comfy = await new ComfyUIDouble().start()
    comfy.onPrompt = (id, client) => {
      comfy.finish(id, { '9': { images: [{ filename: 'a.png' }] } })
      comfy.say(client, 'executing', { node: null, prompt_id: id })
    }
    const source: Source = {
      name: 'found',
      async *watch() {
        const metadata = { kind: 'comfyui', protocol: 'comfyui' }
        yield [{ name: 'c', service: 'media', address: comfy.url, metadata }]
      },
    }
    const registry = new ServiceRegistry<{ media: ComfyUIBackend }>({
      services: { media: { connect: connectBackend<ComfyUIBackend>() } },
      sources: [source],
    })
    await registry.refresh()
    const { files } = await registry.client('media').generate({ '9': {} })
    expect(files).toMatchObject([{ filename: 'a.png' }])
    await registry.close()
  })
})
