import type { Attempt, Open } from './attempt.js'
import { guardStream, isStream } from './stream.js'
import { isThenable, lazyThenable } from './thenable.js'

/**
 * Runs the work of an attempt and sees to its outcome. What comes back is what the work gave: a plain
 * value stays one, a promise is followed, a stream is watched, and a sync throw stays a throw.
 */
export function take(attempt: Attempt, work: () => unknown): unknown {
  let result: unknown
  try {
    result = work()
  } catch (error) {
    attempt.fail(error)
    throw error
  }
  return takeResult(attempt, result)
}

/** A result that cannot even be looked at, such as a revoked proxy, is a result all the same. */
export function takeResult(attempt: Attempt, result: unknown, open: Open = openStream): unknown {
  if (isThenable(result))
    return result instanceof Promise && result.constructor === Promise
      ? attempt.follow(result, open)
      : takeThenable(attempt, result, open)
  const opened = open(attempt, result)
  if (attempt.stream === undefined) attempt.succeed(result)
  return opened
}

/**
 * A stream among what a promise gave. Clients that answer `{ data, response }` put it in `data`.
 * Platform streams come back as they are, already watched.
 */
export function openStream(attempt: Attempt, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  try {
    if (isStream(value)) return guardStream(attempt, value)
    if (Object.getPrototypeOf(value) !== Object.prototype || !('data' in value)) return value
    return isStream(value.data) ? { ...value, data: guardStream(attempt, value.data) } : value
  } catch {
    return value // it does not let itself be looked at, which is no failure of the call
  }
}

/** A lazy promise starts its work at once but parses when asked; what is asked first is the outcome. */
function takeThenable(attempt: Attempt, thenable: PromiseLike<unknown>, open: Open): unknown {
  attempt.watch('unused', attempt.host.settings.timeoutMs, attempt.startedAt)
  let followed = false
  return lazyThenable(thenable, (ask) => {
    const answer = ask(thenable)
    if (followed || !isThenable(answer)) return answer
    followed = true
    return attempt.follow(answer, open)
  })
}
