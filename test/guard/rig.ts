import { Deadlines } from '../../src/core/deadlines.js'
import type { Failure } from '../../src/core/outcome.js'
import type { Random } from '../../src/core/random.js'
import type { CallFacts } from '../../src/guard/attempt.js'
import type { Classify } from '../../src/guard/cause.js'
import type { Transition } from '../../src/guard/circuit.js'
import { Guard, type GuardPorts } from '../../src/guard/guard.js'
import { Snapshots } from '../../src/guard/opossum.js'
import { take } from '../../src/guard/take.js'
import { circuitSettings } from '../../src/model/parse/circuit.js'
import type { CircuitOptions } from '../../src/model/provider.js'
import type { Refusal } from '../../src/model/refusal.js'
import { FakeClock } from '../../src/testing/fake-clock.js'
import { seededRandom } from '../../src/testing/seeded-random.js'

/** What a guard told its surroundings, in order. */
export type Told =
  | { readonly what: 'transition'; readonly transition: Transition; readonly retryAfterMs: number }
  | { readonly what: 'succeeded'; readonly facts: CallFacts; readonly durationMs: number }
  | {
      readonly what: 'failed'
      readonly facts: CallFacts
      readonly durationMs: number
      readonly failure: Failure
    }
  | { readonly what: 'refused'; readonly facts: CallFacts; readonly refusal: Refusal }
  | { readonly what: 'listener'; readonly event: string; readonly error: unknown }

export interface RigOptions {
  readonly circuit?: CircuitOptions
  readonly concurrency?: number
  readonly classify?: Classify
  readonly random?: Random
  /** Whether somebody listens to successes. Default true. */
  readonly heard?: boolean
  readonly clock?: FakeClock
}

export interface Rig {
  readonly clock: FakeClock
  readonly guard: Guard
  readonly deadlines: Deadlines
  readonly snapshots: Snapshots
  readonly told: Told[]
  /** How often something that admission depends on changed. */
  readonly moves: () => number
  /** How often others were to be told of a pause, or of its end. */
  readonly pauses: () => number
  /** One guarded call, as a guarded method makes it. */
  call(work: () => unknown): unknown
  /** Calls that fail, one after the other. */
  fail(times?: number, error?: unknown): void
  succeed(times?: number): void
  /** The causes of the failed calls so far. */
  causes(): string[]
}

export const facts: CallFacts = { method: 'chat', number: 1 }

/** One guard with everything around it faked. */
export function rig(options: RigOptions = {}): Rig {
  const clock = options.clock ?? new FakeClock()
  const told: Told[] = []
  let moves = 0
  let pauses = 0
  const deadlines = new Deadlines(clock)
  const snapshots = new Snapshots(clock)
  const ports: GuardPorts = {
    clock,
    random: options.random ?? seededRandom(1),
    deadlines,
    snapshots,
    classify: options.classify,
    heard: () => options.heard ?? true,
    transition: (_, transition, retryAfterMs) => {
      told.push({ what: 'transition', transition, retryAfterMs })
    },
    admissionChanged: () => {
      moves += 1
    },
    paused: () => {
      pauses += 1
    },
    succeeded: (_, own, durationMs) => {
      told.push({ what: 'succeeded', facts: own, durationMs })
    },
    failed: (_, own, durationMs, failure) => {
      told.push({ what: 'failed', facts: own, durationMs, failure })
    },
    refused: (_, own, refusal) => {
      told.push({ what: 'refused', facts: own, refusal })
    },
    listenerFailed: (event, error) => {
      told.push({ what: 'listener', event, error })
    },
  }
  const settings = circuitSettings(undefined, options.circuit)
  const guard = new Guard('alpha', 'llm', settings, options.concurrency, ports)
  const call = (work: () => unknown): unknown => take(guard.begin(facts, [], clock.now()), work)
  return {
    clock,
    guard,
    deadlines,
    snapshots,
    told,
    moves: () => moves,
    pauses: () => pauses,
    call,
    fail(times = 1, error = new Error('down')) {
      for (let turn = 0; turn < times; turn++) {
        try {
          call(() => {
            throw error
          })
        } catch (thrown) {
          if (thrown !== error) throw thrown
        }
      }
    },
    succeed(times = 1) {
      for (let turn = 0; turn < times; turn++) call(() => 'fine')
    },
    causes: () => told.flatMap((one) => (one.what === 'failed' ? [one.failure.cause] : [])),
  }
}

/** A promise to settle by hand. */
export function deferred<T = unknown>(): {
  readonly promise: Promise<T>
  resolve(value: T): void
  reject(error: unknown): void
} {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** What became of a promise so far, without waiting for it. */
export function watch(promise: unknown): { state: string; value?: unknown } {
  const seen: { state: string; value?: unknown } = { state: 'pending' }
  Promise.resolve(promise).then(
    (value) => Object.assign(seen, { state: 'fulfilled', value }),
    (value) => Object.assign(seen, { state: 'rejected', value }),
  )
  return seen
}
