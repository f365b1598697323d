import { describe, expect, it, onTestFinished } from 'vitest'
import { settled } from '../../src/core/clock.js'
import { ServiceRegistry } from '../../src/registry/registry.js'
import { startGrpc } from '../../src/server/grpc/server.js'
import { memoryStore, type Store } from '../../src/store/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { AgentClient, worker } from './grpc/client.js'
import { agent, operationsOf, service } from './operations-of.js'
import { ask, withServer } from './rest-client.js'

const nobody = {}

/** A store whose writes end when they are told to. */
function heldStore() {
  const memory = memoryStore()
  const waiting: ((error?: Error) => void)[] = []
  const store: Store = {
    name: 'held',
    load: () => memory.load(),
    close: () => memory.close(),
    async apply(changes) {
      const error = await new Promise<Error | undefined>((end) => void waiting.push(end))
      if (error !== undefined) throw error
      await memory.apply(changes)
    },
  }
  const end = async (error?: Error): Promise<void> => {
    await settled()
    for (const one of waiting.splice(0)) one(error)
    await settled()
  }
  return { store, end }
}

async function held() {
  const { store, end } = heldStore()
  const clock = new FakeClock(1_795_000_000_000)
  const registry = new ServiceRegistry({ clock, store })
  await registry.start()
  const made = operationsOf({ clock, registry })
  onTestFinished(async () => {
    const closed = registry.close().catch(() => {})
    for (let turn = 0; turn < 5; turn += 1) await end()
    await closed
  })
  return { ...made, clock, end }
}

async function heldOverGrpc() {
  const made = await held()
  const server = await startGrpc(made.operations, { port: 0 })
  const client = new AgentClient(server.url.replace('grpc://', ''))
  onTestFinished(async () => {
    client.close()
    await server.close()
  })
  return { ...made, client }
}

/** What a promise has come to so far. */
function sofar<T>(promise: Promise<T>): () => T | 'waits' {
  let value: T | 'waits' = 'waits'
  void promise.then((one) => {
    value = one
  })
  return () => value
}

describe('a change', () => {
  it('is confirmed when the store has it, and not before', async () => {
    const { operations, end } = await held()
    const registered = sofar(operations.register(service('one'), nobody))
    await settled()
    expect([registered(), operations.get('one')?.id]).toEqual(['waits', 'one'])
    await end()
    expect(registered()).toMatchObject({ entry: { id: 'one' }, stored: true })
    expect(operations.deregister('one', nobody)).toBe(true)
    const stored = sofar(operations.stored())
    await settled()
    expect(stored()).toBe('waits')
    await end()
    expect(stored()).toBe(true)
  })

  it('is said not to be stored when the store fails', async () => {
    const { operations, end } = await held()
    const registered = sofar(operations.register(service('one'), nobody))
    await end(new Error('the disk is full'))
    expect(registered()).toMatchObject({ stored: false })
    expect(operations.get('one')?.id).toBe('one')
  })

  it('waits 2 s for a store that hangs, and then nobody does until it answers', async () => {
    const { operations, clock, end } = await held()
    const first = sofar(operations.register(service('one'), nobody))
    await clock.advance(1_999)
    expect(first()).toBe('waits')
    await clock.advance(1)
    expect(first()).toMatchObject({ stored: false })
    const second = sofar(operations.register(service('two'), nobody))
    await settled()
    expect(second()).toMatchObject({ stored: false })
    await end()
    await end()
    const third = sofar(operations.register(service('three'), nobody))
    await settled()
    expect(third()).toBe('waits')
    await end()
    expect(third()).toMatchObject({ stored: true })
  })

  it('is a heartbeat: nobody waits', async () => {
    const { operations } = await held()
    void operations.register(agent('one'), nobody)
    await settled()
    expect(operations.heartbeat('one', undefined, nobody).status).toBe('healthy')
  })
})

describe('over REST', () => {
  const body = { id: 'in', name: 'In', capabilities: ['greet'], mode: 'embedded' }

  it('201 comes when it would survive kill -9', async () => {
    const { store, end } = heldStore()
    await withServer({ store }, async (url, { operations }) => {
      const reply = ask(url, '/api/register', { body })
      const answered = sofar(reply)
      await expect.poll(() => operations.list().length).toBe(1)
      await ask(url, '/health') // a whole round trip, meanwhile
      expect(answered()).toBe('waits')
      await end()
      const { status, json } = await reply
      expect([status, json.stored]).toEqual([201, undefined])
      const removed = ask(url, '/api/services/in', { method: 'DELETE' })
      await expect.poll(() => operations.list().length).toBe(0)
      await end()
      expect((await removed).json.stored).toBeUndefined()
    })
  })

  it('says so when the store failed', async () => {
    const store: Store = {
      ...memoryStore(),
      name: 'full',
      apply: () => Promise.reject(new Error('the disk is full')),
    }
    const closed = withServer({ store }, async (url) => {
      const { status, json } = await ask(url, '/api/register', { body })
      expect([status, json.stored]).toEqual([201, false])
      const removed = await ask(url, '/api/services/in', { method: 'DELETE' })
      expect([removed.status, removed.json.stored]).toEqual([200, false])
    })
    await expect(closed).rejects.toThrow('the disk is full') // of closing: what is left cannot be written
  })
})

it('agents over gRPC are told after the answer, and nothing when all is well', async () => {
  const { client, operations, end } = await heldOverGrpc()
  const later = operations.register(agent('here'), nobody)
  await end()
  await later
  const told = async (name: 'Register' | 'Deregister', message: object, failure?: Error) => {
    const answer = client.trailers(name, message)
    await expect.poll(() => operations.position).toBeGreaterThan(seen)
    seen = operations.position
    await end(failure)
    return (await answer).get('x-switchgear-stored')
  }
  let seen = operations.position
  const full = new Error('the disk is full')
  expect(await told('Register', worker)).toEqual([])
  expect(await told('Register', worker, full)).toEqual(['false'])
  expect(await told('Deregister', { agent_id: 'here' }, full)).toEqual(['false'])
})
