import { describe, expect, it } from 'vitest'
import { Events } from '../../src/core/events.js'

type Happened =
  | { readonly type: 'a'; readonly n: number }
  | { readonly type: 'b'; readonly n: number }
  | { readonly type: 'failed'; readonly error: unknown }

function make() {
  const errors: [unknown, string][] = []
  const events = new Events<Happened>((error, { type }) => errors.push([error, type]))
  return { events, errors }
}

const settled = () => new Promise((resolve) => setImmediate(resolve))

describe('Events', () => {
  it('reach the listeners of their type, then those of every type, in the order they came', () => {
    const { events } = make()
    const heard: string[] = []
    events.onAny(({ type }) => heard.push(`any ${type}`))
    events.on('a', ({ n }) => heard.push(`first ${n}`))
    events.on('a', ({ n }) => heard.push(`second ${n}`))
    events.emit({ type: 'a', n: 1 })
    events.emit({ type: 'b', n: 2 })
    expect(heard).toEqual(['first 1', 'second 1', 'any a', 'any b'])
  })

  it('know whether anybody would hear', () => {
    const { events } = make()
    expect(events.heard('a')).toBe(false)
    const off = events.on('a', () => {})
    expect([events.heard('a'), events.heard('b')]).toEqual([true, false])
    off()
    expect(events.heard('a')).toBe(false)
    const offAny = events.onAny(() => {})
    expect(events.heard('b')).toBe(true)
    offAny()
    offAny()
    expect(events.heard('b')).toBe(false)
    events.onAny(() => {})
    expect(events.heard('b')).toBe(true)
  })

  it('are delivered before emit returns', () => {
    const { events } = make()
    let heard = 0
    events.on('a', ({ n }) => {
      heard = n
    })
    events.emit({ type: 'a', n: 7 })
    expect(heard).toBe(7)
  })

  it('of a change made inside a listener queue behind the running one', () => {
    const { events } = make()
    const heard: string[] = []
    events.on('a', ({ n }) => {
      heard.push(`first a${n}`)
      if (n === 1) {
        events.emit({ type: 'b', n: 1 })
        events.emit({ type: 'a', n: 2 })
        heard.push('emitted')
      }
    })
    events.on('a', ({ n }) => heard.push(`second a${n}`))
    events.on('b', ({ n }) => heard.push(`b${n}`))
    events.emit({ type: 'a', n: 1 })
    expect(heard).toEqual(['first a1', 'emitted', 'second a1', 'b1', 'first a2', 'second a2'])
  })

  it('a listener that throws is reported, and the others hear', () => {
    const { events, errors } = make()
    const heard: number[] = []
    const boom = new Error('boom')
    events.on('a', () => {
      throw boom
    })
    events.on('a', ({ n }) => heard.push(n))
    events.onAny(() => {
      throw 'any'
    })
    events.emit({ type: 'a', n: 1 })
    expect(heard).toEqual([1])
    expect(errors).toEqual([
      [boom, 'a'],
      ['any', 'a'],
    ])
  })

  it('a listener that rejects is reported', async () => {
    const { events, errors } = make()
    const boom = new Error('boom')
    events.on('a', async () => {
      throw boom
    })
    events.emit({ type: 'a', n: 1 })
    expect(errors).toEqual([])
    await settled()
    expect(errors).toEqual([[boom, 'a']])
  })

  it('a report that makes an event is told behind the running one', () => {
    const heard: string[] = []
    const events: Events<Happened> = new Events((error, { type }) => {
      if (type !== 'failed') events.emit({ type: 'failed', error })
    })
    events.on('a', () => {
      throw new Error('boom')
    })
    events.on('a', () => heard.push('a'))
    events.on('failed', () => {
      heard.push('failed')
      throw new Error('again')
    })
    events.emit({ type: 'a', n: 1 })
    expect(heard).toEqual(['a', 'failed'])
  })

  it('a listener that left does not hear what is still queued', () => {
    const { events } = make()
    const heard: string[] = []
    const off = events.on('b', () => heard.push('b'))
    events.on('a', () => {
      events.emit({ type: 'b', n: 1 })
      off()
    })
    events.emit({ type: 'a', n: 1 })
    expect(heard).toEqual([])
  })

  it('a listener that was attached twice hears twice, and leaves one by one', () => {
    const { events } = make()
    let heard = 0
    const listener = (): void => {
      heard += 1
    }
    const [first] = [events.on('a', listener), events.on('a', listener)]
    events.emit({ type: 'a', n: 1 })
    expect(heard).toBe(2)
    first()
    first()
    events.emit({ type: 'a', n: 2 })
    expect(heard).toBe(3)
  })

  it('cleared, nobody hears, not even what is queued', () => {
    const { events } = make()
    const heard: string[] = []
    events.on('a', () => {
      events.emit({ type: 'b', n: 1 })
      events.clear()
    })
    events.on('b', () => heard.push('b'))
    const off = events.onAny(() => heard.push('any'))
    events.emit({ type: 'a', n: 1 })
    expect(heard).toEqual([])
    off() // too late to matter, and not counted twice
    const stay = events.onAny(() => heard.push('any after'))
    events.emit({ type: 'a', n: 2 })
    stay()
    expect(heard).toEqual(['any after'])
  })
})
