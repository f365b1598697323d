import { Cluster } from 'ioredis'
import { Cluster as Cluster6 } from 'ioredis-6'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { RedisClient, RedisStoreOptions } from '../../src/store/redis.js'
import { needs } from '../house/needs.js'
import { hasRedis, noRedis, type RealRedis } from '../real/redis.js'
import { holderOf, moveSlot, startCluster } from '../real/redis-cluster.js'
import { agree, keepCalling, register, soon, startNode } from './redis-node.js'

let cluster: Awaited<ReturnType<typeof startCluster>>

beforeAll(async () => {
  if (hasRedis) cluster = await startCluster()
})
afterAll(() => cluster?.stop())
beforeEach((context) => needs(context, hasRedis, noRedis))

const recordsOf = (namespace: string): string => `{switchgear:${namespace}}:records`

function quiet<T extends RedisClient>(client: T): T {
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

/** One by each version of the client. */
async function twoNodes(namespace: string, options: RedisStoreOptions = {}) {
  const places = cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port }))
  const settings = { namespace, timeoutMs: 5_000, ...options } // a busy machine takes its time
  const a = await startNode(quiet(new Cluster(places)), settings)
  const b = await startNode(quiet(new Cluster6(places)), settings)
  const nodes = [a, b] as const
  register(a, 'a')
  register(b, 'b')
  await agree(nodes, ['a', 'b'])
  return nodes
}

async function namespaceOn(node: RealRedis, tries = 0): Promise<string> {
  const namespace = `killed-${tries}`
  const holder = await holderOf(cluster.masters, recordsOf(namespace))
  return holder === node ? namespace : namespaceOn(node, tries + 1)
}

describe('redisStore on a cluster', () => {
  it('is shared, whichever node has the keys, by a client of either version', async () => {
    const all = ['one', 'two', 'three', 'four', 'five', 'six']
    const holders = new Set<RealRedis>()
    for (const namespace of all) {
      const [a, b] = await twoNodes(namespace, { timeoutMs: 20_000 })
      holders.add(await holderOf(cluster.masters, recordsOf(namespace)))
      expect([...a.failures, ...b.failures]).toEqual([])
      await Promise.all([a.registry.close(), b.registry.close()])
    }
    expect(holders.size).toBe(3)
  })

  it('goes on where its keys are moved to', async () => {
    const nodes = await twoNodes('moved')
    const [a, b] = nodes
    const calls = keepCalling(nodes)
    const records = recordsOf('moved')
    const from = await holderOf(cluster.masters, records)
    const to = cluster.masters.find((one) => one !== from) as RealRedis
    register(a, 'meanwhile')
    await moveSlot(records, from, to)
    register(b, 'after')
    await agree(nodes, ['a', 'b', 'meanwhile', 'after'])
    expect(await to.client().exists(records)).toBe(1)
    expect(await calls()).toEqual([])
    expect([...a.removed, ...b.removed]).toEqual([])
  })

  it('goes on with the replica when the master of its keys is killed', async () => {
    const { masters, replica } = cluster
    const [master] = masters as [RealRedis]
    const namespace = await namespaceOn(master)
    const records = recordsOf(namespace)
    const nodes = await twoNodes(namespace)
    const [a, b] = nodes
    const calls = keepCalling(nodes)
    await master.kill('SIGKILL')
    register(a, 'meanwhile')
    const promoted = replica.client()
    await soon(async () => expect(await promoted.role()).toContain('master'))
    register(b, 'after')
    await agree(nodes, ['a', 'b', 'meanwhile', 'after'])
    await soon(async () => expect(await promoted.hlen(records)).toBeGreaterThan(3))
    expect(await calls()).toEqual([])
    expect([...a.removed, ...b.removed]).toEqual([])
  })
})
