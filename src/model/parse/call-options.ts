import { z } from 'zod'
import { InvalidOptionsError } from '../../core/errors.js'
import { parse } from './read.js'
import { count, limitMs, signal } from './words.js'

const callOptions = z.strictObject({
  attempts: count.optional(),
  timeoutMs: limitMs.optional(),
  signal: signal.optional(),
  idempotent: z.boolean().optional(),
})

const streamOptions = callOptions.extend({
  firstChunkTimeoutMs: limitMs.optional(),
  idleTimeoutMs: limitMs.optional(),
  afterCommit: z.literal('fail').optional(),
})

/** How one logical call may spend attempts and time. */
export interface CallOptions {
  /** Attempts in all, the first included. Default 3. */
  readonly attempts?: number | undefined
  /** For the whole call, retries and waits included. No limit by default. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Whether it may be repeated after a failure that may have had an effect. Default: true for the llm kind. */
  readonly idempotent?: boolean | undefined
}

export interface StreamOptions extends CallOptions {
  /** Until the first item; the circuit's `timeoutMs` by default. */
  readonly firstChunkTimeoutMs?: number | undefined
  /** Between items, while somebody waits for one. Default 30,000. */
  readonly idleTimeoutMs?: number | undefined
  /** After the first item was handed on, a failure is thrown. */
  readonly afterCommit?: 'fail' | undefined
}

export const checkCallOptions = (input: unknown): void => {
  parse(callOptions, input, (issues) => new InvalidOptionsError(issues, 'call options'))
}

export const checkStreamOptions = (input: unknown): void => {
  parse(streamOptions, input, (issues) => new InvalidOptionsError(issues, 'stream options'))
}
