import { afterEach, describe, expect, it } from 'vitest'
import { Ends, refusal, serving, worker, working } from '../server/grpc/client.js'

const ends = new Ends()
afterEach(() => ends.now())

/** The heartbeat timeout. */
const timeoutMs = 60_000

const kinds = (events: readonly { readonly event_type: number }[]) =>
  events.map(({ event_type }) => event_type)

describe('B-N8: a dead agent could be discovered again', () => {
  it('is never found after the timeout, until it gives a sign of life', async () => {
    const { client, clock } = await serving(ends)
    const { agent_id } = await client.call('Register', worker)
    const found = async () => (await client.call('DiscoverAgents', {})).agents.length
    await clock.advance(timeoutMs - 1_000)
    expect(await found()).toBe(1)
    await clock.advance(2_000)
    for (let at = 0; at < 7; at += 1) {
      expect(await found()).toBe(0)
      expect((await client.call('GetAgent', { agent_id })).agent?.status).toBe(2)
      await clock.advance(timeoutMs / 2)
    }
    await client.call('Heartbeat', { agent_id })
    expect(await found()).toBe(1)
  })
})

describe('B-N9: the sweep overwrote heartbeats, and brought back what was deregistered', () => {
  it('lets a heartbeat of the same moment win', async () => {
    const { client, clock } = await serving(ends)
    const { agent_id } = await client.call('Register', worker)
    for (let at = 0; at < 20; at += 1) {
      await clock.advance(timeoutMs)
      await client.call('Heartbeat', { agent_id, telemetry: working(1) })
      const { agent } = await client.call('GetAgent', { agent_id })
      expect(agent).toMatchObject({ status: 1, telemetry: working(1) })
    }
  })

  it('leaves what is gone alone', async () => {
    const { client, clock } = await serving(ends)
    const watch = client.watch()
    await watch.begun
    const { agent_id } = await client.call('Register', worker)
    await client.call('Deregister', { agent_id })
    await clock.advance(10 * timeoutMs)
    expect(await refusal(client.call('GetAgent', { agent_id }))).toMatch(/^5 /)
    await client.call('Register', { ...worker, agent_type: 2 })
    expect(kinds(await watch.until(3))).toEqual([1, 3, 1])
  })
})

describe('B-N10: what the sweep did was told wrongly or not at all', () => {
  it('is told as a change of status, and at last as a removal with the record', async () => {
    const { client, clock } = await serving(ends)
    await client.call('Register', worker)
    const watch = client.watch({ agent_type: 1 })
    await watch.begun
    await clock.advance(timeoutMs + 1_000)
    await watch.until(1)
    await clock.advance(5 * timeoutMs)
    const events = await watch.until(2)
    expect(kinds(events)).toEqual([4, 3])
    expect(events[0]?.agent).toMatchObject({ status: 2, capabilities: ['python'] })
    expect(events[1]?.agent).toMatchObject({ agent_type: 1, capabilities: ['python'] })
    expect((await client.call('ListAgents', {})).agents).toEqual([])
  })
})

describe('B-N11: a watch ended with its first event', () => {
  it('goes on', async () => {
    const { client } = await serving(ends)
    const watch = client.watch()
    await watch.begun
    for (let at = 0; at < 5; at += 1) await client.call('Register', worker)
    expect(kinds(await watch.until(5))).toEqual([1, 1, 1, 1, 1])
  })
})

describe('B-N12: removals were told to those who watch another type, and lists had a gap', () => {
  it('tells nobody of a type that is not watched', async () => {
    const { client } = await serving(ends)
    const { agent_id } = await client.call('Register', { ...worker, agent_type: 3 })
    const watch = client.watch({ agent_type: 1 })
    await watch.begun
    await client.call('Deregister', { agent_id })
    await client.call('Register', worker)
    const events = await watch.until(1)
    expect(events.map(({ event_type, agent }) => [event_type, agent?.agent_type])).toEqual([[1, 1]])
  })

  it('leaves no gap between what is there and what happens', async () => {
    const { client } = await serving(ends)
    const registering = Array.from({ length: 50 }, () => client.call('Register', worker))
    const watch = client.watch({}, { 'x-switchgear-snapshot': 'true' })
    const ids = (await Promise.all(registering)).map(({ agent_id }) => agent_id)
    const events = await watch.until(50)
    expect(events.map(({ agent }) => agent?.agent_id).sort()).toEqual(ids.sort())
  })
})

describe('B-N25: several counters of silence removed agents too early, and were never cleared', () => {
  it('removes an agent once, at five timeouts, and starts anew for who comes back', async () => {
    const { client, clock, registry } = await serving(ends)
    const message = { ...worker, metadata: { idempotency_key: 'one' } }
    const watch = client.watch()
    await watch.begun
    for (let at = 0; at < 3; at += 1) {
      const { agent_id } = await client.call('Register', message)
      await clock.advance(4 * timeoutMs)
      expect(await refusal(client.call('GetAgent', { agent_id }))).toBe('done')
      await clock.advance(timeoutMs + 1_000)
      expect(await refusal(client.call('GetAgent', { agent_id }))).toMatch(/^5 /)
    }
    expect(kinds(await watch.until(9))).toEqual([1, 4, 3, 1, 4, 3, 1, 4, 3])
    expect(registry.list()).toEqual([])
  })
})
