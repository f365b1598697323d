import { expect, it } from 'vitest'
import { limit } from '../../src/core/limit.js'
import { silentLogger } from '../../src/core/logger.js'
import { systemRandom } from '../../src/core/random.js'
import { Scope } from '../../src/core/scope.js'

it('a scope is read by everything inside, however deep and however late', async () => {
  const scope = new Scope<string>()
  expect(scope.get()).toBeUndefined()
  const late = async (): Promise<(string | undefined)[]> => {
    const before = scope.get()
    await null
    return [before, scope.get()]
  }
  const outer = scope.run('outer', () => [scope.run('inner', late), late()] as const)
  expect(await Promise.all(outer)).toEqual([
    ['inner', 'inner'],
    ['outer', 'outer'],
  ])
  expect(scope.run('x', (a: number, b: number) => a + b, 1, 2)).toBe(3)
  expect(scope.get()).toBeUndefined()
})

it('a limit runs so many at once, in order', async () => {
  const run = limit(2)
  const order: string[] = []
  const ends: (() => void)[] = []
  const work = (name: string) => () => {
    order.push(name)
    return new Promise<void>((resolve) => ends.push(resolve))
  }
  const all = Promise.all(['a', 'b', 'c'].map((name) => run(work(name))))
  await new Promise((resolve) => setImmediate(resolve))
  expect(order).toEqual(['a', 'b'])
  ends[0]?.()
  await new Promise((resolve) => setImmediate(resolve))
  expect(order).toEqual(['a', 'b', 'c'])
  for (const end of ends) end()
  await all
})

it('the system chance is from 0 to 1, and silence says nothing', () => {
  for (let turn = 0; turn < 100; turn++) {
    const chance = systemRandom()
    expect(chance >= 0 && chance < 1).toBe(true)
  }
  for (const level of ['debug', 'info', 'warn', 'error'] as const)
    expect(silentLogger[level]('nothing')).toBeUndefined()
})
