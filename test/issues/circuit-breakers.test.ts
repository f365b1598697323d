import { describe, expect, it } from 'vitest'
import { type CircuitOptions, ServiceRegistry } from '../../src/index.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { seededRandom } from '../../src/testing/seeded-random.js'
import { deferred, watch } from '../guard/rig.js'

/*
 * What users of other circuit breakers report, by its number in the list of pitfalls, part 2 A.
 * Rows 14 and 15 are about state shared between processes and about ejection, which come later.
 */

type Llm = { ask(...args: unknown[]): unknown }

function make(work: Llm['ask'], circuit: CircuitOptions = {}, more: object = {}, seed = 1) {
  const clock = new FakeClock()
  const registry = new ServiceRegistry<{ llm: Llm }>({ clock, circuit, random: seededRandom(seed) })
  registry.register({ service: 'llm', name: 'alpha', provider: { ask: work }, ...more })
  const handle = registry.circuit('alpha')
  const ask = async (...args: unknown[]): Promise<unknown> =>
    (await registry.requireService('llm')).ask(...args)
  return { clock, registry, handle, ask }
}

const error = (fields: object = {}) => Object.assign(new Error('down'), fields)
const down = async () => {
  throw error()
}
const halfOpen = async ({ clock, handle }: ReturnType<typeof make>): Promise<void> => {
  handle.trip(100, 'test')
  await clock.advance(100)
}

describe('pitfalls of circuit breakers (2 A)', () => {
  it('1: a probe that never settles or never reports does not wedge it', async () => {
    const own = make(() => new Promise(() => {}), { timeoutMs: 1_000, recoveryTimeoutMs: 500 })
    await halfOpen(own)
    const { clock, handle, registry, ask } = own
    const hung = watch(ask())
    await clock.advance(1_000)
    expect(hung.state).toBe('rejected')
    expect(handle.state).toBe('open')
    await clock.advance(500)
    // Looked up and never called: the lease runs out by itself.
    await registry.requireService('llm')
    expect(() => handle.check()).toThrow('is half-open')
    await clock.advance(1_000)
    expect(() => handle.check()).not.toThrow()
    expect(handle.state).toBe('half-open')
    // Resolved and never reported: the same.
    registry.resolve('llm')
    expect(registry.resolve('llm')).toBeUndefined()
    await clock.advance(1_000)
    expect(registry.resolve('llm')).toBeDefined()
  })

  it('2: half-open admits a bounded number, however many come at once', async () => {
    for (const halfOpenPermits of [1, 3]) {
      let running = 0
      const own = make(
        () => {
          running += 1
          return new Promise(() => {})
        },
        { halfOpenPermits },
      )
      await halfOpen(own)
      const { registry, clock } = own
      const calls = Array.from({ length: 100 }, () =>
        watch(registry.call('llm', {}, (llm) => llm.ask(), { attempts: 1 })),
      )
      await clock.advance(0)
      expect(running).toBe(halfOpenPermits)
      expect(calls.filter(({ state }) => state === 'rejected')).toHaveLength(100 - halfOpenPermits)
    }
  })

  it('3: one lucky success does not close it', async () => {
    const own = make(async () => 'fine', { successThreshold: 3 })
    await halfOpen(own)
    const { ask, handle } = own
    const states: string[] = []
    for (let turn = 0; turn < 3; turn++) {
      await ask()
      states.push(handle.state)
    }
    expect(states).toEqual(['half-open', 'half-open', 'closed'])
  })

  it('4: many circuits that opened together do not probe together', () => {
    const rests = Array.from({ length: 50 }, (_, seed) => {
      const { handle } = make(down, { failureThreshold: 1, backoff: { jitter: 0.5 } }, {}, seed)
      handle.recordFailure()
      return handle.stats.retryAfterMs
    })
    expect(new Set(rests).size).toBeGreaterThan(45)
  })

  it('5: calls that began before the trip do not move the state', async () => {
    const [good, bad] = [deferred(), deferred()]
    const works = [good.promise, bad.promise, new Promise(() => {})]
    const own = make(() => works.shift(), { successThreshold: 1, failureThreshold: 1 })
    const { ask, clock, handle } = own
    watch(ask())
    watch(ask())
    await clock.advance(0)
    await halfOpen(own)
    watch(ask()) // the probe is on its way
    await clock.advance(0)
    good.resolve('late')
    bad.reject(error())
    await clock.advance(0)
    expect(handle.state).toBe('half-open')
    expect(handle.stats).toMatchObject({ successes: 1, failures: 1, trips: 1 })
  })

  it('6: calls longer than the window of statistics still open it, and calls in flight do not count', async () => {
    const works: ReturnType<typeof deferred>[] = []
    const { ask, clock, handle } = make(
      () => {
        const work = deferred()
        works.push(work)
        return work.promise
      },
      { failureThreshold: 5, timeoutMs: 600_000, errorRatio: 0.5, minimumCalls: 10 },
    )
    for (let turn = 0; turn < 30; turn++) watch(ask())
    await clock.advance(120_000)
    for (const [at, work] of works.slice(0, 4).entries()) {
      work.reject(error())
      await clock.advance(15_000)
      expect(handle.stats).toMatchObject({ state: 'closed', consecutiveFailures: at + 1 })
    }
    works[4]?.reject(error())
    await clock.advance(0)
    expect(handle.state).toBe('open')
  })

  it('6: one failure among a hundred does not open it', async () => {
    let turn = 0
    const { ask, handle, clock } = make(
      async () => {
        turn += 1
        if (turn === 50) throw error()
        return 'fine'
      },
      { errorRatio: 0.5, minimumCalls: 1 },
    )
    for (let call = 0; call < 100; call++) {
      watch(ask())
      await clock.advance(11_000)
    }
    expect(handle.stats).toMatchObject({ state: 'closed', failures: 1, successes: 99 })
  })

  it('7: a total outage at low traffic opens it, whatever minimum the ratio has', async () => {
    const { ask, handle, clock } = make(down, {
      failureThreshold: 5,
      errorRatio: 0.5,
      minimumCalls: 100,
    })
    for (let turn = 0; turn < 5; turn++) {
      watch(ask())
      await clock.advance(3_600_000)
    }
    expect(handle.stats.trips).toBe(1)
  })

  it('7: a minimum that the window cannot hold does not switch the ratio off', async () => {
    const { ask, handle, clock } = make(down, {
      failureThreshold: 1_000,
      errorRatio: 0.5,
      windowSize: 10,
    })
    for (let turn = 0; turn < 10; turn++) watch(ask())
    await clock.advance(0)
    expect(handle.state).toBe('open')
  })

  it('8: what is refused here never counts against the provider', async () => {
    const { registry, handle, clock } = make(
      () => new Promise(() => {}),
      { failureThreshold: 1 },
      { concurrency: 1 },
    )
    const calls = Array.from({ length: 11 }, () =>
      watch(registry.call('llm', {}, (llm) => llm.ask(), { attempts: 1 })),
    )
    await clock.advance(0)
    expect(calls.filter(({ state }) => state === 'rejected')).toHaveLength(10)
    expect(handle.stats).toMatchObject({ state: 'closed', failures: 0, calls: 1 })
  })

  it('9: time-outs open it', async () => {
    const { ask, handle, clock } = make(() => new Promise(() => {}), { timeoutMs: 100 })
    for (let turn = 0; turn < 5; turn++) watch(ask())
    await clock.advance(100)
    expect(handle.stats).toMatchObject({ state: 'open', timeouts: 5, failures: 5 })
  })

  it('10: each call has its own signal, also after one was aborted', async () => {
    const { registry, clock } = make(async () => 'fine', { timeoutMs: 100 })
    const signals: AbortSignal[] = []
    const call = (work: () => unknown) =>
      watch(
        registry.call(
          'llm',
          {},
          (_, { signal }) => {
            signals.push(signal)
            return work()
          },
          { attempts: 1 },
        ),
      )
    call(() => new Promise(() => {}))
    await clock.advance(100)
    call(async () => 'fine')
    await clock.advance(0)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
    expect(new Set(signals).size).toBe(2)
  })

  it('11: users who cancel trip nothing and cool nothing', async () => {
    const { registry, handle, clock } = make(() => new Promise(() => {}), { failureThreshold: 1 })
    for (let turn = 0; turn < 20; turn++) {
      const stop = new AbortController()
      const call = watch(registry.call('llm', {}, (llm) => llm.ask(), { signal: stop.signal }))
      await clock.advance(1)
      stop.abort(error())
      await clock.advance(1)
      expect(call).toEqual({ state: 'rejected', value: stop.signal.reason })
    }
    expect(handle.stats).toMatchObject({ state: 'closed', neutral: 20, failures: 0 })
    expect(registry.resolve('llm')).toBeDefined()
  })

  it('11: a cancelled probe gives its permit back', async () => {
    const own = make(() => new Promise(() => {}))
    await halfOpen(own)
    const { registry, handle, clock } = own
    const stop = new AbortController()
    watch(registry.call('llm', {}, (llm) => llm.ask(), { signal: stop.signal }))
    await clock.advance(0)
    expect(() => handle.check()).toThrow('is half-open')
    stop.abort()
    await clock.advance(0)
    expect(() => handle.check()).not.toThrow()
    expect(handle.state).toBe('half-open')
  })

  it('12: idle circuits cost no timer', async () => {
    const clock = new (class extends FakeClock {
      timers = 0
      override every(ms: number, fn: () => void): () => void {
        this.timers += 1
        return super.every(ms, fn)
      }
      override sleep(ms: number, signal?: AbortSignal): Promise<void> {
        this.timers += 1
        return super.sleep(ms, signal)
      }
    })()
    const registry = new ServiceRegistry({ clock })
    for (let at = 0; at < 500; at++) {
      registry.register({ service: 'llm', name: `p${at}`, provider: {} })
      registry.circuit(`p${at}`).opossum.on('open', () => {})
      if (at % 2 === 0) registry.circuit(`p${at}`).trip(1_000 + at)
    }
    await clock.advance(60_000)
    expect(clock.timers).toBe(0)
  })

  it('13: saved with 50 ms left, it waits 50 ms after the restart', async () => {
    const { handle, clock } = make(down)
    clock.setWall(1_700_000_000_000)
    handle.trip(60_000, 'test')
    await clock.advance(59_950)
    const saved = JSON.parse(JSON.stringify(handle.export()))
    const next = make(down)
    next.clock.setWall(1_700_000_059_950)
    next.handle.restore(saved)
    await next.clock.advance(49)
    expect(next.handle.state).toBe('open')
    await next.clock.advance(1)
    expect(next.handle.state).toBe('half-open')
  })
})
