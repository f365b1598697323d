import type { IncomingMessage, ServerResponse } from 'node:http'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { createAddressPolicy } from '../../../src/core/address.js'
import { closeIdleConnections } from '../../../src/core/connection.js'
import { InvalidOptionsError } from '../../../src/core/errors.js'
import { type ConsulOptions, consul } from '../../../src/discovery/sources/consul.js'
import { sourceConformance } from '../../../src/testing/index.js'
import { serve } from '../../core/servers.js'
import { PatientClock, passing, watching } from './watching.js'

beforeEach(() => {
  vi.stubEnv('CONSUL_HTTP_TOKEN', undefined)
  return () => vi.unstubAllEnvs()
})

interface Instance {
  readonly address?: string
  readonly node?: string
  readonly port?: unknown
  readonly meta?: unknown
  readonly checks?: unknown
  readonly weights?: unknown
}

const instance = ({ address = '', node = '10.7.0.3', port = 8188, ...rest }: Instance = {}) => ({
  Node: { Node: 'forge-3', Address: node, Datacenter: 'west' },
  Service: {
    ID: 'render-1',
    Service: 'render',
    Tags: ['a100'],
    Address: address,
    Port: port,
    Meta: rest.meta ?? { version: '0.4', capabilities: 'image_generation,upscale', rack: 'r7' },
    Weights: rest.weights ?? { Passing: 3, Warning: 1 },
  },
  Checks: rest.checks ?? [{ CheckID: 'serfHealth', Status: 'passing' }],
})

/** The agent of a test: what it knows, at which index, and who waits for a change of it. */
async function agent(known: Readonly<Record<string, unknown>> = { render: [instance()] }) {
  const state = { known: { ...known }, index: '40' as string | undefined, leader: 'true' }
  const asked: { path: string; query: URLSearchParams; token: unknown }[] = []
  const waiting: (() => void)[] = []
  let answer: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined
  const server = await serve((request, response) => {
    const url = new URL(request.url ?? '', 'http://x')
    asked.push({
      path: url.pathname,
      query: url.searchParams,
      token: request.headers['x-consul-token'],
    })
    if (answer?.(request, response)) return
    const give = (): void => {
      if (state.index !== undefined) response.setHeader('X-Consul-Index', state.index)
      response.setHeader('X-Consul-KnownLeader', state.leader)
      response.end(JSON.stringify(state.known[url.pathname.split('/').at(-1) ?? ''] ?? []))
    }
    if (url.searchParams.get('index') === state.index) waiting.push(give)
    else give()
  })
  return {
    ...server,
    asked,
    waiting,
    state,
    change(index: string | undefined, next: Readonly<Record<string, unknown>>) {
      state.index = index
      state.known = { ...next }
      for (const give of waiting.splice(0)) give()
    },
    answerWith(with_: typeof answer) {
      answer = with_
    },
  }
}

const start = (url: string, options: Partial<ConsulOptions> = {}) => {
  const clock = new PatientClock()
  const service = options.services === undefined ? { service: 'render' } : {}
  return { clock, watch: watching(consul({ url, clock, ...service, ...options })) }
}

describe('consul', () => {
  for (const { name, run } of sourceConformance(async () =>
    consul({ url: (await agent()).url, service: 'render' }),
  ))
    it(name, run)

  it('sees an instance where it is, what it says of itself, and how it is', async () => {
    const { url, asked } = await agent()
    const { watch } = start(url, { handler: 'Paint', group: 2 })
    expect(await watch.next()).toEqual({
      authoritative: true,
      sightings: [
        {
          service: 'render',
          name: 'render@10.7.0.3:8188', // Service.Address is empty: the node's
          address: 'http://10.7.0.3:8188',
          handler: 'Paint',
          group: 2,
          strategy: undefined,
          capabilities: ['image_generation', 'upscale'],
          version: '0.4',
          weight: 3,
          health: 'healthy',
          metadata: { rack: 'r7', node: 'forge-3', datacenter: 'west', tags: ['a100'] },
        },
      ],
    })
    expect(asked[0]?.path).toBe('/v1/health/service/render')
    expect([...(asked[0]?.query ?? [])]).toEqual([])
  })

  it.each([
    ['passing', 'healthy', 3],
    ['warning', 'degraded', 1],
    ['critical', 'unhealthy', 3],
    ['odd', undefined, 3],
  ])('takes a check that is %s for %s', async (status, health, weight) => {
    const checks = [{ Status: status }, null, { Status: status === 'odd' ? 'odd' : 'passing' }]
    const { url } = await agent({ render: [instance({ checks })] })
    expect((await start(url).watch.next())?.sightings).toMatchObject([{ health, weight }])
  })

  it('asks for what the options say', async () => {
    const { url, asked } = await agent()
    const filter = '"a100" in Service.Tags'
    const { watch } = start(url, { datacenter: 'east', filter, passing: true, token: 'hush' })
    await watch.next()
    expect(Object.fromEntries(asked[0]?.query ?? [])).toEqual({
      dc: 'east',
      filter,
      passing: 'true',
    })
    expect(asked[0]?.token).toBe('hush')
  })

  it('takes the token of the environment', async () => {
    vi.stubEnv('CONSUL_HTTP_TOKEN', 'from-env')
    const { url, asked } = await agent()
    await start(url).watch.next()
    expect(asked[0]?.token).toBe('from-env')
  })

  it('waits for a change with the index it was given, a second after the last question at the earliest', async () => {
    const { url, asked, waiting, change } = await agent()
    const { clock, watch } = start(url, { waitMs: 30_000 })
    await watch.next()
    const second = watch.names()
    await clock.advance(999)
    expect(asked).toHaveLength(1)
    await clock.advance(1)
    await expect.poll(() => waiting.length).toBe(1)
    expect(Object.fromEntries(asked[1]?.query ?? [])).toEqual({ index: '40', wait: '30000ms' })
    change('41', { render: [instance({ address: 'fd00::5' })] })
    expect(await second).toEqual(['render@[fd00::5]:8188'])
  })

  it('gives a wait a sixteenth more than it asked for, and then the time of an answer', async () => {
    const { url, waiting } = await agent()
    const { clock, watch } = start(url, { waitMs: 16_000, timeoutMs: 2_000 })
    await watch.next()
    const failed = expect(watch.next()).rejects.toThrow(/did not answer completely within 19000 ms/)
    await passing(clock, 1_000, () => waiting.length === 1)
    await passing(clock, 19_000, () => true)
    await failed
  })

  it('begins anew when the index goes backwards, and does not vouch for what it sees then', async () => {
    const { url, asked, waiting, change } = await agent()
    const { clock, watch } = start(url)
    await watch.next()
    const second = watch.next()
    await passing(clock, 1_000, () => waiting.length === 1)
    change('7', {})
    expect(await second).toEqual({ sightings: [], authoritative: false })
    const third = watch.next()
    await passing(clock, 1_000, () => asked.length === 3)
    expect(asked[2]?.query.has('index')).toBe(false)
    expect(await third).toEqual({ sightings: [], authoritative: true })
  })

  it.each([undefined, '0', 'x', '-3', '9'.repeat(40)])(
    'takes an index of %s for 1, which waits',
    async (index) => {
      const { url, asked, state } = await agent()
      state.index = index
      const { clock, watch } = start(url)
      await watch.next()
      void watch.next()
      await passing(clock, 1_000, () => asked.length === 2)
      expect(asked[1]?.query.get('index')).toBe('1')
    },
  )

  it('compares indexes that no number of JavaScript can hold', async () => {
    const { url, asked, state, waiting, change } = await agent()
    state.index = '18446744073709551614'
    const { clock, watch } = start(url)
    await watch.next()
    const second = watch.next()
    await passing(clock, 1_000, () => waiting.length === 1)
    change('18446744073709551615', { render: [] })
    expect(await second).toEqual({ sightings: [], authoritative: true })
    void watch.next()
    await passing(clock, 1_000, () => asked.length === 3)
    expect(asked[2]?.query.get('index')).toBe('18446744073709551615')
  })

  it('does not vouch for emptiness without a leader', async () => {
    const { url, state } = await agent({})
    state.leader = 'false'
    expect(await start(url).watch.next()).toEqual({ sightings: [], authoritative: false })
  })

  it('fails, rather than sees nothing, when the token may not read', async () => {
    const { url, answerWith } = await agent()
    answerWith((_, response) => {
      response.setHeader('X-Consul-Results-Filtered-By-ACLs', 'true')
      response.end('[]')
      return true
    })
    await expect(start(url, { token: 'hush' }).watch.next()).rejects.toThrow(
      'Consul hides render from this token: it needs service:read and node:read',
    )
  })

  it('sees several services as one view, and a change of either', async () => {
    const { url, waiting, change } = await agent({
      render: [instance()],
      speech: [instance({ port: 9001 })],
    })
    const { clock, watch } = start(url, { services: { render: 'media', speech: 'voice' } })
    const first = ['media@10.7.0.3:8188', 'voice@10.7.0.3:9001']
    expect([...((await watch.names()) ?? [])].sort()).toEqual(first)
    const later = watch.until('media@10.7.0.3:8188')
    await passing(clock, 1_000, () => waiting.length === 2)
    change('41', { render: [instance()], speech: [] })
    await later
  })

  it('fails when one of several does, and leaves no connection', async () => {
    const { url, waiting, asked, answerWith, allClosed } = await agent({
      render: [instance()],
      speech: [],
    })
    const { clock, watch } = start(url, { services: { render: 'media', speech: 'voice' } })
    await watch.next()
    answerWith((request, response) => {
      if (request.url?.includes('speech') !== true) return false
      response.statusCode = 500
      response.end()
      return true
    })
    const failed = expect(watch.next()).rejects.toThrow(/service\/speech answered with status 500/)
    await passing(clock, 1_000, () => asked.length === 4 || waiting.length === 1)
    await failed
    closeIdleConnections() // of the first questions
    await allClosed()
  })

  it('names an address once: of two entries that which is better off', async () => {
    const stale = instance({ checks: [{ Status: 'critical' }] })
    const { url } = await agent({ render: [stale, instance(), stale] })
    expect((await start(url).watch.next())?.sightings).toMatchObject([{ health: 'healthy' }])
  })

  it.each<[string, unknown]>([
    ['no objects', [null, 7, 'x', [], {}]],
    [
      'no host',
      [instance({ node: '' }), instance({ node: 'x y' }), instance({ address: 'a/../b' })],
    ],
  ])('leaves out entries that are %s', async (_, render) => {
    const { url } = await agent({ render })
    expect((await start(url).watch.next())?.sightings).toEqual([])
  })

  it('makes what it can of odd fields', async () => {
    const meta = JSON.parse(
      `{"__proto__":{"x":1},"capabilities":["a"],"big":"${'x'.repeat(600)}","ok":"1"}`,
    )
    const odd = instance({ port: 0, meta, checks: 'x', weights: { Passing: -1 } })
    const { url } = await agent({ render: [odd] })
    expect((await start(url).watch.next())?.sightings).toMatchObject([
      { name: 'render@10.7.0.3', address: 'http://10.7.0.3', capabilities: [], weight: undefined },
    ])
    expect({}).not.toHaveProperty('x')
  })

  it.each([
    ['HTML', '<!doctype html>', /answered something else than a list of service instances/],
    ['another JSON', '{"services":[]}', /check that it is Consul/],
    ['half of it', '[{"Node":', /something else/],
  ])('fails on %s', async (_, body, message) => {
    const { url, answerWith } = await agent()
    answerWith((__, response) => {
      response.end(body)
      return true
    })
    await expect(start(url).watch.next()).rejects.toThrow(message)
  })

  it('reads 5,000 instances, and no more than 32 MiB', async () => {
    const many = Array.from({ length: 5_000 }, (_, at) => instance({ port: 1 + at }))
    const { url, answerWith } = await agent({ render: many })
    expect(await start(url).watch.names()).toHaveLength(5_000)
    answerWith((_, response) => {
      response.end(`[${' '.repeat(33 * 2 ** 20)}]`)
      return true
    })
    await expect(start(url).watch.next()).rejects.toThrow(/answered more than 33554432 bytes/)
  })

  it.each([401, 403, 500, 302])(
    'says what status %i means, and never the token',
    async (status) => {
      const token = 'b1ab-secret'
      const { url, answerWith } = await agent()
      answerWith((_, response) => {
        response.writeHead(status, { location: 'http://169.254.169.254/' })
        response.end(`ACL not found for ${token}`)
        return true
      })
      const error: unknown = await start(url, { token })
        .watch.next()
        .catch((thrown: unknown) => thrown)
      expect(String(error)).toContain(`/v1/health/service/render answered with status ${status}`)
      expect(JSON.stringify([error, String(error), String((error as Error).cause)])).not.toContain(
        token,
      )
    },
  )

  it('never shows a token that cannot be a header', async () => {
    const { url } = await agent()
    const error: unknown = await start(url, { token: 'se\ncret' })
      .watch.next()
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(Error)
    expect(`${error} ${(error as Error).cause}`).not.toMatch(/cret/)
  })

  it('ends at once when it is aborted while it waits, and leaves no connection', async () => {
    const { url, waiting, allClosed } = await agent()
    const { clock, watch } = start(url)
    await watch.next()
    const ended = watch.next()
    await passing(clock, 1_000, () => waiting.length === 1)
    watch.stop.abort()
    expect(await ended).toBeUndefined()
    closeIdleConnections() // of the first question
    await allClosed()
  })

  it('asks only where the policy lets it', async () => {
    const { url, asked } = await agent()
    const policy = createAddressPolicy({ privateNetworks: false })
    await expect(start(url, { policy }).watch.next()).rejects.toThrow(/may not be asked/)
    expect(asked).toEqual([])
  })

  it.each<[Partial<ConsulOptions>, RegExp]>([
    [{}, /service: expected either service, a name, or services/],
    [{ service: 'a', services: { a: 'b' } }, /service: /],
    [{ services: {} }, /service: /],
    [
      { services: Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`s${at}`, 'x'])) },
      /services, 1 to 64/,
    ],
    [{ service: ' a' }, /service: /],
    [{ service: 'a', url: 'consul:8500' }, /url: expected an http or https URL.*\(scheme\)/],
    [{ service: 'a', url: 'http://x:1/?dc=a' }, /url: /],
    [{ service: 'a', waitMs: 0, timeoutMs: Number.NaN }, /waitMs: .*\n {2}timeoutMs: /],
  ])('refuses %j', (options, message) => {
    expect(() => consul(options)).toThrow(InvalidOptionsError)
    expect(() => consul(options)).toThrow(message)
  })

  it('does not show a password in a URL', () => {
    const make = () => consul({ service: 'a', url: 'http://u:hush@127.0.0.1:8500' })
    expect(make).toThrow(/url: .*\(user-info\)/)
    expect(make).not.toThrow(/hush/)
  })
})
