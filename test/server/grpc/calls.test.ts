import { afterEach, describe, expect, it } from 'vitest'
import { service } from '../operations-of.js'
import { Ends, refusal, serving, worker, working } from './client.js'

const ends = new Ends()
afterEach(() => ends.now())

const uuid = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
const stranger = '00000000-0000-4000-8000-000000000000'

describe('Register', () => {
  it('answers with a new UUID, a token and the time in seconds', async () => {
    const { client } = await serving(ends)
    const one = await client.call('Register', worker)
    const other = await client.call('Register', worker)
    expect(one.agent_id).toMatch(uuid)
    expect(one.agent_id).not.toBe(other.agent_id)
    expect(one.registration_token).not.toBe(other.registration_token)
    expect(one.registered_at).toBe(1_795_000_000)
  })

  it('fills in what was left out', async () => {
    const { client } = await serving(ends)
    const { agent_id } = await client.call('Register', { agent_type: 4, capabilities: ['plan'] })
    expect((await client.call('GetAgent', { agent_id })).agent).toEqual({
      agent_id,
      agent_type: 4,
      capabilities: ['plan'],
      metadata: {},
      telemetry: null,
      status: 1,
      registered_at: 1_795_000_000,
      last_seen: 1_795_000_000,
      namespace: 'default',
      cluster: 'local',
      version: '1.0.0',
      schema_version: 1,
      endpoint: '',
    })
  })

  it.each([
    ['no type', { ...worker, agent_type: 0 }, /^3 Invalid AgentType 0/],
    ['an unknown type', { ...worker, agent_type: 5 }, /^3 Invalid AgentType 5/],
    ['no capabilities', { ...worker, capabilities: [] }, /^3 capabilities/],
    ['an empty capability', { ...worker, capabilities: [' '] }, /^3 /],
    ['telemetry out of range', { ...worker, telemetry: working(1.1) }, /^3 telemetry/],
    ['telemetry that is no number', { ...worker, telemetry: working(Number.NaN) }, /^3 telemetry/],
    [
      'a key of our own',
      { ...worker, metadata: { 'switchgear.registration': 'x' } },
      /^3 metadata/,
    ],
  ])('refuses %s, and changes nothing', async (_, message, answer) => {
    const { client, operations } = await serving(ends)
    expect(await refusal(client.call('Register', message))).toMatch(answer)
    expect(operations.list()).toEqual([])
    expect(operations.position).toBe(0)
  })

  it('gives who names itself the same id again, also after it was forgotten', async () => {
    const { client } = await serving(ends)
    for (const name of [{ idempotency_key: 'node-7' }, { agent_id: 'worker-7' }]) {
      const message = { ...worker, metadata: name }
      const { agent_id } = await client.call('Register', message)
      expect(agent_id).toMatch(uuid)
      expect(await client.call('Register', message)).toMatchObject({ agent_id })
      await client.call('Deregister', { agent_id })
      expect(await client.call('Register', message)).toMatchObject({ agent_id })
    }
    expect((await client.call('ListAgents', {})).agents).toHaveLength(2)
  })

  it('takes an id that it may have as it is', async () => {
    const { client } = await serving(ends)
    const message = { ...worker, metadata: { agent_id: stranger.toUpperCase() } }
    expect(await client.call('Register', message)).toMatchObject({ agent_id: stranger })
  })

  it('takes the endpoint of the field before that of the metadata', async () => {
    const { client } = await serving(ends)
    const { agent_id } = await client.call('Register', { ...worker, endpoint: 'worker-2:8000' })
    expect((await client.call('GetAgent', { agent_id })).agent).toMatchObject({
      endpoint: 'worker-2:8000',
      metadata: { endpoint: 'worker-2:8000' },
    })
  })
})

describe('Heartbeat', () => {
  it.each([
    [0.95, 1],
    [0.5, 1],
    [0.49, 3],
    [0.3, 3],
    [0.29, 2],
  ])('with a success rate of %d answers with status %d', async (rate, status) => {
    const { client, clock } = await serving(ends)
    const { agent_id } = await client.call('Register', worker)
    await clock.advance(5_000)
    const telemetry = working(rate)
    expect(await client.call('Heartbeat', { agent_id, telemetry })).toEqual({
      status,
      last_seen: 1_795_000_005,
    })
    expect((await client.call('GetAgent', { agent_id })).agent).toMatchObject({ telemetry, status })
  })

  it('refuses strangers, what is no id, and telemetry out of range', async () => {
    const { client } = await serving(ends)
    const { agent_id } = await client.call('Register', worker)
    const beat = (message: object) => refusal(client.call('Heartbeat', message))
    // Workers of the Neural Hive-Mind look for these words before they register again.
    expect(await beat({ agent_id: stranger })).toMatch(/^5 .*não encontrado/)
    expect(await beat({ agent_id: 'worker-1' })).toMatch(/^3 agent_id must be a UUID/)
    expect(await beat({})).toMatch(/^3 agent_id/)
    for (const telemetry of [
      working(-0.1),
      working(1.01),
      working(Number.NaN),
      { total_executions: -1 },
    ])
      expect(await beat({ agent_id, telemetry })).toMatch(/^3 telemetry/)
    expect((await client.call('GetAgent', { agent_id })).agent).toMatchObject({ telemetry: null })
  })
})

describe('Deregister', () => {
  it('says whether there was such an agent', async () => {
    const { client } = await serving(ends)
    const { agent_id } = await client.call('Register', worker)
    expect(await client.call('Deregister', { agent_id })).toEqual({ success: true })
    expect(await client.call('Deregister', { agent_id })).toEqual({ success: false })
    expect(await refusal(client.call('Deregister', { agent_id: 'x' }))).toMatch(/^3 agent_id/)
  })
})

describe('GetAgent', () => {
  it('tells strangers from what is no id', async () => {
    const { client } = await serving(ends)
    expect(await refusal(client.call('GetAgent', { agent_id: stranger }))).toMatch(
      /^5 Agent .* not found/,
    )
    expect(await refusal(client.call('GetAgent', { agent_id: '{}' }))).toMatch(/^3 agent_id/)
  })

  it('shows what came in over REST, with texts for all metadata', async () => {
    const { client, operations } = await serving(ends)
    const metadata = { rooms: [1, 2], open: true, note: 'a' }
    await operations.register(service('music', { location: 'spot', metadata }), {})
    expect((await client.call('GetAgent', { agent_id: 'music' })).agent).toMatchObject({
      agent_id: 'music',
      agent_type: 0,
      metadata: { rooms: '[1,2]', open: 'true', note: 'a', endpoint: 'spot' },
    })
  })
})

describe('DiscoverAgents and ListAgents', () => {
  const all = [
    { ...worker, metadata: { region: 'eu' }, namespace: 'one' },
    { ...worker, agent_type: 2, capabilities: ['python', 'sql'], metadata: { region: 'us' } },
    { ...worker, agent_type: 3, version: '2.0.0', metadata: { security_level: 'SECRET' } },
  ]

  it.each([
    [{}, [1, 2, 3]],
    [{ namespace: 'one' }, [1]],
    [{ cluster: 'local' }, [1, 2, 3]],
    [{ version: '2.0.0' }, [3]],
    [{ agent_type: 'Scout' }, [2]],
    [{ security_level: 'INTERNAL' }, [1, 2]],
    [{ security_level: 'SECRET' }, [3]],
    [{ region: 'eu' }, [1]],
    [{ region: 'eu', namespace: 'default' }, []],
    [{ unheard_of: 'x' }, []],
    [{ status: 'hEaLtHy' }, [1, 2, 3]],
    [{ status: 'DEGRADED' }, []],
  ])('filter by %j', async (filters, types) => {
    const { client } = await serving(ends)
    for (const one of all) await client.call('Register', one)
    const found = await client.call('DiscoverAgents', { capabilities: ['python'], filters })
    expect(found.agents.map(({ agent_type }) => agent_type)).toEqual(types)
    expect(found.ranked).toBe(true)
    const listed = await client.call('ListAgents', { filters })
    expect(listed.agents.map(({ agent_type }) => agent_type)).toEqual(types)
  })

  it('requires all capabilities', async () => {
    const { client } = await serving(ends)
    for (const one of all) await client.call('Register', one)
    const types = async (...capabilities: readonly string[]) =>
      (await client.call('DiscoverAgents', { capabilities })).agents.map((one) => one.agent_type)
    expect(await types('python', 'sql')).toEqual([2])
    expect(await types('Python')).toEqual([])
    expect(await types()).toEqual([1, 2, 3])
  })

  it('lists one type, the unhealthy ones too', async () => {
    const { client } = await serving(ends)
    for (const one of all) await client.call('Register', one)
    const { agents } = await client.call('ListAgents', { agent_type: 2 })
    expect(agents).toHaveLength(1)
    const agent_id = agents[0]?.agent_id
    await client.call('Heartbeat', { agent_id, telemetry: working(0.1) })
    expect((await client.call('ListAgents', { agent_type: 2 })).agents[0]?.status).toBe(2)
    const found = await client.call('DiscoverAgents', { capabilities: ['sql'] })
    expect(found.agents).toEqual([])
  })

  it('gives 5 unless told how many, the best first', async () => {
    const { client } = await serving(ends)
    for (let at = 0; at < 7; at += 1) await client.call('Register', worker)
    const { agents } = await client.call('ListAgents', {})
    const best = agents[6]?.agent_id
    await client.call('Heartbeat', { agent_id: best, telemetry: working(1) })
    const found = await client.call('DiscoverAgents', {})
    expect(found.agents).toHaveLength(5)
    expect(found.agents[0]?.agent_id).toBe(best)
    const many = await client.call('DiscoverAgents', { max_results: 100 })
    expect(many.agents).toHaveLength(7)
  })

  it('finds among 1,000', async () => {
    const { client, operations } = await serving(ends)
    for (let at = 0; at < 1_000; at += 1)
      await operations.register(
        { ...service(`agent-${at}`), agentType: 'worker', capabilities: ['all', `only-${at}`] },
        {},
      )
    const one = await client.call('DiscoverAgents', { capabilities: ['only-777', 'all'] })
    expect(one.agents.map(({ agent_id }) => agent_id)).toEqual(['agent-777'])
    const many = { capabilities: ['all'], max_results: 1_000 }
    expect((await client.call('DiscoverAgents', many)).agents).toHaveLength(1_000)
  })

  it('refuses what it does not know', async () => {
    const { client } = await serving(ends)
    const find = (message: object) => refusal(client.call('DiscoverAgents', message))
    const list = (message: object) => refusal(client.call('ListAgents', message))
    for (const ask of [find, list]) {
      expect(await ask({ filters: { agent_type: 'wizard' } })).toMatch(/^3 agent_type/)
      expect(await ask({ filters: { status: 'fine' } })).toMatch(/^3 status/)
    }
    expect(await find({ max_results: -1 })).toMatch(/^3 max_results/)
    expect(await list({ agent_type: 9 })).toMatch(/^3 Invalid AgentType 9/)
  })
})

describe('NotifyAgent', () => {
  it('is delivered to who listens', async () => {
    const { client, operations } = await serving(ends)
    const { agent_id } = await client.call('Register', worker)
    const notices = operations.notices(agent_id, {}, AbortSignal.timeout(10_000))
    const message = { agent_id, message: 'rest', metadata: { until: 'noon' } }
    expect(await client.call('NotifyAgent', message)).toEqual({ success: true, error: '' })
    expect((await notices.next()).value).toMatchObject({
      agentId: agent_id,
      type: 'INFO',
      message: 'rest',
      metadata: { until: 'noon' },
    })
  })

  it('says why it was not', async () => {
    const { client } = await serving(ends)
    const { agent_id } = await client.call('Register', { ...worker, metadata: {} })
    const { success, error } = await client.call('NotifyAgent', { agent_id })
    expect([success, error]).toEqual([false, expect.stringContaining('no open stream')])
    expect(await client.call('NotifyAgent', { agent_id: stranger })).toMatchObject({
      success: false,
    })
    expect(await refusal(client.call('NotifyAgent', { agent_id: 'x' }))).toMatch(/^3 agent_id/)
  })
})
