import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { oneLine } from '../../core/errors.js'
import { clean } from '../clean.js'
import { type Command, operands, storeFlag } from '../command.js'
import { Failure } from '../failure.js'
import { using } from '../open.js'
import type { ImportResult, Shell } from '../shell.js'
import { storePath } from '../store-path.js'

export const importCommand: Command = {
  name: 'import',
  operands: 'FILE',
  about:
    'Takes over what switchgear export wrote, by this version or an earlier one; FILE\nmay be - for standard input. What has the same name is changed, what is not in\nFILE stays. All or nothing. No program may use the registry meanwhile.',
  flags: {
    'dry-run': { about: 'say what would be done, and do nothing' },
    ...storeFlag,
  },
  async run(shell, input) {
    const [file = ''] = operands(input, importCommand, 1, 1)
    const path = storePath(input, shell)
    const snapshot = await readSnapshot(shell, file)
    const isTrial = input.has('dry-run')
    const result = isTrial
      ? await attempt(shell, path, snapshot)
      : await using(shell.open(path, { readOnly: false }), async (registry) => {
          const done = registry.import(snapshot)
          await registry.flush()
          return done
        })
    shell.out(report(result, await sizeOf(shell, snapshot), path, isTrial))
    return 0
  },
}

async function readSnapshot(shell: Shell, file: string): Promise<unknown> {
  const from = file === '-' ? 'standard input' : file
  let text: string
  try {
    text = file === '-' ? await shell.input() : await readFile(resolve(shell.folder, file), 'utf8')
  } catch (cause) {
    throw new Failure(`cannot read ${from}: ${oneLine(cause)}`, { cause })
  }
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch (cause) {
    const what = text.trim() === '' ? 'it is empty' : oneLine(cause)
    throw new Failure(`${from} is no JSON: ${what}; expected what switchgear export writes`, {
      cause,
    })
  }
}

/** On a copy that nobody remembers. */
async function attempt(shell: Shell, path: string, snapshot: unknown): Promise<ImportResult> {
  const present = await using(shell.open(path, { readOnly: true }), (registry) =>
    registry.export({ secrets: true }),
  )
  return using(shell.scratch(), (registry) => {
    registry.import(present)
    return registry.import(snapshot)
  })
}

/** How many providers, models and definitions it has, whichever version wrote it. */
async function sizeOf(shell: Shell, snapshot: unknown): Promise<number> {
  return using(shell.scratch(), (registry) => {
    registry.import(snapshot)
    const { providers, models, capabilities } = registry.export()
    return providers.length + models.length + capabilities.length
  })
}

function report(
  { added, changed }: ImportResult,
  size: number,
  path: string,
  isTrial: boolean,
): string {
  const same = Math.max(0, size - added.length - changed.length)
  const lines = [
    ...added.map((name) => `+ ${clean(name)}`),
    ...changed.map((name) => `~ ${clean(name)}`),
    `${added.length} added, ${changed.length} changed, ${same} unchanged in ${clean(path)}${isTrial ? ' (nothing was done: --dry-run)' : ''}`,
  ]
  return `${lines.join('\n')}\n`
}
