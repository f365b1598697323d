import type { ServiceError } from '@grpc/grpc-js'
import { afterEach, describe, expect, it } from 'vitest'
import type { Change } from '../../../src/wire/proto/switchgear-messages.js'
import { Type } from '../../../src/wire/proto/switchgear-messages.js'
import { serve } from '../../core/servers.js'
import { agent, service } from '../operations-of.js'
import { Ends, refusal, serving, type Watch, worker, working } from './client.js'

const ends = new Ends()
afterEach(() => ends.now())

const forge = { id: 'forge', name: 'Forge', capabilities: ['image'] }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

describe('Register, Get, List, Choose and Deregister', () => {
  it('keep a service as it was registered, metadata of any depth included', async () => {
    const { client } = await serving(ends)
    const metadata = JSON.stringify({ rooms: [1, { a: null }], service: 'media' })
    const given = await client.own('Register', { ...forge, version: '2.0.0', metadata })
    expect(given).toMatchObject({ id: 'forge', registered_at: 1_795_000_000_000, stored: true })
    expect(given.registration_token).toMatch(/^\S{40,}$/)
    const provider = await client.own('Get', { id: 'forge' })
    expect(provider).toEqual({
      id: 'forge',
      name: 'Forge',
      service: 'media',
      version: '2.0.0',
      capabilities: ['image'],
      location: '',
      mode: 'standalone',
      status: 1,
      metadata,
      registered_at: 1_795_000_000_000,
      last_seen: 1_795_000_000_000,
      agent_type: 'unspecified',
      namespace: 'default',
      cluster: 'local',
      telemetry: null,
    })
    expect(await client.own('Choose', { capability: 'image' })).toEqual(provider)
    expect((await client.open('List').until(1))[0]?.providers).toEqual([provider])
    expect(await client.own('Deregister', { id: 'forge' })).toEqual({ success: true, stored: true })
    expect(await client.own('Deregister', { id: 'forge' })).toEqual({
      success: false,
      stored: true,
    })
    expect(await refusal(client.own('Get', { id: 'forge' }))).toBe('5 Service not found')
    expect(await refusal(client.own('Choose', { capability: 'image' }))).toMatch(/^5 Capability/)
  })

  it.each([
    [{ ...forge, id: ' ' }, /^3 id must be/],
    [{ ...forge, id: 'a/b' }, /^3 id must be/],
    [{ ...forge, name: '' }, /^3 name must be/],
    [{ ...forge, mode: 'fast' }, /^3 mode must be one of/],
    [{ ...forge, mode: 'http' }, /^3 location must be a non-empty/],
    [{ ...forge, location: 'http://8.8.8.8' }, /^3 location must be a valid localhost/],
    [{ ...forge, metadata: '[1]' }, /^3 metadata must be an object/],
    [{ ...forge, metadata: '{' }, /^3 metadata must be an object/],
    [{ ...forge, metadata: '{"switchgear.registration":{}}' }, /^3 metadata must not/],
  ])('refuse %j, and change nothing', async (message, answer) => {
    const { client, operations } = await serving(ends)
    expect(await refusal(client.own('Register', message))).toMatch(answer)
    expect(operations.position).toBe(0)
  })

  it('list in parts what is much, and only what is asked for', async () => {
    const { client, operations } = await serving(ends, { mostEntries: 2_000 })
    for (let at = 0; at < 1_200; at += 1)
      await operations.register(service(`s-${at}`, { capabilities: ['all', `only-${at % 2}`] }), {})
    const list = async (message: object) => {
      const stream = client.open('List', message)
      await stream.ended
      return stream.events.map(({ providers }) => providers.map(({ id }) => id))
    }
    const parts = await list({})
    expect(parts.map((part) => part.length)).toEqual([500, 500, 200])
    expect(parts.flat()).toEqual(Array.from({ length: 1_200 }, (_, at) => `s-${at}`))
    expect((await list({ capabilities: ['only-1', 'all'] })).flat()).toHaveLength(600)
    expect(await list({ filters: { status: 'unhealthy' } })).toEqual([])
    expect(await client.open('List', { filters: { status: 'fine' } }).ended).toMatchObject({
      code: 3,
    })
  })
})

describe('Heartbeats', () => {
  it('have a result each, in their order, and one that is refused harms no other', async () => {
    const { client, operations, clock } = await serving(ends)
    for (const id of ['a', 'b', 'c']) await operations.register(agent(id), {})
    await clock.advance(5_000)
    const { results } = await client.own('Heartbeats', {
      heartbeats: [
        { id: 'a' },
        { id: 'nobody' },
        { id: 'b', telemetry: working(0.4) },
        { id: 'c', telemetry: working(2) },
        { id: '' },
      ],
    })
    expect(results.map(({ id, code, status }) => [id, code, status])).toEqual([
      ['a', 0, 1],
      ['nobody', 5, 0],
      ['b', 0, 3],
      ['c', 3, 0],
      ['', 5, 0],
    ])
    expect(results[0]?.last_seen).toBe(1_795_000_005_000)
    expect(results[3]?.error).toMatch(/telemetry/)
    expect(operations.get('c')?.telemetry).toBeUndefined()
    expect(await client.own('Heartbeats', {})).toEqual({ results: [] })
  })

  it('are 1,000 at most, and more change nothing', async () => {
    const { client, operations } = await serving(ends)
    await operations.register(agent('a'), {})
    const before = operations.position
    const send = (length: number) =>
      client.own('Heartbeats', { heartbeats: Array.from({ length }, () => ({ id: 'a' })) })
    expect(await refusal(send(1_001))).toMatch(/^3 heartbeats must be at most 1000.*are 1001/)
    expect(operations.position).toBe(before)
    expect((await send(1_000)).results).toHaveLength(1_000)
  })

  it('need a token each, that of the call or their own', async () => {
    const { client } = await serving(ends, { operatorToken: 'of-the-operator' })
    const tokens: string[] = []
    for (const id of ['a', 'b']) {
      const message = { ...forge, id }
      const given = await client.own('Register', message, bearer('of-the-operator'))
      tokens.push(given.registration_token)
    }
    const codes = async (beats: readonly object[], headers = {}) =>
      (await client.own('Heartbeats', { heartbeats: beats }, headers)).results.map((r) => r.code)
    const [a, b] = tokens.map((registration_token, at) => ({
      id: ['a', 'b'][at],
      registration_token,
    }))
    expect(await codes([{ id: 'a' }, { id: 'b' }])).toEqual([16, 16])
    expect(await codes([{ ...a }, { ...b }])).toEqual([0, 0])
    expect(await codes([{ ...a, id: 'b' }, { ...b }])).toEqual([16, 0])
    expect(await codes([{ id: 'a' }, { id: 'b' }], bearer('of-the-operator'))).toEqual([0, 0])
  })
})

/** Each change in a word. */
const told = (changes: readonly Change[]) =>
  changes.map(({ type, provider, providers }) => {
    const word = Object.entries(Type).find(([, number]) => number === type)?.[0]
    return [word, provider?.id, ...providers.map(({ id }) => id)].filter(Boolean).join(' ')
  })
const left = ({ events }: Watch<Change>) => events.at(-1)?.position ?? ''

describe('Changes', () => {
  it('begin with everything there is, and go on with what changes', async () => {
    const { client, operations } = await serving(ends)
    await operations.register(service('a'), {})
    const stream = client.open('Changes')
    await stream.until(3)
    await operations.register(service('b'), {})
    operations.heartbeat('b', undefined, {})
    operations.heartbeat('b', { ...heavy, successRate: 0.1 }, {})
    operations.deregister('a', {})
    expect(told(await stream.until(6))).toEqual([
      'SNAPSHOT',
      'SNAPSHOT a',
      'SYNCED',
      'REGISTERED b',
      'STATUS_CHANGED b',
      'DEREGISTERED a',
    ])
    expect(stream.events[4]?.provider).toMatchObject({
      status: 2,
      telemetry: { success_rate: 0.1 },
    })
  })

  it('go on where an earlier stream was left, and lose nothing between the two', async () => {
    const { client, operations } = await serving(ends)
    const first = client.open('Changes')
    await first.until(2)
    await operations.register(service('a'), {})
    await first.until(3)
    first.cancel()
    await first.ended
    await operations.register(service('b'), {})
    operations.deregister('a', {})
    const second = client.open('Changes', { position: left(first) })
    expect(told(await second.until(2))).toEqual(['REGISTERED b', 'DEREGISTERED a'])
    const third = client.open('Changes', { position: left(second) })
    await third.begun
    await operations.register(service('c'), {})
    expect(told(await third.until(1))).toEqual(['REGISTERED c'])
  })

  it.each([
    ['of another run', 'abcdef-3'],
    ['that is none', 'x'],
    ['of the future', undefined],
  ])('begin anew from a position %s', async (_, given) => {
    const { client, operations } = await serving(ends)
    await operations.register(service('a'), {})
    const first = client.open('Changes')
    await first.until(3)
    const position = given ?? left(first).replace(/\d+$/, '999999')
    const second = client.open('Changes', { position })
    expect(told(await second.until(3))).toEqual(['SNAPSHOT', 'SNAPSHOT a', 'SYNCED'])
    await operations.register(service('b'), {})
    await second.until(4)
  })

  it('begin anew where what came after the position is not kept any more', async () => {
    const { client, operations } = await serving(ends, { changesKept: 5 })
    const first = client.open('Changes')
    await first.until(2)
    first.cancel()
    for (const id of 'abcdefgh') await operations.register(service(id), {})
    operations.deregister('a', {})
    const second = client.open('Changes', { position: left(first) })
    expect(told(await second.until(3))).toEqual(['SNAPSHOT', 'SNAPSHOT b c d e f g h', 'SYNCED'])
    await operations.register(service('i'), {})
    expect(told(await second.until(4)).at(-1)).toBe('REGISTERED i')
  })

  it('tell of heartbeats to who asks for them, and to others how far they are', async () => {
    const { client, operations } = await serving(ends, { changesKept: 5_000 })
    await operations.register(agent('a'), {})
    const all = client.open('Changes', { heartbeats: true })
    const some = client.open('Changes')
    await Promise.all([all.until(3), some.until(3)])
    for (let at = 0; at < 1_000; at += 1) operations.heartbeat('a', undefined, {})
    await all.until(1_003)
    expect(told(await some.until(4)).at(-1)).toBe('POSITION')
    expect(left(some)).toBe(left(all))
  })

  it('end with the server, and when they are read too slowly', async () => {
    const { client, operations, server } = await serving(ends, { changesKept: 50 })
    const slow = client.open('Changes')
    await slow.until(2)
    slow.pause()
    const metadata = { text: 'x'.repeat(10_000) }
    for (let at = 0; at < 1_000; at += 1) {
      await operations.register(service('one', { metadata }), {})
      if (at % 20 === 0) await client.own('Get', { id: 'one' }) // lets the stream write
    }
    slow.resume()
    expect(await slow.ended).toMatchObject({ code: 14, details: /read/ })
    const again = client.open('Changes', { position: left(slow) })
    await again.until(1)
    await server.close()
    expect(await again.ended).toMatchObject({ code: 14, details: /closing/ })
  })
})

const heavy = {
  avgDurationMs: 1,
  totalExecutions: 100,
  failedExecutions: 90,
  lastExecutionAt: 0,
}

describe('Listen and Notify', () => {
  it('bring messages to an agent that listens, whoever sends them', async () => {
    const { client, operations } = await serving(ends)
    await operations.register(agent('a', { location: '' }), {})
    const heard = client.open('Listen', { agent_id: 'a' })
    await heard.begun
    const message = { agent_id: 'a', message: 'rest', metadata: { until: 'noon' } }
    expect(await client.call('NotifyAgent', message)).toEqual({ success: true, error: '' })
    expect(await client.own('Notify', { ...message, type: 'ALERT' })).toEqual({ agent_id: 'a' })
    expect(await heard.until(2)).toEqual([
      { ...message, type: 'INFO', at: 1_795_000_000_000 },
      { ...message, type: 'ALERT', at: 1_795_000_000_000 },
    ])
  })

  it('go before the HTTP endpoint, which is asked when nobody listens', async () => {
    const posted: string[] = []
    const endpoint = await serve((request, response) => {
      posted.push(request.url ?? '')
      response.end('{}')
    })
    const { client, operations } = await serving(ends)
    await operations.register(agent('a', { location: endpoint.url }), {})
    const heard = client.open('Listen', { agent_id: 'a' })
    await heard.begun
    await client.own('Notify', { agent_id: 'a', message: 'one' })
    await heard.until(1)
    expect(posted).toEqual([])
    heard.cancel()
    await heard.ended
    await expect
      .poll(async () => {
        await client.own('Notify', { agent_id: 'a', message: 'two' })
        return posted
      })
      .toContain('/_agent/notify')
    expect(heard.events).toHaveLength(1)
  })

  it('say why a message was not delivered', async () => {
    const { client, operations } = await serving(ends)
    await operations.register(agent('a', { location: '' }), {})
    expect(await refusal(client.own('Notify', { agent_id: 'a' }))).toMatch(/^14 .*no open stream/)
    expect(await refusal(client.own('Notify', { agent_id: 'b' }))).toMatch(/^5 /)
    expect(await client.open('Listen', { agent_id: 'b' }).ended).toMatchObject({ code: 5 })
  })

  it('end a listener that does not read, and deliver no more to it', async () => {
    const { client, operations } = await serving(ends)
    await operations.register(agent('a', { location: '' }), {})
    const heard = client.open('Listen', { agent_id: 'a' })
    await heard.begun
    heard.pause()
    const message = 'x'.repeat(20_000)
    let delivered = 0
    const send = () => client.call('NotifyAgent', { agent_id: 'a', message })
    for (;;) {
      const { success, error } = await send()
      if (!success) {
        expect(error).toMatch(/no open stream/)
        break
      }
      delivered += 1
    }
    heard.resume()
    expect(await heard.ended).toMatchObject({ code: 8, details: /listen again/ })
    expect(heard.events).toHaveLength(delivered)
  })

  it('end with the registration', async () => {
    const { client, operations } = await serving(ends)
    await operations.register(agent('a'), {})
    const heard = client.open('Listen', { agent_id: 'a' })
    await heard.begun
    await client.own('Deregister', { id: 'a' })
    expect(await heard.ended).toMatchObject({ code: 5 })
  })

  it('end with the server', async () => {
    const { client, operations, server } = await serving(ends)
    await operations.register(agent('a'), {})
    const heard = client.open('Listen', { agent_id: 'a' })
    await heard.begun
    await server.close()
    expect(await heard.ended).toMatchObject({ code: 14 })
  })
})

it('each method asks for a token where there is one of the operator', async () => {
  const { client } = await serving(ends, { operatorToken: 'of-the-operator' })
  const operator = bearer('of-the-operator')
  const { agent_id, registration_token } = await client.call('Register', worker, operator)
  const asked = { id: agent_id, agent_id, name: 'n', capability: 'python' }
  const unary = (['Get', 'Choose', 'Register', 'Deregister', 'Notify'] as const).map((name) =>
    refusal(client.own(name, asked)),
  )
  for (const said of await Promise.all(unary)) expect(said).toMatch(/^16 /)
  for (const name of ['List', 'Changes', 'Listen'] as const)
    expect((await client.open(name, asked).ended)?.code).toBe(16)
  for (const headers of [bearer(registration_token), operator]) {
    const heard = client.open('Listen', asked, headers)
    const failed = heard.ended.then((error: ServiceError | undefined) => error?.code)
    expect(await Promise.race([heard.begun.then(() => 'begun'), failed])).toBe('begun')
    heard.cancel()
  }
  expect((await client.open('Changes', {}, operator).until(2)).length).toBeGreaterThan(1)
})

it('answers random bytes with a refusal, and changes nothing', async () => {
  const { client, operations } = await serving(ends)
  const names = ['Register', 'Heartbeats', 'Deregister', 'Get', 'Choose', 'Notify']
  for (const name of names)
    for (let at = 0; at < 50; at += 1) {
      const bytes = Buffer.from(Array.from({ length: at }, (_, n) => (n * 37 + at * 11) % 256))
      const said = await refusal(client.raw(`/switchgear.v1.Registry/${name}`, bytes, (b) => b))
      expect(said).toMatch(/^(?:done|3 |5 )/)
    }
  expect(operations.position).toBe(0)
})
