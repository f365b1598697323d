import { describe, expect, it } from 'vitest'
import { fingerprints } from '../../src/discovery/fingerprints/all.js'
import { call, page, part } from '../../src/testing/backends/gradio-page.js'
import type { BackendKind } from '../../src/testing/index.js'
import { fake, fingerprintOf, questions, recognised } from '../discovery/fingerprints/ask.js'

/*
 * The rules that keep identities apart, for media back ends, tool servers and agents: each was learnt from programs
 * that look alike.
 */

const kindAt = async (url: string): Promise<string | undefined> => (await recognised(url))?.kind

const claims = async (url: string): Promise<readonly string[]> => {
  const found = await Promise.all(
    fingerprints.map(async ({ kind, recognise }) =>
      (await recognise(questions(url))) === undefined ? [] : [kind],
    ),
  )
  return found.flat()
}

describe('rule 1: a port never identifies anything', () => {
  it('programs that share a port are told apart by what they answer', async () => {
    const sharing = {
      7860: ['wan2gp', 'automatic1111', 'audioldm', 'gradio'],
      7865: ['rvc', 'fooocus'],
    } as const
    for (const [port, kinds] of Object.entries(sharing))
      for (const kind of kinds) {
        expect(fingerprintOf(kind).ports, kind).toContain(Number(port))
        expect(await kindAt((await fake(kind)).url)).toBe(kind)
      }
  })

  it('Fooocus, where RVC is expected, is not RVC', async () => {
    const { url } = await fake('fooocus')
    expect(await fingerprintOf('rvc').recognise(questions(url))).toBeUndefined()
  })
})

describe('rule 2: who imitates others comes before them', () => {
  const order = fingerprints.map(({ kind }) => kind)
  const comesBefore = (one: string, other: string): void =>
    expect(order.indexOf(one), `${one} before ${other}`).toBeLessThan(order.indexOf(other))

  it('the order is the one that was found out', () => {
    comesBefore('koboldcpp', 'localai')
    comesBefore('localai', 'comfyui')
    for (const kind of ['wan2gp', 'rvc', 'audioldm', 'fooocus', 'automatic1111']) {
      comesBefore('vllm', kind)
      comesBefore(kind, 'gradio')
    }
    comesBefore('gradio', 'openai-compatible')
    for (const kind of order.filter((one) => one !== 'mcp')) comesBefore(kind, 'mcp')
  })

  it('KoboldCpp is neither ComfyUI nor the Stable Diffusion web UI, even if asked first', async () => {
    const { url } = await fake('koboldcpp')
    for (const kind of ['comfyui', 'automatic1111'])
      expect(await fingerprintOf(kind).recognise(questions(url)), kind).toBeUndefined()
  })

  it('an app that only mentions AudioLDM, or only has such a list, is any other app', async () => {
    const mentions = page('3.50.2', 'Gradio', [part(1, 'html', { value: 'Unlike AudioLDM' })], [])
    const lists = page('3.50.2', 'Gradio', [part(1, 'dropdown', { choices: ['audioldm'] })], [])
    for (const config of [mentions, lists]) {
      const { url } = await fake('gradio', { routes: { 'GET /config': config } })
      expect(await kindAt(url)).toBe('gradio')
    }
  })

  it.each(['infer_convert', 'infer_change_voice'])(
    'an app with the function %s of RVC alone is any other app',
    async (name) => {
      const config = page('3.34.0', 'Voices', [], [call(name)])
      const { url } = await fake('gradio', { routes: { 'GET /config': config } })
      expect(await kindAt(url)).toBe('gradio')
    },
  )
})

describe('rule 3: a field of the body counts, not the status', () => {
  const everywhere: readonly (readonly [name: string, answer: object])[] = [
    ['a page', { contentType: 'text/html', text: '<!doctype html><title>WanGP</title>' }],
    ['a page that claims to be JSON', { contentType: 'application/json', text: '<html>' }],
    ['an empty object', { json: {} }],
    ['a list', { json: [] }],
    ['a text', { json: 'comfyui' }],
    ['an empty body', { text: '' }],
    ['an error', { json: { error: 'Unexpected endpoint' } }],
  ]

  it.each(everywhere)(
    'a program that answers everything with 200 and %s is none',
    async (_, answer) => {
      const { url } = await fake('gradio', { routes: { 'GET /config': answer, 'GET /': answer } })
      const other = await fake('a2a', { routes: { 'GET /.well-known/agent-card.json': answer } })
      expect(await claims(url)).toEqual([])
      expect(await claims(other.url)).toEqual([])
    },
  )

  it('405 and 404 at a documented path say nothing by themselves', async () => {
    for (const status of [404, 405]) {
      const { url } = await fake('gradio', {
        routes: {
          'GET /config': { status: 404 },
          'GET /api/health': { status, json: { detail: 'Not Found' } },
        },
      })
      expect(await claims(url)).toEqual([])
    }
  })
})

describe('rule 4: 401 is an identity too', () => {
  it.each([
    ['gradio', undefined],
    ['gradio', 'gradio3'],
    ['gradio', 'gradio6'],
  ] as const)('%s (%s) with a password is found, and wants credentials', async (kind, variant) => {
    const { url } = await fake(kind, { variant, key: 'me:secret' })
    expect(await recognised(url)).toMatchObject({ kind, recognition: { needsCredentials: true } })
  })

  it.each(['automatic1111', 'mcp'] as const)('%s behind a lock is found', async (kind) => {
    const { url } = await fake(kind, { variant: 'locked' })
    expect(await recognised(url)).toMatchObject({ kind, recognition: { needsCredentials: true } })
  })

  it('401 alone is nobody', async () => {
    for (const status of [401, 403]) {
      const { url } = await fake('gradio', {
        routes: {
          'GET /config': { status },
          'GET /mcp': { status },
          'GET /sdapi/v1/sd-models': { status },
        },
      })
      expect(await claims(url)).toEqual([])
    }
  })
})

describe('rule 5: discovery reads, and costs nothing', () => {
  const never = [
    /startup-events/,
    /heartbeat/,
    /^GET \/health$/,
    /generate/,
    /^GET \/sse/,
    /\/queue\//,
  ]
  const kinds: readonly BackendKind[] = ['gradio', 'wan2gp', 'rvc', 'audioldm', 'comfyui', 'a2a']

  it.each(kinds)('%s gets no POST and none of what has effects or no end', async (kind) => {
    const { url, requests } = await fake(kind)
    for (const one of [
      'comfyui',
      'wan2gp',
      'rvc',
      'audioldm',
      'automatic1111',
      'gradio',
      'a2a',
      'mcp',
    ]) {
      const { describe: tell, recognise } = fingerprintOf(one)
      if ((await recognise(questions(url))) !== undefined) await tell(questions(url))
    }
    expect(requests.filter((request) => !request.startsWith('GET '))).toEqual([])
    expect(requests.filter((request) => never.some((one) => one.test(request)))).toEqual([])
  })

  it('an MCP server keeps no session of ours', async () => {
    const { url, requests } = await fake('mcp')
    const asking = questions(url)
    await fingerprintOf('mcp').recognise(asking)
    await fingerprintOf('mcp').describe(asking)
    const count = (request: string): number => requests.filter((one) => one === request).length
    expect(count('DELETE /mcp')).toBe(2)
    expect(requests.at(-1)).toBe('DELETE /mcp')
  })
})

describe('rule 6: sizes', () => {
  const padding = (megabytes: number): string => 'x'.repeat(megabytes * 2 ** 20)
  const config = (megabytes: number) =>
    page('3.50.2', 'Paint mixer', [part(1, 'video', { value: padding(megabytes) })], [call('mix')])

  it('a page of 7 MB is read', async () => {
    const { url } = await fake('gradio', { routes: { 'GET /config': config(7) } })
    expect(await kindAt(url)).toBe('gradio')
  })

  it('one of 9 MB is not, and trips nobody up', async () => {
    const { url } = await fake('gradio', { routes: { 'GET /config': config(9) } })
    expect(await kindAt(url)).toBeUndefined()
  })

  it('all nodes of ComfyUI are never asked for at once', async () => {
    const { url, requests } = await fake('comfyui')
    await fingerprintOf('comfyui').describe(questions(url))
    expect(requests).not.toContain('GET /object_info')
    expect(requests.length).toBeLessThan(25)
  })

  it('a page is read once, however many look at it', async () => {
    const { url, requests } = await fake('gradio')
    await recognised(url)
    expect(requests.filter((one) => one === 'GET /config')).toHaveLength(1)
  })
})

describe('B-D2: only AudioLDM is on the port of AudioLDM', () => {
  it.each([undefined, 'second'])('and nobody takes it for Wan2GP (%s)', async (variant) => {
    // It answers 200 everywhere, as pages do.
    const { url } = await fake('audioldm', {
      variant,
      routes: { 'GET /api/health': { text: 'ok' }, 'GET /api/ready': { text: 'ok' } },
    })
    expect(await kindAt(url)).toBe('audioldm')
    expect(await fingerprintOf('wan2gp').recognise(questions(url))).toBeUndefined()
    expect(fingerprintOf('wan2gp').ports).not.toContain(7863)
  })
})
