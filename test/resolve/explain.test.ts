import { describe, expect, it } from 'vitest'
import { NoProviderError } from '../../src/index.js'
import { FakeProvider } from '../../src/testing/index.js'
import { outcome, scene } from '../registry/scene.js'

describe('explain', () => {
  it('names every candidate in the order it would be tried, with the word for each', async () => {
    const { registry, clock } = scene({
      circuit: { failureThreshold: 1, recoveryTimeoutMs: 10_000 },
    })
    const add = (name: string, more: object = {}) =>
      registry.register({
        service: 'llm',
        name,
        provider: { isHealthy: () => true },
        capabilities: ['chat@1.5'],
        metadata: { region: 'eu' },
        ...more,
      })
    add('incapable', { handler: 'A', capabilities: ['chat@1.1', 'image'] })
    add('elsewhere', { handler: 'A', metadata: { region: 'us' } })
    add('excluded', { handler: 'A' })
    add('unhealthy', {
      handler: 'A',
      health: {
        check: () => {
          throw new Error('no')
        },
      },
      circuit: { failureThreshold: 9 },
    })
    add('loading', { handler: 'A', health: { check: () => ({ status: 'loading' }) } })
    add('open', { handler: 'A' })
    add('isolated', { handler: 'A' })
    add('probed', { handler: 'A' })
    add('cooling', { handler: 'A' })
    add('saturated', { handler: 'A', concurrency: 1 })
    const draining = add('draining', { handler: 'A' })
    add('eligible', { group: 1 })
    add('chosen', { priority: 'high', group: 1 })
    await registry.healthCheckAll()
    registry.circuit('open').recordFailure()
    registry.circuit('isolated').isolate()
    registry.circuit('probed').trip(1)
    await clock.advance(1)
    const only = (name: string) => ({
      handler: 'A',
      exclude: registry
        .list()
        .map((one) => one.name)
        .filter((one) => one !== name),
    })
    registry.resolve('llm', only('probed'))
    registry
      .resolve('llm', only('cooling'))
      ?.fail(
        Object.assign(new Error('slow down'), { status: 429, headers: { 'retry-after': '3' } }),
      )
    const work = new FakeProvider({ name: 'x' }).stall()
    const calls = [
      registry.call('llm', only('saturated'), () => work.call()),
      registry.call('llm', only('draining'), () => work.call()),
    ]
    void draining.drain()
    const request = {
      handler: 'A',
      requires: ['chat@>=1.2', 'chat'],
      where: { region: 'eu' },
      exclude: ['excluded'],
    }
    const { chosen, candidates } = registry.explain('llm', request)
    expect(chosen).toBe('chosen')
    expect(candidates).toEqual(
      [
        { provider: 'incapable', verdict: { reason: 'incapable', missing: ['chat@>=1.2'] } },
        { provider: 'elsewhere', verdict: { reason: 'excluded', constraint: 'where.region' } },
        { provider: 'excluded', verdict: { reason: 'excluded', constraint: 'exclude' } },
        { provider: 'unhealthy', verdict: { reason: 'unhealthy' } },
        { provider: 'loading', verdict: { reason: 'loading' } },
        { provider: 'open', verdict: { reason: 'circuit-open', retryAfterMs: 9_999 } },
        {
          provider: 'isolated',
          verdict: { reason: 'circuit-open', retryAfterMs: Number.POSITIVE_INFINITY },
        },
        { provider: 'probed', verdict: { reason: 'circuit-open', retryAfterMs: 1_000 } },
        { provider: 'cooling', verdict: { reason: 'cooling', retryAfterMs: 3_000 } },
        { provider: 'saturated', verdict: { reason: 'saturated' } },
        { provider: 'draining', verdict: { reason: 'draining' } },
      ]
        .map((one) => ({ ...one, scope: 'handler', group: 0, priority: 2 }))
        .concat([
          {
            provider: 'chosen',
            scope: 'global',
            group: 1,
            priority: 1,
            verdict: 'chosen' as never,
          },
          {
            provider: 'eligible',
            scope: 'global',
            group: 1,
            priority: 2,
            verdict: 'eligible' as never,
          },
        ]),
    )

    const nobody = { ...request, fallbackToGlobal: false }
    expect(registry.explain('llm', nobody).chosen).toBeUndefined()
    for (const ask of [
      () => registry.requireService('llm', nobody),
      () => registry.call('llm', nobody, () => 1),
      () => (registry.client('llm', nobody) as { any(): unknown }).any(),
    ]) {
      const error = (await outcome(ask)) as NoProviderError
      expect(error).toBeInstanceOf(NoProviderError)
      expect(error.refusals.map(({ provider, ...rest }) => ({ provider, verdict: rest }))).toEqual(
        candidates.slice(0, 11).map(({ provider, verdict }) => ({ provider, verdict })),
      )
      expect(error.retryAfterMs).toBe(1_000)
      for (const { provider } of error.refusals.slice(0, 10))
        expect(error.message).toContain(provider)
      expect(error.message).toContain('chat@>=1.2')
    }
    work.release()
    await Promise.all(calls)
  })

  it('shows a provider that has no instance yet as eligible: a look-up would connect it', async () => {
    const { registry } = scene()
    let down = true
    registry.register({
      service: 'llm',
      name: 'a',
      connect: async () => {
        if (down) throw new Error('down')
        return {}
      },
    })
    expect(registry.explain('llm').candidates).toMatchObject([{ verdict: 'chosen' }])
    expect(registry.resolve('llm')).toBeUndefined()
    await new Promise(setImmediate)
    const error = (await outcome(() => registry.requireService('llm'))) as NoProviderError
    expect(error.refusals).toMatchObject([{ provider: 'a', reason: 'connecting' }])
    down = false
    expect(await registry.getService('llm')).toBeDefined()
  })

  it('names what was asked for when there is nobody at all', async () => {
    const { registry } = scene()
    const requires = ['chat', { name: 'image', minVersion: '1.2' }]
    for (const ask of [
      () => registry.requireService('llm', { requires }),
      () => registry.call('llm', { requires }, () => 1),
    ])
      expect(((await outcome(ask)) as Error).message).toMatch(
        /"llm".*chat.*image@>=1\.2|"llm".*image@>=1\.2.*chat/,
      )
  })

  it('an outage of very many names a thousand of them, and explain all', async () => {
    const { registry } = scene()
    for (let at = 0; at < 1_500; at++) {
      const { name } = registry.register({ service: 'llm', provider: {} })
      registry.circuit(name).isolate()
    }
    const error = (await outcome(() => registry.requireService('llm'))) as NoProviderError
    expect(error.refusals).toHaveLength(1_000)
    expect(error.message.length).toBeLessThan(2_000)
    expect(registry.explain('llm').candidates).toHaveLength(1_500)
  })
})
