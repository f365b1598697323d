import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CheckAnswer, Clock, RegistryOptions } from '../../src/index.js'
import { FakeClock, seededRandom } from '../../src/testing/index.js'
import { heardScene, type Scene, scene } from '../registry/scene.js'

const never = new Promise<never>(() => {})
type Answer = () => CheckAnswer | Promise<CheckAnswer>

/** A provider with a check, and when it was asked. */
function watched({ registry, clock }: Scene, name: string, answer: Answer, health: object = {}) {
  const asked: number[] = []
  const check = (): CheckAnswer | Promise<CheckAnswer> => {
    asked.push(clock.now())
    return answer()
  }
  registry.register({ service: 'llm', name, provider: { name }, health: { check, ...health } })
  return asked
}

const gaps = (times: readonly number[]): number[] =>
  times.slice(1).map((time, at) => time - (times[at] ?? 0))

/** A fake clock that knows how many timers are set. */
class CountingClock extends FakeClock {
  timers = 0

  override sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.timers += 1
    return super.sleep(ms, signal).finally(() => {
      this.timers -= 1
    })
  }

  override every(ms: number, fn: () => void): () => void {
    this.timers += 1
    let isSet = true
    const stop = super.every(ms, fn)
    return () => {
      if (isSet) this.timers -= 1
      isSet = false
      stop()
    }
  }
}

function counted(
  options: RegistryOptions<Record<string, object>> = {},
): Scene & { readonly clock: CountingClock } {
  const clock = new CountingClock()
  return { ...scene({ ...options, clock: clock as Clock }), clock }
}

describe('the monitor', () => {
  it('checks at every interval, not before start', async () => {
    const made = scene()
    const asked = watched(made, 'a', () => true)
    await made.clock.advance(100_000)
    expect(asked).toEqual([])
    await made.registry.start()
    await made.clock.advance(1)
    expect(asked).toHaveLength(1)
    expect(made.registry.get('a')?.health).toBe('healthy')
    await made.clock.advance(300_000)
    expect(asked.length).toBeGreaterThanOrEqual(9)
    expect(asked.length).toBeLessThanOrEqual(13)
    await made.registry.close()
  })

  it('keeps the interval within 20 %, whatever chance says', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.integer({ min: 100, max: 60_000 }),
        async (seed, intervalMs) => {
          const made = scene({ random: seededRandom(seed), health: { intervalMs } })
          const asked = watched(made, 'a', () => true)
          await made.registry.start()
          await made.clock.advance(intervalMs * 30)
          expect(asked.length).toBeGreaterThanOrEqual(25)
          for (const gap of gaps(asked)) {
            expect(gap).toBeGreaterThanOrEqual(intervalMs * 0.8)
            expect(gap).toBeLessThanOrEqual(intervalMs * 1.2 + 1)
          }
          await made.registry.close()
        },
      ),
      { numRuns: 30 },
    )
  })

  it('honours an interval of one second, and that of a registration before that of the registry', async () => {
    const made = scene({ health: { intervalMs: 1_000 } })
    const fast = watched(made, 'fast', () => true)
    const slow = watched(made, 'slow', () => true, { intervalMs: 10_000 })
    await made.registry.start()
    await made.clock.advance(60_000)
    expect(fast.length).toBeGreaterThanOrEqual(50)
    expect(fast.length).toBeLessThanOrEqual(75)
    expect(slow.length).toBeGreaterThanOrEqual(5)
    expect(slow.length).toBeLessThanOrEqual(8)
    await made.registry.close()
  })

  it('begins with many spread over the interval, with few at once, never more than so many', async () => {
    const made = scene({ health: { concurrency: 5 } })
    let [running, most] = [0, 0]
    const asked: number[] = []
    for (let at = 0; at < 3_000; at++)
      made.registry.register({
        service: 'llm',
        provider: {},
        health: {
          check: async () => {
            asked.push(made.clock.now())
            running += 1
            most = Math.max(most, running)
            await made.clock.sleep(20)
            running -= 1
            return true
          },
        },
      })
    await made.registry.start()
    await made.clock.advance(36_000)
    expect(most).toBe(5)
    const inTenths = Array.from(
      { length: 10 },
      (_, tenth) => asked.filter((time) => Math.floor(time / 3_000) === tenth).length,
    )
    for (const some of inTenths) expect(some).toBeGreaterThan(100)
    await made.registry.close()
  })

  it('sets one timer for all of them, and none when there is nobody to check', async () => {
    const made = counted()
    await made.registry.start()
    await made.clock.advance(100_000)
    expect(made.clock.timers).toBe(0)
    for (let at = 0; at < 1_000; at++)
      made.registry.register({ service: 'llm', provider: {}, health: { check: () => true } })
    for (let at = 0; at < 1_000; at++) made.registry.register({ service: 'llm', provider: {} })
    expect(made.clock.timers).toBe(1)
    await made.clock.advance(60_000)
    expect(made.clock.timers).toBe(1)
    await made.registry.close()
    expect(made.clock.timers).toBe(0)
  })

  it('can be switched off', async () => {
    const made = scene({ health: { monitor: false } })
    const asked = watched(made, 'a', () => true)
    await made.registry.start()
    await made.clock.advance(100_000)
    expect(asked).toEqual([])
    await made.registry.close()
  })

  it('checks those that come later, and an instance that connect has made', async () => {
    const made = scene()
    await made.registry.start()
    let asked = 0
    const isHealthy = (): boolean => {
      asked += 1
      return true
    }
    made.registry.register({ service: 'llm', name: 'made', connect: async () => ({ isHealthy }) })
    const late = watched(made, 'late', () => true)
    await made.clock.advance(40_000)
    expect([asked, late.length > 0]).toEqual([0, true])
    await made.registry.getService('llm', { exclude: ['late'] })
    await made.clock.advance(40_000)
    expect(asked).toBeGreaterThanOrEqual(2)
    await made.registry.close()
  })
})

describe('what the monitor finds', () => {
  it('begins evenly: of 1,000 at the start a tenth is asked in each tenth of ten seconds', async () => {
    const made = scene()
    const asked = Array.from({ length: 1_000 }, (_, i) => watched(made, `p${i}`, () => true))
    await made.registry.start()
    const perSecond: number[] = []
    let before = 0
    for (let second = 0; second < 10; second += 1) {
      await made.clock.advance(1_000)
      const all = asked.flat().length
      perSecond.push(all - before)
      before = all
    }
    expect(before).toBe(1_000)
    for (const count of perSecond) {
      expect(count).toBeGreaterThan(60)
      expect(count).toBeLessThan(140)
    }
    await made.registry.close()
  })

  it('row 48: one failed check is no death, three are; one that passes is life again', async () => {
    const made = heardScene({ circuit: { failureThreshold: 100 }, health: { intervalMs: 1_000 } })
    let well = true
    const asked = watched(made, 'a', () => well)
    await made.registry.start()
    await made.clock.advance(100)
    well = false
    const seen: unknown[] = []
    while (asked.length < 5) {
      const before = asked.length
      await made.clock.advance(50)
      if (asked.length > before) seen.push(made.registry.get('a')?.health)
    }
    expect(seen).toEqual(['degraded', 'degraded', 'unhealthy', 'unhealthy'])
    well = true
    await made.clock.advance(1_300)
    expect(made.registry.get('a')?.health).toBe('healthy')
    const changes = made.events.filter(({ type }) => type === 'provider.health-changed')
    expect(changes).toMatchObject([
      { previous: 'unknown', health: 'healthy' },
      { previous: 'healthy', health: 'degraded' },
      { previous: 'degraded', health: 'unhealthy' },
      { previous: 'unhealthy', health: 'healthy' },
    ])
    await made.registry.close()
  })

  it('row 48: one that fails every other check never leaves', async () => {
    const made = heardScene({ circuit: { failureThreshold: 100 }, health: { intervalMs: 1_000 } })
    let turn = 0
    watched(made, 'a', () => {
      turn += 1
      return turn % 2 === 0
    })
    await made.registry.start()
    await made.clock.advance(100_000)
    expect(turn).toBeGreaterThan(80)
    const seen = made.events.map((event) => 'health' in event && event.health)
    expect(seen).not.toContain('unhealthy')
    await made.registry.close()
  })

  it('row 50: decides where calls go', async () => {
    const made = scene({ health: { intervalMs: 1_000, fall: 1 } })
    let well = true
    watched(made, 'first', () => well)
    watched(made, 'second', () => true)
    await made.registry.start()
    await made.clock.advance(2_000)
    expect(made.registry.resolve('llm')?.provider).toBe('first')
    well = false
    await made.clock.advance(1_300)
    expect(made.registry.resolve('llm')?.provider).toBe('second')
    well = true
    await made.clock.advance(1_300)
    expect(made.registry.resolve('llm')?.provider).toBe('first')
    await made.registry.close()
  })

  it('row 51: loading keeps calls away, counts as no failure, and ends by itself', async () => {
    const made = scene({ health: { intervalMs: 1_000 } })
    let status: 'loading' | 'healthy' = 'loading'
    const asked = watched(made, 'a', () => ({ status, message: 'the model is being read' }))
    await made.registry.start()
    await made.clock.advance(20_000)
    expect(asked.length).toBeGreaterThan(15)
    expect(made.registry.get('a')?.health).toBe('loading')
    expect(made.registry.resolve('llm')).toBeUndefined()
    expect(made.registry.circuit('a').stats.consecutiveFailures).toBe(0)
    expect(made.registry.metrics().healthCheckFailures).toBe(0)
    status = 'healthy'
    await made.clock.advance(1_300)
    expect(made.registry.resolve('llm')?.provider).toBe('a')
    await made.registry.close()
  })

  it('slow is degraded for the monitor, and healthy for a look-up', async () => {
    const made = scene({ health: { intervalMs: 10_000, timeoutMs: 5_000 } })
    watched(made, 'a', () => made.clock.sleep(1_500).then(() => true))
    watched(made, 'b', () => made.clock.sleep(1_500).then(() => true), { slowMs: 2_000 })
    await made.registry.start()
    await made.clock.advance(2_000)
    expect(made.registry.list().map(({ health }) => health)).toEqual(['degraded', 'healthy'])
    await made.clock.advance(5_500)
    const found = made.registry.getService('llm')
    await made.clock.advance(1_500)
    await found
    expect(made.registry.get('a')?.health).toBe('healthy')
    await made.registry.close()
  })

  it('a failure is one of the circuit, a pass is nothing; an open circuit is left alone', async () => {
    const made = scene({
      circuit: { failureThreshold: 2, recoveryTimeoutMs: 20_000 },
      health: { intervalMs: 1_000 },
    })
    let well = true
    const asked = watched(made, 'a', () => well)
    await made.registry.start()
    await made.clock.advance(5_000)
    expect(made.registry.circuit('a').stats).toMatchObject({ calls: 0, successes: 0 })
    well = false
    await made.clock.advance(2_600)
    expect(made.registry.circuit('a').state).toBe('open')
    const before = asked.length
    well = true
    await made.clock.advance(17_000)
    expect(asked).toHaveLength(before)
    await made.clock.advance(5_000)
    expect(asked.length).toBeGreaterThan(before)
    expect(made.registry.circuit('a').state).toBe('half-open')
    await made.registry.close()
  })

  it('counts at once when a look-up waits for the same check', async () => {
    const made = scene({ circuit: { failureThreshold: 100 } })
    const asked = watched(made, 'a', () => made.clock.sleep(100).then(() => false))
    await made.registry.start()
    await made.clock.advance(60)
    const found = made.registry.getService('llm')
    await made.clock.advance(60)
    expect(await found).toBeUndefined()
    expect(asked).toHaveLength(1)
    expect(made.registry.get('a')?.health).toBe('unhealthy')
    await made.registry.close()
  })

  it('counts at once when a look-up that does not wait goes by the same check', async () => {
    const made = scene({ circuit: { failureThreshold: 100 } })
    const asked = watched(made, 'a', () => made.clock.sleep(100).then(() => false))
    await made.registry.start()
    await made.clock.advance(60)
    expect(made.registry.resolve('llm')?.provider).toBe('a')
    await made.clock.advance(60)
    expect(asked).toHaveLength(1)
    expect(made.registry.get('a')?.health).toBe('unhealthy')
    await made.registry.close()
  })

  it('shares a check with healthCheckAll, whose verdict counts at once', async () => {
    const made = scene()
    const asked = watched(made, 'a', () => made.clock.sleep(100).then(() => false))
    await made.registry.start()
    await made.clock.advance(60)
    const all = made.registry.healthCheckAll()
    await made.clock.advance(60)
    expect(await all).toEqual({ '*.llm.a': false })
    expect(asked).toHaveLength(1)
    await made.registry.close()
  })

  it('B-M4: 50 that hang delay nobody, and a dead one is seen within two intervals', async () => {
    const made = scene({ health: { fall: 1 }, circuit: { failureThreshold: 100 } })
    for (let at = 0; at < 50; at++) watched(made, `hangs-${at}`, () => never)
    let well = true
    watched(made, 'dies', () => well)
    const others = Array.from({ length: 10 }, (_, at) => watched(made, `well-${at}`, () => true))
    await made.registry.start()
    await made.clock.advance(100_000)
    expect(made.registry.get('dies')?.health).toBe('healthy')
    well = false
    await made.clock.advance(59_999)
    expect(made.registry.get('dies')?.health).toBe('unhealthy')
    for (const asked of others)
      for (const gap of gaps(asked)) expect(gap).toBeLessThanOrEqual(36_000 + 4_000)
    await made.registry.close()
  })

  it('takes a throw for a no, and goes on', async () => {
    const made = scene({ health: { intervalMs: 1_000 }, circuit: { failureThreshold: 100 } })
    const asked = watched(made, 'a', () => {
      throw new Error('at once')
    })
    await made.registry.start()
    await made.clock.advance(10_000)
    expect(asked.length).toBeGreaterThan(7)
    expect(made.registry.get('a')?.health).toBe('unhealthy')
    await made.registry.close()
  })

  it('takes no harm from listeners that throw', async () => {
    const made = scene({ health: { intervalMs: 1_000, fall: 1 } })
    made.registry.on('provider.health-changed', () => {
      throw new Error('mine')
    })
    let turn = 0
    const asked = watched(made, 'a', () => {
      turn += 1
      return turn % 2 === 0
    })
    await made.registry.start()
    await made.clock.advance(10_000)
    expect(asked.length).toBeGreaterThan(7)
    await made.registry.close()
  })
})

describe('while it is checked', () => {
  it('one that leaves is told, is judged no more and leaves no timer', async () => {
    const made = counted()
    let signal: AbortSignal | undefined
    const check = (given: AbortSignal): Promise<never> => {
      signal = given
      return never
    }
    made.registry.register({ service: 'llm', name: 'a', provider: {}, health: { check } })
    await made.registry.start()
    await made.clock.advance(10)
    expect(signal?.aborted).toBe(false)
    made.registry.unregister('a')
    expect(signal?.aborted).toBe(true)
    await made.clock.advance(0)
    expect(made.clock.timers).toBe(0)
    expect(made.registry.metrics().healthCheckFailures).toBe(0)
    await made.registry.close()
  })

  it('one that is replaced is not judged by the answer of the one before', async () => {
    const made = scene()
    let answer: (well: boolean) => void = () => {}
    watched(
      made,
      'a',
      () =>
        new Promise<boolean>((resolve) => {
          answer = resolve
        }),
    )
    await made.registry.start()
    await made.clock.advance(10)
    const asked: number[] = []
    const check = (): boolean => asked.push(made.clock.now()) > 0
    made.registry.register({
      service: 'llm',
      name: 'a',
      provider: {},
      health: { check },
      replace: true,
    })
    answer(false)
    await made.clock.advance(0)
    expect(made.registry.get('a')?.health).toBe('unknown')
    await made.clock.advance(36_000)
    expect(asked).toHaveLength(1)
    expect(made.registry.get('a')?.health).toBe('healthy')
    await made.registry.close()
  })

  it('one that is replaced does not inherit the failures of the one before', async () => {
    const made = scene({ circuit: { failureThreshold: 100 }, health: { intervalMs: 1_000 } })
    const asked = watched(made, 'a', () => false)
    await made.registry.start()
    while (asked.length < 2) await made.clock.advance(10)
    expect(made.registry.get('a')?.health).toBe('degraded')
    const provider = { isHealthy: (): boolean => false }
    made.registry.register({ service: 'llm', name: 'a', provider, replace: true })
    await made.clock.advance(1_300)
    expect(made.registry.get('a')?.health).toBe('degraded')
    await made.registry.close()
  })

  it('one that is replaced by one without a check is left alone, and asked again when it has one', async () => {
    const made = scene()
    watched(made, 'a', () => true)
    await made.registry.start()
    await made.clock.advance(10)
    made.registry.register({ service: 'llm', name: 'a', provider: {}, replace: true })
    await made.clock.advance(100_000)
    expect(made.registry.get('a')?.health).toBe('unknown')
    const isHealthy = (): boolean => true
    made.registry.register({ service: 'llm', name: 'a', provider: { isHealthy }, replace: true })
    await made.clock.advance(36_000)
    expect(made.registry.get('a')?.health).toBe('healthy')
    await made.registry.close()
  })

  it('changes of the record do not put the next check off', async () => {
    const made = scene({ health: { intervalMs: 1_000 } })
    const asked = watched(made, 'a', () => true)
    await made.registry.start()
    for (let at = 0; at < 100; at++) {
      made.registry.update('a', { version: `1.${at}` })
      await made.clock.advance(100)
    }
    expect(asked.length).toBeGreaterThanOrEqual(8)
    await made.registry.close()
  })

  it('close stops everything at once, and leaves no timer', async () => {
    const made = counted()
    for (let at = 0; at < 100; at++) watched(made, `a-${at}`, () => never)
    await made.registry.start()
    await made.clock.advance(500)
    expect(made.clock.timers).toBeGreaterThan(10)
    await made.registry.close()
    await made.clock.advance(0)
    expect(made.clock.timers).toBe(0)
  })

  it('a check that asks the registry for its own provider ends', async () => {
    const made = scene()
    const asked = watched(
      made,
      'a',
      async () => (await made.registry.getService('llm')) !== undefined,
    )
    const found = made.registry.getService('llm')
    await made.clock.advance(2_000)
    expect(await found).toBeUndefined()
    expect(asked).toHaveLength(1)
  })
})

describe('what a check learns', () => {
  it('updates the provider in one turn with its verdict', async () => {
    const made = heardScene()
    let version = '1.0'
    watched(made, 'a', () => ({
      status: 'healthy',
      version,
      models: ['small', 'large'],
      capabilities: ['chat'],
      limits: { context: 8_192 },
    }))
    await made.registry.start()
    await made.clock.advance(1)
    expect(made.registry.get('a')).toMatchObject({
      health: 'healthy',
      version: '1.0',
      models: ['small', 'large'],
      limits: { context: 8_192 },
    })
    expect(made.registry.resolve('llm', { requires: ['chat'] })?.provider).toBe('a')
    made.events.length = 0
    await made.clock.advance(36_000)
    expect(made.events).toEqual([])
    version = '1.1'
    await made.clock.advance(36_000)
    expect(made.events).toMatchObject([{ type: 'provider.changed', view: { version: '1.1' } }])
    await made.registry.close()
  })

  it('that cannot be read leaves the verdict', async () => {
    const made = scene()
    const models = Array.from({ length: 10_001 }, (_, at) => `m-${at}`)
    watched(made, 'a', () => ({ status: 'degraded', models }))
    await made.registry.healthCheckAll()
    expect(made.registry.get('a')).toMatchObject({ health: 'degraded', models: [] })
  })
})
