import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { oneLine } from '../../core/errors.js'
import { keyOf, type Section, type Sections } from '../../model/snapshot.js'
import { clean } from '../clean.js'
import { type Command, operands, storeFlag } from '../command.js'
import { Failure } from '../failure.js'
import { using } from '../open.js'
import type { Registry, Shell } from '../shell.js'
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
    const count = await countOf(snapshot, file === '-' ? 'standard input' : file)
    const isTrial = input.has('dry-run')
    const opening = isTrial ? copyOf(shell, path) : shell.open(path, { readOnly: false })
    const done = await using(opening, (registry) => takeOver(registry, snapshot))
    shell.out(report(done, count, path, isTrial))
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

/** How many providers it has. Refuses what is damaged, or of a later version, before anything is opened. */
async function countOf(snapshot: unknown, from: string): Promise<number> {
  const { parseSnapshot } = await import('../../model/parse/snapshot.js')
  return parseSnapshot(snapshot, undefined, from).providers.length
}

/** A registry with what is in the file, which nobody remembers. */
async function copyOf(shell: Shell, path: string): Promise<Registry> {
  const present = await using(shell.open(path, { readOnly: true }), (registry) =>
    registry.export({ secrets: true }),
  )
  const copy = await shell.scratch()
  copy.import(present)
  return copy
}

/** What became different, by name. */
interface Difference {
  readonly added: readonly string[]
  readonly changed: readonly string[]
}

interface Done {
  readonly providers: Difference
  readonly models: Difference
  readonly capabilities: Difference
}

async function takeOver(registry: Registry, snapshot: unknown): Promise<Done> {
  const before = registry.export({ secrets: true })
  const { added, changed } = registry.import(snapshot)
  const after = registry.export({ secrets: true })
  await registry.flush()
  return {
    providers: { added, changed },
    models: difference('models', before.models, after.models),
    capabilities: difference('capabilities', before.capabilities, after.capabilities),
  }
}

function difference<S extends Section>(
  section: S,
  before: readonly Sections[S][],
  after: readonly Sections[S][],
): Difference {
  const key = keyOf[section]
  const had = new Map(before.map((entry) => [key(entry), JSON.stringify(entry)]))
  const added: string[] = []
  const changed: string[] = []
  for (const entry of after) {
    const known = had.get(key(entry))
    if (known === undefined) added.push(key(entry))
    else if (known !== JSON.stringify(entry)) changed.push(key(entry))
  }
  return { added, changed }
}

function report(
  { providers, models, capabilities }: Done,
  count: number,
  path: string,
  isTrial: boolean,
): string {
  const { added, changed } = providers
  const same = Math.max(0, count - added.length - changed.length)
  const lines = [
    ...added.map((name) => `+ ${clean(name)}`),
    ...changed.map((name) => `~ ${clean(name)}`),
    `Providers: ${added.length} added, ${changed.length} changed, ${same} unchanged`,
    ...others('Models', models),
    ...others('Capability definitions', capabilities),
    isTrial ? `Nothing was done (--dry-run) to ${clean(path)}` : `Kept in ${clean(path)}`,
  ]
  return `${lines.join('\n')}\n`
}

const others = (what: string, { added, changed }: Difference): readonly string[] =>
  added.length + changed.length === 0
    ? []
    : [`${what}: ${added.length} added, ${changed.length} changed`]
