import type { Clock } from '../core/clock.js'
import type { Deadline, Deadlines } from '../core/deadlines.js'
import { CallTimeoutError } from '../core/errors.js'
import type { Failure } from '../core/outcome.js'
import type { NotRetried } from '../model/event.js'
import type { CircuitSettings } from '../model/provider.js'
import { failureOf } from './cause.js'
import type { Permit } from './circuit.js'
import type { Usage } from './usage.js'

/** What events say about a call. */
export interface CallFacts {
  /** Such as `chat.completions.create`. */
  readonly method: string | undefined
  /** 1 for the first attempt of a logical call. */
  readonly number: number
}

/** The guard an attempt reports to. */
export interface AttemptHost {
  readonly name: string
  readonly settings: CircuitSettings
  readonly ports: { readonly clock: Clock; readonly deadlines: Deadlines }
  classify(error: unknown): Failure
  settleSuccess(attempt: Attempt, result: unknown): void
  settleFailure(attempt: Attempt, failure: Failure, now: number): void
  readonly usage: Usage
  release(usage: Usage): void
}

/** What the attempt's deadline means at the moment. */
type Watch =
  /** The promise must settle. */
  | 'call'
  /** Somebody must look at the result, a stream or a lazy promise. */
  | 'unused'
  /** The stream must go on. */
  | 'stream'
  /** The caller was answered; the work still holds its slot. */
  | 'slot'

/** How long a stream may be silent. */
export interface StreamLimits {
  readonly firstChunkTimeoutMs?: number | undefined
  readonly idleTimeoutMs?: number | undefined
}

/** Puts a stream, if the value is one, under watch; gives what the caller gets instead. */
export type Open = (attempt: Attempt, value: unknown) => unknown

/** What an attempt asks of the logical call it belongs to. */
export interface Caller {
  /** Something was handed on that cannot be taken back: from here on nothing is tried again. */
  committed: boolean
  /** Decides what comes after this failure, before it is told; says why it is not tried again. */
  judge(attempt: Attempt, failure: Failure, now: number): NotRetried | undefined
  succeeded(): void
  /** Gives what the caller gets instead of the error, while there is something left to try. */
  recover(attempt: Attempt): Promise<unknown> | undefined
}

/** What an attempt asks of the stream it watches. */
export interface WatchedStream {
  /** Whether somebody reads it. */
  readonly inUse: boolean
  /** What its silence is called. */
  stallError(): CallTimeoutError
  /** Tells reader and source that it is over. */
  stop(error: unknown): void
}

/** Work that does not stop when told keeps its slot at most this many time-outs. */
const slotHeldFor = 10

/** One call of one provider, from admission to exactly one outcome. */
export class Attempt implements Deadline {
  at: number = Number.POSITIVE_INFINITY
  slot = -1
  readonly host: AttemptHost
  readonly permit: Permit
  readonly facts: CallFacts
  readonly startedAt: number
  /** The logical call this is an attempt of. */
  caller: Caller | undefined = undefined
  /** What the call's own budget leaves it; the circuit's `timeoutMs` when that is less. */
  allowedMs: number = Number.POSITIVE_INFINITY
  /** That time is what earlier attempts, or an outer call, have left: running out of it proves nothing. */
  leftover = false
  failure: Failure | undefined = undefined
  settled = false
  limits: StreamLimits | undefined = undefined
  /** The stream this attempt turned into. */
  stream: WatchedStream | undefined = undefined
  readonly #usage: Usage
  #watch: Watch = 'call'
  #ended = false
  #resolve: ((value: unknown) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined
  #controller: AbortController | undefined = undefined
  #abortReason: unknown

  constructor(host: AttemptHost, permit: Permit, facts: CallFacts, now: number) {
    this.host = host
    this.permit = permit
    this.facts = facts
    this.startedAt = now
    this.#usage = host.usage
  }

  /** Aborts when the call times out or its caller gives up; made only if somebody looks. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.failure !== undefined) this.#controller.abort(this.#abortReason)
    }
    return this.#controller.signal
  }

  /** Rejects when the promise does, and no later than the time-out. `open` watches a value that is a stream. */
  follow(promise: PromiseLike<unknown>, open: Open): Promise<unknown> {
    if (this.settled) return this.#followLate(promise)
    this.watch('call', Math.min(this.host.settings.timeoutMs, this.allowedMs), this.startedAt)
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      Promise.resolve(promise).then(
        (value) => this.#fulfilled(value, open),
        (error) => this.#rejected(error),
      )
    })
  }

  /** The outcome is decided: its caller gave up meanwhile, or asks after nobody seemed to. */
  #followLate(promise: PromiseLike<unknown>): Promise<unknown> {
    const { failure } = this
    const own = Promise.resolve(promise)
    if (failure === undefined || failure.cause === 'cancelled') return own
    const done = (): void => this.end()
    own.then(done, done)
    return Promise.reject(failure.error)
  }

  /** Gives up after so long, counted from `now`. */
  watch(what: Watch, forMs: number, now: number): void {
    const { deadlines } = this.host.ports
    if (this.slot >= 0) deadlines.remove(this)
    this.#watch = what
    this.at = now + forMs
    if (this.at < Number.POSITIVE_INFINITY) deadlines.add(this, now)
  }

  unwatch(): void {
    if (this.slot >= 0) this.host.ports.deadlines.remove(this)
  }

  succeed(result: unknown): void {
    if (this.settled) return
    this.settled = true
    this.host.settleSuccess(this, result)
    if (this.caller !== undefined) this.caller.succeeded()
    this.end()
  }

  fail(error: unknown): void {
    if (this.settled) return
    this.settle(this.host.classify(error))
    this.end()
  }

  /** Records an outcome that is no success. The slot stays taken until `end`. */
  settle(failure: Failure): void {
    if (this.settled) return
    this.settled = true
    this.failure = failure
    this.host.settleFailure(this, failure, this.host.ports.clock.now())
  }

  /** The work is over: the slot is free. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    if (this.slot >= 0) this.host.ports.deadlines.remove(this)
    this.host.release(this.#usage)
  }

  /** The caller gave up. Decides nothing about the provider. */
  cancel(reason: unknown): void {
    if (!this.settled) this.#giveUp(failureOf('aborted', reason), this.host.ports.clock.now())
  }

  expire(now: number): void {
    const { name, settings } = this.host
    if (this.#watch === 'slot') this.end()
    else if (this.#watch === 'unused') {
      if (this.stream === undefined) this.#drop()
      else if (!this.stream.inUse) this.succeed(undefined)
    } else {
      const error = this.stream?.stallError() ?? this.#timeoutError(name, settings.timeoutMs)
      // A stream that was cut was alive, and leftover time proves nothing about who got it.
      const cut = error.limit === 'budget' && (this.leftover || this.stream !== undefined)
      this.#giveUp(failureOf(cut ? 'aborted' : 'timeout', error), now)
    }
  }

  #timeoutError(name: string, timeoutMs: number): CallTimeoutError {
    return this.allowedMs < timeoutMs
      ? new CallTimeoutError(name, Math.round(this.allowedMs), 'budget')
      : new CallTimeoutError(name, timeoutMs)
  }

  /** Nobody asked for the result. */
  #drop(): void {
    this.settle(failureOf('cancelled', undefined))
    this.end()
  }

  /** Answers the caller now; the work is told to stop, and keeps its slot until it does. */
  #giveUp(failure: Failure, now: number): void {
    this.settle(failure)
    this.#abortReason = failure.error
    this.#controller?.abort(failure.error)
    this.#refuse(failure.error)
    this.stream?.stop(failure.error)
    if (this.#ended) return
    const { timeoutMs } = this.host.settings
    this.watch('slot', Math.max(0, this.startedAt + timeoutMs * slotHeldFor - now), now)
  }

  #fulfilled(value: unknown, open: Open): void {
    if (this.settled) {
      this.end()
      return
    }
    const opened = open(this, value)
    if (this.stream === undefined) this.succeed(value)
    this.#resolve?.(opened)
  }

  #rejected(error: unknown): void {
    if (this.settled) {
      this.end()
      return
    }
    this.fail(error)
    this.#refuse(error)
  }

  #refuse(error: unknown): void {
    if (this.#reject === undefined || this.stream !== undefined) return
    const instead = this.caller?.recover(this)
    if (instead === undefined) this.#reject(error)
    else this.#resolve?.(instead)
  }
}
