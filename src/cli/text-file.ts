import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Failure } from './failure.js'
import type { Shell } from './shell.js'

/** What is in the file that a flag names. Fails with `expected`, what to give instead, when it cannot be read. */
export async function textIn(
  file: string,
  flag: string,
  expected: string,
  { folder }: Pick<Shell, 'folder'>,
): Promise<string> {
  try {
    return await readFile(resolve(folder, file), 'utf8')
  } catch (cause) {
    throw new Failure(`${flag} ${file} cannot be read; give ${expected}`, { cause })
  }
}
