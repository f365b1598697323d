import type { Redis } from 'ioredis'
import { expect, onTestFinished, vi } from 'vitest'
import { type RegistryEvent, ServiceRegistry } from '../../src/index.js'
import { type RedisClient, type RedisStoreOptions, redisStore } from '../../src/store/redis.js'

/** A registry that shares a Redis, and what it told of it. */
export interface Node {
  readonly registry: ServiceRegistry<Record<string, object>>
  readonly failures: Extract<RegistryEvent, { type: 'store.failed' }>[]
  /** Providers that it has removed, whoever asked for it. */
  readonly removed: string[]
  names(): readonly string[]
}

export async function startNode(
  server: string | RedisClient,
  options: RedisStoreOptions = {},
): Promise<Node> {
  const registry = new ServiceRegistry<Record<string, object>>({
    store: redisStore(server, { timeoutMs: 500, ...options }),
    services: { llm: { connect: () => ({}) } },
  })
  const failures: Node['failures'] = []
  const removed: string[] = []
  registry.on('store.failed', (event) => void failures.push(event))
  registry.on('provider.removed', ({ provider }) => void removed.push(provider))
  await registry.start()
  onTestFinished(() => registry.close().catch(() => {}))
  return { registry, failures, removed, names: () => registry.list().map(({ name }) => name) }
}

export const register = ({ registry }: Node, name: string): void => {
  registry.register({ service: 'llm', name, provider: {}, address: `http://${name}` })
}

/** Until it is so. What waits to be tried again is tried at once, so that no test waits for a pause. */
export const soon = (check: () => unknown, nodes: readonly Node[] = []): Promise<unknown> =>
  vi.waitFor(
    async () => {
      await Promise.allSettled(nodes.map(({ registry }) => registry.flush()))
      await check()
    },
    { timeout: 20_000, interval: 20 },
  )

/** All of them know these, and no others. */
export const agree = (nodes: readonly Node[], names: readonly string[]): Promise<unknown> =>
  soon(() => {
    for (const each of nodes) expect(each.names().toSorted()).toEqual(names.toSorted())
  }, nodes)

/** Calls until it is told to end; the errors that callers have got. */
export function keepCalling(nodes: readonly Node[]): () => Promise<readonly unknown[]> {
  const errors: unknown[] = []
  let goOn = true
  const work = nodes.map(async ({ registry }) => {
    while (goOn) {
      try {
        if (registry.resolve('llm') === undefined) throw new Error('nobody was found')
        await registry.getService('llm')
      } catch (error) {
        errors.push(error)
      }
      await new Promise(setImmediate)
    }
  })
  return async () => {
    goOn = false
    await Promise.all(work)
    return errors
  }
}

type Call = (real: Redis, command: string, args: readonly string[]) => Promise<unknown>

/** A client whose commands, and those of its duplicates, go through a function. */
export function through(call: Call, real: Redis): RedisClient {
  onTestFinished(() => real.disconnect())
  return {
    get status() {
      return real.status
    },
    connect: () => real.connect(),
    disconnect: () => real.disconnect(),
    duplicate: () => through(call, real.duplicate()),
    on: (event: string, listener: (error: Error) => void) => real.on(event, listener),
    call: (command, ...args) => call(real, command, args),
  }
}
