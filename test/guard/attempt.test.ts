import { describe, expect, it } from 'vitest'
import { CallTimeoutError } from '../../src/core/errors.js'
import { Attempt, type Caller } from '../../src/guard/attempt.js'
import { take } from '../../src/guard/take.js'
import { deferred, facts, rig, watch } from './rig.js'

function begin(options: Parameters<typeof rig>[0] = {}) {
  const own = rig(options)
  const attempt = own.guard.begin(facts, [], own.clock.now())
  return { ...own, attempt }
}

describe('time-outs', () => {
  it('a call past timeoutMs is a failure and rejects with CallTimeoutError', async () => {
    const { call, clock, guard, causes, told } = rig({ circuit: { timeoutMs: 100 } })
    const answer = watch(call(() => new Promise(() => {})))
    await clock.advance(99.9)
    expect(answer.state).toBe('pending')
    await clock.advance(0.1)
    expect(answer.state).toBe('rejected')
    expect(answer.value).toBeInstanceOf(CallTimeoutError)
    expect(answer.value).toMatchObject({
      code: 'SWITCHGEAR_CALL_TIMEOUT',
      provider: 'alpha',
      timeoutMs: 100,
      limit: 'call',
      retryable: true,
      message: "Provider 'alpha' did not answer within 100 ms",
    })
    expect(causes()).toEqual(['timeout'])
    expect(told[0]).toMatchObject({ durationMs: 100, facts })
    expect(guard.stats()).toMatchObject({ failures: 1, timeouts: 1, consecutiveFailures: 1 })
  })

  it('counts from the beginning of the call, whatever its sync part took', async () => {
    const { guard, clock } = rig({ circuit: { timeoutMs: 1_000 } })
    const attempt = guard.begin(facts, [], clock.now())
    await clock.advance(600)
    const answer = watch(take(attempt, () => new Promise(() => {})))
    await clock.advance(399)
    expect(answer.state).toBe('pending')
    await clock.advance(1)
    expect(answer.state).toBe('rejected')
  })

  it('the budget of the logical call may be shorter, and is named', async () => {
    const { attempt, clock, causes } = begin({ circuit: { timeoutMs: 100 } })
    attempt.allowedMs = 30.4
    const answer = watch(take(attempt, () => new Promise(() => {})))
    await clock.advance(31)
    expect(answer.value).toMatchObject({
      limit: 'budget',
      timeoutMs: 30,
      message: "The call to 'alpha' did not finish, retries included, within 30 ms",
    })
    expect(causes()).toEqual(['timeout'])
  })

  it('what is left of a budget that others spent proves nothing about who got it', async () => {
    for (const [allowedMs, leftover, cause] of [
      [30, true, 'aborted'],
      [30, false, 'timeout'],
      [300, true, 'timeout'],
    ] as const) {
      const { attempt, clock, causes } = begin({ circuit: { timeoutMs: 100 } })
      attempt.allowedMs = allowedMs
      attempt.leftover = leftover
      const answer = watch(take(attempt, () => new Promise(() => {})))
      await clock.advance(100)
      expect(answer.value).toBeInstanceOf(CallTimeoutError)
      expect(causes()).toEqual([cause])
    }
  })

  it('Infinity is no limit, and sets no deadline', async () => {
    const { call, clock, deadlines } = rig({ circuit: { timeoutMs: Number.POSITIVE_INFINITY } })
    const work = deferred()
    const answer = watch(call(() => work.promise))
    expect(deadlines.size).toBe(0)
    await clock.advance(1e9)
    expect(answer.state).toBe('pending')
    work.resolve('at last')
    await clock.advance(0)
    expect(answer).toEqual({ state: 'fulfilled', value: 'at last' })
  })

  it('sync methods are never timed out', async () => {
    const { call, clock, deadlines, guard } = rig({ circuit: { timeoutMs: 1 } })
    const answer = call(() => {
      void clock.advance(1_000)
      return 'slow'
    })
    expect(answer).toBe('slow')
    expect(deadlines.size).toBe(0)
    expect(guard.stats()).toMatchObject({ successes: 1, timeouts: 0 })
    await clock.advance(0)
  })

  it('what comes after the time-out changes nothing, whatever it is', async () => {
    for (const end of ['resolve', 'reject'] as const) {
      const { call, clock, guard, told } = rig({ circuit: { timeoutMs: 100 } })
      const work = deferred()
      const answer = watch(call(() => work.promise))
      await clock.advance(100)
      work[end](new Error('late'))
      await clock.advance(0)
      expect(answer.value).toBeInstanceOf(CallTimeoutError)
      expect(told).toHaveLength(1)
      expect(guard.stats()).toMatchObject({ calls: 1, successes: 0, failures: 1 })
    }
  })

  it('an answer at the last moment counts', async () => {
    const { call, clock, guard } = rig({ circuit: { timeoutMs: 100 } })
    const work = deferred()
    const answer = watch(call(() => work.promise))
    await clock.advance(99)
    work.resolve('just in time')
    await clock.advance(1_000)
    expect(answer).toEqual({ state: 'fulfilled', value: 'just in time' })
    expect(guard.stats().timeouts).toBe(0)
  })
})

describe('slots', () => {
  it('a timed-out call keeps its slot until its work settles', async () => {
    const { call, clock, guard } = rig({ circuit: { timeoutMs: 100 }, concurrency: 1 })
    const work = deferred()
    watch(call(() => work.promise))
    await clock.advance(100)
    expect(guard.inFlight).toBe(0)
    expect(guard.slots).toBe(1)
    expect(() => call(() => 1)).toThrow('as many as its concurrency allows')
    expect(guard.admitsAt(clock.now())).toBe(Number.POSITIVE_INFINITY)
    work.reject(new Error('late'))
    await clock.advance(0)
    expect(guard.slots).toBe(0)
    expect(call(() => 1)).toBe(1)
  })

  it('at the latest ten time-outs after its beginning', async () => {
    const { call, clock, guard, deadlines } = rig({ circuit: { timeoutMs: 100 }, concurrency: 1 })
    watch(call(() => new Promise(() => {})))
    await clock.advance(999)
    expect(guard.slots).toBe(1)
    await clock.advance(1)
    expect(guard.slots).toBe(0)
    expect(deadlines.size).toBe(0)
  })

  it('are given back once, however the call ends', async () => {
    const { call, clock, guard } = rig({ circuit: { timeoutMs: 100 }, concurrency: 3 })
    const work = deferred()
    watch(call(() => work.promise))
    await clock.advance(1_000)
    work.resolve('very late')
    await clock.advance(0)
    expect(guard.slots).toBe(0)
    const quick = guard.begin(facts, [], clock.now())
    quick.succeed('a')
    quick.succeed('b')
    quick.fail(new Error('c'))
    quick.end()
    expect(guard.slots).toBe(0)
    expect(guard.inFlight).toBe(0)
    expect(guard.stats()).toMatchObject({ successes: 1, failures: 1 })
  })

  it('tell when the last one is given back', () => {
    const { guard, clock } = rig()
    let idle = 0
    guard.idle = () => {
      idle += 1
    }
    const [a, b] = [guard.begin(facts, [], clock.now()), guard.begin(facts, [], clock.now())]
    a.succeed(1)
    expect(idle).toBe(0)
    b.fail(new Error('x'))
    expect(idle).toBe(1)
  })

  it('say that admission moved when they fill up and when one is free again', () => {
    const { guard, clock, moves } = rig({ concurrency: 2 })
    const a = guard.begin(facts, [], clock.now())
    expect(moves()).toBe(0)
    guard.begin(facts, [], clock.now())
    expect(moves()).toBe(1)
    a.succeed(1)
    expect(moves()).toBe(2)
  })
})

describe('the signal of a call', () => {
  it('is its own: a time-out aborts that of this call only', async () => {
    const { guard, clock } = rig({ circuit: { timeoutMs: 100 } })
    const first = guard.begin(facts, [], clock.now())
    const [own, others] = [first.signal, [] as AbortSignal[]]
    watch(take(first, () => new Promise(() => {})))
    await clock.advance(60)
    const second = guard.begin(facts, [], clock.now())
    others.push(second.signal)
    watch(take(second, () => new Promise(() => {})))
    await clock.advance(40)
    expect(own.aborted).toBe(true)
    expect(own.reason).toBeInstanceOf(CallTimeoutError)
    const third = guard.begin(facts, [], clock.now())
    others.push(third.signal)
    expect(others.map(({ aborted }) => aborted)).toEqual([false, false])
  })

  it('is made only if somebody looks, also after the time-out', async () => {
    const { attempt, clock } = begin({ circuit: { timeoutMs: 100 } })
    watch(take(attempt, () => new Promise(() => {})))
    await clock.advance(100)
    expect(attempt.signal.aborted).toBe(true)
    expect(attempt.signal.reason).toBeInstanceOf(CallTimeoutError)
    expect(attempt.signal).toBe(attempt.signal)
  })

  it('does not abort when the call succeeds', async () => {
    const { attempt, clock } = begin()
    const { signal } = attempt
    await take(attempt, async () => 'fine')
    await clock.advance(1e6)
    expect(signal.aborted).toBe(false)
  })

  it('aborts before the caller hears of it', async () => {
    const { attempt, clock } = begin({ circuit: { timeoutMs: 100 } })
    const order: string[] = []
    attempt.signal.addEventListener('abort', () => void order.push('aborted'))
    ;(take(attempt, () => new Promise(() => {})) as Promise<unknown>).catch(() =>
      order.push('told'),
    )
    await clock.advance(100)
    expect(order).toEqual(['aborted', 'told'])
  })
})

describe('the caller gives up', () => {
  it('it is neutral: the call rejects with the reason, the circuit learns nothing', async () => {
    const { attempt, guard, clock, causes } = begin({ circuit: { failureThreshold: 1 } })
    const { signal } = attempt
    const answer = watch(take(attempt, () => new Promise(() => {})))
    const reason = new Error('changed my mind')
    attempt.cancel(reason)
    await clock.advance(0)
    expect(answer).toEqual({ state: 'rejected', value: reason })
    expect(signal.reason).toBe(reason)
    expect(causes()).toEqual(['aborted'])
    expect(guard.stats()).toMatchObject({ state: 'closed', neutral: 1, failures: 0 })
  })

  it('keeps the slot until the work settles', async () => {
    const { attempt, guard, clock } = begin()
    const work = deferred()
    watch(take(attempt, () => work.promise))
    attempt.cancel(new Error('enough'))
    expect(guard.slots).toBe(1)
    work.reject(new Error('aborted'))
    await clock.advance(0)
    expect(guard.slots).toBe(0)
  })

  it('too late it does nothing', async () => {
    const { attempt, told } = begin()
    const { signal } = attempt
    expect(await take(attempt, async () => 'fine')).toBe('fine')
    attempt.cancel(new Error('too late'))
    expect(signal.aborted).toBe(false)
    expect(told).toHaveLength(1)
  })

  it('after the outcome is known, what the work gives is handed on', async () => {
    const { attempt } = begin()
    attempt.succeed('known')
    expect(await take(attempt, async () => 'fine')).toBe('fine')
  })

  it('gives the permit of a probe back', async () => {
    const { guard, clock } = rig({ circuit: { recoveryTimeoutMs: 100 } })
    guard.trip(100, 'test')
    await clock.advance(100)
    const probe = guard.begin(facts, [], clock.now())
    watch(take(probe, () => new Promise(() => {})))
    expect(guard.admit(clock.now())).toBeUndefined()
    probe.cancel(new Error('enough'))
    expect(guard.admit(clock.now())).toBeDefined()
    expect(guard.state()).toBe('half-open')
  })

  it('while its work is being begun: it hears so at once, and not at the time-out', async () => {
    const { attempt, guard, clock } = begin({ circuit: { timeoutMs: 100 } })
    const reason = new Error('at once')
    const work = deferred()
    const answer = watch(
      take(attempt, () => {
        attempt.cancel(reason)
        return work.promise
      }),
    )
    await clock.advance(0)
    expect(answer).toEqual({ state: 'rejected', value: reason })
    expect(guard.slots).toBe(1)
    work.reject(new Error('aborted'))
    await clock.advance(0)
    expect(guard.slots).toBe(0)
  })
})

describe('the logical call behind it', () => {
  function withCaller(caller: Partial<Caller>) {
    const own = begin({ circuit: { timeoutMs: 100 } })
    own.attempt.caller = { judge: () => undefined, recover: () => undefined, ...caller } as Caller
    return own
  }

  it('may answer in place of a failed attempt', async () => {
    const { attempt, causes } = withCaller({ recover: () => Promise.resolve('from the next') })
    expect(await take(attempt, () => Promise.reject(new Error('down')))).toBe('from the next')
    expect(causes()).toEqual(['transient'])
  })

  it('may answer in place of a timed-out one', async () => {
    const { attempt, clock } = withCaller({ recover: () => Promise.resolve('from the next') })
    const answer = watch(take(attempt, () => new Promise(() => {})))
    await clock.advance(100)
    expect(answer).toEqual({ state: 'fulfilled', value: 'from the next' })
  })

  it('hears of a success', async () => {
    let heard = 0
    const { attempt } = withCaller({
      succeeded: () => {
        heard += 1
      },
    })
    await take(attempt, async () => 'fine')
    expect(heard).toBe(1)
  })

  it('judges before the failure is told, and is asked to recover after', async () => {
    const order: string[] = []
    const { attempt } = withCaller({
      judge: (_, { cause }) => void order.push(`judge ${cause}`) as undefined,
      recover: ({ failure }) => void order.push(`recover ${failure?.cause}`) as undefined,
    })
    await expect(take(attempt, () => Promise.reject(new Error('down')))).rejects.toThrow('down')
    expect(order).toEqual(['judge transient', 'recover transient'])
  })
})

it('errors of the work come out untouched', async () => {
  const { call } = rig({ circuit: { failureThreshold: 1_000 } })
  for (const thrown of [new Error('same'), 'a text', undefined, { code: 7 }]) {
    await expect(call(() => Promise.reject(thrown))).rejects.toBe(thrown)
    let caught: unknown = 'nothing'
    try {
      call(() => {
        throw thrown
      })
    } catch (error) {
      caught = error
    }
    expect(caught).toBe(thrown)
  }
})

it('is a deadline of its own while it waits, and none before and after', async () => {
  const { guard, clock, deadlines } = rig()
  const attempt = guard.begin(facts, [], clock.now())
  expect(attempt).toBeInstanceOf(Attempt)
  expect(deadlines.size).toBe(0)
  const work = deferred()
  watch(take(attempt, () => work.promise))
  expect(deadlines.size).toBe(1)
  work.resolve(1)
  await clock.advance(0)
  expect(deadlines.size).toBe(0)
})
