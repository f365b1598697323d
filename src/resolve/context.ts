import { Scope } from '../core/scope.js'
import type { Attempt } from '../guard/attempt.js'
import type { Provider } from '../model/provider.js'
import type { Budget } from './budget.js'
import type { AttemptTrace } from './trace.js'

/** The call that is running, as its own code sees it. */
export interface CallContext {
  readonly provider: string
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Aborts when this attempt times out or the caller gives up. */
  readonly signal: AbortSignal
  /** Monotonic milliseconds of the registry's clock; Infinity for no limit. */
  readonly deadline: number
  readonly metadata: Readonly<Record<string, unknown>>
  readonly models: readonly string[]
}

/** One attempt of a logical call, and the budget that calls made inside it inherit. */
export class RunningCall implements CallContext {
  readonly budget: Budget
  readonly #attempt: Attempt
  readonly #record: Provider
  /** For those who follow it, if anybody does. */
  readonly trace: AttemptTrace | undefined

  constructor(attempt: Attempt, record: Provider, budget: Budget, trace: AttemptTrace | undefined) {
    this.budget = budget
    this.trace = trace
    this.#attempt = attempt
    this.#record = record
  }

  /** It was answered: what goes on in the background is no part of it any more. */
  get over(): boolean {
    return this.#attempt.settled && this.#attempt.failure === undefined
  }

  get provider(): string {
    return this.#record.name
  }

  get attempt(): number {
    return this.#attempt.facts.number
  }

  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  get deadline(): number {
    return this.budget.deadline
  }

  get metadata(): Readonly<Record<string, unknown>> {
    return this.#record.metadata
  }

  get models(): readonly string[] {
    return this.#record.models
  }
}

export const running: Scope<RunningCall> = new Scope()

/** Runs what belongs to a call in its scope, and in that of who follows it. */
export function inCall<T>(call: RunningCall, fn: () => T): T {
  return call.trace === undefined
    ? running.run(call, fn)
    : call.trace.within(() => running.run(call, fn))
}

/** The call that the current code runs in, across awaits; `undefined` outside of one. */
export function currentCall(): CallContext | undefined {
  return running.get()
}
