import { describe, expect, it, onTestFinished } from 'vitest'
import { discover } from '../../src/discovery/scan/discover.js'
import type { Progress } from '../../src/discovery/scan/report.js'
import type { Source, View } from '../../src/discovery/source.js'
import { localBackends } from '../../src/discovery/sources/local-backends.js'
import { ServiceRegistry } from '../../src/index.js'
import { type FakeBackend, startFakeBackend } from '../../src/testing/fake-backend.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { serveRaw } from '../core/servers.js'
import { passing, silent } from '../discovery/scan/world.js'

/*
 * Traps that a scan for back ends fell into before. B-D1, B-D3, B-D4, B-D5, B-D6 and B-D8 are named in
 * test/discovery/scan and test/discovery/sources/local-backends.test.ts, beside what they are about.
 */

async function fake(...args: Parameters<typeof startFakeBackend>): Promise<FakeBackend> {
  const backend = await startFakeBackend(...args)
  onTestFinished(() => backend.close())
  return backend
}

describe('traps of discovery', () => {
  it('B-D2: an AudioLDM at a port of Wan2GP that answers 200 to everything is no Wan2GP', async () => {
    const audioldm = await fake('audioldm', {
      routes: { 'GET /api/health': { json: { status: 'healthy', service: 'audioldm' } } },
    })
    const { found, missing } = await discover({
      hosts: ['127.0.0.1'],
      range: false,
      backends: { wan2gp: { ports: [audioldm.port] }, audioldm: { ports: [audioldm.port] } },
      only: ['wan2gp', 'audioldm'],
    })
    const here = found.filter(({ address }) => address === audioldm.url)
    expect(here.map(({ kind }) => kind)).toEqual(['audioldm'])
    const wan2gp = missing.find(({ kind }) => kind === 'wan2gp')
    if (found.every(({ kind }) => kind !== 'wan2gp'))
      expect(wan2gp?.tried).toContainEqual({ address: audioldm.url, why: 'is AudioLDM' })
  })

  it.each<[string, () => Promise<{ port: number }>]>([
    ['silence', silent],
    ['a closed connection', () => serveRaw((socket) => socket.destroy())],
    ['no HTTP', () => serveRaw((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))],
  ])('B-D7: %s has a reason in words', async (_, start) => {
    const clock = new FakeClock()
    const { port } = await start()
    const look = discover({
      hosts: [],
      range: false,
      addresses: [`http://127.0.0.1:${port}`],
      clock,
    })
    const { unknown } = await passing(clock, look)
    expect(unknown).toHaveLength(1)
    expect(unknown[0]?.why).toMatch(/[a-z]{3,} [a-z]{2,}/)
  })

  it('B-D9: WebSockets, LiteLLM, a range of ports, progress and entries by hand', async () => {
    const comfyui = await fake('comfyui', { routes: { 'GET /system_stats': { status: 404 } } })
    const litellm = await fake('litellm')
    const seen: Progress[] = []
    const { found } = await discover({
      hosts: ['127.0.0.1'],
      range: [litellm.port, litellm.port],
      backends: {
        comfyui: { ports: [comfyui.port] },
        rvc: { addresses: ['http://127.0.0.1:1'] },
      },
      only: ['comfyui', 'litellm', 'rvc'],
      onProgress: (progress) => seen.push(progress),
    })
    const at = (address: string) => found.find((one) => one.address === address)
    expect(at(comfyui.url)).toMatchObject({
      kind: 'comfyui',
      evidence: expect.stringMatching(/^WS/),
    })
    expect(at(litellm.url)).toMatchObject({ kind: 'litellm', weak: false })
    expect(at('http://127.0.0.1:1')).toMatchObject({ kind: 'rvc', health: 'unhealthy' })
    expect(seen.at(-1)?.total).toBe(seen.at(-1)?.done)
  })

  it('B-D9: a source that fails is asked again, later each time', async () => {
    const clock = new FakeClock()
    const asked: number[] = []
    const source: Source = {
      name: 'failing',
      // biome-ignore lint/correctness/useYield: it never gets that far
      async *watch(): AsyncGenerator<View> {
        asked.push(clock.now())
        throw new Error('no network')
      },
    }
    const registry = new ServiceRegistry({ clock, sources: [source] })
    onTestFinished(() => registry.close())
    await registry.start()
    await clock.advance(60_000)
    const waits = asked.slice(1).map((at, index) => at - (asked[index] ?? 0))
    expect(waits.length).toBeGreaterThanOrEqual(3)
    expect(Math.max(...waits.slice(-2))).toBeGreaterThan(waits[0] ?? 0)
  })

  it('row 45: a network that is gone empties nothing', async () => {
    const clock = new FakeClock()
    const ollama = await fake('ollama')
    let blocked = false
    const policy = {
      check: async (target: unknown) => {
        if (blocked) throw new Error('no network')
        const { defaultAddressPolicy } = await import('../../src/core/address.js')
        return defaultAddressPolicy.check(target as string)
      },
    }
    const source = localBackends({
      hosts: [],
      range: false,
      addresses: [ollama.url],
      policy,
      clock,
    })
    const registry = new ServiceRegistry({ clock, sources: [source], health: { monitor: false } })
    onTestFinished(() => registry.close())
    await registry.start()
    await passing(clock, registry.refresh())
    expect(registry.list()).toHaveLength(1)
    blocked = true
    // One empty view is doubted.
    await passing(clock, registry.refresh())
    expect(registry.list()).toMatchObject([{ health: 'healthy' }])
    blocked = false
    await passing(clock, registry.refresh())
    expect(registry.list()).toMatchObject([{ health: 'healthy' }])
  })

  it('row 52: what runs is found with its models, without a line of configuration', async () => {
    const lmstudio = await fake('lmstudio')
    const { found } = await discover({
      hosts: ['127.0.0.1'],
      range: [lmstudio.port, lmstudio.port],
    })
    const here = found.find(({ address }) => address === lmstudio.url)
    expect(here).toMatchObject({ kind: 'lmstudio', service: 'llm', protocol: 'openai' })
    const lengths = here?.models.map(({ contextLength }) => contextLength) ?? []
    expect(lengths.length).toBeGreaterThan(0)
    expect(lengths.every((length) => typeof length === 'number' && length > 0)).toBe(true)
    expect(here?.capabilities.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['chat', 'embeddings']),
    )
  })

  it('row 53: what is found can be asked for by what it can do', async () => {
    const [ollama, comfyui] = [await fake('ollama'), await fake('comfyui')]
    const source = localBackends({
      hosts: [],
      range: false,
      addresses: [ollama.url, comfyui.url],
    })
    const registry = new ServiceRegistry({ sources: [source] })
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh()
    const able = (capability: string) => registry.list({ capability }).map(({ address }) => address)
    expect(able('chat')).toEqual([ollama.url])
    expect(able('image_generation')).toEqual([comfyui.url])
  })
})
