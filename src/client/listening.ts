import { backoffMs } from '../core/backoff.js'
import { pause } from '../core/clock.js'
import type { AgentNotice, Transport } from './transport.js'

interface Listening {
  readonly signal: AbortSignal
  /** That of the registration as it is now: it is another one after it was forgotten. */
  readonly token: () => string | undefined
  /** Told of each stream that was lost. */
  readonly failed: (error: unknown) => void
}

const reconnect = { firstMs: 500, maxMs: 10_000 }

/** Messages to an agent, over one stream after the other. Throws only before the first has begun. */
export async function* noticesOf(
  transport: Transport,
  id: string,
  { signal, token, failed }: Listening,
): AsyncGenerator<AgentNotice, void, undefined> {
  const { clock, random } = transport.access
  let hasBegun = false
  for (let failures = 0; !signal.aborted; ) {
    const begun = (): void => {
      hasBegun = true
      failures = 0
    }
    try {
      yield* transport.notices(id, { signal, token: token() }, begun)
    } catch (error) {
      if (signal.aborted) return
      if (!hasBegun) throw error
      failed(error)
    }
    failures += 1
    await pause(clock, backoffMs(failures, reconnect, random), signal)
  }
}
