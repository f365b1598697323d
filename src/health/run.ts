import { after, type Clock, later } from '../core/clock.js'
import type { Check, CheckAnswer, Checking, Reliance } from '../model/health.js'
import { type Finding, findingOf } from './verdict.js'

/** One check under way: asks, and gives up at its deadline. */
export class CheckRun implements Checking {
  readonly done: Promise<void>
  /** Somebody goes by it: its verdict counts at once. */
  isDecisive = false
  #isAwaited = false
  readonly #giveUp = new AbortController()
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #startedAt: number
  #disarm: (() => void) | undefined
  #settle: () => void = () => {}

  constructor(clock: Clock, timeoutMs: number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#startedAt = clock.now()
    this.done = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  join(reliance: Reliance): void {
    if (reliance !== 'observed') this.isDecisive = true
    if (reliance !== 'awaited' || this.#isAwaited) return
    this.#isAwaited = true
    if (this.#disarm !== undefined) this.#arm()
  }

  cancel(): void {
    this.#giveUp.abort(new Error('the provider left'))
  }

  /** Never rejects: what goes wrong is the finding. */
  async ask(check: Check | undefined, conclude: (finding: Finding) => void): Promise<void> {
    this.#arm()
    try {
      conclude(await this.#find(check))
    } finally {
      this.#settle()
    }
  }

  async #find(check: Check | undefined): Promise<Finding> {
    const { signal } = this.#giveUp
    try {
      const answer = await Promise.race([answerOf(check, signal), aborted(signal)])
      return findingOf(answer, this.#tookMs)
    } catch (problem) {
      return { health: 'unhealthy', problem, tookMs: this.#tookMs, learned: undefined }
    } finally {
      this.#disarm?.()
      this.#disarm = undefined
    }
  }

  get #tookMs(): number {
    return this.#clock.now() - this.#startedAt
  }

  /** What nobody waits for must not keep the process alive. */
  #arm(): void {
    this.#disarm?.()
    const arm = this.#isAwaited ? after : later
    this.#disarm = arm(this.#clock, Math.max(0, this.#timeoutMs - this.#tookMs), () =>
      this.#giveUp.abort(new Error(`no answer within ${this.#timeoutMs} ms`)),
    )
  }
}

async function answerOf(check: Check | undefined, signal: AbortSignal): Promise<CheckAnswer> {
  return check === undefined ? true : check(signal)
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
