import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { redisStore } from '../../src/store/redis.js'
import { seededRandom } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { startProxy, type Trouble, type TroubledProxy } from '../real/proxy.js'
import { hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'
import { agree, keepCalling, type Node, register, soon, startNode } from './redis-node.js'

/** SWITCHGEAR_SOAK=<seed> for more of it. */
const seed = Number(process.env.SWITCHGEAR_SOAK ?? 5)
const rounds = process.env.SWITCHGEAR_SOAK === undefined ? 1 : 12
const timeoutMs = 200

let redis: RealRedis
let places = 0

beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach((context) => needs(context, hasRedis, noRedis))

interface Far extends Node {
  readonly proxy: TroubledProxy
}

/** A node that reaches Redis through a proxy of its own. */
async function startFar(namespace: string): Promise<Far> {
  const proxy = await startProxy(redis.port)
  onTestFinished(() => proxy.stop())
  const node = await startNode(`redis://127.0.0.1:${proxy.port}`, { namespace, timeoutMs })
  return { ...node, proxy }
}

async function keptIn(namespace: string): Promise<readonly string[]> {
  const store = redisStore(redis.url, { namespace })
  const kept = await store.load()
  await store.close()
  return kept?.providers.map(({ name }) => name).toSorted() ?? []
}

type Make = (random: () => number) => Trouble
const upTo = (random: () => number, most: number): number => 1 + Math.floor(random() * most)

const troubles: readonly (readonly [what: string, make: Make])[] = [
  ['drops everything', () => ({ kind: 'drop' })],
  ['drops requests', () => ({ kind: 'drop', only: 'requests' })],
  ['drops answers', () => ({ kind: 'drop', only: 'answers' })],
  ['delays by less than is waited', (random) => ({ kind: 'delay', ms: upTo(random, 60) })],
  ['delays by more than is waited', (random) => ({ kind: 'delay', ms: 200 + upTo(random, 200) })],
  ['cuts answers off', (random) => ({ kind: 'cut', bytes: upTo(random, 2_000) })],
  ['cuts the first answers off', (random) => ({ kind: 'cut', bytes: upTo(random, 20) })],
  ['resets', () => ({ kind: 'reset' })],
]

describe('between redisStore and Redis something', () => {
  it.each(troubles)('%s: no caller notices, and all agree afterwards', async (_, make) => {
    const random = seededRandom(seed)
    const namespace = `trouble-${++places}`
    const nodes = [await startFar(namespace), await startFar(namespace)] as const
    const wanted = new Set<string>()
    for (const [at, node] of nodes.entries()) {
      register(node, `${at}-stays`)
      wanted.add(`${at}-stays`)
    }
    await agree(nodes, [...wanted])
    const calls = keepCalling(nodes)
    for (let round = 0; round < rounds; round++) {
      const trouble = make(random)
      const far = nodes.filter(() => random() < 0.7)
      for (const { proxy } of far.length > 0 ? far : nodes) proxy.become(trouble)
      for (let step = 0; step < 2; step++) {
        for (const [at, node] of nodes.entries()) {
          const name = `${at}-${Math.floor(random() * 4)}`
          if (wanted.delete(name)) node.registry.unregister(name)
          else register(node, name)
          if (node.registry.get(name) !== undefined) wanted.add(name)
        }
        await Promise.allSettled(nodes.map(({ registry }) => registry.flush()))
      }
      for (const { proxy } of nodes) proxy.become({ kind: 'none' })
      await agree(nodes, [...wanted])
      await soon(async () => expect(await keptIn(namespace)).toEqual([...wanted].toSorted()))
    }
    expect(await calls()).toEqual([])
  })
})

describe('a store that is away', () => {
  it('keeps what is to be written by entry, not by change: 50,000 changes of 10 providers', async () => {
    const namespace = `trouble-${++places}`
    const [away, other] = [await startFar(namespace), await startFar(namespace)]
    const names = Array.from({ length: 10 }, (_, at) => `p${at}`)
    for (const name of names) register(away, name)
    await agree([away, other], names)
    const log = `{switchgear:${namespace}}:log`
    const client = redis.client()
    const before = await client.xlen(log)
    away.proxy.become({ kind: 'drop' })
    for (let at = 0; at < 50_000; at++) {
      const name = names[at % names.length] ?? ''
      away.registry.setPriority(name, Math.floor(at / 10) % 2 === 0 ? 'high' : 'low')
      if (at % 20_000 === 0) await away.registry.flush().catch(() => {}) // a group that is given up
    }
    expect(away.failures.length).toBeGreaterThan(0)
    const { sent } = away.proxy
    away.proxy.become({ kind: 'none' })
    for (const name of names) away.registry.setPriority(name, 'normal')
    await soon(() => {
      for (const name of names)
        expect(other.registry.get(name)?.priority).toEqual(away.registry.get(name)?.priority)
    }, [away])
    expect(away.proxy.sent - sent).toBeLessThan(20_000)
    expect((await client.xlen(log)) - before).toBeLessThan(5)
  })
})
