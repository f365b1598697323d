import { describe, expect, it } from 'vitest'
import { FakeClock } from '../../src/testing/fake-clock.js'

describe('FakeClock', () => {
  it('stands still until it is told to move', async () => {
    const clock = new FakeClock(7)
    expect([clock.now(), clock.wall(), clock.nowMs]).toEqual([7, 7, 7])
    await clock.advance(3)
    expect([clock.now(), clock.wall(), clock.nowMs]).toEqual([10, 10, 10])
  })

  it('keeps wall time apart', async () => {
    const clock = new FakeClock(100)
    clock.setWall(5_000)
    await clock.advance(10)
    expect([clock.now(), clock.wall()]).toEqual([110, 5_010])
    clock.setWall(0)
    expect([clock.now(), clock.wall()]).toEqual([110, 0])
  })

  it('runs what falls due in order, each at its own time', async () => {
    const clock = new FakeClock()
    const seen: [string, number][] = []
    const sleeper = async (name: string, ms: number): Promise<void> => {
      await clock.sleep(ms)
      seen.push([name, clock.now()])
    }
    void sleeper('b', 20)
    void sleeper('a', 10).then(() => sleeper('again', 5))
    const stop = clock.every(8, () => seen.push(['tick', clock.now()]))
    await clock.advance(20)
    stop()
    await clock.advance(100)
    expect(seen).toEqual([
      ['tick', 8],
      ['a', 10],
      ['again', 15],
      ['tick', 16],
      ['b', 20],
    ])
    expect(clock.now()).toBe(120)
  })

  it('sleeps are aborted with the reason of the signal', async () => {
    const clock = new FakeClock()
    const stop = new AbortController()
    const slept = clock.sleep(10, stop.signal).catch((reason: unknown) => reason)
    stop.abort('enough')
    expect(await slept).toBe('enough')
    await expect(clock.sleep(10, stop.signal)).rejects.toBe('enough')
    await clock.advance(100)
  })

  it('a sleep without end never ends, and one of no time ends at once', async () => {
    const clock = new FakeClock()
    let woke = ''
    void clock.sleep(Number.POSITIVE_INFINITY).then(() => {
      woke = 'never'
    })
    await clock.advance(1e12)
    expect(woke).toBe('')
    void clock.sleep(-5).then(() => {
      woke = 'now'
    })
    await clock.advance(0)
    expect(woke).toBe('now')
  })

  it('goes forward only', async () => {
    const clock = new FakeClock()
    for (const ms of [-1, Number.NaN])
      await expect(clock.advance(ms)).rejects.toThrow('expects milliseconds of 0 or more')
  })

  it('stopped inside its own tick, every is stopped', async () => {
    const clock = new FakeClock()
    let ticks = 0
    const stop = clock.every(5, () => {
      ticks += 1
      if (ticks === 2) stop()
    })
    await clock.advance(100)
    expect(ticks).toBe(2)
  })
})
