import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connectMcp, type McpBackend } from '../../../src/discovery/index.js'
import { BackendError, HttpError, ServiceRegistry } from '../../../src/index.js'
import { serve } from '../../core/servers.js'
import { startMcpEverything } from '../../real/mcp-everything.js'
import type { RealServer } from '../../real/server.js'
import { recordAt } from './record.js'

const never = new AbortController().signal
let server: RealServer

beforeAll(async () => {
  server = await startMcpEverything()
}, 60_000)
afterAll(() => server.stop())

const connected = async (url = server.url): Promise<McpBackend> =>
  connectMcp()(recordAt(url), never)

/** The real server, seen through somebody who may answer instead. */
async function between(instead: (request: IncomingMessage, to: ServerResponse) => boolean) {
  const seen: IncomingMessage[] = []
  const { url } = await serve(async (request, response) => {
    seen.push(request)
    if (instead(request, response)) return
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const { method = 'GET', url = '', headers } = request
    const { host: _, connection: __, 'content-length': ___, ...rest } = headers
    const answer = await fetch(server.url + url, {
      method,
      headers: rest as Record<string, string>,
      ...(parts.length > 0 && { body: Buffer.concat(parts) }),
    })
    const body = Buffer.from(await answer.arrayBuffer())
    const type = answer.headers.get('content-type')
    const session = answer.headers.get('mcp-session-id')
    response.writeHead(answer.status, {
      ...(type !== null && { 'content-type': type }),
      ...(session !== null && { 'mcp-session-id': session }),
    })
    response.end(body)
  })
  return { url, seen }
}

describe('connectMcp with the real server "everything"', { timeout: 30_000 }, () => {
  it('lists tools, calls one, reads a resource, and ends the session', async () => {
    const backend = await connected()
    const tools = await backend.listTools()
    expect(tools.map(({ name }) => name)).toContain('echo')
    const { content } = await backend.callTool('echo', { message: 'hello' })
    expect(content).toEqual([{ type: 'text', text: 'Echo: hello' }])
    const [resource] = await backend.readResource('demo://resource/dynamic/text/1')
    expect(resource).toMatchObject({ uri: 'demo://resource/dynamic/text/1' })
    await backend.close()
    await backend.close()
    expect(await backend.listTools(), 'the next call begins a new session').toHaveLength(
      tools.length,
    )
    await backend.close()
  })

  it('takes what the server does not know for a mistake of the caller', async () => {
    const backend = await connected()
    const error = await backend.readResource('demo://nowhere').catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(BackendError)
    expect(error).toMatchObject({ status: 400 })
    expect((error as Error).message).toMatch(/\/mcp could not do the resource demo:\/\/nowhere: /)
    const unknown = await backend.callTool('no-such-tool').catch((thrown: unknown) => thrown)
    if (unknown instanceof Error) expect(unknown).toMatchObject({ status: 400 })
    else expect(unknown).toMatchObject({ isError: true })
    await backend.close()
  })

  it('tells the server when the caller gives up', async () => {
    const sent: string[] = []
    const { url } = await between((request) => {
      request.on('data', (part) => sent.push(String(part)))
      return false
    })
    const backend = await connected(url)
    const giveUp = new AbortController()
    const call = backend.callTool(
      'trigger-long-running-operation',
      { duration: 20, steps: 1 },
      { signal: giveUp.signal },
    )
    await expect.poll(() => sent.some((body) => body.includes('long-running'))).toBe(true)
    giveUp.abort(new Error('enough'))
    await expect(call).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'enough' } })
    await expect
      .poll(() => sent.some((body) => body.includes('notifications/cancelled')))
      .toBe(true)
    await backend.close()
  })

  it('begins anew when the server has forgotten the session', async () => {
    let forgets = false
    const { url } = await between((request, response) => {
      if (!forgets || request.headers['mcp-session-id'] === undefined) return false
      forgets = false
      request.resume()
      response.writeHead(404).end('{"jsonrpc":"2.0","error":{"code":-32001,"message":"gone"}}')
      return true
    })
    const backend = await connected(url)
    forgets = true
    const { content } = await backend.callTool('echo', { message: 'again' })
    expect(content).toEqual([{ type: 'text', text: 'Echo: again' }])
    expect(forgets).toBe(false)
    await backend.close()
  })

  it('keeps no stream open on which nobody listens', async () => {
    const { url, seen } = await between(() => false)
    const backend = await connected(url)
    await backend.listTools()
    await backend.close()
    expect(seen.map(({ method }) => method)).not.toContain('GET')
    expect(seen.at(-1)?.method).toBe('DELETE')
  })

  it('has its session ended when its provider leaves', async () => {
    const { url, seen } = await between(() => false)
    const registry = new ServiceRegistry<{ tools: McpBackend }>()
    const one = { service: 'tools', name: 'one', address: url, connect: connectMcp() } as const
    registry.register(one)
    await registry.client('tools').listTools()
    registry.unregister('one')
    registry.register(one)
    await registry.client('tools').listTools()
    await registry.close()
    const ended = seen.filter(({ method }) => method === 'DELETE')
    expect(new Set(ended.map(({ headers }) => headers['mcp-session-id'])).size).toBe(2)
  })

  it('fails over, and says what a status means', async () => {
    const busy = await between((request, response) => {
      request.resume()
      response.writeHead(429, { 'retry-after': '9' }).end('too much of sk-secret')
      return true
    })
    const headers = { authorization: 'Bearer sk-secret' }
    const refused = Promise.resolve(connectMcp({ headers })(recordAt(busy.url), never))
    const error = await refused.catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toMatchObject({ status: 429, headers: { 'retry-after': '9' } })
    expect(String(error)).not.toContain('sk-secret')
    expect(busy.seen[0]?.headers.authorization).toBe('Bearer sk-secret')

    const registry = new ServiceRegistry<{ tools: McpBackend }>()
    const connect = connectMcp()
    const registration = { service: 'tools', connect, idempotent: true } as const
    registry.register({ ...registration, name: 'a', address: busy.url })
    registry.register({ ...registration, name: 'b', address: server.url })
    const { content } = await registry.client('tools').callTool('echo', { message: 'b' })
    expect(content).toEqual([{ type: 'text', text: 'Echo: b' }])
    await registry.client('tools').close()
    await registry.close()
  })

  it('looks for it at the path of the address, of the metadata, or at /mcp', async () => {
    const paths: string[] = []
    const { url } = await serve((request, response) => {
      paths.push(request.url ?? '')
      response.writeHead(500).end()
    })
    for (const record of [recordAt(url), recordAt(`${url}/x`), recordAt(url, { path: '/y' })])
      await expect(Promise.resolve(connectMcp()(record, never))).rejects.toMatchObject({
        status: 500,
      })
    expect([...new Set(paths)]).toEqual(['/mcp', '/x', '/y'])
  })
})
