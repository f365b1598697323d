import { describe, expect, it } from 'vitest'
import { type Deadline, Deadlines } from '../../src/core/deadlines.js'
import { FakeClock } from '../../src/testing/fake-clock.js'

class CountingClock extends FakeClock {
  /** Timers that are armed now, and the most there were at once. */
  armed = 0
  most = 0
  longest = 0

  override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.armed += 1
    this.most = Math.max(this.most, this.armed)
    this.longest = Math.max(this.longest, ms)
    try {
      await super.sleep(ms, signal)
    } finally {
      this.armed -= 1
    }
  }
}

function make() {
  const clock = new CountingClock()
  const deadlines = new Deadlines(clock)
  const expired: [string, number][] = []
  const deadline = (name: string, at: number, then = () => {}): Deadline => ({
    at,
    slot: -1,
    expire(now) {
      expired.push([name, now])
      then()
    },
  })
  const add = (name: string, inMs: number, then?: () => void): Deadline => {
    const made = deadline(name, clock.now() + inMs, then)
    deadlines.add(made, clock.now())
    return made
  }
  return { clock, deadlines, expired, add }
}

describe('Deadlines', () => {
  it('expire each at its own time, in order', async () => {
    const { clock, add, expired, deadlines } = make()
    add('c', 5_000)
    add('a', 10)
    add('b', 250)
    expect(deadlines.size).toBe(3)
    await clock.advance(10_000)
    expect(expired).toEqual([
      ['a', 10],
      ['b', 250],
      ['c', 5_000],
    ])
    expect(deadlines.size).toBe(0)
  })

  it('share one timer, armed for at most 100 ms at a time', async () => {
    const { clock, add } = make()
    for (let inMs = 1_000; inMs > 0; inMs -= 7) {
      add('x', inMs)
      await clock.advance(0)
      expect(clock.armed).toBe(1)
    }
    await clock.advance(2_000)
    expect(clock.longest).toBe(100)
    expect(clock.most).toBeLessThanOrEqual(2) // the one that is being cancelled, and its successor
  })

  it('arm nothing while nothing waits, at most 100 ms after the last one left', async () => {
    const { clock, add, deadlines, expired } = make()
    expect(clock.armed).toBe(0)
    const one = add('x', 30_000)
    await clock.advance(50)
    deadlines.remove(one)
    await clock.advance(49)
    expect(clock.armed).toBe(1)
    await clock.advance(1)
    expect(clock.armed).toBe(0)
    await clock.advance(60_000)
    expect(expired).toEqual([])
    add('y', 10)
    await clock.advance(10)
    expect(expired).toEqual([['y', 60_110]])
  })

  it('an earlier one is not kept waiting by the timer of a later one', async () => {
    const { clock, add, expired } = make()
    add('late', 90)
    await clock.advance(5)
    add('early', 3)
    await clock.advance(3)
    expect(expired).toEqual([['early', 8]])
    await clock.advance(82)
    expect(expired.at(-1)).toEqual(['late', 90])
  })

  it('what expires may add and remove others', async () => {
    const { clock, add, deadlines, expired } = make()
    let victim: Deadline | undefined
    add('a', 10, () => {
      if (victim) deadlines.remove(victim)
      add('b', 0)
      add('c', 20)
    })
    victim = add('victim', 10.5)
    await clock.advance(100)
    expect(expired.map(([name]) => name)).toEqual(['a', 'b', 'c'])
  })

  it('one that throws does not keep the others waiting', async () => {
    const { clock, add, expired } = make()
    const thrown: unknown[] = []
    const listener = (error: unknown): void => void thrown.push(error)
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    process.on('unhandledRejection', listener)
    try {
      add('a', 10, () => {
        throw new Error('broken')
      })
      add('b', 10)
      add('c', 400)
      await clock.advance(500)
    } finally {
      process.off('unhandledRejection', listener)
      for (const other of others) process.on('unhandledRejection', other)
    }
    expect(expired.map(([name]) => name)).toEqual(['a', 'b', 'c'])
    expect(thrown).toEqual([new Error('broken')])
  })

  it('know a recent time, at most 100 ms old while something waits', async () => {
    const { clock, add, deadlines } = make()
    add('x', 1_000)
    for (let turn = 0; turn < 300; turn++) {
      await clock.advance(3)
      expect(clock.now() - deadlines.lately).toBeLessThanOrEqual(100)
    }
    await clock.advance(5_000)
    add('y', 50)
    expect(deadlines.lately).toBe(clock.now())
  })

  it('cleared, forget everything and can be used again', async () => {
    const { clock, add, deadlines, expired } = make()
    add('x', 10)
    deadlines.clear()
    await clock.advance(1_000)
    expect(expired).toEqual([])
    expect(clock.armed).toBe(0)
    add('y', 10)
    await clock.advance(10)
    expect(expired).toHaveLength(1)
  })
})
