import { describe, expect, it, onTestFinished } from 'vitest'
import { settled } from '../../src/core/clock.js'
import { type RegistryOptions, ServiceRegistry } from '../../src/index.js'
import type { Store } from '../../src/store/index.js'
import { FakeClock, FakeProvider, seededRandom } from '../../src/testing/index.js'
import { type SharedMemory, sharedMemory } from '../store/shared-memory.js'

interface Services {
  readonly llm: Pick<FakeProvider, 'call'>
}

const circuit = {
  failureThreshold: 1,
  recoveryTimeoutMs: 10_000,
  timeoutMs: 2_000,
  successThreshold: 1,
}
const limited = Object.assign(new Error('slow down'), {
  status: 429,
  headers: { 'retry-after': '60' },
})

interface Node {
  readonly registry: ServiceRegistry<Services>
  readonly one: FakeProvider
  /** One call of the provider `one`; what it was refused for, if it was. */
  call(): Promise<unknown>
  /** Why it may not be called now. */
  refusal(): unknown
}

interface Place {
  readonly memory: SharedMemory
  readonly clock: FakeClock
  node(options?: RegistryOptions<Services>, store?: Store): Promise<Node>
  /** Until nobody has anything left to write or to read. */
  quiet(): Promise<void>
}

function place(): Place {
  const memory = sharedMemory()
  const clock = new FakeClock(1_000_000)
  const node: Place['node'] = async (options = {}, store = memory.open()) => {
    const shared = { clock, random: seededRandom(1), circuit, shareCircuits: true }
    const registry = new ServiceRegistry<Services>({ ...shared, store, ...options })
    const one = new FakeProvider({ name: 'one' })
    registry.register({
      service: 'llm',
      name: 'one',
      provider: { call: () => one.call() },
      address: 'http://one',
      credential: 'key',
    })
    await registry.start()
    onTestFinished(() => registry.close().catch(() => {}))
    return {
      registry,
      one,
      call: async () => (await registry.requireService('llm')).call(),
      refusal: () => registry.explain('llm').candidates[0]?.verdict,
    }
  }
  const quiet = async (): Promise<void> => {
    for (let idle = 0, before = -1; idle < 30; idle++) {
      await settled()
      if (memory.groups.length !== before) idle = 0
      before = memory.groups.length
    }
  }
  return { memory, clock, node, quiet }
}

type Shared = Place & { readonly store?: Store }

/** `store` is that of the first. */
async function pair(options: RegistryOptions<Services> = {}, shared: Shared = place()) {
  const [a, b] = [await shared.node(options, shared.store), await shared.node(options)]
  await shared.quiet()
  return { ...shared, a, b }
}

/** A pair whose circuits are open, and whose rest is over. */
async function rested(options: RegistryOptions<Services> = {}, shared: Shared = place()) {
  const both = await pair(options, shared)
  both.a.one.fail(new Error('broken'))
  await both.a.call().catch(() => {})
  await both.quiet()
  expect(both.b.refusal()).toEqual({ reason: 'circuit-open', retryAfterMs: 10_000 })
  await both.clock.advance(10_000)
  expect(both.b.refusal()).toBe('chosen')
  return both
}

/** A store of this place whose writes hang from some time on, until the test is over. */
function stuck(memory: SharedMemory): { readonly store: Store; hang(): void } {
  const store = memory.open()
  const waiting: ((error: Error) => void)[] = []
  let hangs = false
  return {
    store: {
      ...store,
      apply: (changes) =>
        hangs ? new Promise((_, reject) => waiting.push(reject)) : store.apply(changes),
    },
    hang() {
      hangs = true
      onTestFinished(() => {
        hangs = false
        for (const fail of waiting) fail(new Error('gone'))
      })
    },
  }
}

describe('a probe of another registry', () => {
  it('is waited for, and closes the circuit here when it succeeds', async () => {
    const { a, b, quiet, clock } = await rested()
    a.one.stall()
    const probe = a.call()
    await quiet()
    expect(b.refusal()).toEqual({ reason: 'circuit-open', retryAfterMs: 2_000 })
    await expect(b.call()).rejects.toMatchObject({ code: 'SWITCHGEAR_NO_PROVIDER' })
    a.one.succeed('well').release()
    await clock.advance(0)
    await probe
    await quiet()
    expect(b.registry.circuit('one').state).toBe('closed')
    expect(b.refusal()).toBe('chosen')
  })

  it('opens it for another rest when it fails', async () => {
    const { a, b, quiet, clock } = await rested()
    await a.call().catch(() => {})
    await quiet()
    expect(b.refusal()).toEqual({ reason: 'circuit-open', retryAfterMs: 10_000 })
    await clock.advance(9_999)
    expect(b.refusal()).toMatchObject({ reason: 'circuit-open' })
  })

  it('is waited for no longer than its lease when that registry dies', async () => {
    const shared = place()
    const { store, hang } = stuck(shared.memory)
    const { a, b, quiet, clock } = await rested({}, { ...shared, store })
    a.one.stall()
    a.call().catch(() => {})
    await quiet()
    hang()
    b.one.succeed('well')
    await clock.advance(1_999)
    expect(b.refusal()).toMatchObject({ reason: 'circuit-open' })
    await clock.advance(1)
    await quiet()
    expect(await b.call()).toBe('well')
  })

  it('does not silence the one that is out here: whichever succeeds counts', async () => {
    const { a, b, quiet, clock } = await rested()
    a.one.stall()
    b.one.stall()
    const probes = [a.call(), b.call()]
    await quiet()
    b.one.succeed('well').release()
    await clock.advance(0)
    await probes[1]
    await quiet()
    for (const { registry } of [a, b]) expect(registry.circuit('one').state).toBe('closed')
    a.one.succeed('well').release()
    await clock.advance(0)
    await probes[0]
  })

  it('that was reserved by a lease is out as long as its call', async () => {
    const { a, b, quiet, clock } = await rested()
    const lease = a.registry.resolve('llm')
    await quiet()
    expect(b.refusal()).toEqual({ reason: 'circuit-open', retryAfterMs: 1_000 })
    a.one.stall()
    const run = lease?.run((one) => one.call())
    await quiet()
    expect(b.refusal()).toEqual({ reason: 'circuit-open', retryAfterMs: 2_000 })
    a.one.succeed('well').release()
    await clock.advance(0)
    await run
  })

  it("is nobody else's concern where circuits are not shared", async () => {
    const { memory, quiet, ...rest } = await pair({ shareCircuits: false })
    rest.a.one.fail(new Error('broken'))
    await rest.a.call().catch(() => {})
    await quiet()
    expect(memory.groups.at(-1)?.changes).toMatchObject([{ section: 'circuits', key: 'one' }])
    expect(rest.b.refusal()).toBe('chosen')
  })
})

describe('a pause after 429', () => {
  it('counts in the other registries, for what is left of it', async () => {
    const { a, b, quiet, clock } = await pair()
    a.one.fail(limited)
    await a.call().catch(() => {})
    await clock.advance(500)
    await quiet()
    expect(b.refusal()).toEqual({ reason: 'cooling', retryAfterMs: 59_500 })
    await clock.advance(59_500)
    expect(b.refusal()).toBe('chosen')
    expect(await b.call()).toBeDefined()
  })

  it('counts for all who use the credential there', async () => {
    const { a, b, quiet } = await pair()
    const provider = { call: async () => 'two' }
    b.registry.register({ service: 'llm', name: 'two', provider, credential: 'key' })
    a.one.fail(limited)
    await a.call().catch(() => {})
    await quiet()
    expect(b.registry.explain('llm').candidates.map(({ verdict }) => verdict)).toEqual([
      { reason: 'cooling', retryAfterMs: 60_000 },
      { reason: 'cooling', retryAfterMs: 60_000 },
    ])
  })

  it('does not where circuits are not shared', async () => {
    const { a, b, quiet } = await pair({ shareCircuits: false })
    a.one.fail(limited)
    await a.call().catch(() => {})
    await quiet()
    expect(b.refusal()).toBe('chosen')
  })

  it('is one entry of the store, which goes when the provider answers again', async () => {
    const { a, memory, quiet, clock } = await pair()
    const before = memory.groups.length
    a.one.fail(limited)
    await a.call().catch(() => {})
    await quiet()
    const pause = { from: clock.wall(), until: clock.wall() + 60_000 }
    const value = { provider: 'one', state: 'closed', failures: 0, pause }
    expect(memory.groups.slice(before).flatMap(({ changes }) => changes)).toEqual([
      { section: 'circuits', key: 'one', value },
    ])
    await clock.advance(60_000)
    a.one.succeed('well')
    await a.call()
    await quiet()
    expect(memory.groups.at(-1)?.changes).toEqual([{ section: 'circuits', key: 'one' }])
  })

  it('is not ended by a circuit that others close, nor does it end a streak of failures', async () => {
    const { a, b, quiet } = await pair({ circuit: { ...circuit, failureThreshold: 3 } })
    b.one.fail(new Error('broken'))
    for (let call = 0; call < 2; call++) await b.call().catch(() => {})
    a.one.fail(limited)
    await a.call().catch(() => {})
    await quiet()
    expect(b.registry.circuit('one').stats.consecutiveFailures).toBe(2)
    a.registry.circuit('one').trip(1_000)
    await quiet()
    a.registry.circuit('one').reset()
    await quiet()
    expect(b.registry.circuit('one').state).toBe('closed')
    expect(b.refusal()).toEqual({ reason: 'cooling', retryAfterMs: 60_000 })
  })

  it.each(['answers', 'is reset'])('goes on after a restart, until it %s', async (how) => {
    const { a, node, memory, quiet, clock } = await pair()
    a.one.fail(limited)
    await a.call().catch(() => {})
    await quiet()
    await a.registry.close()
    await clock.advance(1_000)
    const later = await node({ shareCircuits: false })
    expect(later.refusal()).toEqual({ reason: 'cooling', retryAfterMs: 59_000 })
    if (how === 'is reset') later.registry.circuit('one').reset()
    else await clock.advance(59_000)
    later.one.succeed('well')
    await later.call()
    await quiet()
    expect(memory.groups.at(-1)?.changes).toEqual([{ section: 'circuits', key: 'one' }])
  })

  it('is never longer than it was, whatever the clock of another says', async () => {
    const { b, memory, quiet, clock } = await pair()
    const ahead = clock.wall() + 1e9
    memory.write([
      {
        section: 'circuits',
        key: 'one',
        value: {
          provider: 'one',
          state: 'closed',
          failures: 0,
          pause: { from: ahead, until: ahead + 5_000 },
        },
      },
    ])
    await quiet()
    expect(b.refusal()).toEqual({ reason: 'cooling', retryAfterMs: 5_000 })
  })
})

it('nothing of it waits for a store that hangs: each registry decides by itself', async () => {
  const shared = place()
  const { store, hang } = stuck(shared.memory)
  const a = await shared.node({}, store)
  const b = await shared.node()
  await shared.quiet()
  hang()
  for (const { one, call } of [a, b]) {
    one.fail(new Error('broken'))
    await call().catch(() => {})
  }
  await shared.quiet()
  await shared.clock.advance(10_000)
  for (const { one, call } of [a, b]) {
    one.succeed('well')
    expect(await call()).toBe('well')
  }
  expect(a.registry.circuit('one').state).toBe('closed')
})
