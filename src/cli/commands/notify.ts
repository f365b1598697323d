import { isStatus } from '../../client/api.js'
import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands } from '../command.js'
import { usage } from '../failure.js'
import { seeHelp } from '../flags.js'
import { pairsOf } from '../pairs.js'
import { remoteFlags } from '../remote/access.js'
import { missing } from '../remote/get.js'
import { remotely } from '../remote/remote.js'

export const notify: Command = {
  name: 'notify',
  operands: 'ID',
  about:
    'Sends a message to an agent through the server it is registered with: over a\nstream that the agent reads, else to its location. Exit code 1, and why, when it\ndid not arrive.',
  flags: {
    message: { value: 'TEXT', about: 'what to say, such as text or JSON; - reads standard input' },
    type: { value: 'TYPE', about: 'what kind of message it is; default INFO' },
    metadata: { value: 'KEY=VALUE', about: 'more to say; may be repeated' },
    ...jsonFlag,
    ...remoteFlags,
  },
  async run(shell, input) {
    const [id = ''] = operands(input, notify, 1, 1)
    const given = input.text('message')
    if (given === undefined) throw usage(`notify needs --message TEXT; ${seeHelp('notify')}`)
    const type = input.text('type') ?? 'INFO'
    const metadata = pairsOf(input, 'metadata')
    const message = given === '-' ? await shell.input() : given
    const url = await remotely(shell, input, async (remote) => {
      try {
        await remote.notify(id, { type, message, metadata })
      } catch (error) {
        if (isStatus(error, 404)) return missing(id, remote)
        throw error
      }
      return remote.url
    })
    shell.out(
      input.has('json') ? toJson({ id, url, delivered: true }) : `Delivered to ${clean(id)}\n`,
    )
    return 0
  },
}
