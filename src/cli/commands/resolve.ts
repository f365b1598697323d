import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands } from '../command.js'
import { Failure } from '../failure.js'
import { remoteFlags } from '../remote/access.js'
import { entryText } from '../remote/entry-words.js'
import { nobody } from '../remote/explain.js'
import { remotely } from '../remote/remote.js'

export const resolve: Command = {
  name: 'resolve',
  operands: 'CAPABILITY',
  about:
    'Asks a server for somebody who has a capability and is well: each of them in\nturn. Exit code 1 when there is nobody.',
  flags: {
    location: { about: 'say only where that is' },
    ...jsonFlag,
    ...remoteFlags,
  },
  async run(shell, input) {
    const [capability = ''] = operands(input, resolve, 1, 1)
    const entry = await remotely(
      shell,
      input,
      async (remote) => (await remote.choose(capability)) ?? nobody(capability, remote),
    )
    const { id, location } = entry
    if (!input.has('location')) {
      shell.out(input.has('json') ? toJson(entry) : entryText(entry, shell))
      return 0
    }
    if (location === '') throw new Failure(`'${id}' has '${capability}', and no location`)
    shell.out(input.has('json') ? toJson(location) : `${clean(location)}\n`)
    return 0
  },
}
