import { after } from '../core/clock.js'
import { CallTimeoutError } from '../core/errors.js'
import type { Seat } from './seat.js'

/**
 * The instance of a provider that was registered with `connect`, made once and shared by all who
 * wait for it. A failure counts against the circuit, and the next look-up tries again.
 */
export function connect(seat: Seat): Promise<object> {
  if (seat.instance !== undefined) return Promise.resolve(seat.instance)
  if (seat.connecting !== undefined) return seat.connecting
  const connecting = make(seat).finally(() => {
    if (seat.connecting === connecting) seat.connecting = undefined // else it was replaced meanwhile
  })
  seat.connecting = connecting
  return connecting
}

async function make(seat: Seat): Promise<object> {
  const { parts, provider, guard } = seat
  const { timeoutMs } = guard.settings
  const giveUp = new AbortController()
  const late = new Promise<never>((_, reject) => {
    giveUp.signal.addEventListener('abort', () => reject(giveUp.signal.reason), { once: true })
  })
  const cancel = Number.isFinite(timeoutMs)
    ? after(guard.ports.clock, timeoutMs, () =>
        giveUp.abort(new CallTimeoutError(provider.name, timeoutMs)),
      )
    : () => {}
  try {
    const made: unknown = await Promise.race([parts.connect?.(provider, giveUp.signal), late])
    if ((typeof made !== 'object' || made === null) && typeof made !== 'function')
      throw new TypeError(
        `connect of provider '${provider.name}' must give an object or a function, and gave ${made === null ? 'null' : typeof made}`,
      )
    if (seat.parts === parts && !seat.removed) seat.connected(made)
    return made
  } catch (error) {
    guard.recordOutcome('failure', error)
    throw error
  } finally {
    cancel()
  }
}
