import { describe, expect, it } from 'vitest'
import { Gate, limit } from '../../src/core/limit.js'
import { deferred } from './servers.js'

const never = new AbortController().signal

describe('limit', () => {
  it('runs so many at once, in order', async () => {
    const bounded = limit(2)
    const begun: number[] = []
    const holds = [0, 1, 2].map(() => deferred<void>())
    const done = holds.map(({ promise }, at) =>
      bounded(async () => {
        begun.push(at)
        await promise
        return at
      }),
    )
    await Promise.resolve()
    expect(begun).toEqual([0, 1])
    for (const { resolve } of holds) resolve()
    expect(await Promise.all(done)).toEqual([0, 1, 2])
  })
})

describe('a gate', () => {
  it('lets so many in, and the next when one leaves, in order', async () => {
    const gate = new Gate(1)
    const leave = await gate.enter(never)
    const entered: string[] = []
    const [second, third] = ['second', 'third'].map((name) =>
      gate.enter(never).then((out) => {
        entered.push(name)
        return out
      }),
    )
    await Promise.resolve()
    expect([entered, gate.waiting]).toEqual([[], 2])
    leave()
    leave() // twice is once
    const out = await second
    expect([entered, gate.waiting]).toEqual([['second'], 1])
    out?.()
    await third
    expect(entered).toEqual(['second', 'third'])
  })

  it('forgets who gives up, at once and with the reason', async () => {
    const gate = new Gate(1)
    const leave = await gate.enter(never)
    const [first, second] = [new AbortController(), new AbortController()]
    const given = gate.enter(first.signal)
    const patient = gate.enter(second.signal)
    first.abort(new Error('no patience'))
    await expect(given).rejects.toThrow('no patience')
    expect(gate.waiting).toBe(1)
    leave()
    const out = await patient
    second.abort() // inside already
    out()
    expect(await gate.enter(never)).toBeTypeOf('function')
  })

  it('lets nobody in who has given up before', async () => {
    const gate = new Gate(1)
    await expect(gate.enter(AbortSignal.abort(new Error('late')))).rejects.toThrow('late')
    expect(await gate.enter(never)).toBeTypeOf('function')
  })
})
