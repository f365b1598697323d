import { CorruptSnapshotError, isSwitchgearError, StoreFailedError } from '../core/errors.js'
import { adviceFor } from './disk.js'
import type { Unreadable } from './restore.js'

/** `names` are what the damaged files are called now. */
export function corrupt(
  { message, cause }: Unreadable,
  names: readonly string[],
): CorruptSnapshotError {
  const issues = cause instanceof CorruptSnapshotError ? cause.issues : []
  const keptAs = names[0]
  return new CorruptSnapshotError(message, {
    issues,
    cause,
    ...(keptAs === undefined ? {} : { keptAs }),
  })
}

/** What the system refuses, as an error that says what to do. */
export function toStoreError(store: string, error: unknown): Error {
  if (isSwitchgearError(error)) return error
  return new StoreFailedError(store, `could not be read${adviceFor(error)}`, error)
}
