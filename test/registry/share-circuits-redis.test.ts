import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished, vi } from 'vitest'
import { ServiceRegistry } from '../../src/index.js'
import { redisStore } from '../../src/store/redis.js'
import { FakeProvider } from '../../src/testing/index.js'
import { needs } from '../house/needs.js'
import { hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'

let redis: RealRedis

beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach((context) => needs(context, hasRedis, noRedis))

const soon = (check: () => unknown): Promise<unknown> =>
  vi.waitFor(check, { timeout: 20_000, interval: 5 })

interface Node {
  readonly one: FakeProvider
  call(): Promise<unknown>
  /** Whether it may be called now. */
  verdict(): unknown
  state(): string
  /** How often its circuit has opened. */
  opened(): number
}

async function node(): Promise<Node> {
  const registry = new ServiceRegistry<{ llm: Pick<FakeProvider, 'call'> }>({
    store: redisStore(redis.url, { timeoutMs: 500 }),
    shareCircuits: true,
    circuit: { failureThreshold: 1, recoveryTimeoutMs: 200, successThreshold: 1 },
  })
  const one = new FakeProvider({ name: 'one' })
  const provider = { call: () => one.call() }
  registry.register({ service: 'llm', name: 'one', provider, address: 'http://one' })
  let opened = 0
  registry.on('circuit.opened', () => {
    opened += 1
  })
  await registry.start()
  onTestFinished(() => registry.close().catch(() => {}))
  return {
    one,
    opened: () => opened,
    call: async () => (await registry.requireService('llm')).call(),
    verdict: () => registry.explain('llm').candidates[0]?.verdict,
    state: () => registry.circuit('one').state,
  }
}

it('over Redis: a probe is waited for, a pause counts for all, and without Redis each goes on', async () => {
  const [a, b] = [await node(), await node()]
  a.one.fail(new Error('broken'))
  await a.call().catch(() => {})
  await soon(() => expect(b.opened()).toBe(1))
  await soon(() => expect([a.verdict(), b.verdict()]).toEqual(['chosen', 'chosen']))

  a.one.stall()
  const probe = a.call()
  await soon(() => expect(b.verdict()).toMatchObject({ reason: 'circuit-open' }))
  expect(b.state()).toBe('half-open')
  a.one.succeed('well').release()
  expect(await probe).toBe('well')
  await soon(() => expect([b.state(), b.verdict()]).toEqual(['closed', 'chosen']))

  const headers = { 'retry-after-ms': '1000' }
  a.one.fail(Object.assign(new Error('slow down'), { status: 429, headers }))
  await a.call().catch(() => {})
  await soon(() => expect(b.verdict()).toMatchObject({ reason: 'cooling' }))
  await soon(() => expect(b.verdict()).toBe('chosen'))

  await redis.kill('SIGKILL')
  b.one.fail(new Error('broken'))
  await b.call().catch(() => {})
  b.one.succeed('well')
  await soon(async () => expect(await b.call()).toBe('well'))
})
