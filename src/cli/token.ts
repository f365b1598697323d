import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Failure, usage } from './failure.js'
import type { Input } from './flags.js'
import type { Shell } from './shell.js'

/** `--token`, or what `--token-file` holds, else `REGISTRY_TOKEN`; an empty variable counts as unset. */
export async function tokenOf(
  input: Pick<Input, 'has' | 'text'>,
  { env, folder }: Pick<Shell, 'env' | 'folder'>,
): Promise<string | undefined> {
  const file = input.text('token-file')
  if (file === undefined) return input.text('token') ?? (env.REGISTRY_TOKEN || undefined)
  if (input.has('token')) throw usage('give --token or --token-file, not both')
  const token = await contentOf(resolve(folder, file), file)
  if (token !== '') return token
  throw new Failure(`--token-file ${file} is empty; give a file that holds the token`)
}

async function contentOf(path: string, shown: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    const what = `--token-file ${shown} cannot be read; give a file that holds the token`
    throw new Failure(what, { cause })
  }
}
