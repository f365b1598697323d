import { describe, expect, it, onTestFinished } from 'vitest'
import { isSwitchgearError } from '../../../src/core/errors.js'
import type { McpBackend } from '../../../src/discovery/connect/mcp.js'
import { type McpOptions, mcp } from '../../../src/discovery/sources/mcp.js'
import { ServiceRegistry } from '../../../src/index.js'
import { FakeClock, sourceConformance } from '../../../src/testing/index.js'
import { startMcpEverything } from '../../real/mcp-everything.js'
import type { RealServer } from '../../real/server.js'
import { fake } from '../fingerprints/ask.js'
import { watching } from './watching.js'

const timeout = 60_000

async function everything(): Promise<RealServer> {
  const server = await startMcpEverything()
  onTestFinished(() => server.stop())
  return server
}

describe('mcp', () => {
  for (const { name, run } of sourceConformance(async () => {
    const { url } = await fake('mcp')
    return mcp({ url })
  }))
    it(name, run)

  it('gives the server as one provider, with its tools by name', async () => {
    const { port, url } = await fake('mcp')
    const { sightings } = (await watching(mcp({ url, group: 3 })).next()) ?? {}
    expect(sightings).toMatchObject([
      {
        name: `mcp@127.0.0.1:${port}`,
        service: 'tools',
        group: 3,
        address: `${url}/mcp`,
        version: '2.3.0',
        apiVersion: '2025-11-25',
        capabilities: ['tool_use', 'prompts', 'resources'],
        metadata: { kind: 'mcp', protocol: 'mcp', tools: [{ name: 'measure' }, { name: 'weigh' }] },
        health: 'healthy',
      },
    ])
  })

  it('asks at the path of its URL, which is part of the name', async () => {
    const { port, url } = await fake('mcp', {
      routes: { 'POST /tools/mcp': { status: 404 }, 'POST /mcp': { status: 500 } },
    })
    const source = mcp({ url: `${url}/tools/mcp/` })
    expect(source.name).toBe(`mcp:127.0.0.1:${port}/tools/mcp`)
    await expect(watching(source).next()).rejects.toThrow(
      /\/tools\/mcp is no MCP server \(POST \/tools\/mcp: 404, no body\): check the address$/,
    )
  })

  it('looks again after a while, with a session of its own that it ends', async () => {
    const clock = new FakeClock()
    const { url, requests } = await fake('mcp')
    const { next, stop } = watching(mcp({ url, clock, everyMs: 5_000, timeoutMs: 60_000 }))
    const first = await next()
    const second = next()
    await clock.advance(5_000)
    expect(await second).toEqual(first)
    expect(requests.filter((one) => one === 'DELETE /mcp')).toHaveLength(2)
    stop.abort()
    expect(await next()).toBeUndefined()
  })

  it('keeps connector and probe from view to view', async () => {
    const clock = new FakeClock()
    const { url } = await fake('mcp', { variant: 'stateless' })
    const { next } = watching(mcp({ url, clock, everyMs: 1_000, timeoutMs: 60_000 }))
    const [one] = (await next())?.sightings ?? []
    const again = next()
    await clock.advance(1_000)
    const [other] = (await again)?.sightings ?? []
    expect(other?.probe).toBe(one?.probe)
    expect(other?.connect).toBe(one?.connect)
  })

  it('sends its key, and says when one is wanted without ever showing one', async () => {
    const { url } = await fake('mcp', { key: 'a-good-secret' })
    const given = await watching(mcp({ url, key: 'a-good-secret' })).next()
    expect(JSON.stringify(given)).not.toContain('a-good-secret')
    const refused = watching(mcp({ url, key: 'a-bad-secret' })).next()
    await expect(refused).rejects.toSatisfy((error) => {
      expect(String(error)).toMatch(/it wants to know who asks; give its key$/)
      return isSwitchgearError(error) && !JSON.stringify(error).includes('secret')
    })
  })

  it.each<[string, McpOptions]>([
    ['url', { url: 'ftp://127.0.0.1' }],
    ['url', { url: 'http://me:secret@127.0.0.1' }],
    ['url', { url: 'http://127.0.0.1/mcp?key=secret' }],
    ['url', { url: 'http://127.0.0.1:70000' }],
    ['everyMs', { url: 'http://127.0.0.1:1', everyMs: 0 }],
    ['timeoutMs', { url: 'http://127.0.0.1:1', timeoutMs: Number.NaN }],
    ['key', { url: 'http://127.0.0.1:1', key: 'two words' }],
  ])('refuses a bad %s before it does anything: %o', (field, options) => {
    try {
      mcp(options)
      expect.unreachable()
    } catch (error) {
      expect(error).toMatchObject({ code: 'SWITCHGEAR_INVALID_OPTIONS', issues: [{ field }] })
      expect(String(error)).not.toContain('secret')
    }
  })

  it('gives the real server, whose tools can be called at once', { timeout }, async () => {
    const server = await everything()
    const registry = new ServiceRegistry<{ tools: McpBackend }>({
      sources: [mcp({ url: server.url, name: 'everything' })],
    })
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh('everything')
    const [provider] = registry.list({ service: 'tools' })
    expect(provider).toMatchObject({ origin: 'everything', health: 'healthy' })
    expect(provider?.metadata.tools).toContainEqual(expect.objectContaining({ name: 'echo' }))
    const said = await registry.client('tools').callTool('echo', { message: 'a heron' })
    expect(JSON.stringify(said)).toContain('a heron')
  })

  it('leaves no session open in the real server', { timeout }, async () => {
    const server = await everything()
    const { next } = watching(mcp({ url: server.url }))
    const [sighting] = (await next())?.sightings ?? []
    await sighting?.probe?.check({} as never, new AbortController().signal)
    const count = (text: RegExp): number => server.output().match(text)?.length ?? 0
    expect(count(/Session initialized with ID/g)).toBe(2)
    await expect.poll(() => count(/Transport closed for session/g)).toBe(2)
  })
})
