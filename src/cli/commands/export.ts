import { resolve } from 'node:path'
import { clean, toJson } from '../clean.js'
import { type Command, operands, storeFlag } from '../command.js'
import { usage } from '../failure.js'
import { using } from '../open.js'
import { storePath } from '../store-path.js'
import { writeNewFile } from '../write-file.js'

export const exportCommand: Command = {
  name: 'export',
  operands: '',
  about:
    'Writes everything that a registry remembers as JSON, which switchgear import\nreads. Secrets are hidden; importing a hidden one keeps what is there. Works\nwhile a program uses the registry.',
  flags: {
    output: { value: 'FILE', short: 'o', about: 'write to this file, which only you may read' },
    force: { about: 'replace the file when it is there' },
    'with-secrets': { about: 'write secrets as they are' },
    ...storeFlag,
  },
  async run(shell, input) {
    operands(input, exportCommand, 0, 0)
    const path = storePath(input, shell)
    const output = input.text('output')
    if (input.has('force') && output === undefined)
      throw usage('--force replaces a file; name it with --output FILE')
    const secrets = input.has('with-secrets')
    const text = await using(shell.open(path, { readOnly: true }), (registry) =>
      toJson(registry.export({ secrets })),
    )
    if (output === undefined) shell.out(text)
    else {
      const file = resolve(shell.folder, output)
      await writeNewFile(file, text, input.has('force'))
      shell.err(`Wrote ${clean(file)}${secrets ? ', secrets included' : ''}.\n`)
    }
    return 0
  },
}
