import { type Command, everywhere } from './command.js'
import { commands } from './commands.js'
import type { Flag, Flags } from './flags.js'

export function overview(): string {
  const rows = [...commands].map(([name, { summary }]) => [name, summary] as const)
  return [
    'switchgear: finds back ends, serves a registry, and asks and changes it.',
    '',
    'Usage: switchgear COMMAND [flags]',
    '',
    ...columns(rows),
    '',
    ...columns([
      ['help COMMAND', 'about one command'],
      ['--version, -V', 'the version of switchgear'],
    ]),
    '',
    'Environment:',
    ...columns([
      ['REGISTRY_URL', 'the server that is asked, such as http://localhost:5000'],
      ['REGISTRY_TOKEN', 'the token that it asks for'],
      ['REGISTRY_STORE', "the registry's file; else one in your data directory"],
      ['NO_COLOR', 'no colours'],
      ['DEBUG', 'the same as --verbose'],
    ]),
    '',
    'Exit code: 0 done, 1 failed or not found, 2 the command line was wrong,',
    '3 the server cannot be reached.',
    '',
  ].join('\n')
}

export function helpOf({ name, operands, about, flags }: Command): string {
  const all: Flags = { ...flags, ...everywhere }
  return [
    `Usage: switchgear ${[name, operands, '[flags]'].filter((part) => part !== '').join(' ')}`,
    '',
    about,
    '',
    ...columns(Object.entries(all).map(([flag, one]) => [written(flag, one), one.about] as const)),
    '',
  ].join('\n')
}

const written = (name: string, { value, short }: Flag): string =>
  `--${name}${value === undefined ? '' : ` ${value}`}${short === undefined ? '' : `, -${short}`}`

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.flatMap(([left, right]) =>
    wrapped(right, widest - width - 4).map(
      (line, at) => `  ${(at === 0 ? left : '').padEnd(width)}  ${line}`,
    ),
  )
}

/** Terminals have at least so many columns. */
const widest = 80

function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
