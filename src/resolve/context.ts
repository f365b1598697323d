import { Scope } from '../core/scope.js'
import type { Attempt } from '../guard/attempt.js'
import type { Provider } from '../model/provider.js'
import type { Budget } from './budget.js'

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

  constructor(attempt: Attempt, record: Provider, budget: Budget) {
    this.budget = budget
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

/** The call that the current code runs in, across awaits; `undefined` outside of one. */
export function currentCall(): CallContext | undefined {
  return running.get()
}
