import { type Channel, channel } from 'node:diagnostics_channel'
import type { Cause } from './outcome.js'

/** Why an attempt did not succeed. */
export interface AttemptProblem {
  readonly cause: Cause
  readonly error: unknown
}

/** Who follows one attempt of a call. */
export interface AttemptFollower {
  /** Calls `run` once, before it returns: what begins in it belongs to the attempt. */
  within(run: () => void): void
  /** Called once; without a problem after a success, for a stream at its end. */
  ended(problem: AttemptProblem | undefined): void
}

/** Who follows one logical call, over all its attempts. */
export interface CallFollower {
  /** `number` is 1 for the first. Connecting, where that is due, is part of the attempt. */
  attempt(provider: string, number: number): AttemptFollower | undefined
  /** Called once, after its last attempt has ended. */
  ended(outcome: CallEnd): void
}

export type CallEnd = { readonly ok: true } | { readonly ok: false; readonly error: unknown }

/** The message of `switchgear:call`: a call of a client, of `call` or of `stream` begins. */
export interface CallBegun {
  /** The `ServiceRegistry` it goes through. */
  readonly registry: object
  readonly service: string
  /** Such as `chat.completions.create`; `undefined` for functions given to `call` and `stream`. */
  readonly method: string | undefined
  /** To be called at once. */
  follow(follower: CallFollower): void
}

/** Without a subscriber it costs a look at `hasSubscribers`, and no message is made. */
export const callChannel: Channel = channel('switchgear:call')
