import type { IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type A2ABackend, connectA2A } from '../../../src/discovery/index.js'
import { BackendError, HttpError, ServiceRegistry } from '../../../src/index.js'
import { deferred, serve } from '../../core/servers.js'
import { startA2aAgent } from '../../real/a2a.js'
import type { RealServer } from '../../real/server.js'
import { recordAt } from './record.js'

const never = new AbortController().signal
let server: RealServer

beforeAll(async () => {
  server = await startA2aAgent()
}, 60_000)
afterAll(() => server.stop())

const connected = async (url = server.url, headers = {}): Promise<A2ABackend> =>
  connectA2A({ headers })(recordAt(url), never)

const card = (url: string) => ({
  name: 'Slow agent',
  description: '',
  version: '1.0.0',
  supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' }],
  capabilities: { streaming: true },
  defaultInputModes: [],
  defaultOutputModes: [],
  skills: [],
})

/** An agent by hand, that works on a task and never comes to an end with it. */
async function slowAgent(at = (url: string): string => `${url}/a2a`) {
  const methods: string[] = []
  const seen: IncomingMessage[] = []
  const cancelled = deferred<void>()
  const working = { id: 't1', contextId: 'c1', status: { state: 'TASK_STATE_WORKING' } }
  const running = await serve(async (request, response) => {
    seen.push(request)
    if (request.method === 'GET') {
      response
        .setHeader('content-type', 'application/json')
        .end(JSON.stringify(card(at(running.url))))
      return
    }
    let body = ''
    for await (const part of request) body += part
    const { id, method } = JSON.parse(body) as { id: unknown; method: string }
    methods.push(method)
    if (method === 'SendStreamingMessage') {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(
        `data: ${JSON.stringify({ jsonrpc: '2.0', id, result: { task: working } })}\n\n`,
      )
      return
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: working }))
    if (method === 'CancelTask') cancelled.resolve()
  })
  return { ...running, methods, seen, cancelled: cancelled.promise }
}

describe('connectA2A', { timeout: 30_000 }, () => {
  it('has the card of a real agent, sends it a text, and streams', async () => {
    const agent = await connected()
    expect(agent.card).toMatchObject({ name: 'Echo agent', skills: [{ id: 'echo' }] })
    const answer = await agent.sendMessage('hello')
    expect(answer).toMatchObject({ parts: [{ content: { $case: 'text', value: 'hello' } }] })
    const parts = [{ content: { $case: 'text', value: 'whole' }, mediaType: 'text/plain' }]
    expect(await agent.sendMessage({ parts })).toMatchObject({
      parts: [{ content: { value: 'whole' } }],
    })
    const events: unknown[] = []
    for await (const event of agent.streamMessage('hello')) events.push(event)
    expect(events).toMatchObject([{ payload: { $case: 'message', value: { parts: [{}] } } }])
  })

  it('takes what the agent does not know for a mistake of the caller', async () => {
    const agent = await connected()
    const error = await agent.getTask('nowhere').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BackendError)
    expect(error).toMatchObject({ status: 400, retryable: false })
    expect((error as Error).message).toMatch(/could not do the task nowhere: Task not found/)
  })

  it('cancels the task when the caller gives up, or reads no further', async () => {
    for (const gives of ['up', 'enough'] as const) {
      const slow = await slowAgent()
      const agent = await connected(slow.url)
      const giveUp = new AbortController()
      const read = async (): Promise<void> => {
        for await (const event of agent.streamMessage('go', { signal: giveUp.signal })) {
          expect(event).toMatchObject({ payload: { $case: 'task', value: { id: 't1' } } })
          if (gives === 'enough') return
          giveUp.abort()
        }
      }
      if (gives === 'enough') await read()
      else await expect(read()).rejects.toMatchObject({ name: 'AbortError' })
      await slow.cancelled
      expect(slow.methods).toEqual(['SendStreamingMessage', 'CancelTask'])
    }
  })

  it('sends headers to the address alone, wherever the card leads', async () => {
    const other = await slowAgent()
    const slow = await slowAgent(() => `${other.url}/a2a`)
    const agent = await connected(slow.url, { authorization: 'Bearer sk-secret' })
    expect(await agent.getTask('t1')).toMatchObject({ id: 't1' })
    expect(slow.seen[0]?.headers.authorization).toBe('Bearer sk-secret')
    expect(other.seen[0]?.headers.authorization).toBeUndefined()
  })

  it('goes nowhere that the policy forbids, although the card says so', async () => {
    const slow = await slowAgent(() => 'http://169.254.169.254/a2a')
    const agent = await connected(slow.url)
    await expect(agent.sendMessage('go')).rejects.toMatchObject({ kind: 'forbidden' })
  })

  it('finds the card below a path, and says what a status means', async () => {
    const paths: string[] = []
    const { url } = await serve((request, response) => {
      paths.push(request.url ?? '')
      response.writeHead(503, { 'retry-after': '3' }).end()
    })
    for (const address of [url, `${url}/agents/one/`, `${url}/card.json`])
      await expect(connected(address)).rejects.toThrow(HttpError)
    expect(paths).toEqual([
      '/.well-known/agent-card.json',
      '/agents/one/.well-known/agent-card.json',
      '/card.json',
    ])
    await expect(connected(url)).rejects.toMatchObject({
      status: 503,
      headers: { 'retry-after': '3' },
    })
  })

  it('fails over to another agent', async () => {
    const registry = new ServiceRegistry<{ agent: A2ABackend }>()
    const registration = { service: 'agent', connect: connectA2A(), idempotent: true } as const
    registry.register({ ...registration, name: 'a', address: 'http://127.0.0.1:1' })
    registry.register({ ...registration, name: 'b', address: server.url })
    expect(await registry.client('agent').sendMessage('hello')).toMatchObject({ parts: [{}] })
    expect(registry.get('a')?.circuit.failures).toBe(1)
    await registry.close()
  })
})
