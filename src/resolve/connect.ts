import { after } from '../core/clock.js'
import { CallTimeoutError, isSwitchgearError } from '../core/errors.js'
import type { Seat } from './seat.js'

/**
 * The instance of a provider that was registered with `connect`, made once and shared by all who
 * wait for it. A failure counts against the circuit, and the next look-up tries again; a package
 * that is missing stays so, and is no fault of the provider.
 */
export function connect(seat: Seat): Promise<object> {
  if (seat.instance !== undefined) return Promise.resolve(seat.instance)
  if (seat.connecting !== undefined) return seat.connecting
  // Else it left, moved or was replaced meanwhile.
  const wanted = (): boolean => seat.connecting === connecting
  const connecting = make(seat, wanted).finally(() => {
    if (wanted()) seat.connecting = undefined
  })
  seat.connecting = connecting
  return connecting
}

async function make(seat: Seat, wanted: () => boolean): Promise<object> {
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
  let making: unknown
  try {
    making = parts.connect?.(provider, giveUp.signal)
    const made: unknown = await Promise.race([making, late])
    if (!isInstance(made))
      throw new TypeError(
        `connect of provider '${provider.name}' must give an object or a function, and gave ${made === null ? 'null' : typeof made}`,
      )
    if (wanted()) seat.connected(made)
    else seat.unwanted(made)
    return made
  } catch (error) {
    if (giveUp.signal.aborted) letGoLate(seat, making)
    if (!isMissingPeer(error)) guard.recordOutcome('failure', error)
    else if (wanted()) seat.giveUp(error)
    throw error
  } finally {
    cancel()
  }
}

const isInstance = (made: unknown): made is object =>
  (typeof made === 'object' && made !== null) || typeof made === 'function'

const isMissingPeer = (error: unknown): error is Error =>
  isSwitchgearError(error) && error.code === 'SWITCHGEAR_MISSING_PEER'

/** What comes although nobody waits for it any more. */
function letGoLate(seat: Seat, making: unknown): void {
  Promise.resolve(making).then(
    (made) => {
      if (isInstance(made)) seat.unwanted(made)
    },
    () => {}, // it was given up, and told so
  )
}
