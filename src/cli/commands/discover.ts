import { clean, toJson } from '../clean.js'
import { type Command, jsonFlag, operands, storeFlag } from '../command.js'
import { usage } from '../failure.js'
import { type Input, seeHelp } from '../flags.js'
import { using } from '../open.js'
import { duration } from '../scan/duration.js'
import { reportJson } from '../scan/json.js'
import { Live } from '../scan/live.js'
import { look } from '../scan/look.js'
import { type ScanOptions, scanFlags, scanOptions } from '../scan/options.js'
import { progressLines } from '../scan/progress.js'
import { tell } from '../scan/report.js'
import { type Saved, save } from '../scan/save.js'
import { watch } from '../scan/watch.js'
import type { ExitCode, Shell } from '../shell.js'
import { storePath } from '../store-path.js'

export const discover: Command = {
  name: 'discover',
  operands: '',
  about:
    'Looks for AI back ends, tool servers and agents on this machine: at the usual\nports of the known kinds, and at 8000-8200. Asks only what costs nothing and\nchanges nothing. Exit code 1 when it finds none.',
  flags: {
    ...scanFlags,
    explain: { about: 'say of what was not found where, why and what to do' },
    watch: { about: 'look again and again and tell changes, until Ctrl-C' },
    every: { value: 'TIME', about: 'between two looks of --watch, such as 5s, the default' },
    save: { about: "keep what was found in the registry's file" },
    ...jsonFlag,
    ...storeFlag,
  },
  async run(shell, input) {
    operands(input, discover, 0, 0)
    refuseContradictions(input)
    const scan = scanOptions(input, shell)
    const json = input.has('json')
    if (input.has('watch')) {
      const everyMs = duration(input.text('every') ?? '5s', '--every', 100, 86_400_000)
      await shell.interruptible((signal) => watch(shell, { ...scan, everyMs, json }, signal))
      return 0
    }
    return once(shell, input, scan)
  },
}

function refuseContradictions(input: Input): void {
  const watches = input.has('watch')
  for (const flag of ['save', 'explain'])
    if (watches && input.has(flag))
      throw usage(`--${flag} is for one look, not for --watch; ${seeHelp('discover')}`)
  if (!watches && input.has('every'))
    throw usage(`--every is for --watch; give that as well; ${seeHelp('discover')}`)
  if (!input.has('save') && input.has('store'))
    throw usage(`--store is for --save; give that as well; ${seeHelp('discover')}`)
}

async function once(shell: Shell, input: Input, scan: ScanOptions): Promise<ExitCode> {
  const path = input.has('save') ? storePath(input, shell) : undefined
  const live = new Live(shell)
  const report = await shell
    .interruptible((signal) =>
      look(shell, { ...scan.options, signal }, live, (progress, elapsedMs, screen) =>
        progressLines(progress, elapsedMs, screen, shell.colours),
      ),
    )
    .finally(() => live.clear())
  const explain = input.has('explain')
  const json = input.has('json')
  if (!json) {
    tell(report, scan.written, explain, shell)
  }
  const saved =
    path === undefined
      ? undefined
      : await using(shell.open(path, { readOnly: false }), (registry) =>
          save(registry, report.found, shell.clock),
        )
  if (json) shell.out(toJson({ ...reportJson(report, scan.written), ...(saved && { saved }) }))
  else if (saved !== undefined && path !== undefined) shell.out(`\n${savedText(saved, path)}`)
  return report.found.length === 0 || (saved?.refused.length ?? 0) > 0 ? 1 : 0
}

function savedText({ added, changed, models, refused, unchanged }: Saved, path: string): string {
  const lines = [
    ...added.map((name) => `+ ${name}`),
    ...changed.map((name) => `~ ${name}`),
    ...refused.map(({ name, why }) => `! ${name} was not kept: ${why}`),
    `Providers: ${added.length} added, ${changed.length} changed, ${unchanged.length} unchanged`,
    ...(models.added + models.changed === 0
      ? []
      : [`Models: ${models.added} added, ${models.changed} changed`]),
    `Kept in ${path}`,
  ]
  return `${lines.map(clean).join('\n')}\n`
}
