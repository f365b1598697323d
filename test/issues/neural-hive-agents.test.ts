import { afterEach, describe, expect, it } from 'vitest'
import { Ends, refusal, serving, worker, working } from '../server/grpc/client.js'
import { agent, service } from '../server/operations-of.js'

const ends = new Ends()
afterEach(() => ends.now())

const stranger = '00000000-0000-4000-8000-000000000000'

describe('B-N1: the first heartbeat of a new agent, without telemetry, made it unhealthy', () => {
  it.each([[undefined], [{}], [{ success_rate: 0, total_executions: 0 }]])(
    'stays healthy and can be discovered: %j',
    async (telemetry) => {
      const { client } = await serving(ends)
      const { agent_id } = await client.call('Register', worker)
      expect(await client.call('Heartbeat', { agent_id, telemetry })).toMatchObject({ status: 1 })
      const { agents } = await client.call('DiscoverAgents', { capabilities: ['python'] })
      expect(agents).toHaveLength(1)
    },
  )
})

describe('B-N2: telemetry of a registration was ignored', () => {
  it('is shown', async () => {
    const { client } = await serving(ends)
    const { agent_id } = await client.call('Register', { ...worker, telemetry: working(0.9) })
    const { agent } = await client.call('GetAgent', { agent_id })
    expect(agent?.telemetry).toMatchObject(working(0.9))
  })
})

describe('B-N3: the filter status=healthy, in lower case, matched nothing', () => {
  it.each(['healthy', 'HEALTHY', 'Healthy'])('finds the healthy agent by %s', async (status) => {
    const { client } = await serving(ends)
    await client.call('Register', worker)
    const filters = { status }
    const found = await client.call('DiscoverAgents', { capabilities: ['python'], filters })
    expect(found.agents).toHaveLength(1)
  })
})

describe('B-N4: an agent type that does not exist gave agents of all types', () => {
  it('finds those of a type, and refuses what is none', async () => {
    const { client } = await serving(ends)
    await client.call('Register', worker)
    await client.call('Register', { ...worker, agent_type: 2 })
    const find = (agent_type: string) => client.call('DiscoverAgents', { filters: { agent_type } })
    expect((await find('worker')).agents.map((one) => one.agent_type)).toEqual([1])
    expect(await refusal(find('wizard'))).toMatch(/^3 agent_type must be one of/)
  })
})

describe('B-N5: filters by other keys were ignored', () => {
  it('compares them with the metadata', async () => {
    const { client } = await serving(ends)
    await client.call('Register', { ...worker, metadata: { region: 'eu' } })
    await client.call('Register', { ...worker, metadata: { region: 'us' } })
    const found = await client.call('DiscoverAgents', { filters: { region: 'eu' } })
    expect(found.agents.map(({ metadata }) => metadata.region)).toEqual(['eu'])
  })
})

describe('B-N6: namespace and cluster of the field and of the metadata differed', () => {
  it('counts only the field, with one default each', async () => {
    const { client } = await serving(ends)
    const metadata = { namespace: 'other', cluster: 'other' }
    await client.call('Register', { ...worker, metadata })
    const count = async (filters: object) =>
      (await client.call('ListAgents', { filters })).agents.length
    expect(await count({ namespace: 'default', cluster: 'local' })).toBe(1)
    expect(await count({ namespace: 'other' })).toBe(0)
    expect(await count({ cluster: 'default' })).toBe(0)
  })
})

describe('B-N7: status=HEALTHY gave degraded agents too', () => {
  it('gives exactly that class', async () => {
    const { client } = await serving(ends)
    await client.call('Register', worker)
    const { agent_id } = await client.call('Register', worker)
    await client.call('Heartbeat', { agent_id, telemetry: working(0.4) })
    const count = async (filters: object) =>
      (await client.call('DiscoverAgents', { filters })).agents.length
    expect(await count({ status: 'HEALTHY' })).toBe(1)
    expect(await count({ status: 'DEGRADED' })).toBe(1)
    expect(await count({})).toBe(2)
  })
})

describe('B-N13: the refusal of a registration might never arrive', () => {
  it('is INVALID_ARGUMENT at the client', async () => {
    const { client } = await serving(ends)
    expect(await refusal(client.call('Register', { capabilities: ['x'] }))).toMatch(/^3 /)
    expect(await refusal(client.call('Register', { agent_type: 1 }))).toMatch(/^3 /)
  })
})

describe('B-N14: the same mistake had a different code in each method', () => {
  it('is INVALID_ARGUMENT for what is no id, everywhere', async () => {
    const { client } = await serving(ends)
    for (const name of ['Heartbeat', 'GetAgent', 'Deregister', 'NotifyAgent'] as const)
      expect(await refusal(client.call(name, { agent_id: 'x' })), name).toMatch(/^3 /)
  })

  it('is as documented for strangers, telemetry and types', async () => {
    const { client } = await serving(ends)
    const { agent_id } = await client.call('Register', worker)
    const to = { agent_id: stranger }
    expect(await refusal(client.call('Heartbeat', to))).toMatch(/^5 /)
    expect(await refusal(client.call('GetAgent', to))).toMatch(/^5 /)
    expect(await client.call('Deregister', to)).toEqual({ success: false })
    expect(await client.call('NotifyAgent', to)).toMatchObject({ success: false })
    const beat = { agent_id, telemetry: working(2) }
    expect(await refusal(client.call('Heartbeat', beat))).toMatch(/^3 /)
    expect(await refusal(client.call('ListAgents', { agent_type: 8 }))).toMatch(/^3 /)
  })
})

describe('B-N15: notifications were never delivered, and always a success', () => {
  it('are delivered or refused with a reason', async () => {
    const { client, operations } = await serving(ends)
    const { agent_id } = await client.call('Register', { ...worker, metadata: {} })
    const refused = await client.call('NotifyAgent', { agent_id, message: 'hello' })
    expect(refused).toMatchObject({ success: false, error: expect.stringMatching(/\w/) })
    const listening = new AbortController()
    ends.add(() => listening.abort())
    const notices = operations.notices(agent_id, {}, listening.signal)
    const taken = await client.call('NotifyAgent', { agent_id, message: 'hello' })
    expect(taken).toEqual({ success: true, error: '' })
    expect((await notices.next()).value).toMatchObject({ message: 'hello' })
  })
})

describe('B-N16: each retry of a registration made another agent', () => {
  it('makes one for who names itself, also when all come at once', async () => {
    const { client } = await serving(ends)
    const metadata = { idempotency_key: 'try-1' }
    const tries = [1, 2, 3].map(() => client.call('Register', { ...worker, metadata }))
    expect(new Set((await Promise.all(tries)).map(({ agent_id }) => agent_id)).size).toBe(1)
    expect((await client.call('ListAgents', {})).agents).toHaveLength(1)
  })
})

describe('B-N17: the endpoint of an agent was lost', () => {
  it.each([{ metadata: { endpoint: 'worker-1:8000' } }, { endpoint: 'worker-1:8000' }])(
    'is found with it: %j',
    async (given) => {
      const { client } = await serving(ends)
      await client.call('Register', { agent_type: 1, capabilities: ['python'], ...given })
      const { agents } = await client.call('DiscoverAgents', { capabilities: ['python'] })
      expect(agents[0]).toMatchObject({
        endpoint: 'worker-1:8000',
        metadata: { endpoint: 'worker-1:8000' },
      })
    },
  )
})

describe('B-N18: a negative max_results cut off the end', () => {
  it('is refused', async () => {
    const { client } = await serving(ends)
    await client.call('Register', worker)
    expect(await refusal(client.call('DiscoverAgents', { max_results: -1 }))).toMatch(/^3 /)
  })
})

describe('B-N19: equal agents came in a random order', () => {
  it('come in the order of registration, each time', async () => {
    const { client } = await serving(ends)
    const ids: string[] = []
    for (let at = 0; at < 5; at += 1) ids.push((await client.call('Register', worker)).agent_id)
    for (let at = 0; at < 10; at += 1) {
      const { agents } = await client.call('DiscoverAgents', {})
      expect(agents.map(({ agent_id }) => agent_id)).toEqual(ids)
    }
  })
})

describe('B-N20: the token could be guessed, and was never checked', () => {
  it('says nothing of the id, and is asked for', async () => {
    const operatorToken = 'of-the-operator'
    const { client } = await serving(ends, { operatorToken })
    const as = (token: string) => ({ authorization: `Bearer ${token}` })
    const answer = await client.call('Register', worker, as(operatorToken))
    const { agent_id, registration_token } = answer
    expect(registration_token).not.toContain(agent_id)
    expect(registration_token.length).toBeGreaterThanOrEqual(40)
    const beat = (token: string) => refusal(client.call('Heartbeat', { agent_id }, as(token)))
    expect(await beat(`token-${agent_id}`)).toMatch(/^16 /)
    expect(await beat(registration_token)).toBe('done')
  })
})

describe('B-N21: one look-up per agent held up everybody', () => {
  it('answers many who discover among 1,000 at once', async () => {
    const { client, operations } = await serving(ends)
    for (let at = 0; at < 1_000; at += 1)
      await operations.register(agent(`agent-${at}`, { capabilities: [`skill-${at % 100}`] }), {})
    const asked = Array.from({ length: 100 }, (_, at) =>
      client.call('DiscoverAgents', { capabilities: [`skill-${at}`], max_results: 20 }),
    )
    for (const { agents } of await Promise.all(asked)) expect(agents).toHaveLength(10)
  })
})

describe('B-N23: with authorization on, only workers could register and four methods were denied', () => {
  it('serves every type and every method to who has the token', async () => {
    const { client, operations } = await serving(ends, { operatorToken: 'operator' })
    const by = { authorization: 'Bearer operator' }
    for (const agent_type of [1, 2, 3, 4]) {
      const { agent_id } = await client.call('Register', { ...worker, agent_type }, by)
      await client.call('GetAgent', { agent_id }, by)
      await client.call('Heartbeat', { agent_id }, by)
      await client.call('NotifyAgent', { agent_id }, by)
    }
    expect((await client.call('ListAgents', {}, by)).agents).toHaveLength(4)
    const watch = client.watch({}, by)
    await watch.begun
    await operations.register(service('one'), { token: 'operator' })
    await watch.until(1)
  })

  it('minds no token of another issuer where nobody is asked for one', async () => {
    const { client } = await serving(ends)
    const by = {
      authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzcGlmZmU6Ly93b3JrZXIifQ.c2ln',
    }
    const { agent_id } = await client.call('Register', worker, by)
    expect(await client.call('Heartbeat', { agent_id }, by)).toMatchObject({ status: 1 })
    expect(await client.call('Deregister', { agent_id }, by)).toMatchObject({ success: true })
  })
})
