import { CircuitOpenError, SaturatedError, UnavailableError } from 'switchgear'
import { describe, expect, it } from 'vitest'
import { deferred, httpError, idle, scene, watch } from './scene.js'

const provider = { ask: async (text: string) => text, now: () => 1 }

function leasing(options: object = {}, registration: object = {}) {
  const set = scene<{ llm: typeof provider }>(options)
  set.registry.register({ service: 'llm', name: 'p', provider, ...registration })
  const { registry } = set
  return { ...set, circuit: registry.circuit('p'), lease: () => registry.resolve('llm') }
}

describe('a lease', () => {
  it('is the raw instance of the best provider, at once', () => {
    const { lease } = leasing()
    expect(lease()?.provider).toBe('p')
    expect(lease()?.instance).toBe(provider)
    expect(leasing().registry.resolve('other' as never)).toBeUndefined()
  })

  it('runs one guarded call: a promise, a value, or what it throws', async () => {
    const { lease, calls, circuit } = leasing()
    expect(await lease()?.run((llm) => llm.ask('hi'))).toBe('hi')
    expect(lease()?.run((llm) => llm.now())).toBe(1)
    const error = httpError(500)
    expect(() =>
      lease()?.run(() => {
        throw error
      }),
    ).toThrow(error)
    await expect(lease()?.run(() => Promise.reject(error))).rejects.toBe(error)
    expect(calls()).toEqual([
      'call.succeeded p',
      'call.succeeded p',
      'call.failed p',
      'call.failed p',
    ])
    expect(circuit.stats).toMatchObject({ calls: 4, successes: 2, failures: 2 })
  })

  it('gives its call a signal that ends with its time', async () => {
    const { lease, clock } = leasing({ circuit: { timeoutMs: 50 } })
    let seen: AbortSignal | undefined
    const run = watch(
      lease()?.run((_, { signal }) => {
        seen = signal
        return new Promise<never>(() => {})
      }) as Promise<never>,
    )
    expect(seen?.aborted).toBe(false)
    await clock.advance(50)
    expect(run.error).toMatchObject({ code: 'SWITCHGEAR_CALL_TIMEOUT' })
    expect(seen?.reason).toBe(run.error)
  })

  it('says what became of work that was done elsewhere, once', () => {
    const { lease, calls, circuit } = leasing({ circuit: { failureThreshold: 2 } })
    const good = lease()
    good?.succeed()
    good?.succeed()
    good?.fail(new Error('too late'))
    good?.release()
    expect(circuit.stats).toMatchObject({ calls: 1, successes: 1, failures: 0 })
    lease()?.fail(new Error('bad'))
    lease()?.fail(httpError(400))
    lease()?.fail(new Error('worse'))
    expect(circuit.state).toBe('open')
    expect(calls()).toEqual(['call.succeeded p', 'call.failed p', 'call.failed p', 'call.failed p'])
    expect(lease()).toBeUndefined()
  })

  it('changes nothing when it is released, disposed of or dropped', () => {
    const { lease, calls, circuit, registry } = leasing()
    lease()?.release()
    {
      using held = lease()
      expect(held?.provider).toBe('p')
    }
    lease()
    expect(calls()).toEqual([])
    expect(circuit.stats.calls).toBe(0)
    expect(idle(registry as never)).toBe(true)
  })

  it('runs again only if it is admitted again', async () => {
    const { lease, circuit, calls } = leasing()
    const held = lease()
    await held?.run((llm) => llm.ask('1'))
    await held?.run((llm) => llm.ask('2'))
    circuit.isolate()
    expect(() => held?.run((llm) => llm.now())).toThrow(CircuitOpenError)
    expect(calls()).toEqual(['call.succeeded p', 'call.succeeded p', 'call.refused p'])
  })

  it('is refused where the provider is full or gone meanwhile', async () => {
    const { lease, registry } = leasing({}, { concurrency: 1 })
    const work = deferred<string>()
    const [one, two, three] = [lease(), lease(), lease()]
    const run = one?.run(() => work.promise)
    expect(() => two?.run((llm) => llm.now())).toThrow(SaturatedError)
    registry.unregister('p')
    expect(() => three?.run((llm) => llm.now())).toThrow(UnavailableError)
    work.resolve('done')
    expect(await run).toBe('done')
  })

  it('counts as one look-up, hit or miss', () => {
    const { lease, registry, circuit } = leasing()
    lease()
    circuit.isolate()
    lease()
    expect(registry.metrics()).toMatchObject({ lookups: 2, hits: 1, misses: 1, hitRate: 0.5 })
  })
})

describe('a lease on a half-open provider', () => {
  const halfOpen = async (permits = 1) => {
    const set = leasing({
      circuit: { recoveryTimeoutMs: 1_000, successThreshold: 1, halfOpenPermits: permits },
    })
    set.circuit.trip()
    await set.clock.advance(1_000)
    return set
  }

  it('is a probe: so many at once as there are permits', async () => {
    const { lease } = await halfOpen(2)
    const held = [lease(), lease(), lease()]
    expect(held.map((one) => one?.provider)).toEqual(['p', 'p', undefined])
  })

  it('goes to the next one at once when it is released or disposed of', async () => {
    const { lease, circuit } = await halfOpen()
    lease()?.release()
    {
      using held = lease()
      expect(held).toBeDefined()
      expect(lease()).toBeUndefined()
    }
    expect(circuit.state).toBe('half-open')
    lease()?.succeed()
    expect(circuit.state).toBe('closed')
  })

  it('is lost after 1,000 ms unused, neutrally', async () => {
    const { lease, clock, circuit } = await halfOpen()
    const unused = lease()
    await clock.advance(1_000)
    const next = lease()
    expect(next?.provider).toBe('p')
    expect(() => unused?.run((llm) => llm.now())).toThrow(CircuitOpenError)
    expect(circuit.state).toBe('half-open')
  })

  it('closes or opens the circuit by its call', async () => {
    const good = await halfOpen()
    await good.lease()?.run((llm) => llm.ask('x'))
    expect(good.circuit.state).toBe('closed')
    const bad = await halfOpen()
    await bad
      .lease()
      ?.run(() => Promise.reject(httpError(500)))
      .catch(() => {})
    expect(bad.circuit.state).toBe('open')
    const neutral = await halfOpen()
    await neutral
      .lease()
      ?.run(() => Promise.reject(httpError(400)))
      .catch(() => {})
    expect(neutral.circuit.state).toBe('half-open')
    expect(neutral.lease()).toBeDefined()
  })
})
