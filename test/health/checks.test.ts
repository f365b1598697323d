import { describe, expect, it } from 'vitest'
import type { Check } from '../../src/index.js'
import { FakeClock, FakeProvider } from '../../src/testing/index.js'
import { heardScene, scene } from '../registry/scene.js'

// biome-ignore lint/suspicious/noThenProperty: a promise of somebody else's making
const thenable = { then: (done: (well: boolean) => void) => done(true) }
/** Knows how many timers would keep a process alive. */
class WatchedClock extends FakeClock {
  held = 0

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.held += 1
    try {
      await super.sleep(ms, signal)
    } finally {
      this.held -= 1
    }
  }
}

const never = new Promise<never>(() => {})
const who = (found: unknown): string | undefined => (found as { name: string } | undefined)?.name

describe('a check', () => {
  const verdicts: [string, unknown, string][] = [
    ['true', () => true, 'healthy'],
    ['false', () => false, 'unhealthy'],
    ['a promise of true', async () => true, 'healthy'],
    ['a promise of false', async () => false, 'unhealthy'],
    [
      'a throw',
      () => {
        throw new Error('down')
      },
      'unhealthy',
    ],
    [
      'a rejection',
      async () => {
        throw new Error('down')
      },
      'unhealthy',
    ],
    [
      'a throw of nothing',
      () => {
        throw undefined
      },
      'unhealthy',
    ],
    ['nothing', () => undefined, 'unhealthy'],
    ['null', () => null, 'unhealthy'],
    ['1', () => 1, 'unhealthy'],
    ['"yes"', () => 'yes', 'unhealthy'],
    ['a status', () => ({ status: 'degraded' }), 'degraded'],
    ['loading', async () => ({ status: 'loading' }), 'loading'],
    ['an unknown status', () => ({ status: 'fine' }), 'unhealthy'],
    ['an object without one', () => ({}), 'unhealthy'],
    ['a thenable', () => thenable, 'healthy'],
    [
      'a status getter that throws',
      () => ({
        get status() {
          throw new Error('x')
        },
      }),
      'unhealthy',
    ],
  ]
  it.each(verdicts)('that gives %s', async (_, check, health) => {
    const { registry } = scene()
    registry.register({ service: 'llm', name: 'own', provider: { isHealthy: check } })
    registry.register({
      service: 'llm',
      name: 'given',
      provider: {},
      health: { check: check as Check },
    })
    await registry.healthCheckAll()
    for (const name of ['own', 'given']) {
      expect(registry.get(name)?.health).toBe(health)
      const admitted = !['unhealthy', 'loading'].includes(health)
      expect(registry.circuit(name).stats.consecutiveFailures).toBe(health === 'unhealthy' ? 1 : 0)
      expect(
        registry.explain('llm').candidates.find((one) => one.provider === name)?.verdict,
      ).toEqual(admitted ? (name === 'own' ? 'chosen' : 'eligible') : { reason: health })
    }
  })

  it('given at registration goes before the own one; the own one is called on its instance', async () => {
    const { registry } = scene()
    const asked: string[] = []
    class Own {
      #well = true
      isHealthy(signal: unknown) {
        asked.push(`own ${signal instanceof AbortSignal}`)
        return this.#well
      }
    }
    registry.register({ service: 'llm', name: 'own', provider: new Own() })
    registry.register({
      service: 'llm',
      name: 'given',
      provider: new Own(),
      health: {
        check: (signal) => {
          asked.push(`given ${signal.aborted}`)
          return true
        },
      },
    })
    await registry.healthCheckAll()
    expect(asked).toEqual(['own true', 'given false'])
    expect(registry.list().map(({ health }) => health)).toEqual(['healthy', 'healthy'])
  })

  it('is given up at its deadline, told by its signal, and counts as failed', async () => {
    const { registry, clock } = scene({ health: { timeoutMs: 500 } })
    const signals: AbortSignal[] = []
    const check: Check = (signal) => {
      signals.push(signal)
      return never
    }
    registry.register({ service: 'llm', name: 'a', provider: {}, health: { check } })
    const all = registry.healthCheckAll()
    await clock.advance(499)
    expect(signals[0]?.aborted).toBe(false)
    await clock.advance(1)
    expect(await all).toEqual({ '*.llm.a': false })
    expect(signals[0]?.aborted).toBe(true)
    expect(registry.get('a')?.health).toBe('unhealthy')
    expect(registry.metrics().healthCheckFailures).toBe(1)
  })

  it('that fails is a failure of the circuit and no call; one that passes is nothing', async () => {
    const { registry, events } = heardScene({ circuit: { failureThreshold: 2 } })
    const provider = new FakeProvider({ name: 'a' })
    provider.healthy = false
    registry.register({ service: 'llm', name: 'a', provider })
    await registry.healthCheckAll()
    provider.healthy = true
    await registry.healthCheckAll()
    expect(registry.circuit('a').stats).toMatchObject({
      consecutiveFailures: 1,
      calls: 0,
      failures: 0,
      successes: 0,
    })
    provider.healthy = false
    await registry.healthCheckAll()
    expect(registry.circuit('a').state).toBe('open')
    expect(events.filter(({ type }) => type.startsWith('call.'))).toEqual([])
  })

  it('never closes a half-open circuit', async () => {
    const { registry, clock } = scene({
      circuit: { failureThreshold: 1, successThreshold: 1, recoveryTimeoutMs: 10 },
    })
    registry.register({ service: 'llm', name: 'a', provider: new FakeProvider({ name: 'a' }) })
    registry.circuit('a').recordFailure()
    await clock.advance(10)
    for (let at = 0; at < 5; at++) await registry.healthCheckAll()
    expect(registry.circuit('a').state).toBe('half-open')
  })
})

describe('a look-up', () => {
  const counted = (answer: () => unknown) => {
    const made = {
      asked: 0,
      name: 'x',
      isHealthy: () => {
        made.asked += 1
        return answer()
      },
    }
    return made
  }

  it('waits for a check only when the last verdict is older than maxAgeMs', async () => {
    const { registry, clock } = scene()
    const provider = counted(() => true)
    registry.register({ service: 'llm', provider })
    for (const [ms, asked] of [
      [0, 1],
      [0, 1],
      [5_000, 1],
      [1, 2],
      [5_000, 2],
      [1, 3],
    ] as const) {
      await clock.advance(ms)
      expect(await registry.getService('llm')).toBeDefined()
      expect(provider.asked).toBe(asked)
    }
  })

  it('never asks those it does not choose', async () => {
    const { registry } = scene()
    const [first, second] = [counted(() => true), counted(() => true)]
    registry.register({ service: 'llm', provider: first })
    registry.register({ service: 'llm', provider: second })
    await registry.getService('llm')
    expect([first.asked, second.asked]).toEqual([1, 0])
  })

  it('shares one check with all others', async () => {
    const { registry, clock } = scene()
    const provider = counted(() => clock.sleep(100).then(() => true))
    registry.register({ service: 'llm', provider })
    const found = Promise.all([
      ...Array.from({ length: 50 }, () => registry.getService('llm')),
      registry.healthCheckAll(),
      registry.call('llm', {}, () => 1),
    ])
    await clock.advance(100)
    await found
    expect(provider.asked).toBe(1)
  })

  it('B-C4: goes on to the next provider when a check hangs, once, within its deadline', async () => {
    const { registry, clock } = scene({ health: { timeoutMs: 2_000 } })
    registry.register({
      service: 'llm',
      name: 'hangs',
      provider: { name: 'hangs', isHealthy: () => never },
    })
    registry.register({ service: 'llm', name: 'well', provider: { name: 'well' } })
    let found: unknown
    const looking = registry.getService('llm').then((one) => {
      found = one
    })
    await clock.advance(1_999)
    expect(found).toBeUndefined()
    await clock.advance(1)
    await looking
    expect(who(found)).toBe('well')
    expect(who(await registry.getService('llm'))).toBe('well')
  })

  it('B-C4: many that hang do not add up one after the other', async () => {
    const { registry, clock } = scene({ health: { timeoutMs: 1_000 } })
    for (let at = 0; at < 10; at++)
      registry.register({ service: 'llm', provider: { isHealthy: () => never } })
    registry.register({ service: 'llm', name: 'well', provider: { name: 'well' }, group: 1 })
    const looking = registry.getService('llm')
    await clock.advance(2_000)
    expect(who(await looking)).toBe('well')
  })

  it('leaves out one that failed for maxAgeMs, then asks it again although it is out', async () => {
    const { registry, clock } = scene({ circuit: { failureThreshold: 100 } })
    let well = false
    const provider = counted(() => well)
    registry.register({ service: 'llm', provider })
    expect(await registry.getService('llm')).toBeUndefined()
    well = true
    await clock.advance(5_000)
    expect(await registry.getService('llm')).toBeUndefined()
    expect(provider.asked).toBe(1)
    await clock.advance(1)
    expect(await registry.getService('llm')).toBeDefined()
    expect(provider.asked).toBe(2)
  })

  it('does not ask one whose circuit is open, and asks again once it may be probed', async () => {
    const { registry, clock } = scene({ circuit: { recoveryTimeoutMs: 20_000 } })
    const provider = counted(() => true)
    registry.register({ service: 'llm', name: 'a', provider })
    registry.circuit('a').trip()
    expect(await registry.getService('llm')).toBeUndefined()
    expect(await registry.healthCheckAll()).toEqual({ '*.llm.a': false })
    expect(provider.asked).toBe(0)
    await clock.advance(20_000)
    expect(await registry.getService('llm')).toBeDefined()
    expect(provider.asked).toBe(1)
  })

  it('by call and client checks as getService does, by sync methods and resolve behind their back', async () => {
    const { registry, clock } = scene()
    const provider = Object.assign(
      counted(() => true),
      { name: () => 'a', later: async () => 'a' },
    )
    registry.register({ service: 'llm', provider })
    expect(await registry.call('llm', {}, () => 'ran')).toBe('ran')
    expect(provider.asked).toBe(1)
    const client = registry.client('llm') as unknown as { name(): string; later(): Promise<string> }
    await clock.advance(5_001)
    await client.later()
    expect(provider.asked).toBe(2)
    expect(client.name()).toBe('a')
    await clock.advance(5_001)
    expect(client.name()).toBe('a')
    expect(provider.asked).toBe(3)
    await clock.advance(5_001)
    expect(registry.resolve('llm')?.provider).toBeDefined()
    expect(registry.explain('llm').chosen).toBeDefined()
    expect(provider.asked).toBeLessThanOrEqual(4)
  })

  it('keeps the process alive for those who wait, not for resolve', async () => {
    const clock = new WatchedClock()
    const { registry } = scene({ clock, health: { maxAgeMs: 10, timeoutMs: 5_000 } })
    registry.register({ service: 'llm', provider: { isHealthy: () => never } })
    registry.resolve('llm')
    expect(clock.held).toBe(0)
    const found = registry.getService('llm')
    registry.resolve('llm')
    expect(clock.held).toBe(1)
    await clock.advance(5_000)
    expect(await found).toBeUndefined()
    expect(clock.held).toBe(0)
    await clock.advance(11)
    registry.resolve('llm') // nobody is well, and that was a while ago
    expect(clock.held).toBe(0)
    const first = registry.getService('llm')
    expect(clock.held).toBe(1)
    await clock.advance(5_000)
    expect(await first).toBeUndefined()
  })

  it('counts what resolve has begun at once, however many failures the monitor would wait for', async () => {
    const { registry, clock } = scene()
    registry.register({ service: 'llm', name: 'a', provider: { isHealthy: () => false } })
    expect(registry.resolve('llm')?.provider).toBe('a')
    await clock.advance(0)
    expect(registry.get('a')?.health).toBe('unhealthy')
  })

  it('checks an instance that connect made, and goes on counting right when it leaves', async () => {
    const { registry } = scene()
    let well = true
    const made = { name: 'made', isHealthy: () => well }
    registry.register({ service: 'llm', name: 'made', connect: async () => made })
    registry.register({
      service: 'llm',
      name: 'sick',
      provider: { isHealthy: () => false },
      group: 1,
    })
    registry.register({ service: 'llm', name: 'last', provider: { name: 'last' }, group: 2 })
    expect(who(await registry.getService('llm'))).toBe('made')
    expect(await registry.healthCheckAll()).toMatchObject({ '*.llm.made': true })
    well = false
    await registry.healthCheckAll()
    expect(who(await registry.getService('llm'))).toBe('last')
    registry.unregister('made')
    registry.register({
      service: 'llm',
      name: 'sick',
      provider: { isHealthy: () => false },
      group: 1,
      replace: true,
    })
    expect(who(await registry.getService('llm'))).toBe('last')
  })
})

describe('healthCheckAll', () => {
  it('CIRIS-28: says how each provider with a check is, once per handler, * for globals', async () => {
    const { registry } = scene()
    registry.register({
      service: 'llm',
      name: 'openai',
      handler: ['SpeakHandler', 'B'],
      provider: new FakeProvider({ name: 'x' }),
    })
    registry.register({
      service: 'memory',
      name: 'mem',
      provider: { isHealthy: () => Promise.reject(new Error('no')) },
    })
    registry.register({ service: 'llm', name: 'silent', provider: {} })
    registry.register({
      service: 'llm',
      name: 'warming',
      provider: {},
      health: { check: () => ({ status: 'loading' }) },
    })
    registry.register({
      service: 'llm',
      name: 'slow',
      provider: {},
      health: { check: () => ({ status: 'degraded' }) },
    })
    const results = await registry.healthCheckAll()
    expect(results).toEqual({
      'SpeakHandler.llm.openai': true,
      'B.llm.openai': true,
      '*.memory.mem': false,
      '*.llm.warming': false,
      '*.llm.slow': true,
    })
    expect(Object.isFrozen(results)).toBe(true)
  })

  it('is empty without checks, bounded, and never throws', async () => {
    const { registry, clock } = scene()
    expect(await registry.healthCheckAll()).toEqual({})
    let [running, most] = [0, 0]
    const check = async () => {
      running += 1
      most = Math.max(most, running)
      await clock.sleep(10)
      running -= 1
      return true
    }
    for (let at = 0; at < 100; at++)
      registry.register({ service: 'llm', provider: {}, health: { check } })
    const all = registry.healthCheckAll()
    await clock.advance(1_000)
    expect(Object.keys(await all)).toHaveLength(100)
    expect(most).toBe(32)
  })

  it('takes no harm from providers that leave meanwhile', async () => {
    const { registry } = scene()
    let end: (well: boolean) => void = () => {}
    registry.register({
      service: 'llm',
      name: 'a',
      provider: {
        isHealthy: () =>
          new Promise<boolean>((resolve) => {
            end = resolve
          }),
      },
    })
    const all = registry.healthCheckAll()
    registry.unregister('a')
    end(false)
    await all
    expect(registry.metrics().healthCheckFailures).toBe(0)
  })
})

describe('what changed', () => {
  it('is told once per change, with what it was before', async () => {
    const { registry, events } = heardScene()
    const provider = new FakeProvider({ name: 'a' })
    registry.register({ service: 'llm', name: 'a', provider })
    for (const healthy of [true, true, false, false, true]) {
      provider.healthy = healthy
      await registry.healthCheckAll()
    }
    expect(events.filter(({ type }) => type === 'provider.health-changed')).toMatchObject([
      { previous: 'unknown', health: 'healthy', provider: 'a', service: 'llm' },
      { previous: 'healthy', health: 'unhealthy' },
      { previous: 'unhealthy', health: 'healthy' },
    ])
  })
})
