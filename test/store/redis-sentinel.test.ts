import { Redis } from 'ioredis'
import { Redis as Redis6 } from 'ioredis-6'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type RedisClient, redisStore } from '../../src/store/redis.js'
import { needs } from '../house/needs.js'
import { atOnce, hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'
import { startReplica, startSentinels, type Watched } from '../real/redis-sentinel.js'
import { agree, keepCalling, type Node, register, soon, startNode } from './redis-node.js'

const isSoak = process.env.SWITCHGEAR_SOAK !== undefined

beforeEach((context) => needs(context, hasRedis, noRedis))

async function watched(): Promise<Watched> {
  const all = await startSentinels(isSoak ? 3 : 1)
  onTestFinished(() => all.stop())
  return all
}

/** As docs/guide/redis.md shows it. */
const settings = ({ sentinels, name }: Watched) => ({
  sentinels: [...sentinels],
  name,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
})

function quiet<T extends RedisClient>(client: T): T {
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}

/** One by each version of the client. */
async function twoNodes(all: Watched): Promise<readonly [Node, Node]> {
  const five = await startNode(quiet(new Redis(settings(all))))
  return [five, await startNode(quiet(new Redis6(settings(all))))]
}

describe('redisStore by Sentinel', () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'goes on with the promoted replica when the master gets %s',
    async (signal) => {
      const all = await watched()
      const nodes = await twoNodes(all)
      const [a, b] = nodes
      register(a, 'a')
      register(b, 'b')
      await agree(nodes, ['a', 'b'])
      const calls = keepCalling(nodes)
      await all.master.kill(signal)
      register(a, 'meanwhile')
      const promoted = all.replica.client()
      await soon(async () => expect(await promoted.role()).toContain('master'))
      register(b, 'after')
      const names = ['a', 'b', 'meanwhile', 'after']
      await agree(nodes, names)
      await soon(async () => expect(await keptIn(all.replica)).toEqual(names.toSorted()))
      // Sentinels wait eight seconds until they make it a replica.
      if (isSoak && signal === 'SIGSTOP') await comesBack(all, nodes, names)
      expect(await calls()).toEqual([])
      expect([...a.removed, ...b.removed]).toEqual([])
    },
  )
})

/** It took itself for the master until it is told otherwise. */
async function comesBack(
  { master }: Watched,
  nodes: readonly [Node, Node],
  names: readonly string[],
) {
  await master.kill('SIGCONT')
  const demoted = master.client()
  await soon(async () => expect(await demoted.role()).toContain('slave'))
  register(nodes[0], 'later')
  await agree(nodes, [...names, 'later'])
}

async function keptIn({ url }: RealRedis): Promise<readonly string[]> {
  const store = redisStore(url)
  const kept = await store.load()
  await store.close()
  return kept?.providers.map(({ name }) => name).toSorted() ?? []
}

describe('a Redis that becomes a replica', () => {
  it('is said to be one, and is gone on with when it is a master again', async () => {
    const other = await startRedis(atOnce)
    onTestFinished(() => other.stop())
    const own = await startReplica(other)
    onTestFinished(() => own.stop())
    const client = own.client()
    await client.replicaof('NO', 'ONE')
    const [a, b] = [await startNode(own.url), await startNode(own.url)]
    const nodes = [a, b]
    register(a, 'a')
    await agree(nodes, ['a'])
    await client.replicaof('127.0.0.1', other.port)
    register(a, 'meanwhile')
    await soon(
      () => expect(a.failures.map(({ error }) => String(error)).join()).toContain('is a replica'),
      [a],
    )
    expect(await b.registry.getService('llm')).toBeDefined()
    await client.replicaof('NO', 'ONE')
    register(b, 'after')
    await agree(nodes, ['a', 'meanwhile', 'after'])
    expect([...a.removed, ...b.removed]).toEqual([])
  })
})
