import { createServer as createTcpServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { missingForGrpc } from '../../../src/server/grpc/available.js'
import { createServer } from '../../../src/server/index.js'
import { AgentClient, Ends, worker } from './client.js'

const ends = new Ends()
afterEach(() => ends.now())

async function both() {
  const server = await createServer({ port: 0, grpc: { port: 0 } })
  ends.add(() => server.close())
  const client = new AgentClient(server.urls.grpc?.replace('grpc://', '') ?? '')
  ends.add(() => client.close())
  const rest = async (path: string, body?: object): Promise<unknown> => {
    const answer = await fetch(`${server.urls.rest}${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
    })
    return answer.json()
  }
  return { server, client, rest }
}

describe('one catalogue for REST and gRPC', () => {
  it('shows agents over REST', async () => {
    const { client, rest } = await both()
    const { agent_id } = await client.call('Register', worker)
    expect(await rest(`/api/services/${agent_id}`)).toMatchObject({
      id: agent_id,
      location: 'worker-1:8000',
      mode: 'grpc',
      metadata: worker.metadata,
    })
    expect(await rest('/api/capabilities/python')).toMatchObject({ id: agent_id })
  })

  it('shows services of REST to agents, and to who watches', async () => {
    const { client, rest } = await both()
    const watch = client.watch()
    await watch.begun
    const body = { name: 'Music', capabilities: ['sing'], location: 'here', mode: 'embedded' }
    await rest('/api/register', { id: 'music', ...body })
    const { agents } = await client.call('DiscoverAgents', { capabilities: ['sing'] })
    expect(agents[0]).toMatchObject({
      agent_id: 'music',
      agent_type: 0,
      metadata: { endpoint: 'here' },
    })
    const [event] = await watch.until(1)
    expect(event?.agent?.agent_id).toBe('music')
  })

  it('closes both', async () => {
    const { server, client } = await both()
    const watch = client.watch()
    await watch.begun
    await server.close()
    expect(await watch.ended).toMatchObject({ code: 14 })
    await expect(fetch(`${server.urls.rest}/health`)).rejects.toThrow()
  })
})

describe('gRPC beside REST', () => {
  it('is there only when it is asked for', async () => {
    const server = await createServer({ port: 0 })
    ends.add(() => server.close())
    expect(server.urls.grpc).toBeUndefined()
  })

  it('leaves nothing open when its port is taken', async () => {
    const taken = createTcpServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    ends.add(() => taken.close())
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(createServer({ port: 0, grpc: { port } })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      port,
    })
  })

  it('takes no options that are none', async () => {
    await expect(createServer({ port: 0, grpc: { port: -1 } })).rejects.toMatchObject({
      code: 'SWITCHGEAR_INVALID_OPTIONS',
      message: expect.stringContaining('grpc.port'),
    })
  })

  it('knows that its packages are here', async () => {
    expect(await missingForGrpc()).toEqual([])
  })
})
