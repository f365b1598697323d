import { describe, expect, it, onTestFinished } from 'vitest'
import type { A2ABackend } from '../../../src/discovery/connect/a2a.js'
import { type A2AOptions, a2a } from '../../../src/discovery/sources/a2a.js'
import { ServiceRegistry } from '../../../src/index.js'
import { FakeClock, sourceConformance } from '../../../src/testing/index.js'
import { startA2aAgent } from '../../real/a2a.js'
import { fake } from '../fingerprints/ask.js'
import { watching } from './watching.js'

const timeout = 60_000

describe('a2a', () => {
  for (const { name, run } of sourceConformance(async () => {
    const { url } = await fake('a2a')
    return a2a({ url })
  }))
    it(name, run)

  it.each([undefined, 'v0.3', 'v0.2'])('gives an agent by its card (%s)', async (variant) => {
    const { port, url } = await fake('a2a', { variant })
    const { sightings } = (await watching(a2a({ url })).next()) ?? {}
    expect(sightings).toMatchObject([
      {
        name: `a2a@127.0.0.1:${port}`,
        service: 'agent',
        address: url,
        version: '4.5.6',
        capabilities: ['video_generation', 'text_generation', 'streaming'],
        metadata: { kind: 'a2a', skills: [{ id: 'film-a-marsh' }, { id: 'tell' }] },
        health: 'healthy',
      },
    ])
  })

  it('does not have a card sent again that is still the same', async () => {
    const clock = new FakeClock()
    const tags: unknown[] = []
    const { url } = await fake('a2a', {
      routes: {
        'GET /.well-known/agent-card.json': ({ headers }) => {
          tags.push(headers['if-none-match'])
          if (headers['if-none-match'] === '"one"') return { status: 304 }
          return { json: card('1.0.0'), headers: { etag: '"one"' } }
        },
      },
    })
    const { next } = watching(a2a({ url, clock, everyMs: 1_000, timeoutMs: 60_000 }))
    const first = await next()
    const second = next()
    await clock.advance(1_000)
    expect(await second).toEqual(first)
    expect(tags).toEqual([undefined, '"one"'])
  })

  it('sees a card that changed', async () => {
    const clock = new FakeClock()
    let version = '1.0.0'
    const { url } = await fake('a2a', {
      routes: {
        'GET /.well-known/agent-card.json': () => ({
          json: card(version),
          headers: { etag: version },
        }),
      },
    })
    const { next } = watching(a2a({ url, clock, everyMs: 1_000, timeoutMs: 60_000 }))
    expect((await next())?.sightings).toMatchObject([{ version: '1.0.0' }])
    version = '2.0.0'
    const second = next()
    await clock.advance(1_000)
    expect((await second)?.sightings).toMatchObject([{ version: '2.0.0' }])
  })

  it('gives several; one that stops answering is unhealthy, and stays', async () => {
    const clock = new FakeClock()
    const [one, other] = [await fake('a2a'), await fake('a2a', { variant: 'v0.3' })]
    const urls = [one.url, other.url]
    const { next } = watching(a2a({ urls, clock, everyMs: 1_000, timeoutMs: 60_000 }))
    expect((await next())?.sightings).toHaveLength(2)
    await one.close()
    const second = next()
    await clock.advance(1_000)
    expect((await second)?.sightings).toMatchObject([
      { name: `a2a@127.0.0.1:${one.port}`, health: 'unhealthy', version: '4.5.6' },
      { name: `a2a@127.0.0.1:${other.port}`, health: 'healthy' },
    ])
    await other.close()
    const third = expect(next()).rejects.toThrow(/127\.0\.0\.1:\d+/)
    await clock.advance(1_000)
    await third
  })

  it('has a probe of the agent itself', async () => {
    const { close, url } = await fake('a2a')
    const [sighting] = (await watching(a2a({ url })).next())?.sightings ?? []
    const check = () => sighting?.probe?.check({} as never, new AbortController().signal)
    expect(await check()).toEqual({ status: 'healthy', version: '4.5.6' })
    await close()
    await expect(check()).rejects.toThrow()
  })

  it('is given the card itself, too', async () => {
    const { port, url } = await fake('a2a', {
      routes: { 'GET /cards/one.json': { json: card('3.0.0') } },
    })
    const { sightings } = (await watching(a2a({ url: `${url}/cards/one.json` })).next()) ?? {}
    expect(sightings).toMatchObject([
      { name: `a2a@127.0.0.1:${port}/cards/one.json`, version: '3.0.0' },
    ])
  })

  it('fails where there is no card, and says what was answered', async () => {
    const { url } = await fake('mcp')
    await expect(watching(a2a({ url })).next()).rejects.toThrow(
      /is no A2A agent \(GET \/\.well-known\/agent\.json: 404, no body\): check the address$/,
    )
  })

  it.each<[string, A2AOptions]>([
    ['url', {}],
    ['url', { url: 'http://127.0.0.1:1', urls: [] }],
    ['url', { urls: [] }],
    ['urls[1]', { urls: ['http://127.0.0.1:1', 'http://a:b@127.0.0.1:2'] }],
    ['everyMs', { url: 'http://127.0.0.1:1', everyMs: -1 }],
  ])('refuses a bad %s: %o', (field, options) => {
    expect(() => a2a(options)).toThrow(
      expect.objectContaining({
        code: 'SWITCHGEAR_INVALID_OPTIONS',
        issues: [expect.objectContaining({ field })],
      }),
    )
  })

  it('gives the real agent, which can be talked to at once', { timeout }, async () => {
    const agent = await startA2aAgent()
    onTestFinished(() => agent.stop())
    const registry = new ServiceRegistry<{ agent: A2ABackend }>({
      sources: [a2a({ url: agent.url, name: 'agents' })],
    })
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh('agents')
    expect(registry.list({ service: 'agent' })).toMatchObject([
      { name: `a2a@127.0.0.1:${agent.port}`, version: '1.4.0', health: 'healthy' },
    ])
    const said = await registry.client('agent').sendMessage('a heron')
    expect(JSON.stringify(said)).toContain('a heron')
  })
})

const card = (version: string) => ({
  name: 'Teller',
  version,
  skills: [],
  supportedInterfaces: [{ url: 'http://127.0.0.1:9', protocolVersion: '1.0' }],
})
