import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands } from '../command.js'
import { remoteFlags } from '../remote/access.js'
import { missing } from '../remote/get.js'
import { remotely } from '../remote/remote.js'

export const deregister: Command = {
  name: 'deregister',
  operands: 'ID',
  about:
    'Removes what is registered as ID with a server. Where that asks for a token: its\nown, or that of the registration.',
  flags: { ...jsonFlag, ...remoteFlags },
  async run(shell, input) {
    const [id = ''] = operands(input, deregister, 1, 1)
    const url = await remotely(shell, input, async (remote, signal) => {
      const wasThere = await remote.client.deregisterAgent(id, { signal })
      return wasThere ? remote.url : missing(id, remote)
    })
    shell.out(
      input.has('json') ? toJson({ id, url }) : `Deregistered ${clean(id)} at ${clean(url)}\n`,
    )
    return 0
  },
}
