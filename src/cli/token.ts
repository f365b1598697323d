import { Failure, usage } from './failure.js'
import type { Input } from './flags.js'
import type { Shell } from './shell.js'
import { textIn } from './text-file.js'

/** `--token`, or what `--token-file` holds, else `REGISTRY_TOKEN`; an empty variable counts as unset. */
export async function tokenOf(
  input: Pick<Input, 'has' | 'text'>,
  shell: Pick<Shell, 'env' | 'folder'>,
): Promise<string | undefined> {
  const file = input.text('token-file')
  if (file === undefined) return input.text('token') ?? (shell.env.REGISTRY_TOKEN || undefined)
  if (input.has('token')) throw usage('give --token or --token-file, not both')
  const expected = 'a file that holds the token'
  const token = (await textIn(file, '--token-file', expected, shell)).trim()
  if (token !== '') return token
  throw new Failure(`--token-file ${file} is empty; give ${expected}`)
}
