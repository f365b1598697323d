import { afterAll, beforeAll, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { systemClock } from '../../src/core/clock.js'
import { type RegistryOptions, ServiceRegistry } from '../../src/index.js'
import { redisStore } from '../../src/store/redis.js'
import { needs } from '../house/needs.js'
import { hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'
import { soon } from './redis-node.js'

type Anything = Record<string, object>

const forMs = 60_000

let redis: RealRedis
let places = 0

beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach((context) => needs(context, hasRedis, noRedis))

interface Node {
  readonly registry: ServiceRegistry<Anything>
  /** What became of providers here. */
  readonly told: string[]
}

/** Some registries of one place, and what a test may do to that place. */
async function scene({ onTestFinished }: TestContext, count: number, server = redis) {
  const namespace = `leases-${++places}`
  const tag = `{switchgear:${namespace}}`
  const client = server.client()
  const join = async (options: RegistryOptions<Anything> = {}): Promise<Node> => {
    const registry = new ServiceRegistry<Anything>({
      store: redisStore(server.url, { namespace, timeoutMs: 500 }),
      ...options,
    })
    onTestFinished(() => registry.close().catch(() => {}))
    const told: string[] = []
    registry.on('lease.expired', ({ provider }) => void told.push(`${provider} expired`))
    registry.on('provider.removed', ({ provider }) => void told.push(`${provider} removed`))
    registry.on('provider.health-changed', ({ provider, health }) => {
      told.push(`${provider} ${health}`)
    })
    await registry.start()
    return { registry, told }
  }
  const nodes: Node[] = []
  while (nodes.length < count) nodes.push(await join())
  const swept = (): Promise<unknown> =>
    soon(async () => expect(await client.hexists(`${tag}:meta`, 'swept')).toBe(1))
  return {
    client,
    tag,
    nodes,
    join,
    /** As if it had been silent for so long, by the clock of Redis. */
    async silence(name: string) {
      await swept()
      await client.hset(`${tag}:meta`, 'counted', '0')
      await client.zadd(`${tag}:due`, 'XX', 1, JSON.stringify(name))
    },
    deadline: async (name: string) =>
      Number(await client.zscore(`${tag}:due`, JSON.stringify(name))),
    /** Groups in the log: all, or those of whoever ends leases. */
    async groups(by = '') {
      const entries = await client.xrange(`${tag}:log`, '-', '+')
      return entries.filter(([, fields]) => by === '' || fields[1] === by).length
    },
    now: async () => Number((await client.time())[0]) * 1_000,
  }
}

const add = ({ registry }: Node, name: string, facts = {}): void => {
  registry.adopt(
    { service: 'llm', name, provider: {}, address: `http://${name}` },
    { forMs, facts },
  )
}

/** Each waits mostly for the next sweep, a second away. */
describe.concurrent('a lease in Redis', () => {
  it('is over once for all nodes, and so is its provider later', async (context) => {
    const { nodes, silence, groups, client, tag } = await scene(context, 3)
    const [a] = nodes as [Node, Node, Node]
    add(a, 'one')
    for (const { registry } of nodes)
      await soon(() => expect(registry.get('one')?.health).toBe('healthy'))
    await silence('one')
    for (const { told } of nodes) await soon(() => expect(told).toContain('one unhealthy'))
    expect(await groups('sweep')).toBe(1)
    await silence('one')
    for (const { told } of nodes) await soon(() => expect(told).toContain('one removed'))
    for (const { told } of nodes)
      expect(told.filter((line) => line !== 'one healthy')).toEqual([
        'one expired',
        'one unhealthy',
        'one removed',
      ])
    expect(await groups('sweep')).toBe(2)
    expect(await client.zcard(`${tag}:due`)).toBe(0)
  })

  it('is as over for who comes later', async (context) => {
    const { nodes, silence, join } = await scene(context, 1)
    const [a] = nodes as [Node]
    add(a, 'one')
    await a.registry.flush()
    await silence('one')
    await soon(() => expect(a.told).toContain('one unhealthy'))
    const b = await join()
    expect(b.registry.get('one')?.health).toBe('unhealthy')
    b.registry.renew('one', { forMs })
    for (const { registry } of [a, b])
      await soon(() => expect(registry.get('one')?.health).toBe('healthy'))
  })

  it('is renewed on any node; a renewal that says nothing new moves the deadline alone', async (context) => {
    const { nodes, deadline, groups, client, tag, now } = await scene(context, 2)
    const [a, b] = nodes as [Node, Node]
    add(a, 'one', { load: 1 })
    await soon(() => expect(b.registry.get('one')?.lease?.facts).toEqual({ load: 1 }))
    await b.registry.flush()
    const before = await groups()
    const record = await client.hget(`${tag}:records`, 'providers "one"')
    a.registry.renew('one', { forMs, facts: { load: 1 } })
    await client.zadd(`${tag}:due`, 'XX', (await now()) + 1_000, '"one"')
    a.registry.renew('one', { forMs })
    await a.registry.flush()
    expect(await deadline('one')).toBeGreaterThan((await now()) + forMs - 5_000)
    expect(await groups()).toBe(before)
    b.registry.renew('one', { forMs, facts: { load: 2 } })
    await soon(() => expect(a.registry.get('one')?.lease?.facts).toEqual({ load: 2 }))
    expect(await client.hget(`${tag}:records`, 'providers "one"')).toBe(record)
  })

  it('of which a renewal comes too late is written again, and everybody hears it', async (context) => {
    const { nodes, silence } = await scene(context, 2)
    const [a, b] = nodes as [Node, Node]
    add(a, 'one')
    await soon(() => expect(b.registry.get('one')?.lease).toBeDefined())
    await silence('one')
    for (const { told } of nodes) await soon(() => expect(told).toContain('one unhealthy'))
    a.registry.renew('one', { forMs })
    for (const { told } of nodes) await soon(() => expect(told.at(-1)).toBe('one healthy'))
  })

  it('goes by no clock of a node', async (context) => {
    const { nodes, join } = await scene(context, 1)
    const [a] = nodes as [Node]
    const behind = { ...systemClock, wall: () => systemClock.wall() - 3_600_000 }
    const late = await join({ clock: behind })
    add(a, 'one', { from: 'a' })
    await soon(() => expect(late.registry.get('one')?.lease).toBeDefined())
    late.registry.renew('one', { forMs, facts: { from: 'late' } })
    await soon(() => expect(a.registry.get('one')?.lease?.facts).toEqual({ from: 'late' }))
    expect(a.registry.get('one')?.health).toBe('healthy')
  })

  it('counts in full where nobody could be heard for a while', async (context) => {
    const { nodes, silence, deadline, client, tag, now } = await scene(context, 1)
    const [a] = nodes as [Node]
    add(a, 'one')
    await a.registry.flush()
    await silence('one')
    await client.hset(`${tag}:meta`, 'swept', '1') // at which it was killed, or frozen
    await soon(async () => expect(await deadline('one')).toBeGreaterThan(await now()))
    expect(a.told).toEqual(['one healthy'])
  })

  it('counts in full, and no longer, from when the clock of Redis was put back', async (context) => {
    const { nodes, deadline, client, tag, now } = await scene(context, 1)
    const [a] = nodes as [Node]
    add(a, 'one')
    await a.registry.flush()
    const before = (await now()) + 3_600_000
    await client.zadd(`${tag}:due`, before + forMs, '"one"')
    await client.hset(`${tag}:meta`, 'swept', before, 'counted', before)
    await soon(async () => expect(await deadline('one')).toBeLessThanOrEqual((await now()) + forMs))
    expect(await deadline('one')).toBeGreaterThan((await now()) + forMs / 2)
    expect(a.told).toEqual(['one healthy'])
  })

  it('comes back, in full, after Redis has lost it', async (context) => {
    const own = await startRedis()
    context.onTestFinished(() => own.stop())
    const { nodes, deadline, now } = await scene(context, 2, own)
    const [a, b] = nodes as [Node, Node]
    add(a, 'one')
    await soon(() => expect(b.registry.get('one')?.lease).toBeDefined())
    await own.kill('SIGKILL')
    await own.restart()
    await soon(async () => expect(await deadline('one')).toBeGreaterThan(await now()))
    for (const { told } of nodes) expect(told).not.toContain('one unhealthy')
  })

  it('that is over is so after Redis has lost it, and its provider goes', async (context) => {
    const { nodes, silence, client, tag } = await scene(context, 1)
    const [a] = nodes as [Node]
    add(a, 'one')
    await a.registry.flush()
    await silence('one')
    await soon(() => expect(a.told).toContain('one unhealthy'))
    await client.del(...(await client.keys(`${tag}*`)))
    add(a, 'two')
    await a.registry.flush()
    expect(await client.hget(`${tag}:records`, 'leases "one"')).toContain('"expired":true')
    await silence('one')
    await soon(() => expect(a.told).toContain('one removed'))
  })
})
