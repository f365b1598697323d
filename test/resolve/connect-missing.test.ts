import { AllProvidersFailedError, MissingPeerError, NoProviderError } from 'switchgear'
import { describe, expect, it } from 'vitest'
import { deferred, scene, watch } from './scene.js'

interface Llm {
  ask(): Promise<string>
}

const missing = new MissingPeerError('connectMcp', '@modelcontextprotocol/client', '^2')

/** A provider that lacks a package, and how often that was found out. */
function lacking(options: Parameters<typeof scene<{ llm: Llm }>>[0] = {}) {
  const found = scene<{ llm: Llm }>(options)
  let asked = 0
  found.registry.register({
    service: 'llm',
    name: 'lacking',
    priority: 'high',
    connect: async () => {
      asked += 1
      throw missing
    },
  })
  return { ...found, asked: () => asked }
}

describe('a package that is missing', () => {
  it('is told at once, and not tried again', async () => {
    const { registry, calls, told, asked } = lacking()
    await expect(registry.client('llm').ask()).rejects.toBe(missing)
    expect(calls()).toEqual(['call.failed lacking'])
    expect(told('call.failed')).toMatchObject([{ cause: 'refused', error: missing }])
    const next = await registry
      .client('llm')
      .ask()
      .catch((error: unknown) => error)
    expect(next).toBeInstanceOf(NoProviderError)
    expect((next as Error).message).toContain('npm install @modelcontextprotocol/client@^2')
    expect(next).toMatchObject({ retryable: false })
    expect(asked()).toBe(1)
  })

  it('costs the call nothing where others can take it, and those after it do not notice', async () => {
    const { registry, calls, asked } = lacking()
    registry.register({ service: 'llm', name: 'b', provider: { ask: async () => 'b' } })
    const client = registry.client('llm')
    expect([await client.ask(), await client.ask()]).toEqual(['b', 'b'])
    expect(calls()).toEqual(['call.failed lacking', 'call.succeeded b', 'call.succeeded b'])
    expect(asked()).toBe(1)
  })

  it('leaves every circuit alone, its own too: another process may have the package', async () => {
    const { registry, events } = lacking({ circuit: { failureThreshold: 1 } })
    registry.register({ service: 'llm', name: 'b', provider: { ask: async () => 'b' } })
    await registry.client('llm').ask()
    expect(events.filter(({ type }) => type.startsWith('circuit.'))).toEqual([])
    expect(registry.circuit('lacking').stats).toMatchObject({ state: 'closed', failures: 0 })
    expect(registry.export().circuits).toEqual([])
  })

  it.each(['getService', 'resolve'] as const)('is found out by %s as well', async (how) => {
    const { registry, clock, asked } = lacking({ requiredServices: ['llm'] })
    expect(registry.missing()).toEqual([])
    await registry[how]('llm')
    await clock.advance(0)
    expect(registry.missing()).toEqual(['llm'])
    expect(registry.explain('llm')).toMatchObject({
      candidates: [
        { provider: 'lacking', verdict: { reason: 'connecting', why: missing.message } },
      ],
    })
    expect(await registry.getService('llm')).toBeUndefined()
    expect(asked()).toBe(1)
  })

  it('is a loss to those who depend on it', async () => {
    const { registry } = lacking()
    const agent = { service: 'llm', name: 'agent', dependencies: ['lacking'] } as const
    registry.register({ ...agent, provider: { ask: async () => 'agent' } })
    expect(await registry.client('llm').ask()).toBe('agent')
    expect(registry.get('agent')?.lostDependencies).toEqual([
      { dependency: 'lacking', reason: 'lacking cannot be connected' },
    ])
  })

  it('makes no failure that waiting could mend, two of them either', async () => {
    const { registry } = lacking()
    const connect = (): Promise<Llm> => Promise.reject(missing)
    registry.register({ service: 'llm', name: 'other', connect })
    const failed = await registry
      .client('llm')
      .ask()
      .catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(AllProvidersFailedError)
    expect(failed).toMatchObject({ retryable: false })
  })

  it('says nothing of what does the work since', async () => {
    const { registry, clock } = scene<{ llm: Llm }>()
    const before = deferred<Llm>()
    const one = { service: 'llm', name: 'one' } as const
    registry.register({ ...one, connect: () => before.promise })
    const call = watch(registry.client('llm').ask())
    await clock.advance(0)
    const connect = async (): Promise<Llm> => ({ ask: async () => 'here' })
    registry.register({ ...one, connect, replace: true })
    before.reject(missing)
    await clock.advance(10_000)
    expect(call.value).toBe('here')
    expect(await registry.client('llm').ask()).toBe('here')
  })

  it('is over when something else does the work', async () => {
    const { registry } = lacking()
    await expect(registry.client('llm').ask()).rejects.toBe(missing)
    registry.register({
      service: 'llm',
      name: 'lacking',
      replace: true,
      connect: async () => ({ ask: async () => 'here' }),
    })
    expect(await registry.client('llm').ask()).toBe('here')
    expect(registry.resolve('llm')?.provider).toBe('lacking')
  })
})
