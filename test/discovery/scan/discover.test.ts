import { createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  type AddressPolicy,
  createAddressPolicy,
  defaultAddressPolicy,
} from '../../../src/core/address.js'
import { InvalidOptionsError } from '../../../src/core/errors.js'
import { field } from '../../../src/core/foreign.js'
import { discover } from '../../../src/discovery/scan/discover.js'
import type { Fingerprint } from '../../../src/discovery/scan/fingerprint.js'
import type { DiscoverOptions } from '../../../src/discovery/scan/options.js'
import { Questions } from '../../../src/discovery/scan/questions.js'
import type { Progress, ScanReport } from '../../../src/discovery/scan/report.js'
import {
  type FakeBackend,
  type FakeBackendOptions,
  startFakeBackend,
} from '../../../src/testing/fake-backend.js'
import { FakeClock } from '../../../src/testing/fake-clock.js'
import { serve, serveRaw } from '../../core/servers.js'
import { answering, comfyStats, passing, silent } from './world.js'

/** Looks at these ports of this machine and nowhere else. */
const at = (...ports: readonly number[]): DiscoverOptions => ({
  hosts: [],
  range: false,
  addresses: ports.map((port) => `http://127.0.0.1:${port}`),
})

/** Nothing is asked. */
const closed: AddressPolicy = createAddressPolicy({ privateNetworks: false })

async function fake(
  kind: Parameters<typeof startFakeBackend>[0],
  options?: FakeBackendOptions,
): Promise<FakeBackend> {
  const backend = await startFakeBackend(kind, options)
  onTestFinished(() => backend.close())
  return backend
}

/** A program that no machine has: what is looked for by its ports is looked for here alone. */
const easel = (...ports: readonly number[]): Fingerprint => ({
  kind: 'easel',
  title: 'Easel',
  service: 'media',
  protocol: 'http',
  ports,
  advice: 'start it with `easel serve`',
  recognise: async (asking) =>
    field((await asking.get('/about')).json, 'program') === 'easel'
      ? { evidence: 'GET /about names easel' }
      : undefined,
  describe: async () => ({ capabilities: ['image_generation'] }),
})

const kinds = ({ found }: ScanReport): string[] => found.map(({ kind }) => kind)

describe('discover', () => {
  it('says what runs where, what it has and how that is known', async () => {
    const { port } = await fake('ollama')
    const { found, complete } = await discover(at(port))
    expect(complete).toBe(true)
    expect(found).toMatchObject([
      {
        name: `ollama@127.0.0.1:${port}`,
        kind: 'ollama',
        title: 'Ollama',
        service: 'llm',
        address: `http://127.0.0.1:${port}`,
        health: 'healthy',
        version: expect.stringMatching(/^\d/),
        evidence: expect.stringContaining('/api/'),
        weak: false,
        needsCredentials: false,
      },
    ])
    expect(found[0]?.models.length).toBeGreaterThan(0)
    expect(found[0]?.capabilities.map(({ name }) => name)).toContain('chat')
  })

  it('reports one program that listens on both families once', async (context) => {
    const first = await fake('ollama')
    const second = await startFakeBackend('ollama', { host: '::1', port: first.port }).catch(
      () => undefined,
    )
    if (second === undefined) return context.skip('this machine has no ::1, or the port is taken')
    onTestFinished(() => second.close())
    const { found } = await discover({
      hosts: ['localhost'],
      range: [first.port, first.port],
      only: ['ollama'],
    })
    expect(found.filter(({ address }) => address.endsWith(`:${first.port}`))).toMatchObject([
      { address: first.url, alsoAt: [second.url] },
    ])
  })

  it('finds what listens on ::1 alone (B-D5)', async (context) => {
    const six = await startFakeBackend('ollama', { host: '::1' }).catch(() => undefined)
    if (six === undefined) return context.skip('this machine has no ::1')
    onTestFinished(() => six.close())
    const report = await discover({ range: [six.port, six.port], only: ['ollama'] })
    expect(report.found.map(({ address }) => address)).toContain(six.url)
  })

  it('asks other hosts, each name once', async () => {
    const { port } = await fake('ollama')
    const asked: string[] = []
    const policy = createAddressPolicy({
      resolve: async (name) => {
        asked.push(name)
        return ['127.0.0.1']
      },
    })
    const report = await discover({ hosts: ['gpu.local'], range: [port, port], policy })
    expect(report.found.map(({ address }) => address)).toContain(`http://gpu.local:${port}`)
    expect(asked.filter((name) => name === 'gpu.local').length).toBeLessThanOrEqual(60)
  })

  it('says of what is missing each address that was tried, why, and what to do (B-D3)', async () => {
    const other = await fake('ollama')
    const clear = await freePort()
    const { missing } = await discover({
      range: false,
      only: ['easel'],
      fingerprints: [easel(clear)],
      backends: { easel: { ports: [other.port] } },
    })
    expect(missing).toHaveLength(1)
    expect(missing[0]?.advice).toBe('start it with `easel serve`')
    expect(new Set(missing[0]?.tried)).toEqual(
      new Set([
        { address: `http://127.0.0.1:${clear}`, why: expect.stringContaining('refused') },
        { address: `http://[::1]:${clear}`, why: expect.stringMatching(/refused|reached/) },
        { address: `http://127.0.0.1:${other.port}`, why: 'is Ollama' },
        { address: `http://[::1]:${other.port}`, why: expect.stringMatching(/refused|reached/) },
      ]),
    )
  })

  it('looks for some kinds only, and takes nobody else for them', async () => {
    const [kobold, ollama] = [await fake('koboldcpp'), await fake('ollama')]
    const report = await discover({ ...at(kobold.port, ollama.port), only: ['ollama', 'comfyui'] })
    expect(report.found.map(({ address }) => address)).toEqual([ollama.url])
    expect(report.unknown).toEqual([])
    expect(report.missing.map(({ kind }) => kind)).toEqual(['comfyui'])
  })

  it('says of what it does not know how it calls itself', async () => {
    const page = await answering({ '/': '<html><title>My  Printer</title></html>' })
    const api = await answering({ '/openapi.json': { info: { title: 'Orders' } } })
    const mute = await serve((_, response) => response.writeHead(403, { server: 'AirTunes' }).end())
    const { unknown } = await discover(at(page.port, api.port, mute.port))
    const why = unknown.map(({ why: text }) => text).sort()
    expect(why).toEqual([
      expect.stringContaining('Server: AirTunes'),
      expect.stringContaining('its API is titled "Orders"'),
      expect.stringContaining('its page is titled "My Printer"'),
    ])
  })

  it('reads no further for that than a page needs', async () => {
    const { port } = await answering({
      '/': `${'<title '.repeat(9_000)}${' '.repeat(300)}>Printer</title>`,
    })
    const { unknown } = await discover(at(port))
    expect(unknown).toMatchObject([{ why: 'answers, and is none of the programs that are known' }])
  })

  it('takes up nothing of an agent but names (A2A)', async () => {
    const card = {
      name: 'Painter',
      url: 'http://127.0.0.1:1/',
      skills: [{ id: 'paint', name: 'p\u001b[2J', tags: ['x'.repeat(1_000), 'y'] }],
      securitySchemes: { bearer: {}, ['k'.repeat(100_000)]: {}, 'a\u001b[2J': {} },
    }
    const { port } = await answering({ '/.well-known/agent-card.json': card })
    const { found } = await discover(at(port))
    expect(found).toMatchObject([
      { kind: 'a2a', metadata: { security: ['bearer'], skills: [{ id: 'paint', tags: ['y'] }] } },
    ])
  })

  it('says so too of a LiteLLM that breaks down over who has no key', async () => {
    const { port } = await fake('litellm', {
      routes: { 'GET /v1/models': { status: 500, text: 'Internal Server Error' } },
    })
    const { found } = await discover(at(port))
    expect(found).toMatchObject([{ kind: 'litellm', needsCredentials: true }])
  })

  it('keeps in the report what is said to be at an address, though nothing answers', async () => {
    const clear = await freePort()
    const addresses = [`http://127.0.0.1:${clear}`]
    const options = { hosts: [], range: false, backends: { comfyui: { addresses } } } as const
    expect((await discover(options)).found).toMatchObject([
      {
        name: `comfyui@127.0.0.1:${clear}`,
        health: 'unhealthy',
        weak: true,
        evidence: expect.stringMatching(/^given by hand; it could not be connected to|refused/),
      },
    ])
  })

  it('takes a program for what it is, not for what it was said to be', async () => {
    const { url } = await fake('ollama')
    const options = {
      hosts: [],
      range: false,
      backends: { comfyui: { addresses: [url] } },
    } as const
    expect(kinds(await discover(options))).toEqual(['ollama'])
  })

  it('shows how far it is, and finishes although whoever watches throws', async () => {
    const { port } = await answering({ '/about': { program: 'easel' } })
    const seen: Progress[] = []
    const report = await discover({
      hosts: ['127.0.0.1'],
      range: [port, port],
      fingerprints: [easel(await freePort())],
      only: ['easel'],
      onProgress(progress) {
        seen.push(progress)
        throw new Error('watching badly')
      },
    })
    expect(report.found).toHaveLength(1)
    expect(seen.some(({ asking }) => asking.length > 0)).toBe(true)
    expect(seen.at(-1)).toMatchObject({ done: report.ports, total: report.ports, asking: [] })
    expect(seen.map(({ done }) => done)).toEqual(seen.map(({ done }) => done).sort((a, b) => a - b))
  })

  it('ends with the reason of its signal', async () => {
    const { port } = await silent()
    const stop = new AbortController()
    const report = discover({ ...at(port), signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(report).rejects.toThrow('enough')
    await expect(discover({ signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow('no')
  })

  it('reports options that cannot be used, and does the rest', async () => {
    const { port } = await fake('ollama')
    const { found, problems } = await discover({
      ...at(port),
      hosts: ['http://x'],
      backends: { comfyui: { ports: [0, -1, 70_000, 'http' as unknown as number] } },
    })
    expect(found).toHaveLength(1)
    expect(problems).toHaveLength(5)
  })

  it('reports numbers that are none and kinds that nobody knows, and goes by the defaults', async () => {
    const { port } = await fake('ollama')
    const { found, problems } = await discover({
      ...at(port),
      only: ['ollama', 'comfy'],
      timeoutMs: Number.NaN,
      deadlineMs: -1,
      concurrency: 0,
    })
    expect(found).toHaveLength(1)
    expect(problems.map(({ field }) => field).sort()).toEqual([
      'concurrency',
      'deadlineMs',
      'only[1]',
      'timeoutMs',
    ])
    expect(problems.find(({ field }) => field === 'only[1]')?.message).toContain('comfyui')
  })

  it('reports options of another form, and goes by the defaults', async () => {
    const { port } = await fake('ollama')
    const wrong = {
      hosts: 'localhost',
      range: 8_000,
      only: 'ollama',
      fingerprints: [null],
      backends: { ollama: null, vllm: { ports: 8_000, hosts: 'gpu', addresses: '', key: 'a\nb' } },
    }
    const options = { ...at(port), ...wrong, policy: closed } as unknown as DiscoverOptions
    const { problems } = await discover(options)
    expect(
      problems.map(({ field }) => field).filter((field) => !field.startsWith('host ')),
    ).toEqual([
      'hosts',
      'only',
      'fingerprints',
      'range',
      'backends.ollama',
      'backends.vllm.ports',
      'backends.vllm.hosts',
      'backends.vllm.addresses',
      'backends.vllm.key',
    ])
    expect(JSON.stringify(problems)).not.toContain('a\\nb')
    const none = await discover({ ...at(port), addresses: 7, backends: [] } as unknown as object)
    expect(none.problems.map(({ field }) => field)).toEqual(['backends', 'addresses'])
    await expect(discover(null as unknown as object)).rejects.toThrow(InvalidOptionsError)
  })

  it('reports hosts that do not resolve, and those nothing may connect to', async () => {
    const { missing } = await discover({
      hosts: ['nowhere.invalid', '169.254.169.254'],
      range: false,
      only: ['comfyui'],
    })
    expect(new Set(missing[0]?.tried)).toEqual(
      new Set([
        { address: 'http://nowhere.invalid:8188', why: expect.stringContaining('resolved') },
        { address: 'http://169.254.169.254:8188', why: expect.stringContaining('credentials') },
      ]),
    )
  })

  it('gives a key to the program it is for, and to nobody else', async () => {
    const vllm = await fake('vllm', { key: 'sk-own' })
    const sent: string[] = []
    const spy = await serve(({ headers }, response) => {
      sent.push(String(headers.authorization))
      response.writeHead(404).end()
    })
    const report = await discover({
      ...at(vllm.port, spy.port),
      backends: { vllm: { key: 'sk-own' }, ollama: { key: 'sk-other' } },
    })
    expect(report.found).toMatchObject([{ kind: 'vllm', needsCredentials: false }])
    expect(report.found[0]?.models.length).toBeGreaterThan(0)
    expect(new Set(sent)).toEqual(new Set(['undefined']))
    expect(JSON.stringify(report)).not.toContain('sk-')
  })

  it('says that a program is there and wants a key', async () => {
    const { port } = await fake('litellm', { key: 'sk-1234' })
    const { found } = await discover(at(port))
    expect(found).toMatchObject([{ kind: 'litellm', needsCredentials: true, health: 'unhealthy' }])
  })
})

describe('a place that is named twice', () => {
  it.each(['localhost', '127.1', '127.0.0.1'])('is asked once, also as %s', async (host) => {
    const { port, requests } = await fake('ollama')
    const report = await discover({
      hosts: [host],
      backends: { ollama: { ports: [port], addresses: [`http://127.0.0.1:${port}/`] } },
      addresses: [`http://127.0.0.1:${port}`],
      range: [port, port],
      only: ['ollama'],
    })
    const here = report.found.filter(({ address }) => address.endsWith(`:${port}`))
    expect(here.map(({ address, alsoAt }) => [address, ...alsoAt])).toEqual([
      [`http://127.0.0.1:${port}`],
    ])
    expect(requests.filter((one) => one === 'GET /api/extra/version')).toHaveLength(1)
  })

  it('is still known to be the port of those that are looked for there', async () => {
    const { port } = await answering({ '/health': { status: 'ok' } })
    const { found, missing } = await discover({
      hosts: ['127.0.0.1'],
      backends: { litellm: { ports: [port] }, vllm: { ports: [port] } },
      addresses: [`http://127.0.0.1:${port}`],
      range: false,
      only: ['litellm', 'vllm'],
    })
    const here = found.filter(({ address }) => address.endsWith(`:${port}`))
    expect(here).toMatchObject([{ kind: 'litellm', weak: true }])
    if (found.every(({ kind }) => kind !== 'vllm'))
      expect(missing[0]?.tried.map(({ address }) => address)).toContain(`http://127.0.0.1:${port}`)
  })
})

describe('a policy', () => {
  it.each<[string, object]>([
    [
      'throws at once',
      {
        check() {
          throw new Error('broken')
        },
      },
    ],
    ['gives nothing', { check: async () => null }],
    ['gives no addresses', { check: async () => ({}) }],
  ])('that %s lets nobody through, and ends no scan', async (_, policy) => {
    const { port, requests } = await fake('ollama')
    const { found, complete, problems } = await discover({
      hosts: ['127.0.0.1'],
      range: [port, port],
      addresses: [`http://127.0.0.1:${port + 1}`],
      policy: policy as AddressPolicy,
    })
    expect({ found, complete, requests }).toEqual({ found: [], complete: true, requests: [] })
    expect(problems).toMatchObject([{ field: 'host 127.0.0.1' }])
  })
})

describe("somebody's own program", () => {
  const never = () => new Promise<never>(() => {})
  const own = (code: object): Fingerprint => ({ ...easel(), ...code })
  const it_ = { evidence: 'it says so' }

  it.each<[string, object]>([
    ['nothing', { recognise: async () => null }],
    ['a word', { recognise: async () => 'yes' }],
    [
      'an error at once',
      {
        recognise() {
          throw new Error('broken')
        },
      },
    ],
  ])('that gives %s is not recognised, and what is there is', async (_, code) => {
    const { port } = await fake('ollama')
    const report = await discover({ ...at(port), fingerprints: [own(code)] })
    expect(kinds(report)).toEqual(['ollama'])
  })

  it.each<[string, object]>([
    ['nothing', { describe: async () => null }],
    ['what is no promise', { describe: () => ({}) }],
    [
      'an error at once',
      {
        describe() {
          throw new Error('broken')
        },
      },
    ],
    ['models that are none', { describe: async () => ({ models: [null] }) }],
    ['models that are no list', { describe: async () => ({ models: 'many' }) }],
    ['capabilities that are none', { describe: async () => ({ capabilities: [7] }) }],
  ])('that describes itself with %s is found, and unknown in detail', async (_, code) => {
    const { port } = await fake('ollama')
    const fingerprints = [own({ recognise: async () => it_, ...code })]
    const { found } = await discover({ ...at(port), fingerprints })
    expect(found).toMatchObject([{ kind: 'easel', models: [], capabilities: [] }])
  })

  it('that never says whether it is there does not keep the scan', async () => {
    const clock = new FakeClock()
    const { port } = await fake('ollama')
    const fingerprints = [own({ recognise: never })]
    const report = await passing(clock, discover({ ...at(port), fingerprints, clock }))
    expect(report.unknown).toMatchObject([{ silent: true, why: expect.stringMatching(/2000 ms/) }])
    expect(report.elapsedMs).toBeLessThan(5_000)
  })

  it('that never describes itself is found, and unknown in detail', async () => {
    const clock = new FakeClock()
    const { port } = await fake('ollama')
    const fingerprints = [own({ recognise: async () => it_, describe: never })]
    const options = { ...at(port), fingerprints, clock, timeoutMs: 60_000 }
    const report = await passing(clock, discover(options))
    expect(report).toMatchObject({ complete: false, found: [{ kind: 'easel' }] })
    expect(report.elapsedMs).toBeLessThan(5_000)
  })
})

describe('time', () => {
  it('is bounded for each address: what lives is reported, what hangs is said to (B-D1)', async () => {
    const clock = new FakeClock()
    const hanging = await Promise.all(Array.from({ length: 20 }, silent))
    const { port } = await fake('ollama')
    const ports = [...hanging.map((one) => one.port), port]
    const report = await passing(clock, discover({ ...at(...ports), clock }))
    expect(kinds(report)).toEqual(['ollama'])
    expect(report.unknown).toHaveLength(20)
    expect(report.unknown.every((one) => one.silent && one.why.includes('2000 ms'))).toBe(true)
    expect(report.elapsedMs).toBeLessThanOrEqual(2_100)
  })

  it('is bounded for all of it, whatever drips (B-D1)', async () => {
    const clock = new FakeClock()
    const drips = await serveRaw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{"a":')
    })
    const options = { ...at(drips.port), clock, timeoutMs: 60_000, deadlineMs: 4_500 }
    const report = await passing(clock, discover(options))
    expect(report).toMatchObject({ complete: false, found: [] })
    expect(report.unknown).toMatchObject([{ silent: true, why: expect.stringMatching(/./) }])
    expect(report.elapsedMs).toBeLessThanOrEqual(4_600)
  })

  it('is bounded for names that take for ever to resolve', async () => {
    const clock = new FakeClock()
    const policy = createAddressPolicy({ resolve: () => new Promise(() => {}) })
    const look = discover({ hosts: ['slow.local'], range: false, only: ['comfyui'], policy, clock })
    const report = await passing(clock, look)
    expect(report.missing[0]?.tried[0]?.why).toContain('in time')
    expect(report.elapsedMs).toBeLessThanOrEqual(4_600)
  })

  it('leaves no connection behind', async () => {
    const clock = new FakeClock()
    const hanging = await silent()
    await passing(clock, discover({ ...at(hanging.port), clock }))
    await hanging.allClosed()
  })
})

describe('a session that a question has begun', () => {
  it('is ended, also when the time is over', async () => {
    const clock = new FakeClock()
    const asked: string[] = []
    const { url } = await serve(({ method, url: path = '' }, response) => {
      asked.push(`${method} ${path}`)
      response.writeHead(204).end()
    })
    const stop = new AbortController()
    const { signal } = stop
    const policy = defaultAddressPolicy
    const asking = new Questions(url, { timeoutMs: 10, policy, clock, signal })
    await clock.advance(11)
    stop.abort()
    expect((await asking.get('/late')).problem?.kind).toBe('timeout')
    expect((await asking.delete('/session', { 'mcp-session-id': '1' })).status).toBe(204)
    expect(asked).toEqual(['DELETE /session'])
  })
})

describe('answers of nobody that is known', () => {
  const body = (text: string, type = 'application/json') =>
    serve((_, response) => response.setHeader('content-type', type).end(text))
  const json = (value: unknown) => body(JSON.stringify(value))
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`

  it.each<[string, () => Promise<{ port: number }>]>([
    ['garbage', () => serveRaw((socket) => socket.end('\u0000\u0001 not HTTP at all\r\n\r\n'))],
    ['a page with 200', () => body('<html><body>hello</body></html>', 'text/html')],
    ['an empty body', () => body('')],
    ['a list', () => json([1, 2, 3])],
    ['null', () => json(null)],
    ['invalid JSON', () => body('{"object": "list", "data": [')],
    ['deep JSON', () => body(deep)],
    ['the wrong content type', () => body('{"object":"nothing"}', 'image/png')],
    [
      'a redirect to a metadata address',
      () =>
        serve((_, response) =>
          response.writeHead(302, { location: 'http://169.254.169.254/latest/' }).end(),
        ),
    ],
    [
      'a socket closed in the middle',
      () =>
        serveRaw((socket) =>
          socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"system"'),
        ),
    ],
    [
      'headers without end',
      () => serveRaw((socket) => socket.write(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`)),
    ],
    ['500 for everything', () => serve((_, response) => response.writeHead(500).end('oops'))],
  ])('%s is a finding, and harms nobody else', async (_, start) => {
    const stranger = await start()
    const { port } = await fake('ollama')
    const report = await discover(at(stranger.port, port))
    expect(kinds(report)).toEqual(['ollama'])
    expect(report.unknown).toMatchObject([{ why: expect.stringMatching(/\w/) }])
  })

  it('4 GB are read as far as 8 MiB', async () => {
    let sent = 0
    const flood = await serve((_, response) => {
      response.setHeader('content-type', 'application/json')
      const chunk = Buffer.alloc(65_536, '1')
      const pour = (): void => {
        for (let room = true; room && sent < 4 * 2 ** 30 && !response.destroyed; ) {
          sent += chunk.length
          room = response.write(chunk)
        }
      }
      response.on('drain', pour)
      pour()
    })
    const report = await discover({ ...at(flood.port), timeoutMs: 4_000 })
    expect(report.unknown).toHaveLength(1)
    expect(sent).toBeLessThan(2 ** 30)
  })

  it('thousands of models, some twice, with absurd versions', async () => {
    const data = Array.from({ length: 6_000 }, (_, index) => ({ id: `m${index % 3_000}` }))
    const { port } = await answering({
      '/v1/models': { object: 'list', data: [...data, { id: 'm1', object: 5 }] },
      '/version': { version: '9'.repeat(50_000) },
    })
    const { found } = await discover(at(port))
    expect(found).toMatchObject([{ kind: 'openai-compatible' }])
    expect(found[0]?.models).toHaveLength(3_000)
    expect((found[0]?.version ?? '').length).toBeLessThan(1_000)
  })
})

describe('the agreed path', () => {
  const healthy = {
    status: 'healthy',
    version: '1.2',
    api_version: '1.0',
    features: ['video_generation'],
    models: ['causvid'],
    limits: { seconds: 10 },
  }
  const looking = (kind: string, port: number): DiscoverOptions => ({
    hosts: ['127.0.0.1'],
    range: false,
    backends: { [kind]: { ports: [port] } },
  })
  const own = (report: ScanReport, port: number) =>
    report.found.filter(({ address }) => address.endsWith(`:${port}`))

  it.each([
    ['wan2gp', '/api/health'],
    ['rvc', '/api/status'],
    ['audioldm', '/api/ready'],
    ['litellm', '/health'],
  ])('of %s identifies it weakly at its own ports', async (kind, path) => {
    const { port } = await answering({ [path]: healthy })
    expect(own(await discover(looking(kind, port)), port)).toMatchObject([
      {
        kind,
        weak: true,
        version: '1.2',
        apiVersion: '1.0',
        models: [{ id: 'causvid' }],
        limits: { seconds: 10 },
      },
    ])
  })

  it('does not count at the ports of others', async () => {
    const { port } = await answering({ '/api/health': healthy })
    expect(own(await discover(looking('rvc', port)), port)).toEqual([])
    expect((await discover(at(port))).found).toEqual([])
  })

  it.each<[string, unknown]>([
    ['a list', [healthy]],
    ['a page', '<html></html>'],
    ['a text', '"healthy"'],
  ])('does not count with %s (B-D6)', async (_, answer) => {
    const { port } = await answering({ '/api/health': answer })
    const report = await discover(looking('wan2gp', port))
    expect(own(report, port)).toEqual([])
    expect(report.unknown).toContainEqual({
      address: `http://127.0.0.1:${port}`,
      why: expect.stringContaining('none of the programs'),
      silent: false,
    })
  })

  it('does not count with the name of another program, or from who answers everything (B-D2)', async () => {
    const other = await answering({ '/api/health': { ...healthy, service: 'audioldm' } })
    const all = await serve((_, response) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(healthy)),
    )
    expect(own(await discover(looking('wan2gp', other.port)), other.port)).toEqual([])
    expect(own(await discover(looking('wan2gp', all.port)), all.port)).toEqual([])
    const same = await answering({ '/api/health': { ...healthy, service: 'Wan2GP' } })
    expect(own(await discover(looking('wan2gp', same.port)), same.port)).toMatchObject([
      { kind: 'wan2gp', weak: true },
    ])
  })

  it('is never asked of LiteLLM while it is alive', async () => {
    const { port, requests } = await fake('litellm')
    await discover(looking('litellm', port))
    expect(requests).not.toContain('GET /health')
  })

  it('of ComfyUI is its WebSocket', async () => {
    const socket = await fake('comfyui', {
      routes: { 'GET /system_stats': { status: 404 } },
    })
    const report = await discover(looking('comfyui', socket.port))
    expect(own(report, socket.port)).toMatchObject([{ kind: 'comfyui', weak: true }])
  })

  it('gives way to what the program says itself', async () => {
    const { port } = await answering({ '/api/health': healthy, '/system_stats': comfyStats })
    expect(own(await discover(looking('wan2gp', port)), port)).toMatchObject([
      { kind: 'comfyui', weak: false },
    ])
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}
