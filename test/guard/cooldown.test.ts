import { describe, expect, it } from 'vitest'
import { Cooldown } from '../../src/guard/cooldown.js'
import { rig } from './rig.js'

const half = () => 0.5
const limited = (headers?: object) =>
  Object.assign(new Error('slow down'), { status: 429, ...(headers && { headers }) })

describe('a pause', () => {
  it('is as long as was asked for, and a longer one is never shortened', () => {
    const cooldown = new Cooldown()
    let grown = 0
    cooldown.join(() => {
      grown += 1
    })
    cooldown.extend(5_000, 100, half)
    expect(cooldown.until).toBe(5_100)
    cooldown.extend(1_000, 200, half)
    expect(cooldown.until).toBe(5_100)
    cooldown.extend(4_900, 200, half)
    expect(grown).toBe(1)
    cooldown.extend(60_000, 200, half)
    expect(cooldown.until).toBe(60_200)
    expect(grown).toBe(2)
  })

  it('without a word backs off, twice as long each time in a row, up to a minute', () => {
    const cooldown = new Cooldown()
    let now = 0
    const rests = Array.from({ length: 9 }, () => {
      cooldown.extend(undefined, now, () => 1)
      const rest = cooldown.until - now
      now = cooldown.until
      return rest
    })
    expect(rests).toEqual([1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1_000))
    cooldown.succeeded()
    cooldown.extend(undefined, now, () => 1)
    expect(cooldown.until - now).toBe(1_000)
  })

  it('ended by hand is over for all who share it, and backs off anew', () => {
    const cooldown = new Cooldown()
    const told: string[] = []
    const leave = cooldown.join(() => told.push('a'))
    cooldown.join(() => told.push('b'))
    cooldown.end()
    expect(told).toEqual([])
    cooldown.extend(undefined, 0, () => 1)
    cooldown.extend(undefined, 5_000, () => 1)
    leave()
    cooldown.end()
    expect(cooldown.until).toBe(Number.NEGATIVE_INFINITY)
    expect(told).toEqual(['a', 'b', 'a', 'b', 'b'])
    cooldown.extend(undefined, 0, () => 1)
    expect(cooldown.until).toBe(1_000)
  })

  it('knows whether anybody still shares it', () => {
    const cooldown = new Cooldown()
    expect(cooldown.shared).toBe(false)
    const leave = cooldown.join(() => {})
    expect(cooldown.shared).toBe(true)
    leave()
    expect(cooldown.shared).toBe(false)
  })
})

describe('the pause of a guard', () => {
  it('refuses until it is over, and the circuit knows nothing of it', async () => {
    const { fail, call, guard, clock } = rig({ circuit: { failureThreshold: 1 } })
    fail(1, limited({ 'retry-after': '2' }))
    expect(guard.state()).toBe('closed')
    expect(guard.refusal(clock.now())).toEqual({ reason: 'cooling', retryAfterMs: 2_000 })
    expect(guard.admitsAt(clock.now())).toBe(2_000)
    expect(() => call(() => 1)).toThrow('rests for 2000 ms')
    await clock.advance(1_999)
    expect(() => call(() => 1)).toThrow('rests for 1 ms')
    await clock.advance(1)
    expect(call(() => 1)).toBe(1)
    expect(guard.stats()).toMatchObject({ neutral: 1, failures: 0, refusals: 2 })
  })

  it('is shared through a credential, also when it is reset', () => {
    const [a, b] = [rig(), rig()]
    const cooldown = new Cooldown()
    a.guard.share(cooldown)
    b.guard.share(cooldown)
    a.fail(1, limited({ 'retry-after': '9' }))
    expect(b.guard.refusal(0)).toEqual({ reason: 'cooling', retryAfterMs: 9_000 })
    const before = b.moves()
    a.guard.reset()
    expect(b.guard.refusal(0)).toBeUndefined()
    expect(b.moves()).toBe(before + 1)
  })

  it('goes before a probe that was reserved', async () => {
    const { guard, clock, call } = rig({ circuit: { recoveryTimeoutMs: 100 } })
    const cooldown = new Cooldown()
    guard.share(cooldown)
    guard.trip(100, 'test')
    await clock.advance(100)
    const reserved = guard.admit(clock.now())
    expect(reserved).toBeDefined()
    cooldown.extend(5_000, clock.now(), half)
    expect(() => guard.begin({ method: 'm', number: 1 }, [], clock.now(), reserved)).toThrow(
      'asked for a pause',
    )
    guard.reset()
    expect(call(() => 'fine')).toBe('fine')
  })

  it('a success starts the back-off anew', async () => {
    const { fail, succeed, guard, clock } = rig({ random: () => 0.999_999 })
    const restMs = () => Math.round(guard.admitsAt(clock.now()) - clock.now())
    fail(1, limited())
    expect(restMs()).toBe(1_000)
    await clock.advance(1_000)
    fail(1, limited())
    expect(restMs()).toBe(2_000)
    await clock.advance(2_000)
    succeed()
    fail(1, limited())
    expect(restMs()).toBe(1_000)
  })

  it('of a provider that left is not its affair any more', () => {
    const { guard, moves } = rig()
    const cooldown = new Cooldown()
    guard.share(cooldown)
    guard.retire()
    const before = moves()
    cooldown.extend(1_000, 0, half)
    expect(moves()).toBe(before)
    expect(cooldown.shared).toBe(false)
  })
})
