import { OperationError } from './operation-error.js'

const longestId = 256

/** Trimmed. Throws `invalid` for one that no path could name. */
export function parseId(given: string): string {
  const id = given.trim()
  if (id === '') throw new OperationError('invalid', 'INVALID_ID', 'id must be a non-empty string')
  if (id.length > longestId)
    throw new OperationError(
      'invalid',
      'INVALID_ID',
      `id must have at most ${longestId} characters, and has ${id.length}`,
    )
  if (/[/\p{Cc}\p{Cs}]/u.test(id) || id === '.' || id === '..')
    throw new OperationError(
      'invalid',
      'INVALID_ID',
      'id must be without "/" and control characters, and neither "." nor ".."',
    )
  return id
}
