import { type RegistryEventType, ServiceRegistry } from 'switchgear'
import { FakeClock, seededRandom } from 'switchgear/testing'
import { describe, expect, it } from 'vitest'
import { httpError, never } from './scene.js'

interface Work {
  run(): Promise<number>
  now(): number
  read(): AsyncIterable<number>
}

const eventTypes: readonly RegistryEventType[] = [
  'provider.added',
  'provider.changed',
  'provider.removed',
  'circuit.opened',
  'circuit.half-opened',
  'circuit.closed',
  'call.succeeded',
  'call.failed',
  'call.refused',
  'call.failed-over',
  'listener.failed',
]

/**
 * Providers come, go, trip and reset while calls of every kind run on them; everything that can
 * listen throws. Time and chance are given, so a seed that fails fails again.
 */
async function storm(seed: number, calls: number) {
  const chance = seededRandom(seed)
  const below = (count: number): number => Math.floor(chance() * count)
  const one = <T>(list: readonly T[]): T => list[below(list.length)] as T
  const clock = new FakeClock()
  const thrower = (): never => {
    throw new Error('a listener broke')
  }
  const registry = new ServiceRegistry<{ work: Work }>({
    clock,
    random: seededRandom(seed + 1),
    circuit: { timeoutMs: 100, failureThreshold: 3, recoveryTimeoutMs: 200, successThreshold: 2 },
    services: { work: { idempotent: true } },
    logger: { debug: thrower, info: thrower, warn: thrower, error: thrower },
    classify: (error) => (chance() < 0.5 ? thrower() : (error as never)),
  })
  const told = new Map<string, number>()
  for (const type of eventTypes) {
    registry.on(type, thrower)
    registry.on(type, async () => thrower())
    registry.on(type, (event) => {
      const key = 'provider' in event ? `${type} ${event.provider}` : type
      told.set(key, (told.get(key) ?? 0) + 1)
    })
  }

  const errors = [500, 503, 429, 400, 401].map((status) => httpError(status))
  const provider = (): Work => ({
    async run() {
      const luck = chance()
      if (luck < 0.1) return never
      if (luck < 0.5) await clock.sleep(below(150))
      if (chance() < 0.4) throw one(errors)
      return 1
    },
    now() {
      if (chance() < 0.3) throw one(errors)
      return 2
    },
    async *read() {
      if (chance() < 0.3) throw one(errors)
      yield 1
      await clock.sleep(below(50))
      if (chance() < 0.3) throw one(errors)
      yield 2
    },
  })
  let made = 0
  const present: string[] = []
  const register = (): void => {
    const name = `p${made++}`
    const options = {
      service: 'work' as const,
      name,
      group: below(2),
      concurrency: 1 + below(20),
      priority: one(['high', 'normal', 'low'] as const),
    }
    if (chance() < 0.2)
      registry.register({
        ...options,
        connect: async () => {
          await clock.sleep(below(150))
          if (chance() < 0.4) throw one(errors)
          return provider()
        },
      })
    else registry.register({ ...options, provider: provider() })
    for (const event of ['fire', 'success', 'failure', 'timeout', 'reject', 'open', 'close'])
      registry.circuit(name).opossum.on(event as 'open', thrower)
    present.push(name)
  }
  for (let at = 0; at < 6; at++) register()

  const changes: (() => void)[] = [
    register,
    () => {
      if (present.length > 3) registry.unregister(present.splice(below(present.length), 1)[0] ?? '')
    },
    () => registry.circuit(one(present)).trip(below(300)),
    () => registry.circuit(one(present)).reset(),
    () => registry.circuit(one(present)).isolate(),
    () => registry.circuit(one(present)).recordFailure(),
    () => registry.setPriority(one(present), one(['critical', 'normal', 'fallback'])),
    () => registry.resetCircuits(),
  ]

  const client = registry.client('work')
  const collect = async (stream: AsyncIterable<number>): Promise<number> => {
    let sum = 0
    for await (const item of stream) {
      sum += item
      if (chance() < 0.1) break
    }
    return sum
  }
  const options = () => {
    const stop = new AbortController()
    if (chance() < 0.2) void clock.sleep(below(200)).then(() => stop.abort(new Error('stopped')))
    return { attempts: 1 + below(4), signal: stop.signal, timeoutMs: 1 + below(1_000) }
  }
  const ways: (() => unknown)[] = [
    () => registry.call('work', {}, (work) => work.run(), options()),
    () => registry.call('work', {}, () => registry.call('work', {}, (work) => work.run())),
    () => client.run(),
    () => client.now(),
    () => collect(client.read()),
    () => collect(registry.stream('work', {}, (work) => work.read(), options())),
    () => registry.getService('work').then((work) => work?.run()),
    () => registry.getService('work').then((work) => work && collect(work.read())),
    () => registry.resolve('work')?.run((work) => work.run()),
    () => registry.resolve('work')?.release(),
    () => registry.resolve('work')?.succeed(),
    () => registry.resolve('work')?.fail(one(errors)),
  ]

  const settlements = new Array<number>(calls).fill(0)
  const settle = (call: number) => (): void => {
    settlements[call] = (settlements[call] ?? 0) + 1
  }
  const start = (call: number): void => {
    try {
      Promise.resolve(one(ways)()).then(settle(call), settle(call))
    } catch {
      settle(call)()
    }
  }
  for (let call = 0; call < calls; call++) {
    start(call)
    if (chance() < 0.3) one(changes)()
    if (chance() < 0.1) await clock.advance(below(60))
  }
  await clock.advance(200_000)
  return { registry, settlements, told, present, clock }
}

describe('a storm', () => {
  it.each([1, 2, 3, 4, 5, 6])('settles every call exactly once: seed %d', async (seed) => {
    const { registry, settlements } = await storm(seed, 1_000)
    expect(settlements.filter((count) => count !== 1)).toEqual([])
    for (const { name, inFlight } of registry.list()) expect([name, inFlight]).toEqual([name, 0])
  })

  it('leaves no slot taken and no probe out', async () => {
    const { registry, present, clock } = await storm(7, 1_000)
    registry.resetCircuits()
    await clock.advance(0)
    const verdicts = registry.explain('work').candidates.map(({ verdict }) => verdict)
    expect(verdicts.every((verdict) => verdict === 'chosen' || verdict === 'eligible')).toBe(true)
    expect(verdicts).toHaveLength(present.length)
  })

  it('tells exactly one event for each call of each provider', async () => {
    const { registry, told, present } = await storm(8, 1_000)
    let calls = 0
    for (const name of present) {
      const { stats } = registry.circuit(name)
      const count = (type: string) => told.get(`${type} ${name}`) ?? 0
      expect(count('call.succeeded')).toBe(stats.successes)
      expect(count('call.refused')).toBe(stats.refusals)
      expect(stats.successes + stats.failures + stats.neutral).toBe(stats.calls)
      calls += stats.calls
    }
    expect(calls).toBeGreaterThan(100)
    expect(told.get('listener.failed')).toBeGreaterThan(1_000)
  })

  it('of 1,000 calls at once over a registry that is closed under them', async () => {
    const clock = new FakeClock()
    const registry = new ServiceRegistry<{ work: () => Promise<number> }>({ clock })
    const chance = seededRandom(3)
    for (let at = 0; at < 5; at++)
      registry.register({
        service: 'work',
        strategy: 'round-robin',
        provider: async () => {
          await clock.sleep(chance() * 100)
          if (chance() < 0.5) throw httpError(500)
          return 1
        },
      })
    let settled = 0
    const done = () => {
      settled += 1
    }
    for (let call = 0; call < 1_000; call++)
      registry.call('work', {}, (work) => work(), { idempotent: true }).then(done, done)
    await clock.advance(20)
    await registry.close()
    await clock.advance(100_000)
    expect(settled).toBe(1_000)
  })
})

describe('100 calls in parallel over two providers', () => {
  it('are shared evenly, whatever fails', async () => {
    const clock = new FakeClock()
    const registry = new ServiceRegistry<{ work: () => Promise<string> }>({ clock })
    for (const name of ['a', 'b'])
      registry.register({
        service: 'work',
        name,
        strategy: 'round-robin',
        provider: async () => {
          await clock.sleep(10)
          return name
        },
      })
    const all = Promise.all(
      Array.from({ length: 100 }, () => registry.call('work', {}, (work) => work())),
    )
    await clock.advance(10)
    const answers = await all
    expect(answers.filter((answer) => answer === 'a')).toHaveLength(50)
  })
})

describe('clocks that jump', () => {
  it('the wall clock, in either direction, changes no wait', async () => {
    const clock = new FakeClock(1_700_000_000_000)
    const registry = new ServiceRegistry<{ work: () => Promise<string> }>({ clock })
    let up = false
    registry.register({
      service: 'work',
      name: 'a',
      circuit: { failureThreshold: 1, recoveryTimeoutMs: 1_000, successThreshold: 1 },
      provider: async () => {
        if (!up) throw httpError(500)
        return 'up'
      },
    })
    await registry.call('work', {}, (work) => work()).catch(() => {})
    clock.setWall(0)
    await clock.advance(999)
    expect(registry.circuit('a').state).toBe('open')
    clock.setWall(4_000_000_000_000)
    expect(registry.circuit('a').state).toBe('open')
    await clock.advance(1)
    up = true
    expect(await registry.call('work', {}, (work) => work())).toBe('up')
    expect(registry.circuit('a').state).toBe('closed')
  })

  it('a machine that slept for a day ends what was due, once, and goes on', async () => {
    const clock = new FakeClock()
    const registry = new ServiceRegistry<{ work: () => Promise<string> }>({ clock })
    let asked = 0
    registry.register({
      service: 'work',
      name: 'a',
      provider: () => {
        asked += 1
        return asked === 1 ? never : Promise.resolve('awake')
      },
    })
    const outcome = registry
      .call('work', {}, (work) => work(), { attempts: 1 })
      .catch((error: Error) => error.name)
    await clock.advance(86_400_000)
    expect(await outcome).toBe('CallTimeoutError')
    expect(await registry.call('work', {}, (work) => work())).toBe('awake')
    expect(registry.get('a')?.inFlight).toBe(0)
  })
})
