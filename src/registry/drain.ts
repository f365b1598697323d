import type { Clock } from '../core/clock.js'
import type { Resolver } from '../resolve/resolver.js'
import type { Seat } from '../resolve/seat.js'

/** Stops admission and waits until no call holds a slot. */
export async function drained(
  seat: Seat,
  { clock, resolver }: { readonly clock: Clock; readonly resolver: Resolver },
  timeoutMs: number,
): Promise<boolean> {
  const { guard } = seat
  guard.draining = true
  resolver.refresh(seat)
  if (guard.slots === 0) return true
  const done = new AbortController()
  const others = guard.idle
  const idle = new Promise<boolean>((resolve) => {
    guard.idle = () => {
      others?.()
      resolve(true)
    }
  })
  const late = clock.sleep(timeoutMs, done.signal).then(
    () => false,
    () => false,
  )
  const ended = await Promise.race([idle, late])
  done.abort()
  return ended
}
