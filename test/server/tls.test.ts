import { once } from 'node:events'
import { type RequestOptions, request } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { credentials } from '@grpc/grpc-js'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createServer, type ServerOptions } from '../../src/server/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { type Authority, createAuthority, hasOpenssl, type Identity } from '../core/certificates.js'
import { needs } from '../house/needs.js'
import { AgentClient, refusal, worker } from './grpc/client.js'

let authority: Authority
let own: Identity
beforeAll(() => {
  if (!hasOpenssl) return
  authority = createAuthority()
  own = authority.issue('server', 'DNS:localhost', 'IP:127.0.0.1')
  return () => authority.remove()
})

async function serving(options: ServerOptions = {}) {
  const server = await createServer({ port: 0, tls: own, ...options })
  onTestFinished(() => server.close())
  const ask = (path: string, more: RequestOptions = {}) => statusOf(server.urls.rest, path, more)
  return { server, ask }
}

async function statusOf(url: string, path: string, more: RequestOptions): Promise<string> {
  const sent = request({
    host: 'localhost',
    port: new URL(url).port,
    path,
    ca: authority.ca,
    agent: false,
    ...more,
  })
  sent.end()
  try {
    const [response] = await once(sent, 'response')
    let text = ''
    for await (const part of response.setEncoding('utf8')) text += part
    return `${response.statusCode} ${JSON.parse(text).code ?? 'ok'}`
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

const all = { host: '0.0.0.0' }

describe('TLS', () => {
  it('is HTTPS for who believes its certificate, and nothing for plain HTTP', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const { server, ask } = await serving()
    expect(server.urls.rest).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/)
    expect(await ask('/api/services')).toBe('200 ok')
    expect(await ask('/api/services', { ca: undefined })).toMatch(/UNABLE_TO|SELF_SIGNED|CERT/)
    const plain = connectPlain(Number(new URL(server.urls.rest).port), '127.0.0.1')
    plain.end('GET /health HTTP/1.1\r\nhost: x\r\n\r\n')
    let text = ''
    plain.on('error', () => {})
    plain.setEncoding('utf8').on('data', (part) => {
      text += part
    })
    await once(plain, 'close')
    expect(text).not.toContain('healthy')
  })

  it('serves agents with the same certificate', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const { server } = await serving({ grpc: { port: 0 } })
    const port = new URL(server.urls.grpc ?? '').port
    const trusting = credentials.createSsl(Buffer.from(authority.ca))
    const client = new AgentClient(`localhost:${port}`, trusting)
    onTestFinished(() => client.close())
    expect(await refusal(client.call('Register', worker))).toBe('done')
  })

  it('asks for a certificate of its authority, on every route but /health', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const { server, ask } = await serving({ ...all, tls: { ...own, clientCa: authority.ca } })
    expect(server.token).toBeUndefined() // who has a certificate needs none
    const mine = authority.issue('client')
    const stranger = createAuthority()
    onTestFinished(() => stranger.remove())
    const theirs = stranger.issue('client')
    expect(await ask('/health')).toBe('200 ok')
    for (const path of ['/api/services', '/openapi.json', '/v1/providers', '/api/events']) {
      expect(await ask(path)).toBe('401 UNAUTHENTICATED')
      expect(await ask(path, theirs)).toBe('401 UNAUTHENTICATED')
    }
    expect(await ask('/api/services/x', { method: 'DELETE' })).toBe('401 UNAUTHENTICATED')
    expect(await ask('/api/services/x', { method: 'DELETE', ...mine })).toBe(
      '404 SERVICE_NOT_FOUND',
    )
    expect(await ask('/api/services', mine)).toBe('200 ok')
  })

  it('lets the operator token stand for a certificate, and never the other way round', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const tls = { ...own, clientCa: authority.ca }
    const { ask } = await serving({ ...all, tls, token: 'boss', openReads: true })
    const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
    expect(await ask('/api/services')).toBe('401 UNAUTHENTICATED')
    expect(await ask('/api/services', bearer('wrong'))).toBe('401 UNAUTHENTICATED')
    expect(await ask('/api/services', bearer('boss'))).toBe('200 ok')
    const mine = authority.issue('client')
    expect(await ask('/api/services', mine)).toBe('200 ok')
    expect(await ask('/api/services/x', { method: 'DELETE', ...mine })).toBe('401 UNAUTHENTICATED')
  })

  it('is refused with a certificate that is none', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const other = authority.issue('other').key
    for (const tls of [
      { cert: 'x', key: 'y' },
      { ...own, key: other },
      { ...own, clientCa: 'z' },
    ])
      await expect(createServer({ port: 0, tls })).rejects.toMatchObject({
        code: 'SWITCHGEAR_INVALID_OPTIONS',
        message: expect.stringContaining('tls'),
      })
  })

  it('closes although somebody has not shaken hands yet, and others stay connected', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const server = await createServer({ port: 0, tls: own, clock: new FakeClock(0) })
    const port = Number(new URL(server.urls.rest).port)
    const half = connectPlain(port, '127.0.0.1')
    const idle = connectTls({ port, host: 'localhost', ca: authority.ca, servername: 'localhost' })
    await Promise.all([once(half, 'connect'), once(idle, 'secureConnect')])
    const ended = Promise.all([once(half, 'close'), once(idle, 'close')])
    for (const socket of [half, idle]) socket.on('error', () => {}).resume()
    await server.close()
    await ended
  })
})
