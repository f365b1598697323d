import { MissingPeerError } from './errors.js'

/**
 * Loads a package that only some need. Rejects with `MissingPeerError` when it is not installed, and with what it
 * throws itself otherwise.
 */
export async function optionalPackage<T>(
  what: string,
  name: string,
  range: string,
  load: () => Promise<T>,
): Promise<T> {
  try {
    return await load()
  } catch (error) {
    throw isAbsent(error, name) ? new MissingPeerError(what, name, range, error) : error
  }
}

/** The package itself is not installed; not something that it needs in turn. */
export const isAbsent = (error: unknown, name: string): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'MODULE_NOT_FOUND') &&
  error.message.includes(`'${name}'`)
