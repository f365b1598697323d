import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { settled } from '../../src/core/clock.js'
import { ServiceRegistry } from '../../src/registry/registry.js'
import type { OperationError } from '../../src/server/operation-error.js'
import { type RedisClient, redisStore } from '../../src/store/redis.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { needs } from '../house/needs.js'
import { hasRedis, noRedis, type RealRedis, startRedis } from '../real/redis.js'
import { Holder } from '../store/holder.js'
import { soon } from '../store/redis-node.js'
import { agent, operationsOf, service, telemetry } from './operations-of.js'

/*
 * Two servers: one of them removes what the other has registered anew, before it has heard of that.
 */

let redis: RealRedis
let places = 0

beforeAll(async () => {
  if (hasRedis) redis = await startRedis()
})
afterAll(() => redis?.stop())
beforeEach((context) => needs(context, hasRedis, noRedis))

const operator = { token: 'the operator' }

async function pair() {
  const namespace = `refused-${++places}`
  const holder = new Holder(redis.port)
  const clock = new FakeClock(1_795_000_000_000)
  const join = async (server: string | RedisClient) => {
    const registry = new ServiceRegistry({ store: redisStore(server, { namespace }) })
    await registry.start()
    onTestFinished(() => {
      for (const command of ['hmget', 'evalsha']) holder.letGo(command)
      return registry.close()
    })
    const { operations } = operationsOf({ clock, registry, operatorToken: operator.token })
    return { registry, operations, versions: () => operations.list().map(({ version }) => version) }
  }
  const [a, b] = [await join(redis.url), await join(holder.client())]
  const first = await a.operations.register(service('x'), operator)
  await soon(() => expect(b.versions()).toEqual(['1.0.0']))
  holder.begin('hmget')
  await a.operations.register(service('x', { version: '2.0.0' }), operator)
  await soon(() => expect(holder.held('hmget')).toBe(1))
  return { a, b, clock, holder, first }
}

it('what an operator removes is gone, whatever the server had heard of it', async () => {
  const { a, b, holder } = await pair()
  expect(b.operations.deregister('x', operator)).toBe(true)
  const stored = b.operations.stored()
  await settled()
  holder.letGo('hmget')
  expect(await stored).toBe(true)
  expect(b.versions()).toEqual([])
  await soon(() => expect(a.versions()).toEqual([]))
})

it('it is not said to be stored while it is not known what is so', async () => {
  const { a, b, clock, holder } = await pair()
  b.operations.deregister('x', operator)
  const stored = b.operations.stored()
  await clock.advance(2_000)
  expect(await stored).toBe(false)
  holder.letGo('hmget')
  for (const { versions } of [a, b]) await soon(() => expect(versions()).toEqual(['2.0.0']))
  await b.registry.flush() // nobody waits any more: it is not removed later
  expect(b.versions()).toEqual(['2.0.0'])
})

it('the token of the registration before removes no later one', async () => {
  const { a, b, holder, first } = await pair()
  expect(b.operations.deregister('x', { token: first.token })).toBe(true)
  const stored = b.operations.stored()
  holder.letGo('hmget')
  expect(await stored).toBe(true)
  for (const { versions } of [a, b]) await soon(() => expect(versions()).toEqual(['2.0.0']))
  const refused = (): unknown => b.operations.deregister('x', { token: first.token })
  expect(refused).toThrow(
    expect.objectContaining({ kind: 'unauthenticated' } satisfies Partial<OperationError>),
  )
})

it('what is registered here since is no more what was to be removed', async () => {
  const { a, b, holder } = await pair()
  b.operations.deregister('x', operator)
  const stored = b.operations.stored()
  await b.operations.register(service('x', { version: '3.0.0' }), operator)
  holder.letGo('hmget')
  expect(await stored).toBe(true)
  for (const { versions } of [a, b]) await soon(() => expect(versions()).toEqual(['3.0.0']))
})

it('flush() of a registry ends when what is so instead is taken over', async () => {
  const { b, holder } = await pair()
  b.registry.unregister('x')
  const flushed = b.registry.flush()
  await settled()
  holder.letGo('hmget')
  await flushed
  expect(b.versions()).toEqual(['2.0.0'])
})

it('what was to be removed, and was registered anew before that was written, is not written again', async () => {
  const { a, b, holder } = await pair()
  holder.begin('evalsha')
  const written = b.operations.register(service('y', { version: '9.0.0' }), operator)
  await soon(() => expect(holder.held('evalsha')).toBe(1))
  b.operations.deregister('x', operator) // waits for that write
  holder.letGo('hmget')
  await soon(() => expect(b.versions().toSorted()).toEqual(['2.0.0', '9.0.0']))
  holder.begin('hmget')
  await a.operations.register(service('x', { version: '3.0.0' }), operator)
  holder.letGo('evalsha')
  await written
  await b.registry.flush()
  holder.letGo('hmget')
  for (const { versions } of [a, b])
    await soon(() => expect(versions().toSorted()).toEqual(['3.0.0', '9.0.0']))
})

it.each([
  [
    'a sign of life',
    (b: Awaited<ReturnType<typeof pair>>['b']) =>
      b.operations.heartbeat('one', telemetry(0.4), operator),
  ],
  ['a change', (b: Awaited<ReturnType<typeof pair>>['b']) => b.registry.setPriority('one', 'high')],
])(
  '%s that waits for the store takes nothing from what comes after a removal',
  async (_, change) => {
    const { a, b, holder } = await pair()
    holder.letGo('hmget')
    await a.operations.register(agent('one'), operator)
    await soon(() => expect(b.operations.get('one')).toBeDefined())
    holder.begin('evalsha')
    const written = b.operations.register(service('y'), operator)
    await soon(() => expect(holder.held('evalsha')).toBe(1))
    change(b)
    a.operations.deregister('one', operator)
    await a.registry.flush()
    await a.operations.register(service('then'), operator)
    await soon(() => expect(b.operations.get('then')).toBeDefined())
    const again = agent('one', { capabilities: ['rust'], telemetry: telemetry(0.9) })
    await a.operations.register(again, operator)
    await a.operations.register(service('last'), operator)
    await soon(() => expect(b.operations.get('last')).toBeDefined())
    holder.letGo('evalsha')
    await written
    await b.registry.flush()
    for (const { operations, registry } of [a, b])
      await soon(() => {
        const { capabilities, telemetry: told } = operations.get('one') ?? {}
        expect([capabilities, told?.successRate]).toEqual([['rust'], 0.9])
        expect([registry.get('one')?.priority, registry.get('one')?.lease]).toEqual([
          registry.get('y')?.priority,
          expect.anything(),
        ])
      })
  },
)

it('a change that waits for the store does not bring back what others have removed', async () => {
  const { a, b, holder } = await pair()
  holder.letGo('hmget')
  holder.begin('evalsha')
  const written = b.operations.register(service('y'), operator)
  await soon(() => expect(holder.held('evalsha')).toBe(1))
  await soon(() => expect(b.versions()).toContain('2.0.0'))
  b.registry.setPriority('x', 'high')
  a.operations.deregister('x', operator)
  await a.operations.register(service('last'), operator)
  await soon(() => expect(b.operations.get('last')).toBeDefined())
  holder.letGo('evalsha')
  await written
  await b.registry.flush()
  await a.operations.register(service('end'), operator)
  await soon(() => expect(b.operations.get('end')).toBeDefined())
  for (const { operations } of [a, b]) expect(operations.get('x')).toBeUndefined()
})
