import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { healthAnswer, httpProbe, ServiceRegistry } from '../../src/index.js'

const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

interface Answer {
  readonly status?: number
  readonly body: unknown
}

/** A program whose health answer can be another each time. */
async function program(first: Answer): Promise<{ url: string; says(answer: Answer): void }> {
  let answer = first
  const server = createServer((_request, response) => {
    const { status = 200, body } = answer
    response.writeHead(status, { connection: 'close' })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const says = (next: Answer): void => {
    answer = next
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`, says }
}

async function healthOf(answer: Answer, options: Parameters<typeof httpProbe>[0] = {}) {
  const { url } = await program(answer)
  const registry = new ServiceRegistry<{ llm: object }>()
  const probe = httpProbe({ ...options, url })
  registry.register({ service: 'llm', name: 'a', provider: {}, health: { probe } })
  await registry.healthCheckAll()
  const found = registry.get('a')
  const { consecutiveFailures } = registry.circuit('a').stats
  await registry.close()
  return { health: found?.health, failures: consecutiveFailures }
}

describe('httpProbe', () => {
  it.each<[string, unknown]>([
    ['llama.cpp', { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }],
    ['whisper.cpp', { status: 'loading model' }],
    ['LocalAI', { status: 'starting', reason: 'preloading' }],
    ['a text', { error: 'model is loading, try again later' }],
  ])('row 51: a 503 that says it is loading, as of %s, is no failure', async (_, body) => {
    for (const options of [{}, { read: healthAnswer }])
      expect(await healthOf({ status: 503, body }, options)).toEqual({
        health: 'loading',
        failures: 0,
      })
  })

  it.each<[number, unknown]>([
    [503, { status: 'ok' }],
    [503, { status: 'shutting_down' }],
    [503, { error: 'no database' }],
    [503, 'loading'],
    [503, ''],
    [500, { status: 'loading' }],
    [404, { error: 'loading' }],
  ])('a %i with %j is a failure all the same', async (status, body) => {
    expect(await healthOf({ status, body })).toEqual({ health: 'unhealthy', failures: 1 })
  })

  it('gives a reader the status, where several are expected', async () => {
    const read = (_: unknown, status: number) => ({
      status: status === 429 ? ('degraded' as const) : ('healthy' as const),
    })
    const options = { expect: [200, 429], read }
    expect(await healthOf({ status: 429, body: {} }, options)).toMatchObject({ health: 'degraded' })
    expect(await healthOf({ status: 200, body: {} }, options)).toMatchObject({ health: 'healthy' })
  })
})

describe('healthAnswer', () => {
  it.each<[unknown, string]>([
    ['', 'healthy'],
    ['OK', 'healthy'],
    ['"I\'m alive!"', 'healthy'],
    [{}, 'healthy'],
    [{ status: 'ok' }, 'healthy'],
    [{ status: 'warning' }, 'degraded'],
    [{ ready: false }, 'loading'],
    [{ status: 'down' }, 'unhealthy'],
    [{ error: 'no GPU' }, 'unhealthy'],
  ])('finds %j to be %s', async (body, health) => {
    expect(await healthOf({ body }, { read: healthAnswer })).toMatchObject({ health })
  })

  it('S012-08: what a check reads updates the provider in one turn, as updateFromHealth does', async () => {
    const body = {
      status: 'ok',
      version: '0.3.64',
      api_version: 2,
      features: ['txt2img', 'hyperdrive'],
      models: ['sd-xl', { id: 'flux-dev' }],
      limits: { max_batch: 4 },
      load: '40%',
    }
    const { url, says } = await program({ body })
    const registry = new ServiceRegistry<{ media: object }>()
    const capabilities = ['video_generation@1.0', 'my_workflow']
    const probe = httpProbe({ url, read: healthAnswer })
    registry.register({
      service: 'media',
      name: 'asked',
      provider: {},
      capabilities,
      health: { probe },
    })
    registry.register({ service: 'media', name: 'told', provider: {}, capabilities })
    const turns: unknown[] = []
    registry.on('provider.changed', ({ provider }) => {
      turns.push([registry.get(provider)?.health, registry.get(provider)?.version])
    })
    const said = (name: string) => {
      const {
        health,
        version,
        apiVersion,
        models,
        limits,
        load,
        probed,
        capabilities: can = [],
      } = registry.get(name) ?? {}
      return {
        health,
        version,
        apiVersion,
        models,
        limits,
        load,
        probed,
        can: can.map((one) => one.name),
      }
    }
    for (const next of [body, { status: 'ok', features: { img2img: false, tts: true } }, body]) {
      says({ body: next })
      await registry.healthCheckAll()
      registry.updateFromHealth('told', next)
      expect(said('asked')).toEqual(said('told'))
    }
    expect(said('asked')).toMatchObject({
      load: 0.4,
      probed: ['apiVersion', 'capabilities', 'limits', 'models', 'version'],
      version: '0.3.64',
      apiVersion: '2',
      models: ['sd-xl', 'flux-dev'],
    })
    expect(turns[0]).toEqual(['healthy', '0.3.64'])
    const before = turns.length
    await registry.healthCheckAll()
    expect(turns).toHaveLength(before)
    await registry.close()
  })

  it('an absurd answer is a failed check', async () => {
    const body = { features: Array(1_001).fill('x') }
    const found = await healthOf({ body }, { read: healthAnswer })
    expect(found).toEqual({ health: 'unhealthy', failures: 1 })
  })

  it('believes no name of a prototype', () => {
    const body = JSON.parse('{"features":{"__proto__":true,"constructor":true},"status":"ok"}')
    const { capabilities } = healthAnswer(body)
    expect(Object.keys(capabilities ?? {})).toEqual(['__proto__', 'constructor'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})
