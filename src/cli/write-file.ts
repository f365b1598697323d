import { randomUUID } from 'node:crypto'
import { link, open, rename, unlink } from 'node:fs/promises'
import { Failure } from './failure.js'

/** Only the owner may read what may hold addresses and secrets. */
const ownerOnly = 0o600

/** Writes beside and puts in place, so that nobody ever sees half a file. Fails on one that is there. */
export async function writeNewFile(path: string, text: string, replace: boolean): Promise<void> {
  const beside = `${path}.${randomUUID()}.part`
  try {
    const file = await open(beside, 'wx', ownerOnly)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    if (replace) await rename(beside, path)
    else await link(beside, path) // unlike rename, refuses a file that is there
  } catch (error) {
    throw new Failure(reasonOf(error, path), { cause: error })
  } finally {
    await unlink(beside).catch(() => {}) // it is gone after a rename
  }
}

function reasonOf(error: unknown, path: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EEXIST') return `${path} is there already; --force replaces it`
  if (code === 'ENOENT') return `cannot write ${path}: its folder does not exist`
  return `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`
}
