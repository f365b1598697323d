import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Failure } from './failure.js'
import type { Shell } from './shell.js'

const mostBytes = 1_024 * 1_024

/**
 * What is in the file that a flag names. Fails with why, and with `expected`, what to give instead, when it cannot be
 * read. A pipe or a device is not even opened: it may never end.
 */
export async function textIn(
  file: string,
  flag: string,
  expected: string,
  { folder }: Pick<Shell, 'folder'>,
): Promise<string> {
  const path = resolve(folder, file)
  const unreadable = (why: string, cause?: unknown): Failure =>
    new Failure(`${flag} ${file} cannot be read: ${why}; give ${expected}`, { cause })
  try {
    const found = await stat(path)
    if (found.isDirectory()) throw unreadable('it is a folder')
    if (!found.isFile()) throw unreadable('it is no regular file')
    if (found.size > mostBytes) throw unreadable('it is longer than 1 MiB')
    return await readFile(path, 'utf8')
  } catch (error) {
    throw error instanceof Failure ? error : unreadable(whyOf(error), error)
  }
}

function whyOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return Object.hasOwn(reasons, code) ? `${reasons[code]}` : code || String(error)
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
}
