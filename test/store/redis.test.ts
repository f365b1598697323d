import { afterAll, beforeAll, beforeEach, describe, it } from 'vitest'
import { redisStore } from '../../src/store/redis.js'
import { storeConformance } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'

let redis: RealRedis
let places = 0
const fresh = (): string => `test-${++places}`

beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach((context) => needs(context, hasRedis, noRedis))

describe('redisStore keeps the promises of a store', () => {
  const promises = storeConformance(() => {
    const namespace = fresh()
    return () => redisStore(redis.url, { namespace })
  })
  for (const { name, run } of promises) it(name, run)
})
