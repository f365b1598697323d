import { toJson } from '../clean.js'
import { Failure } from '../failure.js'
import type { Input } from '../flags.js'
import type { ExitCode, Shell } from '../shell.js'
import { whatThereIs } from '../what-there-is.js'
import { entryText } from './entry-words.js'
import { type Remote, remotely } from './remote.js'

export async function getRemote(shell: Shell, input: Input, id: string): Promise<ExitCode> {
  const entry = await remotely(
    shell,
    input,
    async (remote) => (await remote.get(id)) ?? missing(id, remote),
  )
  shell.out(input.has('json') ? toJson(entry) : entryText(entry, shell))
  return 0
}

/** Rejects with what to do about an id that is not there. Who may change one thing may not see all. */
export async function missing(id: string, remote: Remote): Promise<never> {
  const what = `nothing is registered as '${id}' at ${remote.url}`
  const all = await remote.list().catch(() => undefined)
  if (all === undefined) throw new Failure(what)
  const ids = all.map((one) => one.id)
  throw new Failure(`${what}; ${whatThereIs(id, ids, 'switchgear register ID registers')}`)
}
