import { backoffMs } from '../core/backoff.js'
import { callChannel } from '../core/call-channel.js'
import { after } from '../core/clock.js'
import { AllProvidersFailedError, type AttemptFailure, CallTimeoutError } from '../core/errors.js'
import type { Cause, Failure } from '../core/outcome.js'
import type { Random } from '../core/random.js'
import type { Attempt, Caller, CallFacts, StreamLimits } from '../guard/attempt.js'
import { openStream } from '../guard/take.js'
import { type Ask, isThenable, lazyThenable } from '../guard/thenable.js'
import type { NotRetried } from '../model/event.js'
import type { CallOptions } from '../model/parse/call-options.js'
import type { Provider } from '../model/provider.js'
import type { NoProviderError } from '../model/refusal.js'
import type { ServiceRequest } from '../model/request.js'
import { type Budget, type RetryBudget, takeExtra } from './budget.js'
import { connect } from './connect.js'
import { type CallContext, inCall, RunningCall, running } from './context.js'
import { failingOver, streamOf } from './failover-stream.js'
import { type MethodKind, refusedAs } from './instance.js'
import type { Plan } from './plan.js'
import type { Resolver } from './resolver.js'
import type { Seat } from './seat.js'
import { CallTrace } from './trace.js'

const defaultAttempts = 3
const backoff = { firstMs: 200, maxMs: 5_000 }
/** Without a deadline of the caller, nobody is kept waiting longer than this for a pause to end. */
const longestWaitMs = 60_000

/** Causes after which another provider may do better. */
const movesOn: ReadonlySet<Cause> = new Set([
  'transient',
  'timeout',
  'rate-limit',
  'auth',
  'refused',
])

/** What a logical call does on each provider it is tried on. */
export interface Work {
  readonly method: string | undefined
  readonly limits: StreamLimits | undefined
  /** How it is known to answer; who only ever got plain values does not await. */
  readonly kind: MethodKind
  run(instance: object, context: CallContext, seat: Seat | undefined): unknown
  /** What the caller gets instead of an answer that must not be handed on as it is. */
  shown?(answer: unknown): unknown
}

/** What calls need from their surroundings. */
export interface CallPorts {
  /** Whose calls they are. */
  readonly registry: object
  readonly resolver: Resolver
  readonly random: Random
  retryBudget(service: string): RetryBudget
  /** Whether repeating may be harmful is known per method, provider or service. */
  idempotent(plan: Plan, method: string | undefined, provider: Provider): boolean
  standIn(service: string): object | undefined
  standInUsed(service: string, method: string | undefined): void
  failedOver(from: Seat, to: Seat, facts: CallFacts, cause: Cause): void
}

/** One call of a service, on as many providers as it takes and its budget allows. */
export class LogicalCall implements Caller {
  readonly #ports: CallPorts
  readonly #plan: Plan
  readonly #request: ServiceRequest
  readonly #options: CallOptions
  readonly #work: Work
  readonly #budget: Budget
  readonly #failures: AttemptFailure[] = []
  /** What has been tried; not tried again while another is eligible. */
  #tried: Set<Seat> | undefined = undefined
  /** Until when those that failed asked to be left alone. */
  #notBefore: Map<Seat, number> | undefined = undefined
  #seat: Seat | undefined = undefined
  #attempt: Attempt | undefined = undefined
  #number = 0
  #goesOn = false
  /** What the caller asked a lazy promise for; asked of each attempt's. */
  #ask: Ask | undefined = undefined
  /** The stream has handed something on: from here nothing can be taken back. */
  committed = false
  /** The attempt that runs, for what its stream calls when it is read. */
  running: RunningCall | undefined = undefined
  #unlisten: (() => void) | undefined = undefined
  #trace: CallTrace | undefined = undefined

  constructor(
    ports: CallPorts,
    plan: Plan,
    request: ServiceRequest,
    options: CallOptions,
    work: Work,
    now: number,
  ) {
    const outer = running.get()
    const parent = outer?.over ? undefined : outer?.budget
    this.#ports = ports
    this.#plan = plan
    this.#request = request
    this.#options = options
    this.#work = work
    this.#budget = {
      deadline: Math.min(
        now + (options.timeoutMs ?? Number.POSITIVE_INFINITY),
        parent?.deadline ?? Number.POSITIVE_INFINITY,
      ),
      signal: joined(options.signal, parent && outer?.signal),
      extra: (options.attempts ?? defaultAttempts) - 1,
      parent,
    }
    ports.retryBudget(plan.service).called(now)
  }

  /** Begins at once where nothing has to be waited for; then a sync method stays sync. */
  start(now: number): unknown {
    if (callChannel.hasSubscribers)
      this.#trace = CallTrace.begin(this.#ports.registry, this.#plan.service, this.#work.method)
    const { signal } = this.#budget
    if (signal !== undefined) {
      if (signal.aborted) return this.#refuse(signal.reason)
      const onAbort = (): void => this.#attempt?.cancel(signal.reason)
      signal.addEventListener('abort', onAbort, { once: true })
      this.#unlisten = () => signal.removeEventListener('abort', onAbort)
    }
    const { resolver } = this.#ports
    const { kind } = this.#work
    if (now >= this.#budget.deadline && kind !== 'sync') return this.#refuse(this.#timeout(0))
    let found: ReturnType<typeof resolver.pickFresh>
    try {
      found =
        kind === 'sync'
          ? resolver.pickSync(this.#plan, this.#request, undefined)
          : resolver.pickFresh(this.#plan, this.#request, undefined)
    } catch (error) {
      return this.#refuse(error) // of a strategy that failed
    }
    if (isThenable(found))
      return this.#deferred(this.#within(found).then((seat) => ({ result: this.#first(seat) })))
    resolver.count(this.#plan, found !== undefined)
    if (found === undefined) return this.#none()
    return this.#try(found, now)
  }

  // --- the way through the providers -----------------------------------------------------------

  /**
   * The call goes out once checks and `connect` are done. Until then nobody knows whether its result
   * will have more methods than a promise; unless it is known to have none, all names are promised.
   */
  #deferred(begun: Promise<{ readonly result: unknown }>): unknown {
    const { kind } = this.#work
    this.#traceEnd(begun)
    const plain = (): Promise<unknown> => begun.then(({ result }) => result)
    if (kind === 'async') return plain()
    if (kind === 'stream') return streamOf(plain())
    return lazyThenable(
      undefined,
      (ask) => begun.then(({ result }) => (isThenable(result) ? ask(result) : result)),
      () => streamOf(plain()),
    )
  }

  /** What is waited for between attempts takes no longer than the call's signal and deadline allow. */
  #within<T>(waiting: PromiseLike<T>): Promise<T> {
    const { deadline, signal } = this.#budget
    if (signal === undefined && deadline === Number.POSITIVE_INFINITY)
      return Promise.resolve(waiting)
    if (signal?.aborted) {
      waiting.then(undefined, () => {})
      return Promise.reject(signal.reason)
    }
    const { clock } = this.#ports.resolver
    return new Promise((resolve, reject) => {
      const leftMs = deadline - clock.now()
      const giveUp = (error: unknown): void => {
        over()
        reject(error)
      }
      const onAbort = (): void => giveUp(signal?.reason)
      const cancel = Number.isFinite(leftMs)
        ? after(clock, Math.max(0, leftMs), () => giveUp(this.#timeout(leftMs)))
        : undefined
      const over = (): void => {
        cancel?.()
        signal?.removeEventListener('abort', onAbort)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      waiting.then((value) => {
        over()
        resolve(value)
      }, giveUp)
    })
  }

  /** Time ran out while nothing was being tried: what was tried before says more. */
  #timeout(leftMs: number): unknown {
    const last = this.#failures.at(-1)
    if (last !== undefined) return this.#error(last.error)
    const waitedMs = Math.max(0, Math.round(leftMs))
    const error = new CallTimeoutError(this.#plan.service, waitedMs, 'budget')
    this.#over(error)
    return error
  }

  #first(seat: Seat | undefined): unknown {
    const { signal } = this.#budget
    if (signal?.aborted) return this.#refuse(signal.reason)
    this.#ports.resolver.count(this.#plan, seat !== undefined)
    return seat === undefined ? this.#none() : this.#try(seat, this.#ports.resolver.clock.now())
  }

  /** One attempt. Refused at the last moment, it costs nothing and the next one is tried. */
  #try(seat: Seat, now: number): unknown {
    const { method } = this.#work
    if (seat.removed) return this.#tryOther(seat)
    if (seat.instance === undefined) return this.#deferred(this.#connect(seat))
    this.#seat = seat
    this.#traceTry(seat)
    const facts: CallFacts = { method, number: this.#number + 1 }
    let attempt: Attempt
    try {
      attempt = seat.guard.begin(facts, noArguments, now)
    } catch (error) {
      this.#trace?.attemptEnded({ cause: 'refused', error })
      return this.#tryOther(seat) // told as call.refused
    }
    this.#number += 1
    this.#attempt = attempt
    attempt.caller = this
    attempt.limits = this.#work.limits
    attempt.allowedMs = this.#budget.deadline - now
    attempt.leftover = this.#number > 1 || this.#budget.deadline === this.#budget.parent?.deadline
    return this.#run(seat, seat.instance, attempt)
  }

  #run(seat: Seat, instance: object, attempt: Attempt): unknown {
    const trace = this.#trace?.attempt
    const context = new RunningCall(attempt, seat.provider, this.#budget, trace)
    this.running = context
    let result: unknown
    try {
      result =
        trace === undefined
          ? running.run(context, perform, this.#work, instance, context, seat)
          : inCall(context, () => this.#work.run(instance, context, seat))
      if (this.#ask !== undefined && isThenable(result))
        return this.#answer(attempt, this.#ask(result))
    } catch (error) {
      attempt.fail(error)
      if (!this.#goesOn) throw this.#error(error)
      return this.#afterThrow(seat, error)
    }
    if (!isThenable(result)) {
      const opened = openAndFailOver(attempt, result)
      if (attempt.stream === undefined) attempt.succeed(result)
      return opened
    }
    if (result instanceof Promise && result.constructor === Promise)
      return this.#follow(attempt, result)
    attempt.watch('unused', seat.guard.settings.timeoutMs, attempt.startedAt)
    return this.#lazily(attempt, result)
  }

  #follow(attempt: Attempt, promise: PromiseLike<unknown>): Promise<unknown> {
    return attempt.follow(promise, openAndFailOver)
  }

  /** What is asked first decides, on this attempt and on those that may come after it. */
  #lazily(attempt: Attempt, thenable: PromiseLike<unknown>): PromiseLike<unknown> {
    let answered: Promise<unknown> | undefined
    let winner = thenable
    return lazyThenable(thenable, (ask) => {
      if (answered !== undefined) return answered.then(() => ask(winner))
      const answer = ask(thenable)
      if (!isThenable(answer)) return answer // it decides nothing, such as `cancel()`
      this.#ask = (one) => {
        winner = one
        return ask(one)
      }
      answered = this.#follow(attempt, answer)
      return answered
    })
  }

  #answer(attempt: Attempt, answer: unknown): unknown {
    if (isThenable(answer)) return this.#follow(attempt, answer)
    attempt.succeed(answer)
    return answer
  }

  /** A sync failure: another provider at once, or later if the caller can wait. */
  #afterThrow(seat: Seat, error: unknown): unknown {
    const next = this.#other(seat)
    if (next !== undefined) {
      this.#tellMove(seat, next)
      return this.#try(next, this.#ports.resolver.clock.now())
    }
    if (this.#work.kind === 'sync') throw this.#error(error)
    return this.#deferred(this.#again(seat, error).then((result) => ({ result })))
  }

  #tryOther(seat: Seat): unknown {
    const { resolver } = this.#ports
    resolver.refresh(seat)
    const next = this.#other(seat)
    if (next !== undefined) return this.#try(next, resolver.clock.now())
    const last = this.#failures.at(-1)
    return this.#refuse(last === undefined ? this.#noProvider() : this.#error(last.error))
  }

  /** A provider that cannot be connected has not seen the call, so the next one may be tried. */
  async #connect(seat: Seat): Promise<{ readonly result: unknown }> {
    const { clock } = this.#ports.resolver
    const startedAt = clock.now()
    this.#traceTry(seat)
    const problem = await this.#within(
      connect(seat).then(
        () => undefined,
        (error: unknown) => ({ error }),
      ),
    )
    const now = clock.now()
    if (problem === undefined) return { result: this.#try(seat, now) }
    const { error } = problem
    if (seat.removed) {
      this.#trace?.attemptEnded({ cause: 'refused', error })
      return { result: this.#tryOther(seat) }
    }
    const { guard } = seat
    const failure: Failure = { ...guard.classify(error), unsent: true }
    this.#trace?.attemptEnded(failure)
    const reason = this.#mayGoOn(seat, failure, error, now - startedAt)
    this.#number += 1
    const facts: CallFacts = { method: this.#work.method, number: this.#number }
    const notRetried = reason === 'final' ? undefined : reason
    guard.ports.failed(guard, facts, now - startedAt, failure, notRetried)
    if (reason !== undefined) throw this.#error(error)
    return { result: this.#again(seat, error) }
  }

  /** The next attempt after a failure: elsewhere if anybody is eligible, else here again after a pause. */
  async #again(from: Seat, error: unknown): Promise<unknown> {
    const { resolver } = this.#ports
    const next = (await this.#pick(this.#triedWith(from))) ?? (await this.#waitForTried())
    if (next === undefined) throw this.#error(error)
    if (this.#budget.signal?.aborted) throw this.#budget.signal.reason
    if (next !== from) this.#tellMove(from, next)
    return this.#try(next, resolver.clock.now())
  }

  /** Those that were tried may be tried again once nobody else is left, after back-off and their pause. */
  async #waitForTried(): Promise<Seat | undefined> {
    const { resolver, random } = this.#ports
    const now = resolver.clock.now()
    const pauses = [...(this.#tried ?? [])]
      .filter((seat) => !seat.removed)
      .map((seat) => this.#pauseOf(seat, now))
      .filter((ms) => ms !== undefined)
    if (pauses.length === 0) return undefined
    const waitMs = Math.max(Math.min(...pauses), backoffMs(this.#number, backoff, random))
    const { deadline, signal } = this.#budget
    if (waitMs > longestWaitMs && deadline === Number.POSITIVE_INFINITY) return undefined
    if (now + waitMs >= deadline) return undefined
    await resolver.clock.sleep(waitMs, signal)
    const other = await this.#pick(this.#tried) // it may have become eligible meanwhile
    if (other !== undefined) return other
    this.#tried?.clear()
    return this.#pick(undefined)
  }

  /** How long until one that was tried could be tried again; `undefined` when that is not ours to wait for. */
  #pauseOf(seat: Seat, now: number): number | undefined {
    const askedMs = Math.max(0, (this.#notBefore?.get(seat) ?? now) - now)
    const refusal = seat.refusal(now)
    if (refusal === undefined || refusal.reason === 'saturated') return askedMs
    return refusal.reason === 'cooling' ? Math.max(askedMs, refusal.retryAfterMs) : undefined
  }

  async #pick(skip: ReadonlySet<Seat> | undefined): Promise<Seat | undefined> {
    const found = this.#ports.resolver.pickFresh(this.#plan, this.#request, skip)
    return isThenable(found) ? this.#within(found) : found
  }

  // --- what an attempt asks --------------------------------------------------------------------

  judge(attempt: Attempt, failure: Failure, now: number): NotRetried | undefined {
    const seat = this.#seat
    if (seat === undefined) return undefined
    const durationMs = now - attempt.startedAt
    if (failure.retryAfterMs !== undefined) {
      this.#notBefore ??= new Map()
      this.#notBefore.set(seat, now + failure.retryAfterMs)
    }
    const reason = this.#mayGoOn(seat, failure, failure.error, durationMs)
    this.#goesOn = reason === undefined
    this.#trace?.attemptEnded(failure)
    if (!this.#goesOn) this.#over(failure.error)
    return reason === 'final' ? undefined : reason
  }

  succeeded(): void {
    this.#unlisten?.()
    if (this.#trace === undefined) return
    this.#trace.attemptEnded(undefined)
    this.#trace.end({ ok: true })
  }

  recover(attempt: Attempt): Promise<unknown> | undefined {
    const { failure } = attempt
    const seat = this.#seat
    if (failure === undefined || seat === undefined) return undefined
    if (this.#goesOn) return this.#traceEnd(this.#again(seat, failure.error))
    const error = this.#error(failure.error)
    return error === failure.error ? undefined : Promise.reject(error)
  }

  /** Why it ends here; `undefined` when there may be another attempt, which is then paid for. */
  #mayGoOn(
    seat: Seat,
    failure: Failure,
    error: unknown,
    durationMs: number,
  ): NotRetried | 'final' | undefined {
    const { cause } = failure
    this.#failures.push({ provider: seat.provider.name, cause, durationMs, error })
    if (this.committed || !movesOn.has(cause)) return 'final'
    const now = this.#ports.resolver.clock.now()
    if (now >= this.#budget.deadline) return 'no-time-left'
    if (!failure.unsent && !this.#idempotent(seat)) return 'not-idempotent'
    if (!takeExtra(this.#budget)) return 'attempts-spent'
    return this.#ports.retryBudget(this.#plan.service).take(now) ? undefined : 'retry-budget-spent'
  }

  #idempotent(seat: Seat): boolean {
    return (
      this.#options.idempotent ??
      this.#ports.idempotent(this.#plan, this.#work.method, seat.provider)
    )
  }

  // --- endings ---------------------------------------------------------------------------------

  /** One failure is thrown as it is; several are thrown together. The caller's own abort stays itself. */
  #error(error: unknown): unknown {
    const single = this.#failures.length < 2 || this.#failures.at(-1)?.cause === 'aborted'
    const thrown = single
      ? error
      : new AllProvidersFailedError(this.#plan.service, Object.freeze([...this.#failures]))
    this.#over(thrown)
    return thrown
  }

  /** It ends without success. */
  #over(error: unknown): void {
    this.#unlisten?.()
    this.#trace?.end({ ok: false, error })
  }

  #none(): unknown {
    const { service } = this.#plan
    const standIn = this.#ports.standIn(service)
    if (standIn === undefined) return this.#refuse(this.#noProvider())
    this.#unlisten?.()
    this.#trace?.end({ ok: true })
    this.#ports.standInUsed(service, this.#work.method)
    const signal = this.#budget.signal ?? new AbortController().signal
    const { deadline } = this.#budget
    const context = { provider: 'stand-in', attempt: 1, signal, deadline, metadata: {}, models: [] }
    const answer = this.#work.run(standIn, context, undefined)
    return this.shown(answer)
  }

  #noProvider(): NoProviderError {
    return this.#ports.resolver.noProvider(this.#plan, this.#request)
  }

  #refuse(error: unknown): unknown {
    this.#over(error)
    return refusedAs(this.#work.kind, error)
  }

  shown(answer: unknown): unknown {
    return this.#work.shown === undefined ? answer : this.#work.shown(answer)
  }

  /** An attempt that began with connecting goes on. */
  #traceTry({ provider: { name } }: Seat): void {
    const trace = this.#trace
    if (trace !== undefined && trace.attempt?.provider !== name) trace.tries(name, this.#number + 1)
  }

  /** What is thrown while nothing is tried, such as an abort, ends the call as well. */
  #traceEnd<T>(waiting: Promise<T>): Promise<T> {
    if (this.#trace !== undefined) waiting.catch((error: unknown) => this.#over(error))
    return waiting
  }

  /** Another one than those that were tried, now; a sync call cannot wait for `connect`. */
  #other(seat: Seat): Seat | undefined {
    const { resolver } = this.#ports
    const skip = this.#triedWith(seat)
    return this.#work.kind === 'sync'
      ? resolver.pickSync(this.#plan, this.#request, skip)
      : resolver.pick(this.#plan, this.#request, { connected: false, skip })
  }

  #triedWith(seat: Seat): ReadonlySet<Seat> {
    this.#tried ??= new Set()
    this.#tried.add(seat)
    return this.#tried
  }

  #tellMove(from: Seat, to: Seat): void {
    const { method } = this.#work
    const cause = this.#failures.at(-1)?.cause as Cause | undefined
    this.#ports.failedOver(from, to, { method, number: this.#number }, cause ?? 'transient')
  }
}

const noArguments: readonly unknown[] = []

function joined(
  own: AbortSignal | undefined,
  outer: AbortSignal | undefined,
): AbortSignal | undefined {
  return own !== undefined && outer !== undefined && own !== outer
    ? AbortSignal.any([own, outer])
    : (own ?? outer)
}

function perform(
  work: Work,
  instance: object,
  context: CallContext,
  seat: Seat | undefined,
): unknown {
  return work.run(instance, context, seat)
}

/** A stream that fails before its first item is replaced by that of the next provider. */
function openAndFailOver(attempt: Attempt, value: unknown): unknown {
  const opened = openStream(attempt, value)
  const call = attempt.caller as LogicalCall
  return opened === value ? call.shown(value) : failingOver(opened, attempt, call)
}
