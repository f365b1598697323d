import { once } from 'node:events'
import { connect } from 'node:http2'
import { afterEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../../../src/testing/fake-clock.js'
import { agent, service } from '../operations-of.js'
import { Ends, refusal, serving, type Watch, worker, working } from './client.js'

const ends = new Ends()
afterEach(() => ends.now())

const snapshot = { 'x-switchgear-snapshot': 'true' }
const told = ({ events }: Watch) =>
  events.map(({ event_type, agent, timestamp }) => [
    event_type,
    agent?.agent_type,
    agent?.status,
    timestamp,
  ])

describe('WatchAgents', () => {
  it('tells what happens from now on, each with the record', async () => {
    const { client, clock } = await serving(ends)
    await client.call('Register', worker)
    const watch = client.watch()
    await watch.begun
    const { agent_id } = await client.call('Register', worker)
    await clock.advance(1_000)
    await client.call('Heartbeat', { agent_id, telemetry: working(0.1) })
    await client.call('Deregister', { agent_id })
    const events = await watch.until(4)
    expect(told(watch)).toEqual([
      [1, 1, 1, 1_795_000_000],
      [2, 1, expect.any(Number), 1_795_000_001],
      [4, 1, 2, 1_795_000_001],
      [3, 1, 2, 1_795_000_001],
    ])
    expect(new Set(events.map(({ agent }) => agent?.agent_id))).toEqual(new Set([agent_id]))
    watch.cancel()
    expect((await watch.ended)?.code).toBe(1)
  })

  it('begins with what is there when it is asked to', async () => {
    const { client } = await serving(ends)
    await client.call('Register', worker)
    await client.call('Register', { ...worker, agent_type: 3 })
    const watch = client.watch({ agent_type: 3 }, snapshot)
    await watch.until(1)
    expect(told(watch)).toEqual([[1, 3, 1, 1_795_000_000]])
    await client.call('Register', { ...worker, agent_type: 3 })
    await watch.until(2)
  })

  it('shows services of REST to who watches all types', async () => {
    const { client, operations } = await serving(ends)
    const watch = client.watch()
    await watch.begun
    await operations.register(service('music'), {})
    const [event] = await watch.until(1)
    expect(event?.agent).toMatchObject({ agent_id: 'music', agent_type: 0 })
  })

  it('refuses an unknown type', async () => {
    const { client } = await serving(ends)
    const { ended } = client.watch({ agent_type: 7 })
    expect(await ended).toMatchObject({ code: 3 })
  })

  it('loses nothing for a watcher that reads slowly', async () => {
    const { client, operations } = await serving(ends, { changesKept: 5_000 })
    const watch = client.watch()
    await watch.begun
    watch.pause()
    const metadata = { text: 'x'.repeat(2_000) }
    for (let at = 0; at < 2_000; at += 1)
      await operations.register(agent(`agent-${at % 10}`, { metadata }), {})
    expect(watch.events.length).toBeLessThan(2_000)
    watch.resume()
    const events = await watch.until(2_000)
    const ids = events.map(({ agent }) => agent?.agent_id)
    expect(ids).toEqual(ids.map((_, at) => `agent-${at % 10}`))
  })

  it('is ended, and told so, when it falls behind further than changes are kept', async () => {
    const { client, operations } = await serving(ends, { changesKept: 50 })
    const watch = client.watch()
    await watch.begun
    watch.pause()
    const metadata = { text: 'x'.repeat(10_000) }
    for (let at = 0; at < 1_000; at += 1) {
      await operations.register(agent('one', { metadata }), {})
      if (at % 20 === 0) await client.call('ListAgents', { agent_type: 2 }) // lets the watch write
    }
    watch.resume()
    expect(await watch.ended).toMatchObject({ code: 14, details: /read/ })
    expect(watch.events.length).toBeLessThan(1_000)
  })

  it('is reset when it takes nothing for a minute', async () => {
    const clock = new FakeClock(0)
    const { operations, address } = await serving(ends, { grpc: { clock } })
    const session = connect(`http://${address}`)
    ends.add(() => session.destroy())
    const stream = session.request({
      ':method': 'POST',
      ':path': '/neural_hive.service_registry.ServiceRegistry/WatchAgents',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.end(Buffer.alloc(5)) // an empty message; what comes is never read
    await once(stream, 'response')
    const metadata = { text: 'x'.repeat(50_000) }
    for (let at = 0; at < 20; at += 1) await operations.register(agent('one', { metadata }), {})
    stream.on('error', () => {})
    let quarters = 0
    while (!stream.closed && quarters < 20) {
      await clock.advance(15_000)
      quarters += 1
      await new Promise((resolve) => session.ping(resolve))
    }
    expect(quarters).toBeGreaterThanOrEqual(4)
    expect(stream.rstCode).toBe(11)
  })

  it('leaves nothing behind of watchers that went away', async () => {
    const { client, operations } = await serving(ends)
    const watches = Array.from({ length: 50 }, () => client.watch())
    for (const one of watches) await one.begun
    for (const one of watches) one.cancel()
    for (const one of watches) expect((await one.ended)?.code).toBe(1)
    await operations.register(agent('one'), {})
    expect(await refusal(client.call('GetAgent', { agent_id: 'one' }))).toBe('done')
  })

  it('ends when the server closes', async () => {
    const { client, server } = await serving(ends)
    const watch = client.watch()
    await watch.begun
    await server.close()
    expect(await watch.ended).toMatchObject({
      code: 14,
      details: expect.stringContaining('closing'),
    })
  })
})
