import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { after as callAfter, settled, systemClock } from '../../src/core/clock.js'
import { FakeClock } from '../../src/testing/fake-clock.js'

describe('the system clock', () => {
  it('tells monotonic and wall time', () => {
    const [now, wall] = [systemClock.now(), systemClock.wall()]
    expect(systemClock.now()).toBeGreaterThanOrEqual(now)
    expect(Math.abs(wall - Date.now())).toBeLessThan(5_000)
  })

  describe('with timers that are faked', () => {
    beforeEach(() => {
      vi.useFakeTimers()
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    const state = (promise: Promise<unknown>) => {
      const seen = { state: 'pending', reason: undefined as unknown }
      promise.then(
        () => {
          seen.state = 'fulfilled'
        },
        (reason: unknown) => Object.assign(seen, { state: 'rejected', reason }),
      )
      return seen
    }

    it('sleeps so long and no longer', async () => {
      const slept = state(systemClock.sleep(50))
      await vi.advanceTimersByTimeAsync(49)
      expect(slept.state).toBe('pending')
      await vi.advanceTimersByTimeAsync(1)
      expect(slept.state).toBe('fulfilled')
      expect(vi.getTimerCount()).toBe(0)
    })

    it('sleeps longer than a timer of Node can', async () => {
      const days = 60 * 86_400_000
      const slept = state(systemClock.sleep(days))
      await vi.advanceTimersByTimeAsync(days - 1)
      expect(slept.state).toBe('pending')
      await vi.advanceTimersByTimeAsync(1)
      expect(slept.state).toBe('fulfilled')
    })

    it('rejects with the reason of the signal, and leaves no timer', async () => {
      const stop = new AbortController()
      const slept = state(systemClock.sleep(5_000_000_000, stop.signal))
      await vi.advanceTimersByTimeAsync(3_000_000_000)
      stop.abort('enough')
      await vi.advanceTimersByTimeAsync(0)
      expect(slept).toEqual({ state: 'rejected', reason: 'enough' })
      expect(vi.getTimerCount()).toBe(0)
      const late = state(systemClock.sleep(1, stop.signal))
      await vi.advanceTimersByTimeAsync(0)
      expect(late).toEqual({ state: 'rejected', reason: 'enough' })
    })

    it('lets go of the signal when it has slept', async () => {
      const stop = new AbortController()
      const remove = vi.spyOn(stop.signal, 'removeEventListener')
      const slept = state(systemClock.sleep(5, stop.signal))
      await vi.advanceTimersByTimeAsync(5)
      expect(slept.state).toBe('fulfilled')
      expect(remove).toHaveBeenCalledOnce()
    })

    it('calls every so often until it is stopped', async () => {
      let called = 0
      const stop = systemClock.every(10, () => {
        called += 1
      })
      await vi.advanceTimersByTimeAsync(35)
      expect(called).toBe(3)
      stop()
      await vi.advanceTimersByTimeAsync(100)
      expect(called).toBe(3)
      const endless = systemClock.every(1e12, () => {
        called += 1
      })
      await vi.advanceTimersByTimeAsync(1_000)
      expect(called).toBe(3)
      endless()
    })
  })
})

describe('after', () => {
  it('calls once, unless it is cancelled', async () => {
    const clock = new FakeClock()
    const called: string[] = []
    callAfter(clock, 10, () => called.push('a'))
    const cancel = callAfter(clock, 10, () => called.push('b'))
    await clock.advance(9)
    cancel()
    cancel()
    await clock.advance(100)
    expect(called).toEqual(['a'])
  })

  it('cancelled at the last moment is cancelled', async () => {
    const clock = new FakeClock()
    const called: string[] = []
    let cancel = (): void => {}
    callAfter(clock, 10, () => {
      called.push('a')
      cancel()
    })
    cancel = callAfter(clock, 10, () => called.push('b'))
    await clock.advance(10)
    expect(called).toEqual(['a'])
  })
})

it('settled waits for everything that is ready to run', async () => {
  const seen: number[] = []
  void (async () => {
    for (let turn = 0; turn < 50; turn++) await null
    seen.push(50)
  })()
  await settled()
  expect(seen).toEqual([50])
})
