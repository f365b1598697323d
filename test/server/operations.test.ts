import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { OperationError } from '../../src/server/operation-error.js'
import { agent, operationsOf, service, take, telemetry } from './operations-of.js'

const nobody = {}

const kindOf = async (work: () => unknown): Promise<string> => {
  try {
    await work()
  } catch (error) {
    if (error instanceof OperationError) return `${error.kind} ${error.reason}`
    throw error
  }
  return 'done'
}

describe('registering', () => {
  it('makes it a provider of its service, which others see', async () => {
    const { operations, registry } = operationsOf()
    await operations.register(service('one', { metadata: { service: 'music' } }), nobody)
    await operations.register(service('two'), nobody)
    await operations.register(agent('three'), nobody)
    expect(registry.list().map(({ name, service: of }) => [name, of])).toEqual([
      ['two', 'The two'],
      ['one', 'music'],
      ['three', 'worker'],
    ])
    expect(operations.list().map(({ id }) => id)).toEqual(['one', 'two', 'three'])
  })

  it('gives each an address, without which no store would keep it', async () => {
    const { operations, registry } = operationsOf()
    await operations.register(service('one'), nobody)
    await operations.register(agent('two'), nobody)
    expect(registry.list().map(({ address }) => address)).toEqual([
      'urn:switchgear:no-location',
      'worker-1:8000',
    ])
    expect(operations.list().map(({ location }) => location)).toEqual(['', 'worker-1:8000'])
  })

  it('keeps its own facts out of what it shows', async () => {
    const { operations } = operationsOf()
    await operations.register(service('one', { metadata: { room: 7 } }), nobody)
    expect(operations.get(' one ')).toMatchObject({
      id: 'one',
      name: 'The one',
      metadata: { room: 7 },
      status: 'healthy',
      registeredAt: 1_795_000_000_000,
    })
    expect(JSON.stringify(operations.list())).not.toContain('switchgear.registration')
  })

  it('overwrites, also with another service', async () => {
    const { operations } = operationsOf()
    await operations.register(service('one', { capabilities: ['sing', 'dance'] }), nobody)
    await operations.register(service('one', { name: 'New', capabilities: ['paint'] }), nobody)
    expect(operations.list()).toHaveLength(1)
    expect(operations.get('one')).toMatchObject({ name: 'New', capabilities: ['paint'] })
    expect(operations.capabilities()).toEqual([{ capability: 'paint', providers: ['one'] }])
  })

  it('changes nothing when it is refused', async () => {
    const { operations } = operationsOf()
    await operations.register(service('one'), nobody)
    const before = [operations.list(), operations.position]
    const refusals = [
      service('one', { name: 'Other', capabilities: [' '] }),
      service('one', { metadata: { 'switchgear.registration': {} } }),
      service('one', { mode: 'http', location: 'http://169.254.169.254/' }),
      service('one', { metadata: { deep: () => 1 } }),
      service('a/b'),
      service('x'.repeat(257)),
      service('a\u0007'),
    ]
    for (const input of refusals)
      expect(await kindOf(() => operations.register(input, nobody))).toMatch(/^invalid /)
    expect([operations.list(), operations.position]).toEqual(before)
  })

  it('takes no more than it was told to', async () => {
    const { operations } = operationsOf({ mostEntries: 1 })
    await operations.register(service('one'), nobody)
    await operations.register(service('one'), nobody)
    expect(await kindOf(() => operations.register(service('two'), nobody))).toBe(
      'unavailable REGISTRY_FULL',
    )
  })

  it('gives up on a name after two seconds', async () => {
    const { locationPolicy } = await import('../../src/server/location.js')
    const { clock, operations } = (() => {
      const made = operationsOf()
      const policy = locationPolicy(made.clock, [], () => new Promise(() => {}))
      return { ...operationsOf({ clock: made.clock, policy }), clock: made.clock }
    })()
    const input = service('one', { mode: 'http', location: 'http://slow.example:80' })
    const refused = kindOf(() => operations.register(input, nobody))
    await clock.advance(2_000)
    expect(await refused).toBe('invalid LOCATION_UNRESOLVED')
  })
})

describe('tokens', () => {
  it('asks for the operator’s, or its own, once there is one', async () => {
    const { operations } = operationsOf({ operatorToken: 'boss' })
    const boss = { token: 'boss' }
    const kind = (token: string | undefined) =>
      kindOf(() => operations.deregister('one', { token }))
    expect(await kindOf(() => operations.register(service('one'), nobody))).toContain('unauth')
    const { token } = await operations.register(service('one'), boss)
    const other = await operations.register(service('two'), boss)
    expect(await kind(undefined)).toBe('unauthenticated UNAUTHENTICATED')
    expect(await kind(other.token)).toBe('unauthenticated UNAUTHENTICATED')
    expect(await kindOf(() => operations.heartbeat('one', undefined, nobody))).toContain('unauth')
    expect(await kindOf(() => operations.heartbeat('one', undefined, { token }))).toBe('done')
    const again = await operations.register(service('one'), { token })
    expect(await kind(token)).toBe('unauthenticated UNAUTHENTICATED')
    expect(await kind(again.token)).toBe('done')
    expect(await kindOf(() => operations.admitReader(nobody))).toContain('unauth')
    expect(await kindOf(() => operations.admitReader(boss))).toBe('done')
  })

  it('keeps no token, only its hash', async () => {
    const { operations, registry } = operationsOf()
    const { token } = await operations.register(service('one'), nobody)
    expect(token).toMatch(/^[\w-]{43}$/)
    expect(JSON.stringify(registry.export({ secrets: true }))).not.toContain(token)
  })
})

describe('signs of life', () => {
  it('derives the status from telemetry, once something was executed', async () => {
    const { operations } = operationsOf()
    await operations.register(agent('one'), nobody)
    const beat = (given?: ReturnType<typeof telemetry>) =>
      operations.heartbeat('one', given, nobody).status
    expect(beat()).toBe('healthy')
    expect(beat(telemetry(0, 0))).toBe('healthy')
    expect(beat(telemetry(0.29))).toBe('unhealthy')
    expect(beat(telemetry(0.3))).toBe('degraded')
    expect(beat(telemetry(0.5))).toBe('healthy')
    expect(operations.get('one')?.telemetry?.avgDurationMs).toBe(150)
  })

  it('refuses telemetry out of range', async () => {
    const { operations } = operationsOf()
    await operations.register(agent('one'), nobody)
    for (const bad of [
      telemetry(1.1),
      telemetry(-0.1),
      telemetry(Number.NaN),
      telemetry(0.5, -1),
      { ...telemetry(0.5), avgDurationMs: Number.POSITIVE_INFINITY },
    ])
      expect(await kindOf(() => operations.heartbeat('one', bad, nobody))).toBe(
        'invalid INVALID_TELEMETRY',
      )
    expect(await kindOf(() => operations.heartbeat('two', undefined, nobody))).toBe(
      'not-found SERVICE_NOT_FOUND',
    )
  })

  it('hides who is silent, and forgets who stays so', async () => {
    const { operations, clock } = operationsOf()
    await operations.register(agent('one'), nobody)
    const found = () =>
      operations.discover({ capabilities: ['python'], filters: {}, maxResults: 0 }).length
    expect(found()).toBe(1)
    await clock.advance(60_000)
    expect(found()).toBe(0)
    operations.heartbeat('one', undefined, nobody)
    expect(found()).toBe(1)
    await clock.advance(299_000)
    expect([found(), operations.list().length]).toEqual([0, 1])
    await clock.advance(1_000)
    expect(operations.list()).toEqual([])
  })

  it('asks a REST record for them only from its first one on', async () => {
    const { operations, clock } = operationsOf()
    await operations.register(service('one'), nobody)
    await operations.register(service('two'), nobody)
    operations.heartbeat('two', undefined, nobody)
    await clock.advance(100_000)
    expect(operations.list().map(({ id, status }) => [id, status])).toEqual([
      ['one', 'healthy'],
      ['two', 'unhealthy'],
    ])
    await operations.register(service('two'), nobody)
    expect(operations.get('two')?.status).toBe('healthy')
  })
})

describe('filters', () => {
  it('knows fields, words of both dialects in any case, and metadata', async () => {
    const { operations } = operationsOf()
    await operations.register(agent('one', { metadata: { region: 'eu', tier: '1' } }), nobody)
    await operations.register(
      agent('two', { agentType: 'guard', namespace: 'prod', cluster: 'c2', version: '2.0.0' }),
      nobody,
    )
    await operations.register(service('three', { metadata: { security_level: 'HIGH' } }), nobody)
    operations.heartbeat('two', telemetry(0.4), nobody)
    const ids = (filters: Record<string, string>) => operations.list(filters).map(({ id }) => id)
    expect(ids({ namespace: 'prod' })).toEqual(['two'])
    expect(ids({ cluster: 'c2' })).toEqual(['two'])
    expect(ids({ version: '2.0.0' })).toEqual(['two'])
    expect(ids({ agent_type: 'Worker' })).toEqual(['one'])
    expect(ids({ security_level: 'INTERNAL' })).toEqual(['one', 'two'])
    expect(ids({ region: 'eu' })).toEqual(['one'])
    expect(ids({ region: 'us' })).toEqual([])
    expect(ids({ toString: 'x' })).toEqual([])
    expect(ids({ status: 'healthy' })).toEqual(['one', 'three'])
    expect(ids({ status: 'DEGRADED' })).toEqual(['two'])
    expect(ids({ status: 'Active' })).toEqual(['one', 'two', 'three'])
    expect(ids({ status: 'inactive' })).toEqual([])
    expect(await kindOf(() => ids({ status: 'fine' }))).toBe('invalid INVALID_STATUS')
    expect(await kindOf(() => ids({ agent_type: 'cook' }))).toBe('invalid INVALID_AGENT_TYPE')
  })
})

describe('discovery', () => {
  it('ranks by health, reputation and telemetry; ties stay in the order of registration', async () => {
    const { operations } = operationsOf()
    for (const id of ['d', 'b', 'a', 'c']) await operations.register(agent(id), nobody)
    const ids = (maxResults = 0) =>
      operations.discover({ capabilities: ['python'], filters: {}, maxResults }).map(({ id }) => id)
    expect(ids()).toEqual(['d', 'b', 'a', 'c'])
    operations.heartbeat('a', telemetry(0.9), nobody)
    operations.vote('c', { success: 4, failure: 0, warning: 0 }, nobody)
    operations.vote('b', { success: 0, failure: 2, warning: 0 }, nobody)
    expect(ids()).toEqual(['c', 'a', 'd', 'b'])
    expect(ids(2)).toEqual(['c', 'a'])
    expect(await kindOf(() => ids(-1))).toBe('invalid INVALID_MAX_RESULTS')
  })

  it('gives five where it is not told how many, and needs all capabilities', async () => {
    const { operations } = operationsOf()
    for (let n = 0; n < 7; n += 1) await operations.register(agent(`a${n}`), nobody)
    await operations.register(agent('both', { capabilities: ['python', 'go'] }), nobody)
    const find = (capabilities: readonly string[]) =>
      operations.discover({ capabilities, filters: {}, maxResults: 0 })
    expect(find(['python'])).toHaveLength(5)
    expect(find(['python', 'go']).map(({ id }) => id)).toEqual(['both'])
    expect(find([])).toHaveLength(5)
    expect(find(['Python'])).toEqual([])
  })

  it('matches by how much of both lists is there', async () => {
    const { operations } = operationsOf()
    await operations.register(service('plain'), nobody)
    await operations.register(service('rich', { capabilities: ['sing', 'dance', 'act'] }), nobody)
    const found = operations.match({ required: ['sing', 'sing'], optional: ['dance', 'swim'] })
    expect(found.map(({ entry, score, optional }) => [entry.id, score, optional])).toEqual([
      ['rich', 2, ['dance']],
      ['plain', 1, []],
    ])
    expect(operations.match({ required: [], optional: [] })).toHaveLength(2)
  })

  it('takes no more time for an entry than its capabilities are worth, however many are named', async () => {
    const { operations } = operationsOf()
    const many = (letter: string) => Array.from({ length: 5_000 }, (_, n) => `${letter}${n}`)
    const capabilities = ['sing', ...many('a').slice(0, 20)]
    for (let n = 0; n < 20; n += 1)
      await operations.register(service(`s${n}`, { capabilities }), nobody)
    const looked = vi.spyOn(Array.prototype, 'includes')
    onTestFinished(() => void looked.mockRestore())
    const [first] = operations.match({ required: ['sing'], optional: many('a').reverse() })
    expect(first?.optional).toEqual(many('a').slice(0, 20).reverse())
    const all = { required: [...capabilities, ...capabilities], optional: [] }
    expect(operations.match(all)).toHaveLength(20)
    const asked = { filters: {}, maxResults: 100 }
    expect(operations.discover({ ...asked, capabilities: many('a') })).toEqual([])
    expect(operations.discover({ ...asked, capabilities })).toHaveLength(20)
    expect(operations.discover({ ...asked, capabilities: ['a1', 'sing', 'x'] })).toEqual([])
    expect(looked.mock.calls.length).toBeLessThan(1_000)
  })

  it('chooses each of the active in turn', async () => {
    const { operations } = operationsOf()
    for (const id of ['a', 'b', 'c']) await operations.register(service(id), nobody)
    const chosen = (times: number) =>
      Array.from({ length: times }, () => operations.choose('sing').id)
    expect(chosen(4)).toEqual(['a', 'b', 'c', 'a'])
    operations.deregister('b', nobody)
    expect(chosen(2)).toEqual(['c', 'a'])
    expect(await kindOf(() => operations.choose('swim'))).toBe('not-found CAPABILITY_NOT_FOUND')
  })

  it('tells nobody able from nobody active', async () => {
    const { operations } = operationsOf()
    await operations.register(agent('one'), nobody)
    operations.heartbeat('one', telemetry(0.1), nobody)
    expect(await kindOf(() => operations.choose('python'))).toBe('unavailable NO_ACTIVE_SERVICE')
  })

  it('keeps apart capabilities with an @, which the registry reads as a version', async () => {
    const { operations } = operationsOf()
    await operations.register(service('two', { capabilities: ['sing@2', 'sing@1'] }), nobody)
    expect(operations.get('two')?.capabilities).toEqual(['sing@2', 'sing@1'])
    expect(operations.choose('sing@1').id).toBe('two')
    expect(await kindOf(() => operations.choose('sing'))).toContain('not-found')
  })
})

describe('watching', () => {
  const types = async (work: (of: ReturnType<typeof operationsOf>) => unknown, count: number) => {
    const made = operationsOf()
    const changes = made.operations.watch({}, new AbortController().signal)
    await work(made)
    return (await take(changes, count)).map((change) => change.type)
  }

  it('tells of a heartbeat, then of a status that it changed', async () => {
    expect(
      await types(async ({ operations }) => {
        await operations.register(agent('one'), nobody)
        operations.heartbeat('one', telemetry(0.1), nobody)
        operations.heartbeat('one', telemetry(0.1), nobody)
        await operations.register(agent('one', { metadata: { service: 'other' } }), nobody)
        operations.deregister('one', nobody)
      }, 6),
    ).toEqual(['registered', 'updated', 'status-changed', 'updated', 'registered', 'deregistered'])
  })

  it('tells of who falls silent and of who is forgotten', async () => {
    expect(
      await types(async ({ operations, clock }) => {
        await operations.register(agent('one'), nobody)
        await clock.advance(300_000)
      }, 3),
    ).toEqual(['registered', 'status-changed', 'deregistered'])
  })

  it('goes on from a number, and says when that is too long ago', async () => {
    const { operations } = operationsOf({ changesKept: 3 })
    for (const id of ['a', 'b', 'c', 'd']) await operations.register(service(id), nobody)
    const from = (after: number) =>
      take(operations.watch({ after }, new AbortController().signal), 1)
    expect((await from(1))[0]).toMatchObject({ type: 'registered', seq: 2, entry: { id: 'b' } })
    expect((await from(0))[0]).toMatchObject({ type: 'resync', seq: 4 })
    expect((await from(9))[0]).toMatchObject({ type: 'resync', seq: 4 })
  })

  it('throws out who reads too slowly, and nobody else', async () => {
    const { operations } = operationsOf({ changesKept: 3 })
    const slow = operations.watch({}, new AbortController().signal)
    const fast = operations.watch({}, new AbortController().signal)
    for (const id of ['a', 'b', 'c', 'd', 'e']) {
      await operations.register(service(id), nobody)
      expect(await take(fast, 1)).toHaveLength(1)
    }
    expect(await kindOf(() => slow.next())).toBe('unavailable READER_TOO_SLOW')
  })

  it('ends with its signal, while it waits and before', async () => {
    const { operations } = operationsOf()
    const stop = new AbortController()
    const next = operations.watch({}, stop.signal).next()
    stop.abort()
    expect((await next).done).toBe(true)
    expect((await operations.watch({}, stop.signal).next()).done).toBe(true)
  })
})

describe('notifying', () => {
  const notice = { agentId: 'one', type: 'INFO', message: 'hello', metadata: {} }

  it('hands it to an open stream', async () => {
    const { operations } = operationsOf()
    await operations.register(agent('one'), nobody)
    const notices = operations.notices('one', nobody, new AbortController().signal)
    await operations.notify(notice, nobody)
    expect((await notices.next()).value).toMatchObject({ message: 'hello' })
    await notices.return?.()
    expect(await kindOf(() => operations.notify({ ...notice, agentId: 'x' }, nobody))).toBe(
      'not-found SERVICE_NOT_FOUND',
    )
  })

  it('ends its streams when the agent is deregistered, or was silent for too long', async () => {
    const { operations, clock } = operationsOf()
    for (const remove of [
      () => operations.deregister('one', nobody),
      () => clock.advance(300_000),
    ]) {
      await operations.register(agent('one'), nobody)
      const notices = operations.notices('one', nobody, new AbortController().signal)
      await operations.notify(notice, nobody)
      await remove()
      expect((await notices.next()).value).toMatchObject({ message: 'hello' })
      expect(await kindOf(() => notices.next())).toBe('not-found SERVICE_NOT_FOUND')
      await operations.register(agent('one', { location: '' }), nobody)
      expect(await kindOf(() => operations.notify(notice, nobody))).toContain('NOT_DELIVERED')
    }
  })

  it('ends the stream of who could not open it any more: the id is another registration', async () => {
    const { operations } = operationsOf({ operatorToken: 'boss' })
    const boss = { token: 'boss' }
    const { token } = await operations.register(agent('one'), boss)
    const { signal } = new AbortController()
    const former = operations.notices('one', { token }, signal)
    const always = operations.notices('one', boss, signal)
    await operations.register(agent('one'), boss)
    await operations.notify(notice, boss)
    expect(await kindOf(() => former.next())).toBe('unauthenticated UNAUTHENTICATED')
    expect((await always.next()).value).toMatchObject({ message: 'hello' })
  })

  it('says honestly that nobody took it', async () => {
    const { operations } = operationsOf()
    await operations.register(service('one'), nobody)
    await operations.register(agent('two', { location: '127.0.0.1:1' }), nobody)
    for (const agentId of ['one', 'two'])
      expect(await kindOf(() => operations.notify({ ...notice, agentId }, nobody))).toBe(
        'unavailable NOT_DELIVERED',
      )
  })
})

describe('tracking', () => {
  it('counts calls, and lets them speak for the provider', async () => {
    const { operations } = operationsOf()
    const call = {
      consumerId: 'app',
      providerId: 'b',
      capability: 'sing',
      success: true,
      latencyMs: 10,
    }
    for (const id of ['a', 'b']) await operations.register(service(id), nobody)
    operations.track(call, nobody)
    operations.track({ ...call, success: false, latencyMs: 30 }, nobody)
    operations.track(call, nobody)
    expect(operations.connections('b')).toEqual([
      {
        consumerId: 'app',
        providerId: 'b',
        capability: 'sing',
        calls: 3,
        avgLatencyMs: 50 / 3,
        successRate: 2 / 3,
      },
    ])
    const best = operations.discover({ capabilities: [], filters: {}, maxResults: 1 })
    expect(best.map(({ id }) => id)).toEqual(['b'])
    expect(await kindOf(() => operations.track({ ...call, latencyMs: -1 }, nobody))).toContain(
      'invalid',
    )
  })
})
