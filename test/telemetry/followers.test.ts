import { NoProviderError, ServiceRegistry } from 'switchgear'
import { FakeClock } from 'switchgear/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type AttemptFollower,
  type CallBegun,
  type CallFollower,
  callChannel,
} from '../../src/core/call-channel.js'

interface Worker {
  work(word: string): Promise<string>
  sum(...numbers: number[]): number
}

const worker: Worker = {
  work: async (word) => word,
  sum: (...numbers) => numbers.reduce((sum, one) => sum + one, 0),
}

/** Writes down what it is told, and runs what it is given as `within` says. */
class Notes implements CallFollower {
  readonly said: string[] = []
  readonly #within: AttemptFollower['within']

  constructor(within: AttemptFollower['within'] = (run) => run()) {
    this.#within = within
  }

  attempt(provider: string, number: number): AttemptFollower {
    this.said.push(`attempt ${number} at ${provider}`)
    return {
      within: this.#within,
      ended: (problem) => {
        this.said.push(problem === undefined ? 'ok' : `${problem.cause}`)
      },
    }
  }

  ended(outcome: Parameters<CallFollower['ended']>[0]): void {
    const { error } = outcome.ok ? { error: undefined } : outcome
    this.said.push(outcome.ok ? 'done' : `over: ${error instanceof Error ? error.name : error}`)
  }
}

let clock: FakeClock
let registry: ServiceRegistry<{ worker: Worker }>
let unsubscribe: () => void = () => {}

function follow(notes: CallFollower): void {
  const onCall = (message: unknown): void => (message as CallBegun).follow(notes)
  callChannel.subscribe(onCall)
  unsubscribe = () => callChannel.unsubscribe(onCall)
}

beforeEach(() => {
  clock = new FakeClock()
  registry = new ServiceRegistry({
    clock,
    allowStandIns: true,
    services: { worker: { idempotent: true } },
  })
})
afterEach(async () => {
  unsubscribe()
  await registry.close()
})

describe('who follows a call', () => {
  it('hears each attempt and one end, of a sync method at once', () => {
    const notes = new Notes()
    follow(notes)
    registry.register({
      service: 'worker',
      name: 'a',
      priority: 'high',
      provider: {
        ...worker,
        sum: () => {
          throw new Error('down')
        },
      },
    })
    registry.register({ service: 'worker', name: 'b', priority: 'low', provider: worker })
    expect(registry.client('worker').sum(1, 2)).toBe(3)
    expect(notes.said).toEqual(['attempt 1 at a', 'transient', 'attempt 2 at b', 'ok', 'done'])
  })

  it('cannot keep the work from being done exactly once', async () => {
    const ways: readonly AttemptFollower['within'][] = [
      () => {},
      (run) => {
        run()
        run()
      },
      () => {
        throw new Error('before')
      },
      (run) => {
        run()
        throw new Error('after')
      },
    ]
    registry.register({ service: 'worker', name: 'a', provider: worker })
    for (const within of ways) {
      follow(new Notes(within))
      let times = 0
      const result = await registry.call('worker', {}, (one) => {
        times += 1
        return one.work('x')
      })
      expect([result, times]).toEqual(['x', 1])
      await expect(
        registry.call(
          'worker',
          {},
          () => {
            throw new TypeError('mine')
          },
          { attempts: 1 },
        ),
      ).rejects.toThrow('mine')
      unsubscribe()
    }
  })

  it('hears of a refusal in the last moment, and what came instead', async () => {
    const notes = new Notes()
    registry.register({
      service: 'worker',
      name: 'a',
      priority: 'high',
      connect: async () => {
        registry.circuit('a').trip()
        return worker
      },
    })
    registry.register({ service: 'worker', name: 'b', priority: 'low', provider: worker })
    follow(notes)
    expect(await registry.client('worker').work('x')).toBe('x')
    expect(notes.said).toEqual(['attempt 1 at a', 'refused', 'attempt 1 at b', 'ok', 'done'])
  })

  it('hears one end where time runs out or the caller leaves while it connects', async () => {
    registry.register({ service: 'worker', name: 'a', connect: () => new Promise(() => {}) })
    const notes = new Notes()
    follow(notes)
    const late = registry.call('worker', {}, (one) => one.work('x'), { timeoutMs: 10 })
    late.catch(() => {})
    await clock.advance(10)
    await expect(late).rejects.toThrow()
    const gone = new AbortController()
    const left = registry.call('worker', {}, (one) => one.work('x'), { signal: gone.signal })
    gone.abort('left')
    await expect(left).rejects.toBe('left')
    expect(notes.said).toEqual([
      'attempt 1 at a',
      'aborted',
      'over: CallTimeoutError',
      'attempt 1 at a',
      'aborted',
      'over: left',
    ])
  })

  it('hears the error of a call without a provider, and of one that was aborted before', async () => {
    const notes = new Notes()
    follow(notes)
    await expect(registry.client('worker').work('x')).rejects.toThrow(NoProviderError)
    const signal = AbortSignal.abort('gone')
    await expect(registry.call('worker', {}, () => 1, { signal })).rejects.toBe('gone')
    expect(notes.said).toEqual(['over: NoProviderError', 'over: gone'])
  })

  it('is told which registry, service and method', async () => {
    const seen: CallBegun[] = []
    const onCall = (message: unknown): void => void seen.push(message as CallBegun)
    callChannel.subscribe(onCall)
    unsubscribe = () => callChannel.unsubscribe(onCall)
    registry.register({ service: 'worker', name: 'a', provider: worker })
    await registry.client('worker').work('x')
    await registry.call('worker', {}, () => 1)
    expect(seen.map(({ service, method }) => [service, method])).toEqual([
      ['worker', 'work'],
      ['worker', undefined],
    ])
    expect(seen[0]?.registry).toBe(registry)
  })
})
