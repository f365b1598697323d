import { describe, expect, it, onTestFinished } from 'vitest'
import { createAddressPolicy } from '../../../src/core/address.js'
import { settled } from '../../../src/core/clock.js'
import type { ScanReport } from '../../../src/discovery/scan/report.js'
import {
  type LocalBackendsOptions,
  localBackends,
} from '../../../src/discovery/sources/local-backends.js'
import { ServiceRegistry } from '../../../src/index.js'
import { type FakeBackend, startFakeBackend } from '../../../src/testing/fake-backend.js'
import { FakeClock } from '../../../src/testing/fake-clock.js'
import { sourceConformance } from '../../../src/testing/source-suite.js'
import { serve } from '../../core/servers.js'
import { passing } from '../scan/world.js'

async function fake(...args: Parameters<typeof startFakeBackend>): Promise<FakeBackend> {
  const backend = await startFakeBackend(...args)
  onTestFinished(() => backend.close())
  return backend
}

const looking = (urls: readonly string[], more: LocalBackendsOptions = {}) =>
  localBackends({ hosts: [], range: false, addresses: urls, ...more })

describe('local back ends as a source', () => {
  for (const { name, run } of sourceConformance(async () => {
    const backend = await fake('ollama')
    return looking([backend.url])
  }))
    it(name, run)

  it('gives providers with what they said, and models for the catalogue', async () => {
    const ollama = await fake('ollama')
    const comfy = await fake('comfyui')
    const registry = new ServiceRegistry({ sources: [looking([ollama.url, comfy.url])] })
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh('local')
    const name = `ollama@127.0.0.1:${ollama.port}`
    expect(registry.get(name)).toMatchObject({
      service: 'llm',
      origin: 'local',
      health: 'healthy',
      address: ollama.url,
      metadata: { kind: 'ollama', protocol: 'openai', evidence: expect.stringContaining('GET') },
    })
    const [model] = registry.get(name)?.models ?? []
    expect(registry.models.get(model ?? '', 'ollama')?.provenance).toMatchObject({
      contextLength: { kind: 'probed', source: name },
    })
    expect(registry.list({ service: 'media' })).toMatchObject([{ metadata: { kind: 'comfyui' } }])
  })

  it('refuses a pause that is none, which would be a scan without end', () => {
    for (const everyMs of [0, -1, Number.NaN])
      expect(() => localBackends({ everyMs })).toThrow('everyMs: expected milliseconds above 0')
  })

  it('can be called at once', async () => {
    const chat = {
      id: 'c1',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' } }],
    }
    const { url } = await fake('vllm', { routes: { 'POST /v1/chat/completions': { json: chat } } })
    const registry = new ServiceRegistry({ sources: [looking([url])] })
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh()
    const llm = registry.client('llm', { requires: ['chat'] }) as unknown as {
      chat: { completions: { create(body: object): Promise<typeof chat> } }
    }
    const answer = await llm.chat.completions.create({ model: 'm', messages: [] })
    expect(answer.choices[0]?.message.content).toBe('hello')
  })

  it('asks between two scans whether it is still the same program', async () => {
    const first = await fake('ollama')
    const registry = new ServiceRegistry({ sources: [looking([first.url])] })
    onTestFinished(() => registry.close())
    await registry.start()
    await registry.refresh()
    const name = `ollama@127.0.0.1:${first.port}`
    expect(await registry.healthCheckAll()).toEqual({ [`*.llm.${name}`]: true })
    await first.close()
    await fake('koboldcpp', { port: first.port })
    expect(await registry.healthCheckAll()).toEqual({ [`*.llm.${name}`]: false })
    expect(registry.get(name)?.health).toBe('unhealthy')
  })

  it('keeps calls away from one that wants a key, as long as nobody has given it', async () => {
    const { url, port } = await fake('litellm', { key: 'sk-1' })
    const without = new ServiceRegistry({ sources: [looking([url])] })
    onTestFinished(() => without.close())
    await without.start()
    await without.refresh()
    const name = `litellm@127.0.0.1:${port}`
    expect(without.get(name)).toMatchObject({ health: 'unhealthy' })
    expect(await without.healthCheckAll()).toEqual({ [`*.llm.${name}`]: false })
    const options = { backends: { litellm: { key: 'sk-1' } } }
    const withKey = new ServiceRegistry({ sources: [looking([url], options)] })
    onTestFinished(() => withKey.close())
    await withKey.start()
    await withKey.refresh()
    expect(await withKey.healthCheckAll()).toEqual({ [`*.llm.${name}`]: true })
  })

  it('two that look at once share one scan (B-D8)', async () => {
    let asked = 0
    const { url } = await serve((_, response) => {
      asked += 1
      response.writeHead(404).end()
    })
    const reports: ScanReport[] = []
    const source = looking([url], { onReport: (report) => reports.push(report) })
    const stop = new AbortController()
    const views = [source.watch(stop.signal), source.watch(stop.signal)].map((one) =>
      one[Symbol.asyncIterator]().next(),
    )
    await Promise.all(views)
    const together = asked
    stop.abort()
    expect(reports[0]).toBe(reports[1])
    asked = 0
    await source.watch(new AbortController().signal)[Symbol.asyncIterator]().next()
    expect(asked).toBe(together)
  })

  it('goes on with a scan for whoever looks anew meanwhile (B-D8)', async () => {
    let asked = 0
    const { url } = await serve((_, response) => {
      asked += 1
      if (asked === 3) return // held, until somebody has looked anew for long
      response.writeHead(404).end()
    })
    const clock = new FakeClock()
    const reports: ScanReport[] = []
    const source = looking([url], { clock, onReport: (report) => reports.push(report) })
    const registry = new ServiceRegistry({ sources: [source], clock })
    onTestFinished(() => registry.close())
    const looks = [registry.start()]
    for (let turn = 0; turn < 100; turn += 1) {
      looks.push(registry.refresh('local'))
      await settled()
    }
    while (asked < 3) await settled()
    for (let turn = 0; turn < 100; turn += 1) {
      looks.push(registry.refresh('local'))
      await settled()
    }
    await passing(clock, Promise.all(looks))
    expect({ asked, reports: reports.length }).toEqual({ asked: 3, reports: 1 })
  })

  it('ends a scan that nobody waits for any more', async () => {
    let asked = 0
    const hanging = await serve(() => {
      asked += 1
    })
    const stop = new AbortController()
    const next = looking([hanging.url]).watch(stop.signal)[Symbol.asyncIterator]().next()
    while (asked === 0) await settled()
    stop.abort()
    expect((await next).done).toBe(true)
    await hanging.allClosed()
  })

  it('keeps one that is too busy to answer as it was', async () => {
    const clock = new FakeClock()
    let busy = false
    const held = await serve(({ url }, response) => {
      if (busy) return
      if (url === '/system_stats')
        response.end(JSON.stringify({ system: { comfyui_version: '0.4.0' }, devices: [] }))
      else response.writeHead(404).end()
    })
    const source = looking([held.url], { clock, everyMs: 1_000 })
    const stop = new AbortController()
    const views = source.watch(stop.signal)[Symbol.asyncIterator]()
    const first = await passing(clock, views.next())
    busy = true
    const second = await passing(clock, views.next())
    stop.abort()
    expect(first.value).toMatchObject([{ version: '0.4.0' }])
    expect(second.value).toEqual(first.value)
    const anew = source.watch(new AbortController().signal)[Symbol.asyncIterator]()
    expect((await passing(clock, anew.next())).value).toEqual(first.value)
  })

  it('keeps what one has that is too busy to say all of it', async () => {
    const clock = new FakeClock()
    let busy = false
    const held = await serve(({ url }, response) => {
      if (url === '/system_stats')
        response.end(JSON.stringify({ system: { comfyui_version: '0.4.0' }, devices: [] }))
      else if (url === '/models/checkpoints' && !busy) response.end('["heron.safetensors"]')
      else if (url === '/models/checkpoints') return
      else response.writeHead(404).end()
    })
    const reports: ScanReport[] = []
    const onReport = (report: ScanReport) => reports.push(report)
    const source = looking([held.url], { clock, everyMs: 1_000, onReport })
    const views = source.watch(new AbortController().signal)[Symbol.asyncIterator]()
    const first = await passing(clock, views.next())
    busy = true
    const second = await passing(clock, views.next())
    expect(first.value).toMatchObject([{ models: ['heron.safetensors'] }])
    expect(second.value).toEqual(first.value)
    expect(reports.map(({ found }) => found[0]?.partial)).toEqual([undefined, true])
  })

  it('is registered for the service that is wished, under a name of its own', async () => {
    const { url, port } = await fake('comfyui')
    const source = looking([url], { name: 'studio', serviceOf: ({ kind }) => `art-${kind}` })
    const stop = new AbortController()
    const { value } = await source.watch(stop.signal)[Symbol.asyncIterator]().next()
    stop.abort()
    expect(source.name).toBe('studio')
    expect(value).toMatchObject([{ service: 'art-comfyui', name: `comfyui@127.0.0.1:${port}` }])
  })

  it('never touches what was registered by hand (rule 8.4)', async () => {
    const { url, port } = await fake('ollama')
    const registry = new ServiceRegistry({ sources: [looking([url])] })
    onTestFinished(() => registry.close())
    const name = `ollama@127.0.0.1:${port}`
    const mine = { hello: () => 'mine' }
    registry.register({ service: 'llm', name, provider: mine, version: '1.0' })
    const refused: string[] = []
    registry.on('source.rejected', ({ sighting }) => void refused.push(String(sighting)))
    await registry.start()
    await registry.refresh()
    expect(registry.get(name)).toMatchObject({ origin: 'manual', version: '1.0' })
    expect(refused).toEqual([name])
  })

  it('keeps keys out of all that can be seen', async () => {
    const { url } = await fake('vllm', { key: 'sk-very-secret' })
    const registry = new ServiceRegistry({
      sources: [looking([url], { backends: { vllm: { key: 'sk-very-secret' } } })],
    })
    onTestFinished(() => registry.close())
    const events: unknown[] = []
    registry.on('provider.added', (event) => void events.push(event))
    await registry.start()
    await registry.refresh()
    expect(registry.list()).toHaveLength(1)
    expect(JSON.stringify([registry.describe(), registry.export(), events])).not.toContain('secret')
  })

  it('asks no address that its policy closes', async () => {
    const { url } = await fake('ollama')
    const policy = createAddressPolicy({ privateNetworks: false })
    const stop = new AbortController()
    const { value } = await looking([url], { policy })
      .watch(stop.signal)
      [Symbol.asyncIterator]()
      .next()
    stop.abort()
    expect(value).toEqual([])
  })
})
