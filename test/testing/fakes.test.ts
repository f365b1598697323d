import { describe, expect, it } from 'vitest'
import { FakeProvider, seededRandom } from '../../src/testing/index.js'

describe('FakeProvider', () => {
  it('succeeds with its name, or with what it is told', async () => {
    const fake = new FakeProvider({ name: 'a', capabilities: ['chat'] })
    expect(await fake.call('hello', 1)).toBe('a')
    expect(await fake.succeed('other').call()).toBe('other')
    expect(await fake.succeed().call()).toBe('a')
    expect(fake.calls).toEqual([['hello', 1], [], []])
    expect(fake.capabilities).toEqual(['chat'])
    expect(new FakeProvider({ name: 'b' }).capabilities).toEqual([])
  })

  it('fails with an error that names it, or with what it is told', async () => {
    const fake = new FakeProvider({ name: 'a' })
    await expect(fake.fail().call()).rejects.toThrow('a failed')
    await expect(fake.fail('text').call()).rejects.toBe('text')
  })

  it('stalls until it is released, and then ends the way calls end now', async () => {
    const fake = new FakeProvider({ name: 'a' }).stall()
    const stalled = fake.call()
    fake.fail(new Error('down'))
    fake.release()
    await expect(stalled).rejects.toThrow('down')
    const again = fake.stall().call()
    fake.succeed('late').release()
    expect(await again).toBe('late')
    const still = fake.stall().call()
    fake.release()
    expect(await still).toBe('a')
  })

  it('is as healthy as it is told', () => {
    const fake = new FakeProvider({ name: 'a' })
    expect(fake.isHealthy()).toBe(true)
    fake.healthy = false
    expect(fake.isHealthy()).toBe(false)
  })
})

describe('seededRandom', () => {
  it('repeats with its seed, and differs from others', () => {
    const take = (seed: number) => Array.from({ length: 100 }, seededRandom(seed))
    expect(take(1)).toEqual(take(1))
    expect(take(1)).not.toEqual(take(2))
  })

  it('is even, from 0 inclusive to 1 exclusive', () => {
    const chance = seededRandom(9)
    const tenths = new Array(10).fill(0) as number[]
    for (let turn = 0; turn < 10_000; turn++) {
      const value = chance()
      expect(value >= 0 && value < 1).toBe(true)
      tenths[Math.floor(value * 10)] = (tenths[Math.floor(value * 10)] ?? 0) + 1
    }
    for (const count of tenths) expect(Math.abs(count - 1_000)).toBeLessThan(150)
  })
})
