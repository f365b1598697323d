import { backoffMs } from '../core/backoff.js'
import { type Clock, pause } from '../core/clock.js'
import { StoreFailedError } from '../core/errors.js'
import type { Random } from '../core/random.js'

export interface JoinPorts {
  readonly clock: Clock
  readonly random: Random
  /** Ends the attempts. */
  readonly signal: AbortSignal
  /** Whether the first attempt has to succeed. */
  readonly required: boolean
  join(): Promise<void>
  /** It is tried again after so long, if at all. */
  failed(error: unknown, retryInMs: number | undefined): void
}

const retry = { firstMs: 1_000, maxMs: 30_000 }

/**
 * Reads a store. One that is not there, and is not required, is tried again in the background: what is wrong with it
 * otherwise no time mends. Rejects with what the first attempt rejects with.
 */
export async function joinStore(ports: JoinPorts): Promise<void> {
  try {
    await ports.join()
  } catch (error) {
    const mayWait = !ports.required && error instanceof StoreFailedError
    if (mayWait) void tryAgain(ports, error)
    else {
      ports.failed(error, undefined)
      throw error
    }
  }
}

async function tryAgain(ports: JoinPorts, first: StoreFailedError): Promise<void> {
  const { clock, random, signal, join, failed } = ports
  let error: unknown = first
  for (let failures = 1; !signal.aborted; failures += 1) {
    const retryInMs = backoffMs(failures, retry, random)
    failed(error, error instanceof StoreFailedError ? retryInMs : undefined)
    if (!(error instanceof StoreFailedError)) return
    await pause(clock, retryInMs, signal)
    if (signal.aborted) return
    try {
      await join()
      return
    } catch (again) {
      error = again
    }
  }
}
