import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { type RedisClient, redisStore } from '../../src/store/redis.js'
import { needs } from '../house/needs.js'
import { hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'
import { gone, health } from './place.js'
import { soon, through } from './redis-node.js'

let redis: RealRedis
let places = 0

beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach((context) => needs(context, hasRedis, noRedis))

/** Holds back what Redis has answered to one kind of command, until it is let go. */
class Holder {
  readonly #command: string
  readonly #held: (() => void)[] = []
  #holds = false

  constructor(command: string) {
    this.#command = command
  }

  get held(): number {
    return this.#held.length
  }

  begin(): void {
    this.#holds = true
  }

  letGo(): void {
    this.#holds = false
    for (const go of this.#held.splice(0)) go()
  }

  client(): RedisClient {
    return through(async (real, command, args) => {
      const answer = await real.call(command, ...args)
      if (this.#holds && command === this.#command)
        await new Promise<void>((go) => this.#held.push(go))
      return answer
    }, redis.client())
  }
}

/** Two stores of one namespace; what one of them is told. */
async function watching(server: RedisClient) {
  const namespace = `watch-${++places}`
  const mine = redisStore(server, { namespace })
  const other = redisStore(redis.url, { namespace })
  await mine.load()
  await other.load()
  const told: string[] = []
  const stop = new AbortController()
  const reading = (async () => {
    for await (const changes of mine.watch?.(stop.signal) ?? [])
      for (const { key, value } of changes)
        told.push(`${key} ${value === undefined ? 'gone' : 'is'}`)
  })()
  onTestFinished(async () => {
    stop.abort()
    await reading
    await mine.close()
    await other.close()
  })
  return { mine, other, told }
}

describe('what a store reads late', () => {
  it.each([
    ['a change', health('x', 2), health('x', 3)],
    ['a removal', gone('x'), health('x', 3)],
    ['a change of what it has removed', health('x', 2), gone('x')],
  ])('is not told when it has written since: %s', async (_, theirs, own) => {
    const holder = new Holder('hmget')
    const { mine, other, told } = await watching(holder.client())
    await mine.apply([health('x', 1)])
    await other.apply([health('first', 1)])
    await soon(() => expect(told).toEqual(['first is']))
    holder.begin()
    await other.apply([theirs])
    await soon(() => expect(holder.held).toBe(1))
    await mine.apply([own])
    holder.letGo()
    await other.apply([health('last', 1)])
    await soon(() => expect(told).toContain('last is'))
    expect(told).toEqual(['first is', 'last is'])
  })
})
