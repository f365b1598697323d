import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createAddressPolicy } from '../../../src/core/address.js'
import { closeIdleConnections } from '../../../src/core/connection.js'
import { InvalidOptionsError } from '../../../src/core/errors.js'
import { type KubernetesOptions, kubernetes } from '../../../src/discovery/sources/kubernetes.js'
import { sourceConformance } from '../../../src/testing/index.js'
import { createAuthority, hasOpenssl } from '../../core/certificates.js'
import { serve } from '../../core/servers.js'
import { needs } from '../../house/needs.js'
import { PatientClock, passing, watching } from './watching.js'

beforeEach(() => {
  vi.stubEnv('KUBERNETES_SERVICE_HOST', undefined)
  vi.stubEnv('KUBERNETES_SERVICE_PORT', undefined)
  return () => vi.unstubAllEnvs()
})

interface Parts {
  readonly service?: string
  readonly type?: string
  readonly version?: string
  readonly ports?: unknown
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

/** An EndpointSlice as the API gives it. */
const slice = (name: string, endpoints: unknown, parts: Parts = {}) => ({
  kind: 'EndpointSlice',
  metadata: {
    name,
    namespace: 'studio',
    resourceVersion: parts.version ?? '7',
    labels: { 'kubernetes.io/service-name': parts.service ?? 'render', ...parts.labels },
    annotations: parts.annotations ?? {},
  },
  addressType: parts.type ?? 'IPv4',
  endpoints,
  ports: parts.ports ?? [{ name: 'http', protocol: 'TCP', port: 8188 }],
})

const at = (address: string, conditions: unknown = { ready: true }, more: object = {}) => ({
  addresses: [address],
  conditions,
  ...more,
})

const list = (version: string, ...items: readonly unknown[]) => ({
  kind: 'EndpointSliceList',
  metadata: { resourceVersion: version },
  items,
})

interface Asked {
  readonly path: string
  readonly query: URLSearchParams
  readonly authorization: unknown
}

type Answer = (query: URLSearchParams) => unknown

/** A listing is an object; a watch the lines of a stream that stays open, unless its last is `null` or `cut`. */
async function api(answer: Answer) {
  const asked: Asked[] = []
  const server = await serve((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
    const { authorization } = request.headers
    asked.push({ path: pathname, query: searchParams, authorization })
    const said = answer(searchParams)
    if (typeof said === 'number') response.writeHead(said).end('{"message":"hush"}')
    else if (typeof said === 'string') response.end(said)
    else if (!Array.isArray(said)) response.end(JSON.stringify(said))
    else {
      response.flushHeaders()
      for (const line of said)
        if (typeof line === 'object' && line) response.write(`${JSON.stringify(line)}\n`)
      if (said.at(-1) === null) response.end()
      if (said.at(-1) === 'cut') setImmediate(() => response.destroy())
      if (said.at(-1) === 'garbage') response.write('}{\n')
    }
  })
  return { ...server, asked, watches: () => asked.filter(({ query }) => query.has('watch')) }
}

const isWatch = (query: URLSearchParams): boolean => query.has('watch')
const event = (type: string, object: unknown) => ({ type, object })
const bookmark = (version: string) =>
  event('BOOKMARK', { kind: 'EndpointSlice', metadata: { resourceVersion: version } })

/** Lists these slices, and then has no news. */
const quiet =
  (...slices: readonly unknown[]): Answer =>
  (query) =>
    isWatch(query) ? [] : list('10', ...slices)

const start = (url: string, options: Partial<KubernetesOptions> = {}) => {
  const clock = new PatientClock()
  const service = options.services === undefined ? { service: 'render' } : {}
  const source = kubernetes({ url, namespace: 'studio', clock, ...service, ...options })
  return { clock, watch: watching(source) }
}

const seen = async (slices: readonly unknown[], options?: Partial<KubernetesOptions>) => {
  const { url } = await api(quiet(...slices))
  return (await start(url, options).watch.next())?.sightings ?? []
}

describe('kubernetes', () => {
  for (const { name, run } of sourceConformance(async () => {
    const { url } = await api(quiet(slice('render-a', [at('10.9.0.2')])))
    return kubernetes({ url, namespace: 'studio', service: 'render' })
  }))
    it(name, run)

  it('sees the pods behind a service, where they are and how they are', async () => {
    const target = { targetRef: { kind: 'Pod', name: 'render-0', uid: 'u0' } }
    const { url, asked } = await api(
      quiet(
        slice('render-a', [
          at('10.9.0.2', { ready: true }, { ...target, nodeName: 'n1', zone: 'z1' }),
        ]),
      ),
    )
    const { watch } = start(url, { token: 'hush', handler: 'Paint' })
    expect(await watch.next()).toEqual({
      authoritative: true,
      sightings: [
        {
          service: 'render',
          name: 'render@10.9.0.2:8188',
          address: 'http://10.9.0.2:8188',
          handler: 'Paint',
          group: undefined,
          strategy: undefined,
          capabilities: [],
          version: undefined,
          weight: undefined,
          health: 'healthy',
          metadata: { namespace: 'studio', pod: 'render-0', node: 'n1', zone: 'z1' },
        },
      ],
    })
    expect(asked[0]).toMatchObject({
      path: '/apis/discovery.k8s.io/v1/namespaces/studio/endpointslices',
      authorization: 'Bearer hush',
    })
    expect(Object.fromEntries(asked[0]?.query ?? [])).toEqual({
      labelSelector: 'kubernetes.io/service-name in (render)',
      limit: '250',
    })
  })

  it.each([
    ['nothing', undefined, 'healthy'],
    ['ready: null', { ready: null }, 'healthy'],
    ['not ready', { ready: false }, 'unhealthy'],
    ['serving, but ending', { ready: false, serving: true, terminating: true }, 'unhealthy'],
    ['ready, but ending', { ready: true, serving: true, terminating: true }, 'unhealthy'],
    ['something odd', 'x', 'healthy'],
  ])('takes %s for %j', async (_, conditions, health) => {
    expect(await seen([slice('a', [at('10.9.0.2', conditions)])])).toMatchObject([{ health }])
  })

  it('brackets IPv6, and takes a pod with two addresses for one provider', async () => {
    const pod = { targetRef: { uid: 'u1' } }
    const six = slice('a', [at('fd00::7', {}, pod), at('fd00::8')], { type: 'IPv6' })
    const four = slice('b', [at('10.9.0.7', {}, pod)])
    const names = (await seen([six, four])).map(({ name, address }) => [name, address])
    expect(names).toEqual([
      ['render@10.9.0.7:8188', 'http://10.9.0.7:8188'],
      ['render@[fd00::8]:8188', 'http://[fd00::8]:8188'],
    ])
  })

  it('merges the slices of a service, an endpoint in two of them once, the better one', async () => {
    const view = await seen([
      slice('a', [at('10.9.0.2', { ready: false }), at('10.9.0.3')]),
      slice('b', [at('10.9.0.2'), at('10.9.0.4')]),
    ])
    expect(view.map(({ name, health }) => [name, health])).toEqual([
      ['render@10.9.0.2:8188', 'healthy'],
      ['render@10.9.0.3:8188', 'healthy'],
      ['render@10.9.0.4:8188', 'healthy'],
    ])
  })

  it.each<[string, KubernetesOptions['port'], unknown, number | undefined]>([
    ['the only one', undefined, [{ name: '', port: 80 }], 80],
    [
      'the one named http',
      undefined,
      [
        { name: 'grpc', port: 1 },
        { name: 'http', port: 2 },
      ],
      2,
    ],
    ['the first of TCP', undefined, [{ port: 1, protocol: 'UDP' }, { port: 2 }, { port: 3 }], 2],
    [
      'by name',
      'grpc',
      [
        { name: 'http', port: 2 },
        { name: 'grpc', port: 1 },
      ],
      1,
    ],
    ['by number', 9, [{ port: 8 }, { port: 9 }], 9],
    ['by number, of all', 9, [{ port: null }], 9],
    ['by number, of none', 9, [{ port: 8 }], undefined],
    ['by a name nobody has', 'x', [{ name: 'http', port: 2 }], undefined],
    ['odd', undefined, 'x', undefined],
  ])('chooses a port: %s', async (_, port, ports, expected) => {
    const names = (await seen([slice('a', [at('10.9.0.2')], { ports })], { port })).map(
      (one) => one.name,
    )
    expect(names).toEqual(expected === undefined ? [] : [`render@10.9.0.2:${expected}`])
  })

  it('reads what labels and annotations say', async () => {
    const labels = { 'switchgear/capabilities': 'chat.vision', 'app.kubernetes.io/version': '1.2' }
    expect(await seen([slice('a', [at('10.9.0.2')], { labels })])).toMatchObject([
      { capabilities: ['chat', 'vision'], version: '1.2' },
    ])
    const annotations = { 'switchgear/capabilities': 'ocr@1.2, chat' }
    const view = await seen([slice('a', [at('10.9.0.2')], { labels, annotations })])
    expect(view).toMatchObject([{ capabilities: ['ocr@1.2', 'chat'] }])
  })

  it('sees several services at once', async () => {
    const slices = [slice('a', [at('10.9.0.2')]), slice('b', [at('10.9.0.3')], { service: 'talk' })]
    const { url, asked } = await api(
      quiet(...slices, slice('c', [at('10.9.0.4')], { service: 'x' })),
    )
    const { watch } = start(url, { services: { render: 'media', talk: 'voice' } })
    expect(await watch.names()).toEqual(['media@10.9.0.2:8188', 'voice@10.9.0.3:8188'])
    expect(asked[0]?.query.get('labelSelector')).toBe('kubernetes.io/service-name in (render,talk)')
  })

  it.each<[string, readonly unknown[]]>([
    ['no slices', [null, 7, [], {}, { metadata: { name: 'x' } }]],
    [
      'no endpoints',
      [slice('a', null), slice('b', [null, 7, {}, at(''), at('a/../b'), { addresses: [] }])],
    ],
  ])('leaves out items that are %s', async (_, slices) => {
    expect(await seen(slices)).toEqual([])
  })

  it('lists page by page', async () => {
    const { url, asked } = await api((query) => {
      if (isWatch(query)) return []
      const page = Number(query.get('continue') ?? 0)
      const more = page < 2 ? { continue: String(page + 1) } : {}
      return {
        ...list('10', slice(`s${page}`, [at(`10.9.0.${page}`)])),
        metadata: { resourceVersion: '10', ...more },
      }
    })
    expect(await start(url).watch.names()).toHaveLength(3)
    expect(asked.slice(0, 3).map(({ query }) => query.get('continue'))).toEqual([null, '1', '2'])
  })

  it('follows what is added, changed and deleted, from the version of its list', async () => {
    const { url, watches } = await api((query) =>
      isWatch(query)
        ? [
            event('ADDED', slice('b', [at('10.9.0.3')], { version: '11' })),
            event('MODIFIED', slice('a', [at('10.9.0.4')], { version: '12' })),
            bookmark('13'),
            event('DELETED', slice('b', [], { version: '14' })),
            event('MODIFIED', slice('a', [at('10.9.0.4')], { version: '15', service: 'other' })),
          ]
        : list('10', slice('a', [at('10.9.0.2')])),
    )
    const { watch } = start(url, { waitMs: 30_000 })
    const views: unknown[] = []
    for (let view = 0; view < 6; view += 1)
      views.push((await watch.names())?.map((name) => name.split('.').at(-1)?.split(':')[0]))
    expect(views).toEqual([['2'], ['2', '3'], ['4', '3'], ['4', '3'], ['4'], []])
    expect(Object.fromEntries(watches()[0]?.query ?? [])).toMatchObject({
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: '10',
      timeoutSeconds: '30',
    })
  })

  it('goes on from the last bookmark when the server ends the stream, or it is lost', async () => {
    const ends = [null, 'cut', 'open']
    const { url, watches } = await api((query) => {
      if (!isWatch(query)) return list('10', slice('a', [at('10.9.0.2')]))
      const count = watches().length
      return [bookmark(String(10 + count)), ends[count - 1]]
    })
    const { clock, watch } = start(url)
    await watch.next()
    void (async () => {
      while ((await watch.next()) !== undefined);
    })()
    await passing(clock, 1_000, () => watches().length === 2)
    await passing(clock, 1_000, () => watches().length === 3)
    expect(watches().map(({ query }) => query.get('resourceVersion'))).toEqual(['10', '11', '12'])
  })

  it.each<[string, unknown]>([
    ['as an event', [event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' })]],
    ['as a status', 410],
  ])('lists anew on 410 Gone, %s', async (_, gone) => {
    let version = 10
    const { url, asked, watches } = await api((query) => {
      if (isWatch(query)) return version === 20 && watches().length === 1 ? gone : []
      return list(String(version), slice('a', [at(`10.9.0.${version}`)]))
    })
    const { clock, watch } = start(url)
    await watch.next()
    version = 20
    const second = watch.names()
    await passing(clock, 1_000, () => asked.length >= 3)
    expect(await second).toEqual(['render@10.9.0.20:8188'])
  })

  it('lists anew when something in between ends each watch at once', async () => {
    let address = '10.9.0.2'
    const { url, asked } = await api((query) =>
      isWatch(query) ? [null] : list('10', slice('a', [at(address)])),
    )
    const { clock, watch } = start(url)
    await watch.next()
    address = '10.9.0.3'
    const second = watch.names()
    await passing(clock, 1_000, () => asked.length >= 3)
    expect(await second).toEqual(['render@10.9.0.3:8188'])
  })

  it('tells that all is as it was when a watch without news ends in its time', async () => {
    const hold: (() => void)[] = []
    const { url } = await serve((request, response) => {
      if (!request.url?.includes('watch=true')) response.end(JSON.stringify(list('10')))
      else {
        response.flushHeaders()
        hold.push(() => response.end())
      }
    })
    const { clock, watch } = start(url)
    await watch.next()
    const second = watch.next()
    await expect.poll(() => clock.isAwaited(70_000)).toBe(true) // waits for the first line
    await clock.advance(60_000)
    hold[0]?.()
    expect(await second).toEqual({ sightings: [], authoritative: true })
  })

  it('fails when streams are lost again and again without any news', async () => {
    const { url, watches } = await api((query) => (isWatch(query) ? ['cut'] : list('10')))
    const { clock, watch } = start(url)
    await watch.next()
    const failed = expect(watch.next()).rejects.toThrow(/closed the connection before/)
    for (let count = 2; count <= 4; count += 1)
      await passing(clock, 1_000, () => watches().length === count)
    await failed
  })

  it.each<[string, unknown, RegExp]>([
    ['HTML', '<html>', /answered something else than a list of EndpointSlices; check that/],
    ['another JSON', { items: {} }, /something else than a list/],
    ['401', 401, /status 401: the token was refused/],
    ['403', 403, /status 403: the service account has no right to list and watch endpointslices/],
    ['404', 404, /status 404: it has no discovery.k8s.io\/v1/],
    [
      'pages without end',
      { ...list('1'), metadata: { resourceVersion: '1', continue: 'x' } },
      /more than 25000/,
    ],
  ])('fails on %s', async (_, said, message) => {
    const { url } = await api(() => said)
    const { watch } = start(url, { token: 'hush' })
    const error: unknown = await watch.next().catch((thrown: unknown) => thrown)
    expect(String(error)).toMatch(message)
    expect(`${JSON.stringify(error)}${error}${(error as Error).cause}`).not.toContain('hush')
  })

  it.each<[string, unknown, RegExp]>([
    ['garbage', ['garbage'], /something else than news of a watch/],
    ['a type nobody knows', [event('RENAMED', slice('a', []))], /something else than news/],
    ['no version', [event('ADDED', { metadata: {} })], /something else than news/],
    [
      'an error',
      [event('ERROR', { code: 500, message: 'hush' })],
      /ended the watch with status 500/,
    ],
    ['no right', [event('ERROR', { code: 403 })], /status 403: the service account has no right/],
    ['a status', 403, /answered with status 403 instead of a stream/],
  ])('fails when a watch says %s', async (_, said, message) => {
    const { url } = await api((query) => (isWatch(query) ? said : list('10')))
    const { watch } = start(url)
    await watch.next()
    const error: unknown = await watch.next().catch((thrown: unknown) => thrown)
    expect(String(error)).toMatch(message)
    expect(String(error)).not.toContain('hush')
  })

  it('reads a list of 10,000 endpoints', async () => {
    const slices = Array.from({ length: 100 }, (_, one) =>
      slice(
        `s${one}`,
        Array.from({ length: 100 }, (__, two) => at(`10.8.${one}.${two}`)),
      ),
    )
    expect(await seen(slices)).toHaveLength(10_000)
  })

  it('waits for an answer no longer than timeoutMs', async () => {
    const { url, asked } = await api(() => [])
    const { clock, watch } = start(url, { timeoutMs: 700 })
    const failed = expect(watch.next()).rejects.toThrow(/did not answer completely within 700 ms/)
    await expect.poll(() => asked.length).toBe(1)
    await clock.advance(700)
    await failed
  })

  it('ends at once when it is aborted, and leaves no connection', async () => {
    const { url, watches, allClosed } = await api(quiet())
    const { watch } = start(url)
    await watch.next()
    const ended = watch.next()
    await expect.poll(() => watches().length).toBe(1)
    watch.stop.abort()
    expect(await ended).toBeUndefined()
    closeIdleConnections() // of the listing
    await allClosed()
  })

  it('asks only where the policy lets it', async () => {
    const { url, asked } = await api(quiet())
    const policy = createAddressPolicy({ privateNetworks: false })
    await expect(start(url, { policy }).watch.next()).rejects.toThrow(/may not be asked/)
    expect(asked).toEqual([])
  })

  it.each<[KubernetesOptions, RegExp]>([
    [
      { service: 'a' },
      /url: expected the URL of the Kubernetes API: KUBERNETES_SERVICE_HOST is not/,
    ],
    [{ service: 'a', url: 'https://127.0.0.1' }, /namespace: expected a namespace, since a url/],
    [
      { service: 'a,b', url: 'https://x', namespace: 'n' },
      /service: expected a name of Kubernetes/,
    ],
    [{ service: 'a', url: 'https://x', namespace: '../x' }, /expected a name of Kubernetes/],
    [{ url: 'https://x', namespace: 'n' }, /service: expected either service/],
    [{ service: 'a', url: 'https://u:hush@x', namespace: 'n' }, /url: .*\(user-info\)/],
    [{ service: 'a', url: 'https://x', namespace: 'n', waitMs: 0 }, /waitMs: /],
  ])('refuses %j', (options, message) => {
    expect(() => kubernetes(options)).toThrow(InvalidOptionsError)
    expect(() => kubernetes(options)).toThrow(message)
    expect(() => kubernetes(options)).not.toThrow(/hush/)
  })

  it('does not send the token of the pod to a URL that somebody gave', async () => {
    const { url, asked } = await api(quiet())
    await start(url).watch.next()
    expect(asked[0]?.authorization).toBeUndefined()
  })
})

describe('in a cluster', () => {
  beforeEach((context) =>
    needs(context, hasOpenssl, 'openssl, which makes the certificates, is not installed'),
  )

  /** An API server with a certificate of the cluster's authority, and what Kubernetes gives to a pod. */
  async function cluster() {
    const authority = createAuthority()
    const folder = mkdtempSync(join(tmpdir(), 'switchgear-pod-'))
    const tokens: unknown[] = []
    const paths: (string | undefined)[] = []
    const server = createServer(authority.issue('api', 'IP:127.0.0.1'), (request, response) => {
      tokens.push(request.headers.authorization)
      paths.push(request.url?.split('?')[0])
      if (request.url?.includes('watch=true')) response.end()
      else response.end(JSON.stringify(list('10', slice('a', [at('10.9.0.2')]))))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      closeIdleConnections()
      server.closeAllConnections()
      server.close()
      authority.remove()
      rmSync(folder, { recursive: true })
    })
    const give = (name: string, text: string): void => writeFileSync(join(folder, name), text)
    mkdirSync(folder, { recursive: true })
    give('token', 'first\n')
    give('ca.crt', authority.ca)
    give('namespace', 'studio')
    vi.stubEnv('KUBERNETES_SERVICE_HOST', '127.0.0.1')
    vi.stubEnv('KUBERNETES_SERVICE_PORT', String((server.address() as AddressInfo).port))
    return { folder, give, tokens, paths }
  }

  it('needs nothing but the name of a service', async () => {
    const { folder, tokens, paths } = await cluster()
    const watch = watching(kubernetes({ service: 'render', credentials: folder }))
    expect(await watch.names()).toEqual(['render@10.9.0.2:8188'])
    expect(tokens).toEqual(['Bearer first'])
    expect(paths).toEqual(['/apis/discovery.k8s.io/v1/namespaces/studio/endpointslices'])
  })

  it('reads the token anew for each request, because it is replaced', async () => {
    const { folder, give, tokens } = await cluster()
    const clock = new PatientClock()
    const watch = watching(kubernetes({ service: 'render', credentials: folder, clock }))
    await watch.next()
    give('token', 'second')
    void watch.next()
    await expect.poll(() => tokens).toEqual(['Bearer first', 'Bearer second'])
  })

  it('trusts the authority of the cluster only', async () => {
    const { folder, give } = await cluster()
    const stranger = createAuthority()
    onTestFinished(() => stranger.remove())
    give('ca.crt', stranger.ca)
    const watch = watching(kubernetes({ service: 'render', credentials: folder }))
    await expect(watch.next()).rejects.toThrow(/failed the TLS handshake/)
  })

  it('says which file is missing', async () => {
    const { folder } = await cluster()
    rmSync(join(folder, 'token'))
    const watch = watching(kubernetes({ service: 'render', credentials: folder }))
    await expect(watch.next()).rejects.toThrow(
      `${join(folder, 'token')} cannot be read; mount the pod's service account, or give url, namespace and token`,
    )
  })

  it('is asked with what is given instead', async () => {
    const { folder, tokens, paths } = await cluster()
    const options = { service: 'render', credentials: folder, token: 'mine', namespace: 'other' }
    await watching(kubernetes(options)).next()
    expect([tokens, paths[0]]).toEqual([['Bearer mine'], expect.stringContaining('/other/')])
  })
})
