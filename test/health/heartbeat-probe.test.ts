import { describe, expect, it } from 'vitest'
import { heartbeatProbe, InvalidOptionsError, type RegistryOptions } from '../../src/index.js'
import { type Scene, scene } from '../registry/scene.js'

const timeoutMs = 10_000

/** Two providers that send heartbeats, and a registry that looks each second. */
function beating(options: RegistryOptions<Record<string, object>> = {}) {
  const health = { intervalMs: 1_000, fall: 1, maxAgeMs: 0 }
  const made = scene({ health, circuit: { failureThreshold: 1_000 }, ...options })
  const probe = heartbeatProbe({ timeoutMs, clock: made.clock })
  for (const name of ['a', 'b'])
    made.registry.register({ service: 'llm', name, provider: {}, health: { probe } })
  return { ...made, probe }
}

const healthOf = ({ registry }: Pick<Scene, 'registry'>, name: string): unknown =>
  registry.get(name)?.health

describe('heartbeatProbe', () => {
  it('goes from well to suspect to gone as beats stay away, and back with the next one', async () => {
    const made = beating()
    const told: string[] = []
    made.registry.on('provider.health-changed', ({ provider, health, at }) => {
      if (provider === 'a') told.push(`${Math.round((at - start) / 1_000)} ${health}`)
    })
    const start = made.clock.wall()
    await made.registry.start()
    made.probe.beat('a')
    await made.clock.advance(25_000)
    made.probe.beat('a')
    await made.clock.advance(2_000)
    expect(told.map((line) => line.split(' ')[1])).toEqual([
      'healthy',
      'degraded',
      'unhealthy',
      'healthy',
    ])
    const [, suspect = 0, gone = 0] = told.map((line) => Number.parseInt(line, 10))
    expect(suspect).toBeGreaterThanOrEqual(10)
    expect(suspect).toBeLessThanOrEqual(12)
    expect(gone).toBeGreaterThanOrEqual(20)
    expect(gone).toBeLessThanOrEqual(22)
    await made.registry.close()
  })

  it('knows nothing of one that has never beaten, until its time is up from the first check on', async () => {
    const made = beating()
    await made.clock.advance(50_000)
    await made.registry.healthCheckAll()
    expect(healthOf(made, 'a')).toBe('unknown')
    await made.clock.advance(timeoutMs)
    await made.registry.healthCheckAll()
    expect(healthOf(made, 'a')).toBe('unknown')
    await made.clock.advance(1)
    await made.registry.healthCheckAll()
    expect(healthOf(made, 'a')).toBe('unhealthy')
    expect(made.registry.resolve('llm')).toBeUndefined()
  })

  it('keeps providers apart', async () => {
    const made = beating()
    await made.registry.healthCheckAll()
    made.probe.beat('a')
    await made.clock.advance(timeoutMs + 1)
    made.probe.beat('b')
    await made.registry.healthCheckAll()
    expect([healthOf(made, 'a'), healthOf(made, 'b')]).toEqual(['degraded', 'healthy'])
  })

  it('takes over what a beat says, in one turn', async () => {
    const made = beating()
    const turns: unknown[] = []
    made.registry.on('provider.changed', () => {
      const { health, version, models, capabilities = [] } = made.registry.get('a') ?? {}
      turns.push([health, version, models, capabilities.map(({ name }) => name)])
    })
    const report = {
      status: 'degraded',
      version: '2',
      models: ['m'],
      capabilities: ['chat'],
    } as const
    made.probe.beat('a', report)
    await made.registry.healthCheckAll()
    expect(turns).toEqual([['degraded', '2', ['m'], ['chat']]])
    await made.registry.healthCheckAll()
    expect(turns).toHaveLength(1)
    made.probe.beat('a', { status: 'loading' })
    await made.registry.healthCheckAll()
    expect(healthOf(made, 'a')).toBe('loading')
    expect(made.registry.get('a')?.version).toBe('2')
  })

  it('tells a sender that nobody asks about it, so that it registers again', async () => {
    const made = beating()
    expect(made.probe.beat('a')).toBe(false)
    await made.registry.healthCheckAll()
    expect(healthOf(made, 'a')).toBe('healthy') // what came early counts
    expect(made.probe.beat('a')).toBe(true)
    made.registry.unregister('a')
    expect(made.probe.beat('a')).toBe(false)
  })

  it('forgets those that leave: one of the same name begins anew', async () => {
    const made = beating()
    made.probe.beat('a')
    await made.registry.healthCheckAll()
    await made.clock.advance(3 * timeoutMs)
    made.registry.unregister('a')
    const { probe } = made
    made.registry.register({ service: 'llm', name: 'a', provider: {}, health: { probe } })
    await made.registry.healthCheckAll()
    expect(healthOf(made, 'a')).toBe('unknown')
    expect(healthOf(made, 'b')).toBe('unhealthy')
  })

  it('keeps early beats neither for ever nor for everybody', async () => {
    const made = beating()
    made.probe.beat('a')
    await made.clock.advance(2 * timeoutMs + 1)
    await made.registry.healthCheckAll()
    expect(healthOf(made, 'a')).toBe('unknown') // not unhealthy: it is older than a life
    made.probe.beat('c')
    for (let i = 0; i < 10_000; i += 1) made.probe.beat(`stranger-${i}`)
    const { probe } = made
    made.registry.register({ service: 'llm', name: 'c', provider: {}, health: { probe } })
    await made.registry.healthCheckAll()
    expect(healthOf(made, 'c')).toBe('unknown')
  })

  it('a forget that throws keeps nobody from leaving', () => {
    const { registry } = scene()
    const forget = (): never => {
      throw new Error('no')
    }
    const probe = { name: 'rude', check: () => true, forget }
    registry.register({ service: 'llm', name: 'a', provider: {}, health: { probe } })
    expect(registry.unregister('a')).toBe(true)
    expect(registry.list()).toEqual([])
  })

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number])(
    'refuses %j as its time',
    (given) => {
      expect(() => heartbeatProbe({ timeoutMs: given })).toThrow(InvalidOptionsError)
      expect(() => heartbeatProbe({ timeoutMs: given })).toThrow('timeoutMs: expected')
    },
  )
})
