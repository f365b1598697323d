import {
  type AttemptFollower,
  type AttemptProblem,
  type CallBegun,
  type CallEnd,
  type CallFollower,
  callChannel,
} from '../core/call-channel.js'

/** One attempt, for those who follow it. What they throw changes nothing. */
export class AttemptTrace {
  readonly provider: string
  readonly #followers: readonly AttemptFollower[]
  #over = false

  constructor(provider: string, followers: readonly AttemptFollower[]) {
    this.provider = provider
    this.#followers = followers
  }

  within<T>(fn: () => T): T {
    return this.#followers.reduce<() => T>(
      (inner, follower) => () => inside((run) => follower.within(run), inner),
      fn,
    )()
  }

  end(problem: AttemptProblem | undefined): void {
    if (this.#over) return
    this.#over = true
    for (const follower of this.#followers) quietly(() => follower.ended(problem))
  }
}

/** One logical call, for those who follow it. */
export class CallTrace {
  readonly #followers: readonly CallFollower[]
  #over = false
  /** The attempt that runs, or was the last. */
  attempt: AttemptTrace | undefined = undefined

  private constructor(followers: readonly CallFollower[]) {
    this.#followers = followers
  }

  /** `undefined` when nobody follows. */
  static begin(
    registry: object,
    service: string,
    method: string | undefined,
  ): CallTrace | undefined {
    const followers: CallFollower[] = []
    const follow = (follower: CallFollower): void => void followers.push(follower)
    const begun: CallBegun = { registry, service, method, follow }
    callChannel.publish(begun)
    return followers.length === 0 ? undefined : new CallTrace(followers)
  }

  tries(provider: string, number: number): void {
    const followers: AttemptFollower[] = []
    for (const follower of this.#followers)
      quietly(() => {
        const attempt = follower.attempt(provider, number)
        if (attempt !== undefined) followers.push(attempt)
      })
    this.attempt = new AttemptTrace(provider, followers)
  }

  attemptEnded(problem: AttemptProblem | undefined): void {
    this.attempt?.end(problem)
    this.attempt = undefined
  }

  end(outcome: CallEnd): void {
    if (this.#over) return
    this.#over = true
    // One that still connects is left.
    this.attemptEnded(outcome.ok ? undefined : { cause: 'aborted', error: outcome.error })
    for (const follower of this.#followers) quietly(() => follower.ended(outcome))
  }
}

function quietly(fn: () => void): void {
  try {
    fn()
  } catch {
    // who only watches has no say
  }
}

type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; error: unknown }

/** `fn` runs exactly once, whatever `wrap` does with it, and what it throws is thrown. */
function inside<T>(wrap: (run: () => void) => void, fn: () => T): T {
  let result: Result<T> | undefined
  const once = (): Result<T> => {
    result ??= outcomeOf(fn)
    return result
  }
  quietly(() => wrap(once))
  const done = once()
  if (done.ok) return done.value
  throw done.error
}

function outcomeOf<T>(fn: () => T): Result<T> {
  try {
    return { ok: true, value: fn() }
  } catch (error) {
    return { ok: false, error }
  }
}
