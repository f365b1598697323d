import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import { type ChannelCredentials, credentials } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import { encodeHealthRequest, readServingStatus } from '../../../src/health/probes/grpc-messages.js'
import { startGrpc } from '../../../src/server/grpc/server.js'
import { serviceName } from '../../../src/wire/proto/definition.js'
import { createAuthority, hasOpenssl } from '../../core/certificates.js'
import { needs } from '../../house/needs.js'
import { operationsOf } from '../operations-of.js'
import { AgentClient, Ends, refusal, serving, worker } from './client.js'

const ends = new Ends()
afterEach(() => ends.now())

describe('the server', () => {
  it('listens on this machine alone unless told otherwise, and says where', async () => {
    const { server } = await serving(ends)
    expect(server.url).toBe(`grpc://127.0.0.1:${server.port}`)
    expect(server.port).toBeGreaterThan(0)
  })

  it('listens on IPv6', async () => {
    const { client, server } = await serving(ends, { grpc: { host: '::1' } })
    expect(server.url).toBe(`grpc://[::1]:${server.port}`)
    await client.call('Register', worker)
  })

  it('says so when the port is taken', async () => {
    const { operations } = operationsOf()
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    ends.add(() => taken.close())
    const address = taken.address()
    const port = typeof address === 'object' ? address?.port : undefined
    await expect(startGrpc(operations, { port })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining(`127.0.0.1:${port}: the port is taken`),
    })
  })

  it('refuses certificates that are none', async () => {
    const { operations } = operationsOf()
    const tls = { cert: 'no certificate', key: 'no key' }
    await expect(startGrpc(operations, { port: 0, tls })).rejects.toMatchObject({
      code: 'SWITCHGEAR_INVALID_OPTIONS',
      message: expect.stringContaining('tls'),
    })
  })

  it('closes once, and frees its port', async () => {
    const { server, operations, client } = await serving(ends)
    await client.call('Register', worker)
    await Promise.all([server.close(), server.close()])
    const again = await startGrpc(operations, { port: server.port })
    ends.add(() => again.close())
  })

  it('refuses messages that are too long', async () => {
    const { client } = await serving(ends, { grpc: { mostBytes: 10_000 } })
    const metadata = { text: 'x'.repeat(20_000) }
    expect(await refusal(client.call('Register', { ...worker, metadata }))).toMatch(/^8 /)
    expect(await refusal(client.call('Register', worker))).toBe('done')
  })

  it('says UNIMPLEMENTED of what it does not have', async () => {
    const { client } = await serving(ends)
    const unknown = client.raw(`/${serviceName}/Nothing`, Buffer.alloc(0), (bytes) => bytes)
    expect(await refusal(unknown)).toMatch(/^12 /)
  })
})

describe('health checks', () => {
  it('answer for the server and its service', async () => {
    const { client } = await serving(ends)
    const ask = (service: string) =>
      client.raw(
        '/grpc.health.v1.Health/Check',
        Buffer.from(encodeHealthRequest(service)),
        readServingStatus,
      )
    expect(await ask('')).toBe('SERVING')
    expect(await ask(serviceName)).toBe('SERVING')
    expect(await refusal(ask('other'))).toMatch(/^5 /)
  })
})

/** Newer Node refuses an IP address as the name of a TLS server (RFC 6066), which grpc-js would send. */
const byName = (address: string): string => address.replace('127.0.0.1', 'localhost')

describe('TLS', () => {
  it('serves who believes its certificate', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const authority = createAuthority()
    ends.add(() => authority.remove())
    const tls = authority.issue('server', 'DNS:localhost', 'IP:127.0.0.1')
    const { server, address } = await serving(ends, { grpc: { tls } })
    expect(server.url).toMatch(/^grpcs:/)
    const named = byName(address)
    const believing = new AgentClient(named, credentials.createSsl(Buffer.from(authority.ca)))
    ends.add(() => believing.close())
    expect(await refusal(believing.call('Register', worker))).toBe('done')
    for (const others of [credentials.createInsecure(), credentials.createSsl()]) {
      const client = new AgentClient(named, others)
      ends.add(() => client.close())
      expect(await refusal(client.call('Register', worker))).toMatch(/^14 /)
    }
  })

  it('serves only who shows a certificate of its authority, when one is named', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const authority = createAuthority()
    ends.add(() => authority.remove())
    const tls = { ...authority.issue('server', 'DNS:localhost'), clientCa: authority.ca }
    const { address: bare } = await serving(ends, { grpc: { tls } })
    const address = byName(bare)
    const ca = Buffer.from(authority.ca)
    const own = authority.issue('client')
    const stranger = createAuthority()
    ends.add(() => stranger.remove())
    const other = stranger.issue('client')
    const as = ({ cert, key }: typeof own) =>
      credentials.createSsl(ca, Buffer.from(key), Buffer.from(cert))
    const ask = async (by: ChannelCredentials): Promise<string> => {
      const client = new AgentClient(address, by)
      ends.add(() => client.close())
      return refusal(client.call('Register', worker))
    }
    expect(await ask(as(own))).toBe('done')
    expect(await ask(as(other))).toMatch(/^14 /)
    expect(await ask(credentials.createSsl(ca))).toMatch(/^14 /)
  })
})

describe('tokens', () => {
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  it('are asked of everybody when there is one of the operator', async () => {
    const { client } = await serving(ends, { operatorToken: 'of-the-operator' })
    const operator = bearer('of-the-operator')
    expect(await refusal(client.call('Register', worker))).toMatch(/^16 /)
    expect(await refusal(client.call('Register', worker, bearer('wrong')))).toMatch(/^16 /)
    const { agent_id, registration_token } = await client.call('Register', worker, operator)
    const own = bearer(registration_token)
    for (const known of [agent_id, 'nobody', randomUUID()]) // what is there is nothing for strangers
      for (const name of ['Heartbeat', 'Deregister', 'NotifyAgent'] as const)
        expect(await refusal(client.call(name, { agent_id: known }))).toBe(
          '16 A change needs the operator token; send it as "authorization: Bearer <token>"',
        )
    expect(await refusal(client.call('Heartbeat', { agent_id: randomUUID() }, own))).toMatch(/^5 /)
    expect(await refusal(client.call('Heartbeat', { agent_id }, own))).toBe('done')
    for (const name of ['ListAgents', 'DiscoverAgents', 'GetAgent'] as const) {
      expect(await refusal(client.call(name, { agent_id }))).toMatch(/^16 /)
      expect(await refusal(client.call(name, { agent_id }, operator))).toBe('done')
    }
    expect(await client.watch().ended).toMatchObject({ code: 16 })
    expect(await refusal(client.call('NotifyAgent', { agent_id }))).toMatch(/^16 /)
    const other = await client.call('Register', worker, operator)
    const theirs = bearer(other.registration_token)
    expect(await refusal(client.call('Deregister', { agent_id }, theirs))).toMatch(/^16 /)
    expect(await client.call('Deregister', { agent_id }, own)).toEqual({ success: true })
  })

  it('are never in what a refusal says', async () => {
    const { client } = await serving(ends, { operatorToken: 'of-the-operator' })
    const said = await refusal(client.call('Register', worker, bearer('a-secret')))
    expect(said).not.toMatch(/a-secret|of-the-operator/)
  })
})
