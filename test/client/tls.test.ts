import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { RegistryClient, remoteRegistry, ServiceLocator } from '../../src/client/index.js'
import { ServiceRegistry } from '../../src/registry/registry.js'
import { createServer } from '../../src/server/index.js'
import { type Authority, createAuthority, hasOpenssl } from '../core/certificates.js'
import { needs } from '../house/needs.js'

let authority: Authority
beforeAll(() => {
  if (!hasOpenssl) return
  authority = createAuthority()
  return () => authority.remove()
})

/** Both faces, for who has a certificate of the authority. */
async function serving() {
  const pair = authority.issue('server', 'DNS:localhost', 'IP:127.0.0.1')
  const tls = { ...pair, clientCa: authority.ca }
  const server = await createServer({ port: 0, grpc: { port: 0 }, tls })
  onTestFinished(() => server.close())
  return { rest: server.urls.rest, grpc: server.urls.grpc ?? '' }
}

describe.each(['rest', 'grpc'] as const)('over %s with TLS', (face) => {
  it('an authority of one’s own and a certificate do for all that speaks to a registry', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const url = (await serving())[face]
    const tls = { ca: authority.ca, ...authority.issue('client') }
    const client = new RegistryClient({ url, tls })
    const locator = new ServiceLocator({ registryUrl: url, tls })
    const registry = new ServiceRegistry({ sources: [remoteRegistry({ url, tls })] })
    onTestFinished(async () => {
      await registry.close()
      locator.close()
      await client.close()
    })
    const location = 'http://127.0.0.1:9'
    await client.registerAgent({ id: 'sky', name: 'Sky', capabilities: ['forecast'], location })
    expect((await client.discoverAgents()).map(({ id }) => id)).toEqual(['sky'])
    for await (const { record } of client.watch()) {
      expect(record.id).toBe('sky')
      break
    }
    expect((await locator.locate('forecast')).id).toBe('sky')
    await registry.start()
    await registry.refresh()
    expect(registry.list().map(({ name }) => name)).toEqual(['sky'])
  })

  it('who shows none, or trusts others, learns nothing', async (context) => {
    needs(context, hasOpenssl, 'openssl')
    const url = (await serving())[face]
    for (const tls of [{ ca: authority.ca }, authority.issue('client')]) {
      const locator = new ServiceLocator({ registryUrl: url, tls })
      onTestFinished(() => locator.close())
      await expect(locator.locate('forecast')).rejects.toMatchObject({ name: 'HttpError' })
    }
  })

  it.each([{ cert: 'x', key: 'y' }, { ca: 'x', cert: undefined }, { cert: 'only one of the two' }])(
    'what is no certificate is refused at once: %s',
    async (tls) => {
      const url = face === 'rest' ? 'https://localhost:1' : 'grpcs://localhost:1'
      const refused = {
        code: 'SWITCHGEAR_INVALID_OPTIONS',
        message: expect.stringContaining('tls'),
      }
      for (const make of [
        () => new RegistryClient({ url, tls }),
        () => new ServiceLocator({ registryUrl: url, tls }),
        () => remoteRegistry({ url, tls }),
      ])
        expect(make).toThrow(expect.objectContaining(refused))
    },
  )
})
