import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { closeIdleConnections } from '../../src/core/connection.js'
import { type FetchOptions, fetchAnswer, streamLines } from '../../src/core/http.js'
import { needs } from '../house/needs.js'
import { type Authority, createAuthority, hasOpenssl, type Identity } from './certificates.js'

let authority: Authority
let server: Identity
let other: Identity
let client: Identity

beforeAll(() => {
  if (!hasOpenssl) return
  authority = createAuthority()
  server = authority.issue('server', 'IP:127.0.0.1', 'DNS:registry.example')
  other = authority.issue('other', 'DNS:other.example')
  client = authority.issue('client')
})

afterAll(() => authority?.remove())

beforeEach((context) => {
  needs(context, hasOpenssl, 'openssl, which makes the certificates, is not installed')
  closeIdleConnections()
})

/** An https server until the test is over, and who its clients said they are. */
async function serveTls(identity: Identity, asksWho = false) {
  const clients: (string | undefined)[] = []
  const sockets = new Set<TLSSocket>()
  const listener = createServer(
    { ...identity, ...(asksWho && { ca: authority.ca, requestCert: true }) },
    (_, response) => response.end('{"secure":true}\n'),
  )
  listener.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket)
    const name = socket.getPeerCertificate()?.subject?.CN
    clients.push(Array.isArray(name) ? name[0] : name)
  })
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  const { port } = listener.address() as AddressInfo
  return { url: `https://127.0.0.1:${port}/`, clients }
}

const kindOf = (url: string, options: FetchOptions): Promise<string> =>
  fetchAnswer(url, options).then(
    () => 'answered',
    ({ kind }) => kind,
  )

describe('over https', () => {
  it('a server is trusted by the authority that is given, and by no other', async () => {
    const { url } = await serveTls(server)
    expect((await fetchAnswer(url, { tls: { ca: authority.ca } })).json()).toEqual({ secure: true })
    expect(await kindOf(url, {})).toBe('tls')
    const stranger = createAuthority()
    onTestFinished(() => stranger.remove())
    expect(await kindOf(url, { tls: { ca: stranger.ca } })).toBe('tls')
  })

  it('certificates are verified whatever the environment says', async () => {
    const { url } = await serveTls(server)
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0')
    onTestFinished(() => {
      vi.unstubAllEnvs()
    })
    expect(await kindOf(url, {})).toBe('tls')
  })

  it('the certificate must be for the host, or for the servername', async () => {
    const { url } = await serveTls(other)
    const { ca } = authority
    expect(await kindOf(url, { tls: { ca } })).toBe('tls')
    expect(await kindOf(url, { tls: { ca, servername: 'other.example' } })).toBe('answered')
    expect(await kindOf(url, { tls: { ca, servername: 'registry.example' } })).toBe('tls')
  })

  it('says who it is with cert and key', async () => {
    const { url, clients } = await serveTls(server, true)
    await fetchAnswer(url, { tls: { ca: authority.ca, ...client } })
    expect(clients).toEqual(['client'])
  })

  it('one idle connection never serves under other TLS options', async () => {
    const { url, clients } = await serveTls(server)
    const { ca } = authority
    await fetchAnswer(url, { tls: { ca } })
    await fetchAnswer(url, { tls: { ca: `${ca}` } }) // the same text is the same
    expect(clients).toHaveLength(1)
    expect(await kindOf(url, {})).toBe('tls')
    expect(await kindOf(url, { tls: { ca, servername: 'registry.example' } })).toBe('answered')
    await fetchAnswer(url, { tls: { ca, ...client } })
    expect(clients).toHaveLength(3)
  })

  it('streams too', async () => {
    const { url } = await serveTls(server)
    const lines: string[] = []
    for await (const line of streamLines(url, { tls: { ca: authority.ca } })) lines.push(line)
    expect(lines).toEqual(['{"secure":true}'])
  })
})
