import { once } from 'node:events'
import { connect } from 'node:net'
import { WebSocket } from 'undici'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fetchAnswer } from '../../src/core/http.js'
import { type FakeBackendOptions, startFakeBackend } from '../../src/testing/index.js'

async function start(...args: Parameters<typeof startFakeBackend>) {
  const backend = await startFakeBackend(...args)
  onTestFinished(() => backend.close())
  return backend
}

const statusOf = async (url: string, headers: Record<string, string> = {}): Promise<number> =>
  (await fetchAnswer(url, { headers })).status

describe('a fake backend', () => {
  it('answers as the program does, and says what it was asked', async () => {
    const { kind, port, requests, url } = await start('ollama')
    expect(kind).toBe('ollama')
    expect(url).toBe(`http://127.0.0.1:${port}`)
    expect((await fetchAnswer(`${url}/`)).text).toBe('Ollama is running')
    const shown = await fetchAnswer(`${url}/api/show`, {
      method: 'POST',
      body: { model: 'redshank:latest' },
    })
    expect(shown.json()).toMatchObject({ capabilities: ['completion', 'tools'] })
    expect(await statusOf(`${url}/nope?a=1`)).toBe(404)
    expect(requests).toEqual(['GET /', 'POST /api/show', 'GET /nope?a=1'])
  })

  it('sends a text in quotes as JSON, and unknown paths in the words of the program', async () => {
    const litellm = await start('litellm')
    const alive = await fetchAnswer(`${litellm.url}/health/liveliness`)
    expect(alive.text).toBe(`"I'm alive!"`)
    expect(alive.headers['content-type']).toBe('application/json')
    const { url } = await start('lmstudio')
    const unknown = await fetchAnswer(`${url}/health`)
    expect(unknown.status).toBe(200)
    expect(unknown.json()).toEqual({ error: 'Unexpected endpoint or method. (GET /health)' })
  })

  it('with a key, refuses who has none, and lets in whoever has it in any of the usual ways', async () => {
    const { url } = await start('litellm', { key: 'sk-9' })
    const list = `${url}/v1/models`
    expect(await statusOf(list)).toBe(401)
    expect(await statusOf(list, { authorization: 'Bearer sk-8' })).toBe(401)
    expect(await statusOf(list, { authorization: 'Bearer sk-9' })).toBe(200)
    expect(await statusOf(list, { 'x-api-key': 'sk-9' })).toBe(200)
    const basic = `Basic ${Buffer.from('sk-9').toString('base64')}`
    expect(await statusOf(list, { authorization: basic })).toBe(200)
    expect(await statusOf(`${url}/health/liveliness`)).toBe(200)
  })

  it('is another version, or in another state, as a variant', async () => {
    const { url } = await start('llamacpp', { variant: 'loading' })
    const { headers, status } = await fetchAnswer(`${url}/anything`)
    expect([status, headers.server]).toEqual([503, 'llama.cpp'])
    await expect(startFakeBackend('olama' as 'ollama')).rejects.toThrow(
      /There is no fake olama. There are: .*ollama/,
    )
    await expect(startFakeBackend('llamacpp', { variant: 'lodaing' })).rejects.toThrow(
      "The fake llamacpp has no variant 'lodaing'. It has: loading, router",
    )
  })

  it('answers what a test says before what the program says, with a query before without', async () => {
    const { url } = await start('openai-compatible', {
      routes: {
        'GET /v1/models': { json: 1 },
        'GET /v1/models?page=2': { json: 2 },
        'GET /echo': ({ query }) => ({ json: query.get('word') }),
      },
    })
    const json = async (path: string) => (await fetchAnswer(`${url}${path}`)).json()
    expect(await json('/v1/models')).toBe(1)
    expect(await json('/v1/models?page=3')).toBe(1)
    expect(await json('/v1/models?page=2')).toBe(2)
    expect(await json('/echo?word=hi')).toBe('hi')
  })

  it('answers HEAD as GET without a body', async () => {
    const { url } = await start('ollama')
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
  })

  it('listens where it is told to, and no longer when it is closed', async () => {
    const first = await startFakeBackend('tgi')
    await first.close()
    const again = await start('ollama', { port: first.port, host: 'localhost' })
    expect(again.port).toBe(first.port)
    await expect(
      startFakeBackend('ollama', { port: first.port, host: 'localhost' }),
    ).rejects.toThrow('EADDRINUSE')
  })

  it('closes while somebody is still connected', async () => {
    const backend = await startFakeBackend('koboldcpp')
    const socket = connect(backend.port, '127.0.0.1')
    await once(socket, 'connect')
    const gone = once(socket, 'close')
    await backend.close()
    await gone
  })
})

describe('a fake backend with a WebSocket', () => {
  const messages = async (options: FakeBackendOptions = {}): Promise<readonly string[]> => {
    const { url } = await start('koboldcpp', options)
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
    const seen: string[] = []
    socket.onmessage = ({ data }) => seen.push(String(data))
    const [{ code }] = await once(socket, 'close')
    return [...seen, String(code)]
  }

  it('says what it has to say, and closes', async () => {
    const [status = '', code] = await messages()
    expect(JSON.parse(status)).toMatchObject({ type: 'status' })
    expect(code).toBe('1000')
  })

  it('has long messages, too', async () => {
    const texts = ['a'.repeat(200), 'b'.repeat(70_000)]
    const routes = { 'WS /ws': { messages: texts, closes: 1001 } }
    expect(await messages({ routes })).toEqual([...texts, '1001'])
  })

  it('refuses where it has none', async () => {
    const { url } = await start('ollama')
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
    await once(socket, 'error')
  })

  it('stays until the other side closes', async () => {
    const { url } = await start('ollama', { routes: { 'WS /ws': { messages: ['hello'] } } })
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`)
    await once(socket, 'message')
    socket.close()
    const [{ wasClean }] = await once(socket, 'close')
    expect(wasClean).toBe(true)
  })
})
