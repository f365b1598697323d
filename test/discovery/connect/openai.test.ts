import type { IncomingMessage } from 'node:http'
import OpenAI from 'openai'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { connectOpenAI, type OpenAIConnectOptions } from '../../../src/discovery/index.js'
import { ServiceRegistry } from '../../../src/index.js'
import { serve } from '../../core/servers.js'
import { recordAt } from './record.js'

const never = new AbortController().signal
afterEach(() => vi.unstubAllEnvs())

const hello = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] }
const completion = (content: string) => ({
  id: 'c',
  object: 'chat.completion',
  created: 0,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
})

/** Completes everything with its name, or answers a status. */
async function model(name: string, status = 200) {
  const seen: IncomingMessage[] = []
  const { url } = await serve((request, response) => {
    seen.push(request)
    request.resume().on('end', () => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(status === 200 ? completion(name) : { error: { message: 'no' } }))
    })
  })
  return { url, seen }
}

const connected = async (
  url: string,
  options?: OpenAIConnectOptions,
  metadata?: Readonly<Record<string, unknown>>,
): Promise<OpenAI> => connectOpenAI<OpenAI>(options)(recordAt(url, metadata), never)

describe('connectOpenAI', () => {
  it('makes the official client, completed with /v1', async () => {
    const { url, seen } = await model('a')
    const client = await connected(url)
    expect(client).toBeInstanceOf(OpenAI)
    expect(client.maxRetries).toBe(0)
    const answer = await client.chat.completions.create(hello)
    expect(answer.choices[0]?.message.content).toBe('a')
    expect(seen[0]?.url).toBe('/v1/chat/completions')
    expect(seen[0]?.headers.origin).toBeUndefined()
  })

  it.each<[string, string, Readonly<Record<string, unknown>>]>([
    ['/v1', '/v1', {}],
    ['/v1/', '/v1', {}],
    ['/openai', '/openai/v1', {}],
    ['/api/v3', '/api/v3', {}],
    ['', '/engines/v1', { basePath: '/engines/v1' }],
    ['/v1', '/v1', { basePath: 7 }],
  ])('takes an address that ends in "%s" as %s', async (path, expected, metadata) => {
    const client = await connected(`http://127.0.0.1:1${path}`, {}, metadata)
    expect(client.baseURL).toBe(`http://127.0.0.1:1${expected}`)
  })

  it('sends nothing of its environment to an address that is not api.openai.com', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-environment')
    vi.stubEnv('OPENAI_ADMIN_KEY', 'sk-admin')
    vi.stubEnv('OPENAI_ORG_ID', 'org-environment')
    vi.stubEnv('OPENAI_PROJECT_ID', 'project-environment')
    vi.stubEnv('OPENAI_BASE_URL', 'http://127.0.0.1:1/v1')
    vi.stubEnv('OPENAI_CUSTOM_HEADERS', 'x-custom: custom-environment')
    const { url, seen } = await model('a')
    await (await connected(url)).chat.completions.create(hello)
    expect(JSON.stringify(seen[0]?.headers)).not.toMatch(/environment|sk-/)
    expect(seen[0]?.headers.authorization).toBeUndefined()
  })

  it('sends a key that it is given, to each provider its own', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-environment')
    const { url, seen } = await model('a')
    await (await connected(url, { apiKey: 'sk-1' })).models.list()
    const apiKey: OpenAIConnectOptions['apiKey'] = ({ metadata }) => String(metadata.key)
    await (await connected(url, { apiKey }, { key: 'sk-2' })).models.list()
    await (await connected(url, { headers: { authorization: 'Basic x' } })).models.list()
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer sk-1',
      'Bearer sk-2',
      'Basic x',
    ])
  })

  it('follows no redirect', async () => {
    const victim = await model('victim')
    const { url } = await serve((_, response) =>
      response.writeHead(307, { location: `${victim.url}/v1/chat/completions` }).end(),
    )
    const call = (await connected(url, { apiKey: 'sk-1' })).chat.completions.create(hello)
    await expect(call).rejects.toMatchObject({ cause: { status: 307 } })
    expect(victim.seen).toEqual([])
  })

  it('streams', async () => {
    const chunk = { ...completion(''), object: 'chat.completion.chunk' }
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      for (const content of ['a', 'b'])
        response.write(
          `data: ${JSON.stringify({ ...chunk, choices: [{ index: 0, delta: { content } }] })}\n\n`,
        )
      response.end('data: [DONE]\n\n')
    })
    const words: string[] = []
    const stream = await (await connected(url)).chat.completions.create({ ...hello, stream: true })
    for await (const { choices } of stream) words.push(choices[0]?.delta.content ?? '')
    expect(words).toEqual(['a', 'b'])
  })

  it('uploads files', async () => {
    let body = ''
    const { url } = await serve((request, response) => {
      request.on('data', (part) => {
        body += part
      })
      request.on('end', () =>
        response.setHeader('content-type', 'application/json').end('{"text":"t"}'),
      )
    })
    const file = new File(['sound'], 'a.wav')
    await (await connected(url)).audio.transcriptions.create({ model: 'm', file })
    expect(body).toContain('filename="a.wav"')
    expect(body).toContain('sound')
  })

  it('fails over from one provider to another, and stops work that takes too long', async () => {
    const broken = await model('a', 503)
    const silent = await serve(() => {})
    const whole = await model('c')
    const registry = new ServiceRegistry<{ llm: OpenAI }>()
    const connect = connectOpenAI<OpenAI>()
    for (const [name, address] of Object.entries({ a: broken.url, b: silent.url, c: whole.url }))
      registry.register({ service: 'llm', name, address, connect, circuit: { timeoutMs: 300 } })
    const answer = await registry.client('llm').chat.completions.create(hello)
    expect(answer.choices[0]?.message.content).toBe('c')
    await silent.allClosed()
    expect(registry.get('b')?.circuit.timeouts).toBe(1)
    await registry.close()
  })

  it('a connection that is refused is known not to have been made', async () => {
    const client = await connected('http://127.0.0.1:1')
    await expect(client.models.list()).rejects.toMatchObject({ cause: { kind: 'refused' } })
  })
})
