import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import OpenAI from 'openai'
import {
  AllProvidersFailedError,
  CallTimeoutError,
  NoProviderError,
  ServiceRegistry,
} from 'switchgear'
import { afterEach, describe, expect, it } from 'vitest'

/** How a server answers chat completions. */
type Answer = (request: IncomingMessage, response: ServerResponse, body: Body) => void
interface Body {
  readonly stream?: boolean
  readonly messages: readonly { readonly content: string }[]
}
interface Server {
  readonly client: OpenAI
  answer: Answer
  /** Bodies of the requests so far. */
  readonly bodies: Body[]
  /** Resolves when a request was cut off by its client. */
  readonly aborted: Promise<void>
}

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((close) => close()))
})

const json = (response: ServerResponse, status: number, body: object, headers = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}
const event = (response: ServerResponse, data: object | string): void => {
  response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`)
}
const chunk = (content: string, finish_reason: string | null = null) => ({
  id: 'c',
  object: 'chat.completion.chunk',
  created: 0,
  model: 'm',
  choices: [{ index: 0, delta: { role: 'assistant', content }, finish_reason }],
})

const talks =
  (name: string): Answer =>
  (_, response, { stream, messages }) => {
    const text = `${name}: ${messages[0]?.content}`
    if (stream) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const [first = '', second = ''] = text.split(/(?<=: )/)
      event(response, chunk(first))
      event(response, chunk(second, 'stop'))
      event(response, '[DONE]')
      response.end()
      return
    }
    json(
      response,
      200,
      {
        id: 'c',
        object: 'chat.completion',
        created: 0,
        model: 'm',
        choices: [
          { index: 0, message: { role: 'assistant', content: text }, finish_reason: 'stop' },
        ],
      },
      { 'x-request-id': `request-of-${name}` },
    )
  }
const fails =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (_, response) =>
    json(response, status, { error: { message: 'no', type: 'x', code: 'y' } }, headers)
const hangs: Answer = () => {}

async function serve(answer: Answer): Promise<Server> {
  let cutOff: () => void = () => {}
  const server: Server = {
    answer,
    bodies: [],
    aborted: new Promise((resolve) => {
      cutOff = resolve
    }),
    client: undefined as never,
  }
  const http = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString() || '{}') as Body
      server.bodies.push(body)
      server.answer(request, response, body)
    })
    response.on('close', () => {
      if (!response.writableFinished) cutOff()
    })
  })
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve)
  })
  open.push(
    () =>
      new Promise((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  )
  const { port } = http.address() as AddressInfo
  const client = new OpenAI({
    apiKey: 'sk-test',
    baseURL: `http://127.0.0.1:${port}/v1`,
    maxRetries: 0,
  })
  return Object.assign(server, { client })
}

async function fleet(...answers: Answer[]) {
  const registry = new ServiceRegistry<{ llm: OpenAI }>({ random: () => 0 })
  const servers = await Promise.all(answers.map(serve))
  for (const [at, { client }] of servers.entries())
    registry.register({ service: 'llm', name: `s${at}`, provider: client })
  const events: string[] = []
  for (const type of ['call.succeeded', 'call.failed', 'call.refused'] as const)
    registry.on(type, (told) => events.push(`${type} ${told.provider} ${told.method}`))
  return { registry, servers, events }
}

const request = (text: string) => ({
  model: 'm',
  messages: [{ role: 'user' as const, content: text }],
})
const create = 'chat.completions.create'

/** The two ways to an object that behaves like the client. */
const ways = [
  ['getService', (registry: ServiceRegistry<{ llm: OpenAI }>) => registry.requireService('llm')],
  [
    'client',
    async (registry: ServiceRegistry<{ llm: OpenAI }>) =>
      registry.client('llm', {}, { attempts: 1 }),
  ],
] as const

describe.each(ways)('the official openai client through %s', (_, get) => {
  it('answers chat.completions.create', async () => {
    const { registry, events, servers } = await fleet(talks('a'))
    const openai = await get(registry)
    const completion = await openai.chat.completions.create(request('hi'))
    expect(completion.choices[0]?.message.content).toBe('a: hi')
    expect(completion._request_id).toBe('request-of-a')
    expect(servers[0]?.bodies).toEqual([request('hi')])
    expect(events).toEqual([`call.succeeded s0 ${create}`])
  })

  it('is an OpenAI, with its properties and identities', async () => {
    const { registry, servers } = await fleet(talks('a'))
    const openai = await get(registry)
    expect(openai).toBeInstanceOf(OpenAI)
    expect(openai.baseURL).toBe(servers[0]?.client.baseURL)
    expect(openai.apiKey).toBe('sk-test')
    expect(openai.chat.completions).toBe(openai.chat.completions)
    expect(openai.chat.completions.create).toBe(openai.chat.completions.create)
    expect(openai.constructor).toBe(OpenAI)
    expect(await openai).toBe(openai)
  })

  it('streams with for await, and the end of the stream is the outcome', async () => {
    const { registry, events } = await fleet(talks('a'))
    const openai = await get(registry)
    const stream = await openai.chat.completions.create({ ...request('hi'), stream: true })
    const parts: unknown[] = []
    for await (const part of stream) {
      expect(events).toEqual([])
      parts.push(part.choices[0]?.delta.content)
    }
    expect(parts).toEqual(['a: ', 'hi'])
    expect(events).toEqual([`call.succeeded s0 ${create}`])
    expect(stream.controller).toBeInstanceOf(AbortController)
    expect(stream.constructor.name).toBe('Stream')
  })

  it('left in mid-stream aborts the request, neutrally', async () => {
    const { registry, servers } = await fleet((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      event(response, chunk('one'))
    })
    const openai = await get(registry)
    const stream = await openai.chat.completions.create({ ...request('hi'), stream: true })
    for await (const _part of stream) break
    await servers[0]?.aborted
    expect(registry.circuit('s0').stats).toMatchObject({ neutral: 1, failures: 0, successes: 0 })
    expect(registry.get('s0')?.inFlight).toBe(0)
  })

  it('has .withResponse() and .asResponse()', async () => {
    const { registry, events } = await fleet(talks('a'))
    const openai = await get(registry)
    const { data, response, request_id } = await openai.chat.completions
      .create(request('hi'))
      .withResponse()
    expect(data.choices[0]?.message.content).toBe('a: hi')
    expect(response.status).toBe(200)
    expect(request_id).toBe('request-of-a')
    const raw = await openai.chat.completions.create(request('you')).asResponse()
    expect(await raw.json()).toMatchObject({ choices: [{ message: { content: 'a: you' } }] })
    expect(events).toEqual([`call.succeeded s0 ${create}`, `call.succeeded s0 ${create}`])
  })

  it('streams through .withResponse() too', async () => {
    const { registry, events } = await fleet(talks('a'))
    const openai = await get(registry)
    const { data, response } = await openai.chat.completions
      .create({ ...request('hi'), stream: true })
      .withResponse()
    expect(response.headers.get('content-type')).toBe('text/event-stream')
    const parts: unknown[] = []
    for await (const part of data) parts.push(part.choices[0]?.delta.content)
    expect(parts).toEqual(['a: ', 'hi'])
    expect(events).toEqual([`call.succeeded s0 ${create}`])
  })

  it('helpers that call the client themselves work', async () => {
    const { registry } = await fleet(talks('a'))
    const openai = await get(registry)
    const stream = openai.chat.completions.stream(request('hi'))
    expect(await stream.finalContent()).toBe('a: hi')
    const parsed = await openai.chat.completions.parse(request('you'))
    expect(parsed.choices[0]?.message.content).toBe('a: you')
  })

  it('throws its own errors untouched', async () => {
    const { registry } = await fleet(fails(400))
    const openai = await get(registry)
    const error = await openai.chat.completions.create(request('hi')).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toBeInstanceOf(OpenAI.APIError)
    expect(error).toMatchObject({ status: 400, code: 'y' })
    expect(registry.circuit('s0').stats).toMatchObject({ neutral: 1, failures: 0 })
  })

  it('stops for the user’s own signal, neutrally', async () => {
    const { registry, servers } = await fleet(hangs)
    const openai = await get(registry)
    const stop = new AbortController()
    const server = servers[0] as Server
    server.answer = () => stop.abort()
    const error = await openai.chat.completions
      .create(request('hi'), { signal: stop.signal })
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(OpenAI.APIUserAbortError)
    await server.aborted
    expect(registry.circuit('s0').stats).toMatchObject({ neutral: 1, failures: 0 })
  })

  it('a call that times out aborts its HTTP request', async () => {
    const { registry, servers } = await fleet()
    const server = await serve(hangs)
    registry.register({
      service: 'llm',
      name: 'slow',
      provider: server.client,
      circuit: { timeoutMs: 50 },
    })
    const openai = await get(registry)
    const attempt = openai.chat.completions.create(request('hi'))
    await expect(attempt).rejects.toBeInstanceOf(CallTimeoutError)
    await server.aborted
    expect(servers).toEqual([])
    expect(registry.circuit('slow').stats.timeouts).toBe(1)
  })

  it('refused keeps the shape of its promises', async () => {
    const { registry } = await fleet(talks('a'))
    const openai = await get(registry)
    registry.circuit('s0').isolate()
    const refused = () => openai.chat.completions.create(request('hi'))
    await expect(refused()).rejects.toThrow(/isolated|open/)
    await expect(refused().withResponse()).rejects.toThrow(/isolated|open/)
    await expect(refused().asResponse()).rejects.toThrow(/isolated|open/)
  })
})

describe('a fleet of openai clients', () => {
  it.each([500, 503, 429, 401])('fails over from %d', async (status) => {
    const { registry, events } = await fleet(fails(status), talks('b'))
    const openai = registry.client('llm')
    const completion = await openai.chat.completions.create(request('hi'))
    expect(completion.choices[0]?.message.content).toBe('b: hi')
    expect(events).toEqual([`call.failed s0 ${create}`, `call.succeeded s1 ${create}`])
  })

  it('fails over from a server that is gone', async () => {
    const { registry, servers } = await fleet(talks('a'), talks('b'))
    await Promise.all(open.splice(0, 1).map((close) => close()))
    const completion = await registry.client('llm').chat.completions.create(request('hi'))
    expect(completion.choices[0]?.message.content).toBe('b: hi')
    expect(servers[0]?.bodies).toEqual([])
  })

  it('replays .withResponse() and .asResponse() on the winning attempt', async () => {
    const { registry } = await fleet(fails(500), talks('b'))
    const { completions } = registry.client('llm').chat
    const { data, request_id } = await completions.create(request('hi')).withResponse()
    expect(data.choices[0]?.message.content).toBe('b: hi')
    expect(request_id).toBe('request-of-b')
    const raw = await completions.create(request('hi')).asResponse()
    expect(raw.headers.get('x-request-id')).toBe('request-of-b')
  })

  it('fails over when the stream fails before its first content', async () => {
    const breaks: Answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      event(response, { error: { message: 'overloaded', code: 'overloaded' } })
      response.end()
    }
    const { registry, events } = await fleet(breaks, talks('b'))
    const stream = await registry
      .client('llm')
      .chat.completions.create({ ...request('hi'), stream: true })
    const parts: unknown[] = []
    for await (const part of stream) parts.push(part.choices[0]?.delta.content)
    expect(parts).toEqual(['b: ', 'hi'])
    expect(events).toEqual([`call.failed s0 ${create}`, `call.succeeded s1 ${create}`])
  })

  it('never says anything twice when a stream breaks in the middle', async () => {
    const cuts: Answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${JSON.stringify(chunk('half'))}\n\n`, () => response.destroy())
    }
    const { registry, events, servers } = await fleet(cuts, talks('b'))
    const stream = await registry
      .client('llm')
      .chat.completions.create({ ...request('hi'), stream: true })
    const parts: unknown[] = []
    await expect(
      (async () => {
        for await (const part of stream) parts.push(part.choices[0]?.delta.content)
      })(),
    ).rejects.toThrow()
    expect(parts).toEqual(['half'])
    expect(servers[1]?.bodies).toEqual([])
    expect(events).toEqual([`call.failed s0 ${create}`])
  })

  it('cools a server for as long as it asks', async () => {
    const { registry } = await fleet(fails(429, { 'retry-after': '30' }), talks('b'))
    await registry.client('llm').chat.completions.create(request('hi'))
    expect(registry.explain('llm').candidates[0]?.verdict).toMatchObject({ reason: 'cooling' })
    expect(registry.circuit('s0').state).toBe('closed')
  })

  it('reports every attempt with the client’s own error', async () => {
    const { registry } = await fleet(fails(500), fails(500))
    const error = await registry
      .client('llm', {}, { attempts: 2 })
      .chat.completions.create(request('hi'))
      .catch((e: unknown) => e)
    expect(error).toBeInstanceOf(AllProvidersFailedError)
    for (const one of (error as AllProvidersFailedError).errors)
      expect(one).toBeInstanceOf(OpenAI.InternalServerError)
  })

  it('made by connect gets its signal as well', async () => {
    const server = await serve(hangs)
    const registry = new ServiceRegistry<{ llm: OpenAI }>()
    registry.register({
      service: 'llm',
      name: 'lazy',
      connect: async () => server.client,
      circuit: { timeoutMs: 50 },
    })
    const openai = registry.client('llm', {}, { attempts: 1 })
    await expect(openai.chat.completions.create(request('hi'))).rejects.toThrow(CallTimeoutError)
    await server.aborted
  })

  it('made by connect, or behind a health check, has .withResponse() on its first call', async () => {
    const server = await serve(talks('a'))
    const registry = new ServiceRegistry<{ llm: OpenAI }>()
    registry.register({
      service: 'llm',
      connect: async () => server.client,
      health: { check: async () => true },
    })
    const openai = registry.client('llm')
    const { data } = await openai.chat.completions.create(request('hi')).withResponse()
    expect(data.choices[0]?.message.content).toBe('a: hi')
  })

  it('without anybody rejects', async () => {
    const { registry } = await fleet()
    const { completions } = registry.client('llm').chat
    await expect(completions.create(request('hi'))).rejects.toBeInstanceOf(NoProviderError)
    await expect(completions.create(request('hi')).withResponse()).rejects.toThrow(NoProviderError)
  })
})
